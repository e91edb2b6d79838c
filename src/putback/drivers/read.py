"""One driver table, as parsed TOML, to one `Driver`. The keys are the field names of `schema`.

Kinds may be named short inside their own driver: `acquires = "pooled"` in psycopg2.toml is "psycopg2.pooled".
A key may name several entries: `"fetchone, fetchmany" = {...}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from putback.drivers.schema import (
    After,
    Attribute,
    Begin,
    Close,
    Driver,
    Effect,
    FailedCommit,
    Gc,
    Kind,
    On,
    Parameter,
    Twice,
    TypeSpec,
    With,
)
from putback.model.tables import Where, flag, groups, many, mapping, member, record, shared, text, whole, word


@dataclass(frozen=True, slots=True)
class _Type:
    """A type as written: `init` and `call` are None when absent (they are then inherited)."""

    bases: tuple[str, ...] = ()
    init: Effect | None = None
    call: Effect | None = None
    methods: Mapping[str, Effect] = field(default_factory=dict)
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    method_truth: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Table:
    """A driver table as written."""

    imports: tuple[str, ...] | None = None
    packages: tuple[str, ...] = ()
    needles: tuple[str, ...] | None = None
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    functions: Mapping[str, Effect] = field(default_factory=dict)
    types: Mapping[str, _Type] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def _kind_id(value: Any, where: Where) -> str:
    name = text(value, where)
    return name if "." in name or not name else f"{where.scope}.{name}"


def _kind(**fields: Any) -> Kind:
    return Kind(id="", driver="", **fields)


_PARAMETER = record(Parameter, {"name": text, "index": whole}, required=("name", "index"))

_EFFECT = shared(
    record(
        Effect,
        {
            "acquires": _kind_id,
            "on": many(member(On)),
            "when": mapping(_kind_id),
            "bound": many(_PARAMETER),
            "returns": text,
            "derives": text,
            "releases": _PARAMETER,
            "keeps": _PARAMETER,
            "closes": flag,
            "releases_self": flag,
            "releases_all": flag,
            "itself": flag,
            "makes": _PARAMETER,
            "executes": flag,
            "ends": word("", "commit", "rollback", "both"),
            "awaited": flag,
            "raises": flag,
            "telling": flag,
            "listens": flag,
            "flushes": flag,
            "reopens": flag,
        },
    )
)

_KIND = record(
    _kind,
    {
        "title": text,
        "type": text,
        "release": text,
        "pooled": flag,
        "lazy": flag,
        "close": member(Close),
        "with": member(With),
        "gc": member(Gc),
        "release_twice": member(Twice),
        "use_after_release": member(After),
        "release_rolls_back": flag,
        "rollback_error": text,
        "autobegin": member(Begin),
        "aborts": flag,
        "own_errors": flag,
        "failed_commit": member(FailedCommit),
        "exhausted": text,
        "registry": flag,
        "autocommit": mapping(many(text)),
    },
    required=("title", "type", "release"),
    **{"with": "with_"},
)

_TYPE = record(
    _Type,
    {
        "bases": many(text),
        "init": _EFFECT,
        "call": _EFFECT,
        "methods": groups(_EFFECT),
        "attributes": groups(record(Attribute, {"type": text, "while_held": flag})),
        "method_truth": groups(flag),
    },
)

_DRIVER = record(
    _Table,
    {
        "imports": many(text),
        "packages": many(text),
        "needles": many(text),
        "kinds": mapping(_KIND),
        "functions": groups(_EFFECT),
        "types": groups(_TYPE),
        "aliases": groups(text),
        "errors": many(text),
        "lost": many(text),
    },
)


def read_driver(raw: Mapping[str, Any], name: str, file: str) -> Driver:
    """The driver called `name` from parsed TOML; `file` is named in errors. References are not checked here."""
    table = _DRIVER(raw, Where(file, name))
    return Driver(
        name=name,
        imports=_imports(table) if table.imports is None else table.imports,
        packages=table.packages,
        needles=_needles(table) if table.needles is None else table.needles,
        kinds={f"{name}.{key}": replace(kind, id=f"{name}.{key}", driver=name) for key, kind in table.kinds.items()},
        functions=table.functions,
        types={key: _type(key, name, spec) for key, spec in table.types.items()},
        aliases=table.aliases,
        errors=table.errors,
        lost=table.lost,
    )


def _type(name: str, driver: str, spec: _Type) -> TypeSpec:
    return TypeSpec(
        name=name,
        driver=driver,
        bases=spec.bases,
        init=spec.init or INHERITED,
        call=spec.call,
        methods=spec.methods,
        attributes=spec.attributes,
        method_truth=spec.method_truth,
    )


INHERITED = Effect()
"""Stands for a constructor that its table does not mention; the catalog puts the base's in its place."""


def _imports(table: _Table) -> tuple[str, ...]:
    """The top-level names of a table that lists none: those of the functions and types that it describes."""
    names = [*table.functions, *table.types]
    return tuple(dict.fromkeys(name.partition(".")[0] for name in names))


def _needles(table: _Table) -> tuple[str, ...]:
    """The needles of a table that lists none: the last parts of everything that acquires or releases."""
    found = [name for name, effect in table.functions.items() if _moves(effect)]
    for name, spec in table.types.items():
        found.append(name)
        found += [method for method, effect in spec.methods.items() if _moves(effect)]
    return tuple(dict.fromkeys(name.rpartition(".")[2] for name in found))


def _moves(effect: Effect) -> bool:
    return bool(effect.acquires or effect.when or effect.releases or effect.releases_self)
