"""Every name in the framework tables exists in the installed framework, with these arguments."""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from putback.frameworks.catalog import load_frameworks
from putback.frameworks.schema import Framework

CATALOG = load_frameworks()

OPTIONAL = {"flask_restplus", "flask_appbuilder", "django_rq", "pytest_asyncio"}
"""Extensions that the tests do not install: old, or with demands of their own."""

OF_OTHER_VERSIONS = {
    "pytest.yield_fixture",
    "celery.decorators.task",
    "celery.task.task",
    "django.conf.urls.url",
    "dramatiq.actor.actor",
    "apscheduler.schedulers.gevent.GeventScheduler",
    "fastapi.FastAPI.route",
    "fastapi.FastAPI.websocket_route",
    "fastapi.APIRouter.route",
    "fastapi.APIRouter.websocket_route",
    "starlette.applications.Starlette.add_websocket_route",
    "starlette.routing.Router.add_websocket_route",
    "multiprocessing.context.Process",
    "multiprocessing.Pool",
}
"""Names that only older versions have, or that are functions standing for a class."""

DYNAMIC = {"flask.Flask.cli", "flask.Blueprint.cli", "aiohttp.web.Application.router"}
"""Attributes of instances, through which the tables reach further."""


@pytest.fixture(params=list(CATALOG.frameworks))
def framework(request: pytest.FixtureRequest) -> Framework:
    found = CATALOG.frameworks[request.param]
    for name in found.imports:
        if name in OPTIONAL:
            continue
        try:
            importlib.import_module(name)
        except ImportError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"{name} is not installed ({error})")
    if found.name in ("django", "rest_framework"):
        _configure_django()
    return found


def test_names_exist(framework: Framework) -> None:
    missing = [name for name in _names(framework) if not _skipped(name) and _resolve(name) is None]
    assert missing == []


def test_aliases_exist(framework: Framework) -> None:
    missing = [name for name in framework.aliases if not _skipped(name) and _resolve(name) is None]
    assert missing == []


def test_what_functions_return_exists(framework: Framework) -> None:
    said = (*framework.returns, *framework.returns.values(), *framework.answering)
    assert [name for name in said if not _skipped(name) and _resolve(name) is None] == []
    assert [name for name in framework.answering if CATALOG.answers(name) is None] == []


def test_attributes_are_names_of_decorators(framework: Framework) -> None:
    """An attribute stands for a decorator of the same table, so it must be the last part of one."""
    wrong = [
        attribute
        for marker in framework.markers
        for attribute in marker.attributes
        if marker.decorators and framework.name != "flask_extensions"
        if attribute not in {name.rpartition(".")[2] for name in marker.decorators}
    ]
    assert wrong == []


def test_arguments_exist(framework: Framework) -> None:
    """C functions and functions that take `*args` cannot be inspected; they are passed over."""
    wrong = []
    given = [each for marker in framework.markers for each in marker.arguments.items()]
    given += [(name, each) for name, positions in framework.choosing.items() for each in positions]
    given += framework.resolving.items()
    for name, (index, keyword) in given:
        function = None if _skipped(name) else _resolve(name)
        names = _parameters(function)
        if names is not None and keyword not in ("", "*") and (keyword not in names or names.index(keyword) != index):
            wrong.append((name, keyword, names))
    assert wrong == []


def test_values_are_handed_out(framework: Framework) -> None:
    """Each name is one of the framework's or an attribute of its objects; so is the class that it stands for."""
    missing = [n for n in framework.values if not _skipped(n) and _resolve(n) is None and not _is_set_in_constructor(n)]
    missing += [n for n in framework.overriding if not _skipped(n) and not _is_set_in_constructor(n)]
    missing += [name for name in framework.values.values() if not _skipped(name) and _resolve(name) is None]
    assert missing == []


def _is_set_in_constructor(name: str) -> bool:
    base, _, attribute = name.rpartition(".")
    return any(attribute in vars(cls)["__init__"].__code__.co_names for cls in _mro(base) if "__init__" in vars(cls))


def _mro(base: str) -> Sequence[type]:
    found = _resolve(base)
    return found.__mro__[:-1] if isinstance(found, type) else ()


def _names(framework: Framework) -> Iterator[str]:
    yield from (*framework.types, *framework.for_each, *framework.waiting, *framework.hooking)
    yield from (*framework.choosing, *framework.providers, *framework.asking_providers, *framework.resolving)
    for marker in framework.markers:
        yield from marker.decorators
        yield from marker.arguments
        for base, methods in marker.methods.items():
            yield base
            if framework.name not in (
                "rest_framework",
                "django",
                "aiohttp",
                "starlette",
            ):  # they look for what is there
                yield from (f"{base}.{method}" for method in methods if _has_stub(base))


def _has_stub(base: str) -> bool:
    """Whether the class itself has the methods that its subclasses define."""
    return base.startswith(("threading.", "multiprocessing.", "tornado.", "celery.", "dramatiq."))


def _skipped(name: str) -> bool:
    top = name.partition(".")[0]
    return (
        top in OPTIONAL
        or name in OF_OTHER_VERSIONS
        or any(name.startswith(each) for each in DYNAMIC | OF_OTHER_VERSIONS)
    )


def _parameters(function: Any) -> list[str] | None:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    return [each.name for each in parameters if each.name not in ("self", "cls")]


def _resolve(qualname: str) -> Any:
    parts = qualname.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = getattr(found, part, None)
        return found
    return None


def _configure_django() -> None:
    settings = importlib.import_module("django.conf").settings
    if not settings.configured:
        settings.configure()
