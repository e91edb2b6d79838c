"""One driver table, as parsed TOML, to one `Driver`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from putback.drivers.schema import Driver, DriverTable, Effect, Kind, Pool, TypeSpec
from putback.tables import Where, read


def read_driver(raw: Mapping[str, Any], name: str, file: str) -> Driver:
    """The driver called `name` from parsed TOML; `file` is named in errors. References are not checked here."""
    table = read(raw, DriverTable, Where(file, name))
    written = asdict(table) | {
        "imports": _imports(table) if table.imports is None else table.imports,
        "needles": _needles(table) if table.needles is None else table.needles,
        "kinds": {
            f"{name}.{key}": Kind(id=f"{name}.{key}", driver=name, **asdict(kind)) for key, kind in table.kinds.items()
        },
        "pools": {
            f"{name}.{key}": Pool(id=f"{name}.{key}", driver=name, **asdict(pool)) for key, pool in table.pools.items()
        },
        "types": {key: TypeSpec(name=key, driver=name, **asdict(spec)) for key, spec in table.types.items()},
    }
    return Driver(name=name, **written)


def _imports(table: DriverTable) -> tuple[str, ...]:
    """The top-level names of a table that lists none: those of the functions and types that it describes."""
    names = [*table.functions, *table.types]
    return tuple(dict.fromkeys(name.partition(".")[0] for name in names))


def _needles(table: DriverTable) -> tuple[str, ...]:
    """The needles of a table that lists none: the last parts of everything that acquires or releases."""
    found = [name for name, effect in table.functions.items() if _moves(effect)]
    for name, spec in table.types.items():
        found.append(name)
        found += [method for method, effect in spec.methods.items() if _moves(effect)]
    return tuple(dict.fromkeys(name.rpartition(".")[2] for name in found))


def _moves(effect: Effect) -> bool:
    return bool(effect.acquires or effect.when or effect.releases or effect.releases_self)
