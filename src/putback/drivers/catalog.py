"""All driver tables together: look-ups by qualified name.

The built-in tables are the `.toml` files beside this module, and those in `opt_in`, which are used where the user's
tables have one of that name; a user's tables have the same schema, may refer to
built-in kinds and types, and one with the name of a built-in driver extends it. Every look-up resolves aliases
first and is remembered, so asking twice costs one dictionary access.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from putback.drivers.link import check_references, extended, inherit, mentioned
from putback.drivers.read import read_driver
from putback.drivers.schema import Attribute, Driver, Effect, Kind, Pool, TypeSpec
from putback.model.errors import DriverTableError
from putback.tables import resolve_aliases, suggestion

_HERE = Path(__file__).parent
_OPT_IN = _HERE / "opt_in"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Catalog:
    """What all loaded drivers know. Names given to its methods may be aliases."""

    drivers: Mapping[str, Driver]
    kinds: Mapping[str, Kind] = field(repr=False)
    _functions: Mapping[str, Effect] = field(repr=False)
    _types: Mapping[str, TypeSpec] = field(repr=False)
    _aliases: Mapping[str, str] = field(repr=False)
    _pools: Mapping[str, Pool] = field(repr=False)
    _imports: frozenset[str] = field(repr=False)
    _memo: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def canonical(self, qualname: str) -> str:
        """The name that the tables use, also when only a prefix of the dotted name is an alias."""
        return self._remember(("canonical", qualname), lambda: resolve_aliases(qualname, self._aliases))

    def function(self, qualname: str) -> Effect | None:
        """What calling this function does; also a method named through its class ("psycopg.Connection.connect")."""

        def find() -> Effect | None:
            name = self.canonical(qualname)
            owner, _, last = name.rpartition(".")
            return self._functions.get(name) or (self.method(owner, last) if owner in self._types else None)

        return self._remember(("function", qualname), find)

    def type(self, qualname: str) -> TypeSpec | None:
        """The class of this name; `init` and `call` are already those of a base when the class has none."""
        return self._types.get(self.canonical(qualname))

    def kind_of(self, type_name: str) -> Kind | None:
        """A kind whose objects are of this class."""
        return self._remember(
            ("kind", type_name), lambda: next((k for k in self.kinds.values() if k.type == type_name), None)
        )

    def pool_made_by(self, qualname: str) -> Pool | None:
        """The pool, engine or session factory that calling this makes."""
        return self._remember(("pool", qualname), lambda: self._pools.get(self.canonical(qualname)))

    def pool_makers(self) -> frozenset[str]:
        """The last names of what makes pools, as files may spell them."""

        def find() -> frozenset[str]:
            aliases = (alias for alias in self._aliases if self.pool_made_by(alias) is not None)
            return frozenset(name.rpartition(".")[2] for name in (*aliases, *self._pools))

        return self._remember(("makers",), find)

    def switches(self) -> Mapping[str, frozenset[str]]:
        """The arguments that switch off the transactions of what is made with them, each with the values that do."""

        def find() -> Mapping[str, frozenset[str]]:
            found: dict[str, frozenset[str]] = {}
            for kind in self.kinds.values():
                for name, values in kind.autocommit.items():
                    found[name] = found.get(name, frozenset()).union(values)
            return found

        return self._remember(("switches",), find)

    def is_server(self, kind: Kind) -> bool:
        """Whether a connection of this kind leads out of the process."""
        return not self.drivers[kind.driver].embedded

    def method(self, type_name: str, method: str) -> Effect | None:
        """What this method does, looked up through the bases."""
        return self._remember(
            ("method", type_name, method), lambda: self._inherited(type_name, lambda spec: spec.methods.get(method))
        )

    def is_async(self, kind: Kind) -> bool:
        """Whether what is held works with `await`."""
        return kind.release.startswith("await ") or self._remember(
            ("async", kind.type), lambda: any(_has_coroutine(spec) for spec in self._lineage(kind.type))
        )

    def attribute(self, type_name: str, name: str) -> Attribute | None:
        """What this attribute is, looked up through the bases."""
        return self._remember(
            ("attribute", type_name, name), lambda: self._inherited(type_name, lambda spec: spec.attributes.get(name))
        )

    def is_detached(self, type_name: str, method: str) -> bool:
        """Whether what this method gives is good when the connection is closed."""

        def find() -> bool:
            effect = self.method(type_name, method)
            if effect is not None and (effect.closes or effect.ends or effect.releases_self or effect.tells_open):
                return True
            return any(method in spec.detached for spec in self._lineage(type_name))

        return self._remember(("detached", type_name, method), find)

    def is_data(self, type_name: str, attribute: str) -> bool:
        """Whether the value of this attribute is good when the connection is closed."""
        return self._remember(
            ("data", type_name, attribute), lambda: any(attribute in spec.data for spec in self._lineage(type_name))
        )

    def has_lobs(self, type_name: str) -> bool:
        """Whether a row of this class can hold what is read through the connection later."""
        return self._remember(("lobs", type_name), lambda: any(spec.lobs for spec in self._lineage(type_name)))

    @property
    def fetching(self) -> frozenset[str]:
        """The methods of cursors and connections that answer with rows."""
        return self._remember(("fetching",), lambda: frozenset(n for d in self.drivers.values() for n in d.fetching))

    @property
    def reading(self) -> frozenset[str]:
        """The functions that make a statement which only reads."""
        return self._remember(("reading",), lambda: frozenset(n for d in self.drivers.values() for n in d.reading))

    @property
    def writing(self) -> frozenset[str]:
        """The functions that make a statement which changes rows."""
        return self._remember(("writing",), lambda: frozenset(n for d in self.drivers.values() for n in d.writing))

    def is_cursor(self, type_name: str) -> bool:
        """Whether objects of this class, or of one of its bases, are cursors."""
        return self._remember(("cursor", type_name), lambda: any(s.cursor for s in self._lineage(type_name)))

    def is_falsy(self, type_name: str) -> bool:
        """Whether the truth value of such an object, or of one of a base, can be false while it is held."""
        return self._remember(("falsy", type_name), lambda: any(s.falsy for s in self._lineage(type_name)))

    def method_truth(self, type_name: str, method: str) -> bool | None:
        """Truth value of `obj.method()` while the object is held, looked up through the bases; None: unknown."""
        return self._remember(
            ("truth", type_name, method), lambda: self._inherited(type_name, lambda spec: spec.method_truth.get(method))
        )

    def is_subtype(self, type_name: str, base: str) -> bool:
        """Whether the type is the base or derives from it."""

        def find() -> bool:
            wanted = self.canonical(base)
            if self.canonical(type_name) == wanted:
                return True
            return any(spec.name == wanted for spec in self._lineage(type_name))

        return self._remember(("subtype", type_name, base), find)

    def supertypes(self, type_name: str) -> frozenset[str]:
        """The type and all that it derives from."""
        return frozenset((self.canonical(type_name), *(spec.name for spec in self._lineage(type_name))))

    def subtypes(self, base: str) -> tuple[str, ...]:
        """The types that are the base or derive from it."""
        names = (name for driver in self.drivers.values() for name in driver.types)
        return self._remember(("subtypes", base), lambda: tuple(n for n in names if self.is_subtype(n, base)))

    def telling(self, method: str) -> tuple[str, ...]:
        """The types whose method of this name gives them away."""
        return self._remember(
            ("telling", method),
            lambda: tuple(
                name for name, spec in self._types.items() if method in spec.methods and spec.methods[method].telling
            ),
        )

    def kind(self, id: str) -> Kind:
        """The resource kind "<driver>.<name>"; a KeyError means that the id did not come from this catalog."""
        return self.kinds[id]

    def knows(self, qualname: str) -> bool:
        """Whether the top-level import of this name belongs to a driver."""
        return qualname.partition(".")[0] in self._imports or self.canonical(qualname) != qualname

    def _remember(self, key: tuple[str, ...], find: Callable[[], T]) -> T:
        try:
            found: T = self._memo[key]
        except KeyError:
            found = self._memo[key] = find()
        return found

    def _inherited(self, type_name: str, pick: Callable[[TypeSpec], T | None]) -> T | None:
        found = (pick(spec) for spec in self._lineage(type_name))
        return next((each for each in found if each is not None), None)

    def _lineage(self, type_name: str) -> Iterator[TypeSpec]:
        """The type, then its bases, depth first."""
        spec = self._types.get(self.canonical(type_name))
        if spec is not None:
            yield spec
            for base in spec.bases:
                yield from self._lineage(base)


def _has_coroutine(spec: TypeSpec) -> bool:
    return any(effect.awaited for effect in spec.methods.values())


def load_catalog(user_tables: Mapping[str, Any] | None = None, names: Collection[str] | None = None) -> Catalog:
    """Read the built-in tables (all, or `names` and the drivers that they refer to) and the user's raw tables.

    Raises `DriverTableError` for anything that does not fit the schema.
    """
    return _all_built_in() if not user_tables and names is None else _linked(user_tables or {}, names)


@cache
def _all_built_in() -> Catalog:
    """The tables that come with putback: read once, and what was looked up in them stays known."""
    return _linked({}, None)


def _linked(user_tables: Mapping[str, Any], names: Collection[str] | None) -> Catalog:
    own = {name: read_driver(raw, name, user_label(name)) for name, raw in user_tables.items()}
    wanted = built_in_names() if names is None else names
    drivers = {name: _built_in(name) for name in (*wanted, *(name for name in own if _path(name).exists()))}
    for name, driver in own.items():
        drivers[name] = extended(drivers[name], driver) if name in drivers else driver
    _add_referenced(drivers)
    types = inherit({name: spec for driver in drivers.values() for name, spec in driver.types.items()})
    catalog = Catalog(
        drivers=drivers,
        kinds={id: kind for driver in drivers.values() for id, kind in driver.kinds.items()},
        _functions={name: effect for driver in drivers.values() for name, effect in driver.functions.items()},
        _types=types,
        _aliases={name: target for driver in drivers.values() for name, target in driver.aliases.items()},
        _pools={name: pool for driver in drivers.values() for pool in driver.pools.values() for name in pool.made_by},
        _imports=frozenset(name for driver in drivers.values() for name in driver.imports),
    )
    for name, driver in drivers.items():
        check_references(driver, user_label(name) if name in own else _path(name).name, catalog.kinds, types)
    return catalog


def built_in_names() -> tuple[str, ...]:
    """The drivers that come with putback."""
    return tuple(sorted(path.stem for path in _HERE.glob("*.toml")))


def opt_in_names() -> tuple[str, ...]:
    """The drivers that come with putback, and are used only where somebody asks for them."""
    return tuple(sorted(path.stem for path in _OPT_IN.glob("*.toml")))


def user_label(name: str) -> str:
    """How errors name the user's table of a driver."""
    return f"tool.putback.drivers.{name}"


def _path(name: str) -> Path:
    opt_in = _OPT_IN / f"{name}.toml"
    return opt_in if opt_in.exists() else _HERE / f"{name}.toml"


@cache
def _built_in(name: str) -> Driver:
    path = _path(name)
    if not path.exists():
        raise DriverTableError(f'there is no built-in driver "{name}".{suggestion(name, built_in_names())}')
    return read_driver(tomllib.loads(path.read_text(encoding="utf-8")), name, path.name)


def _add_referenced(drivers: dict[str, Driver]) -> None:
    """Load the built-in drivers that the loaded ones refer to, and those that these refer to."""
    todo = list(drivers.values())
    while todo:
        kinds, types = mentioned(todo.pop())
        for name in sorted({each.partition(".")[0] for each in kinds | types}):
            if name not in drivers and _path(name).exists():
                drivers[name] = _built_in(name)
                todo.append(drivers[name])
