"""`[tool.putback.wrappers]`: the calls of a library of one's own that take and give back, as a driver table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from putback.model.errors import ConfigError

DRIVER = "wrappers"
TYPE = "wrappers.Connection"


def as_driver(acquire: Sequence[str], release: Sequence[str]) -> Mapping[str, Any]:
    """The driver table for functions that give out a pooled connection, and for those that take it back.

    One is given back by the function of the same module, else by the first; where none is named, by its `close()`.
    Raises ConfigError for a name without a module.
    """
    for name in (*acquire, *release):
        if not all(part.isidentifier() for part in name.split(".")) or "." not in name:
            raise ConfigError(f'wrappers: "{name}" must be the full name of a function, such as "acme.db.get"')
    if not acquire:
        return {}
    functions: dict[str, Any] = {name: {"acquires": f"pooled{at}"} for at, name in enumerate(acquire)}
    functions |= {name: {"releases": {"name": "connection", "index": 0}} for name in release}
    methods = {
        "cursor": {"derives": "dbapi.Cursor"},
        "execute": {"executes": True},
        "close": {"closes": True},
        "commit": {"ends": "commit"},
        "rollback": {"ends": "rollback"},
    }
    needles = [name.rpartition(".")[2] for name in acquire]
    imports = sorted({name.partition(".")[0] for name in (*acquire, *release)})
    return {
        "imports": imports,
        "needles": needles,
        "kinds": {f"pooled{at}": kind_of(name, release) for at, name in enumerate(acquire)},
        "functions": functions,
        "types": {TYPE: {"methods": methods}},
    }


def kind_of(acquire: str, release: Sequence[str]) -> Mapping[str, Any]:
    """What is known of the connections that one function gives out."""
    module = acquire.rpartition(".")[0]
    beside = next((name for name in release if name.rpartition(".")[0] == module), next(iter(release), ""))
    return {
        "title": f"connection of {acquire}",
        "type": TYPE,
        "release": f"{beside.rpartition('.')[2]}({{conn}})" if beside else "{conn}.close()",
        "pooled": True,
        "close": "frees" if beside else "returns",
        "with": "error" if beside else "closes",
        "gc": "permanent",
        "use_after_release": "foreign",
        "aborts": False,
    }
