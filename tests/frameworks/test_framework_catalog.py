"""Look-ups in the framework catalog, and the errors of its loader."""

from __future__ import annotations

from typing import Any

import pytest

from putback.frameworks.catalog import load_frameworks, read_framework
from putback.frameworks.schema import Role, alternatives
from putback.model.errors import DriverTableError

CATALOG = load_frameworks()


@pytest.mark.parametrize(
    ("decorator", "role", "framework"),
    [
        ("fastapi.APIRouter.get", Role.ROUTE, "fastapi"),
        ("fastapi.routing.APIRouter.websocket", Role.ROUTE, "fastapi"),
        ("flask.Blueprint.route", Role.ROUTE, "flask"),
        ("flask.Flask.teardown_appcontext", Role.TEARDOWN, "flask"),
        ("celery.shared_task", Role.JOB, "celery"),
        ("pytest.fixture", Role.FIXTURE, "pytest"),
        ("typer.Typer.command", Role.SCRIPT, "click"),
        ("django.contrib.auth.decorators.login_required", Role.ROUTE, "django"),
        ("apscheduler.schedulers.background.BackgroundScheduler.scheduled_job", Role.JOB, "apscheduler"),
    ],
)
def test_decorator_role(decorator: str, role: Role, framework: str) -> None:
    found = CATALOG.decorator_role(decorator)
    assert found is not None
    assert (found[0], found[1].name) == (role, framework)


def test_unknown_decorator_has_no_role() -> None:
    assert CATALOG.decorator_role("functools.lru_cache") is None


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("fastapi.Depends", (Role.DEPENDENCY, 0, "dependency")),
        ("fastapi.params.Depends", (Role.DEPENDENCY, 0, "dependency")),
        ("threading.Thread", (Role.THREAD, 1, "target")),
        ("concurrent.futures.ThreadPoolExecutor.submit", (Role.THREAD, 0, "")),
        ("django.urls.path", (Role.ROUTE, 1, "view")),
        ("apscheduler.schedulers.asyncio.AsyncIOScheduler.add_job", (Role.JOB, 0, "func")),
    ],
)
def test_argument_role(function: str, expected: tuple[Role, int, str]) -> None:
    assert list(CATALOG.argument_role(function)) == [expected]


def test_other_functions_give_no_role() -> None:
    assert list(CATALOG.argument_role("builtins.map")) == []


def test_attributes_count_only_with_an_import() -> None:
    assert CATALOG.attribute_roles("route", {"flask", "os"}) is Role.ROUTE
    assert CATALOG.attribute_roles("route", {"os"}) is None
    assert CATALOG.attribute_roles("teardown_request", {"flask"}) is Role.TEARDOWN


def test_methods_of_subclasses() -> None:
    assert CATALOG.method_role("flask.views.MethodView", "post") is Role.ROUTE
    assert CATALOG.method_role("django.views.View", "get") is Role.ROUTE
    assert CATALOG.method_role("celery.app.task.Task", "run") is Role.JOB
    assert CATALOG.method_role("threading.Thread", "run") is Role.THREAD
    assert CATALOG.method_role("flask.views.MethodView", "helper") is None


def test_types() -> None:
    assert CATALOG.knows_type("fastapi.applications.FastAPI")
    assert CATALOG.knows_type("flask.views.MethodView")
    assert not CATALOG.knows_type("builtins.dict")


def test_only_frameworks_with_dependencies_inject() -> None:
    injecting = {name for name, framework in CATALOG.frameworks.items() if framework.injects}
    marking = {
        name for name, each in CATALOG.frameworks.items() if any(m.role is Role.DEPENDENCY for m in each.markers)
    }
    assert injecting == marking == {"fastapi", "litestar"}


def test_alternatives() -> None:
    assert alternatives("a.{b,c}.{d,e}") == ["a.b.d", "a.b.e", "a.c.d", "a.c.e"]
    assert alternatives("a.b") == ["a.b"]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({}, "house.toml: imports: is missing."),
        (
            {"imports": ["house"], "markers": [{"role": "rout"}]},
            'house.toml: [markers] role: unknown value "rout". Did you mean "route"? '
            "Allowed: route, dependency, job, thread, teardown, fixture, script.",
        ),
        (
            {"imports": ["house"], "markers": [{"role": "job", "decorator": []}]},
            'house.toml: [markers] decorator: unknown key "decorator". Did you mean "decorators"? '
            "Allowed: role, decorators, arguments, attributes, methods, unattended, queries, rethrows, made_of, bound.",
        ),
        (
            {"imports": ["house"], "markers": [{"role": "job", "arguments": {"house.run": 3}}]},
            'house.toml: [markers.arguments] "house.run": must be a position and a keyword: [0, "dependency"].',
        ),
    ],
)
def test_errors(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(DriverTableError) as caught:
        read_framework(raw, "house", "house.toml")
    assert str(caught.value) == message
