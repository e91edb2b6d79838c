"""Finding in an installed library what a driver table names."""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

import pytest

WITHOUT_WHEELS = {"mariadb", "mysqlclient", "cx_oracle", "pyodbc", "aioodbc"}
"""Drivers whose packages need a system library: their tests skip where they are not installed, in CI too."""

NOT_IN_THE_EXTRA = {
    *WITHOUT_WHEELS,
    *("apsw", "cassandra", "ibm_db", "infinity", "libsql", "pyathena", "pyhive", "pymongo", "redshift", "trino"),
}
"""These and the drivers whose packages are large, or want other versions than the rest: not in the test extra."""


def import_or_skip(module: str, driver: str) -> ModuleType:
    """Import a library, or skip saying why; in CI everything in the test extra must be there."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if os.environ.get("CI") and driver not in NOT_IN_THE_EXTRA:
            raise
        pytest.skip(f"{module} is not installed ({error})")


def refused() -> AbstractContextManager[object]:
    """Expect an exception of any type: every library has its own for "you may not do that"."""
    return pytest.raises(Exception)


def resolve(qualname: str) -> Any:
    """The object with this dotted name; LookupError when there is none."""
    parts = qualname.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = getattr(found, part, None)
            if found is None:
                raise LookupError(qualname)
        return found
    raise LookupError(qualname)


def parameters(function: Callable[..., Any]) -> dict[str, int] | None:
    """Position by name, without self (-1: keyword only); None if the signature cannot be inspected or hides names
    behind `*args` or `**kwargs`."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    found: dict[str, int] = {}
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            return None
        if parameter.name not in ("self", "cls"):
            keyword_only = parameter.kind is parameter.KEYWORD_ONLY
            found[parameter.name] = -1 if keyword_only else len(found)
    return found


def has_attribute(cls: type, name: str) -> bool:
    """Whether instances of a class have this attribute: from the class, an annotation or an assignment in its code."""
    if hasattr(cls, name) or hasattr(cls, "__getattr__"):
        return True
    for base in cls.__mro__:
        if name in inspect.get_annotations(base):
            return True
        try:
            if f"self.{name} = " in inspect.getsource(base) or f"self.{name}: " in inspect.getsource(base):
                return True
        except (OSError, TypeError):
            continue
    return False
