"""The scoped sessions of a project: registries that keep a session for each thread until somebody removes it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from putback.drivers.catalog import Catalog
from putback.drivers.schema import Attribute, Effect, Kind
from putback.flow.names import Element, Expr, Invoke, Member, Name
from putback.model.errors import SourceError
from putback.ownership.index.astnames import to_expr
from putback.ownership.index.module import ModuleInfo
from putback.ownership.index.subclasses import plain
from putback.ownership.index.trees import parse_ast
from putback.ownership.resolve.identity import Defined, global_identity, identity
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import ClassRef, FunctionRef, Instance, Object, Scope, Type
from putback.source.slices import Reader

_DEEPEST = 4


class Registry(Struct, frozen=True):
    """A scoped session at the top of a module, or what a library itself keeps for each thread.

    `attribute` is what it is of an extension's object (`session` of `db`), "" when the name itself is the registry;
    `type` is its class in the driver tables, and `kind` what it keeps. The extension removes its session when an
    application context ends. A library's own has no `path`, and its full name for its `type`.
    """

    path: str
    name: str
    attribute: str
    type: str
    kind: Kind

    @property
    def is_standing(self) -> bool:
        """Whether it is the library's own, which ends with each request and job what it keeps for their thread."""
        return not self.path

    @property
    def meant(self) -> Defined:
        """What a name means that is this registry, or the extension's object that has it."""
        return Defined(self.path, self.type if self.is_standing else self.name)

    @property
    def is_managed(self) -> bool:
        """Whether an extension removes it at the end of an application context."""
        return bool(self.attribute)

    @property
    def is_async(self) -> bool:
        """Whether its methods are awaited."""
        return ".asyncio." in self.type

    def spelled(self, name: str) -> str:
        """The registry in a file that has it, or the extension's object, as `name`."""
        return f"{name}.{self.attribute}" if self.attribute else name

    def removal(self, name: str) -> str:
        """The statement that removes its session, in such a file."""
        return self.kind.release.format(pool=self.spelled(name))


class RegistryTypes:
    """What the driver tables say of registries: their classes, and those of the extensions' objects that have one."""

    def __init__(self, catalog: Catalog) -> None:
        names = [name for driver in catalog.drivers.values() for name in driver.types]
        self.registries = frozenset(name for name in names if _is_registry(catalog, name))
        self.holders = {
            name: (attribute, found.type)
            for name in names
            for attribute, found in _attributes(catalog, name).items()
            if found.type in self.registries
        }
        kept = [kind for kind in catalog.kinds.values() if kind.registry]
        self.sessions = self.registries | {kind.type for kind in kept}
        self.made = self.registries | self.holders.keys()
        self.standing = {name: _standing(kind) for kind in kept for name in kind.standing}
        self.roots = frozenset(name.partition(".")[0] for name in (*self.registries, *self.holders, *self.standing))
        theirs = {r.type for r in self.standing.values()}
        methods = [found for name in (*self.registries, *theirs) for found in _methods(catalog, name).items()]
        executing = {n for n in names if any(e.executes for e in _methods(catalog, n).values())}
        executing = {catalog.canonical(name) for name in executing}
        running = {name for name in names if not executing.isdisjoint(catalog.supertypes(name))}
        self.using = frozenset(m for m, e in methods if e.executes or e.derives in running)
        self.ending = frozenset(m for m, e in methods if e.ends)
        self.removing = frozenset(m for m, e in methods if e.releases_self or e.closes)
        self.discarding = frozenset(
            m for name in self.registries for m, e in _methods(catalog, name).items() if e.releases_self
        )
        theirs = {kind.driver for kind in (*kept, *filter(None, (_kept_by(catalog, n) for n in self.registries)))}
        self.sweeping = frozenset(name for driver in theirs for name in _sweeping(catalog, driver))
        """Functions and methods that end all sessions there are, or what a library's own registry keeps."""


def _methods(catalog: Catalog, name: str) -> Mapping[str, Effect]:
    spec = catalog.type(name)
    return spec.methods if spec is not None else {}


def _sweeping(catalog: Catalog, driver: str) -> Iterator[str]:
    """The qualified names of what ends all that a library has handed out."""
    table = catalog.drivers[driver]
    yield from (name for name, effect in table.functions.items() if effect.releases_all)
    for owner in table.types:
        yield from (f"{owner}.{name}" for name, effect in _methods(catalog, owner).items() if effect.releases_all)


def _standing(kind: Kind) -> Registry:
    first = kind.standing[0]
    return Registry("", first.rpartition(".")[2], "", first, kind)


def _attributes(catalog: Catalog, name: str) -> Mapping[str, Attribute]:
    spec = catalog.type(name)
    return spec.attributes if spec is not None else {}


def _is_registry(catalog: Catalog, name: str) -> bool:
    kind = _kept_by(catalog, name)
    return kind is not None and kind.registry


def _kept_by(catalog: Catalog, name: str) -> Kind | None:
    spec = catalog.type(name)
    acquires = spec.call.acquires if spec is not None and spec.call is not None else None
    return catalog.kind(str(acquires)) if acquires else None


class Registries:
    """The registries of a project, and which of them an expression means."""

    def __init__(self, resolver: Resolver, reader: Reader) -> None:
        self.resolver = resolver
        self.reader = reader
        self.types = RegistryTypes(resolver.catalog)
        self.found: dict[Defined, Registry] = {}
        self._classes: dict[tuple[str, str], Registry | None] = {}
        self._queries: dict[Defined, Registry] | None = None

    def note(self, module: ModuleInfo, resolver: Resolver) -> None:
        """Note the registries that a module makes; `resolver` may know less than all modules."""
        if self.types.roots.isdisjoint(module.import_roots()):
            return
        brought = {".".join(filter(None, (i.module, i.name))) for i in module.all_imports() if not i.level}
        for name, standing in self.types.standing.items():
            if any(name == each or name.startswith(f"{each}.") for each in brought):
                self.found.update((Defined("", n), r) for n, r in self.types.standing.items() if r == standing)
        for name, values in module.globals.items():
            for scope, value in values:
                if isinstance(value, Invoke):
                    for t in resolver.types(value, Scope(module.path, scope)):
                        self._add(module.path, name, t)

    def _add(self, path: str, name: str, made: Type) -> None:
        for type_name in self._classes_of(made):
            here = Defined(path, name)
            attribute, kept = self.types.holders.get(type_name, ("", type_name))
            kind = _kept_by(self.resolver.catalog, kept) if kept in self.types.registries else None
            if kind is not None:
                self.found[here] = Registry(path, name, attribute, kept, kind)

    def _classes_of(self, t: Type) -> list[str]:
        """The driver classes that an object is of."""
        match t:
            case Instance(name=name):
                return [self.resolver.catalog.canonical(name)]
            case Object(path=path, key=key):
                return [self.resolver.catalog.canonical(n) for n in self.resolver.classes.outside_bases(path, key)]
        return []

    def made_at(self, registry: Registry) -> tuple[int, int]:
        """The first and the last row of the statement that makes a registry."""
        self.resolver.project.footprint.name("all", "contents")
        scope = Scope(registry.path)
        try:
            tree = parse_ast(self.reader.text(registry.path))
        except SourceError:
            return 1, 1
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(isinstance(t, ast.Name) and t.id == registry.name for t in targets):
                    made = self.resolver.types(to_expr(node.value), scope)
                    if any(name in self.types.made for t in made for name in self._classes_of(t)):
                        return node.lineno, node.end_lineno or node.lineno
        return 1, 1

    # -- what expressions mean

    def of(self, expr: Expr, scope: Scope, depth: int = 0) -> Registry | None:
        """The registry that an expression is, followed through local names, or of which it is one item."""
        if isinstance(expr, Element):
            return self._having(expr.value, scope)
        if depth > _DEEPEST or not isinstance(expr, (Name, Member)):
            return None
        meant = identity(self.resolver.project, expr, scope)
        if isinstance(meant, Defined):
            found = self.found.get(meant)
            return found if found is not None and not found.attribute else None
        if isinstance(expr, Member):
            holder = self._holder(expr.base, scope)
            return holder if holder is not None and holder.attribute == expr.attr else None
        value = self._only_value(expr.id, scope)
        return self.of(value, scope, depth + 1) if value is not None else None

    def _having(self, expr: Expr, scope: Scope) -> Registry | None:
        """The library's own registry that an expression is, or a call on it: `connections`, `connections.all()`."""
        if isinstance(expr, Invoke) and isinstance(expr.func, Member):
            expr = expr.func.base
        found = self._holder(expr, scope)
        return found if found is not None and found.is_standing else None

    def _holder(self, expr: Expr, scope: Scope) -> Registry | None:
        meant = identity(self.resolver.project, expr, scope)
        return self.found.get(meant) if isinstance(meant, Defined) else None

    def session_of(self, expr: Expr, scope: Scope) -> Registry | None:
        """The registry whose session a local name holds: `s` after `s = Session()`."""
        value = self._only_value(expr.id, scope) if isinstance(expr, Name) else None
        return self.of(value.func, scope) if isinstance(value, Invoke) else None

    def sessions_in(self, expr: Expr, scope: Scope) -> list[Registry]:
        """The registries whose session a local name may hold, which is bound more than once."""
        values = self._values(expr.id, scope) if isinstance(expr, Name) else ()
        held = (self.of(v.func if isinstance(v, Invoke) else v, scope, 1) for v in values if v != expr)
        return [registry for registry in held if registry is not None]

    def may_be_session(self, expr: Expr, scope: Scope) -> bool:
        """Whether a value is the session of some registry, as far as its type says."""
        catalog = self.resolver.catalog
        names = (t.name for t in self.resolver.types(expr, scope) if isinstance(t, Instance))
        return any(catalog.is_subtype(name, session) for name in names for session in self.types.sessions)

    def is_made_here(self, name: Name, scope: Scope) -> bool:
        """Whether a local name is given values, of which it is known what they are."""
        return bool(self._values(name.id, scope) and self.resolver.types(name, scope))

    def _only_value(self, name: str, scope: Scope) -> Expr | None:
        """The value of a local name that is bound once."""
        values = self._values(name, scope)
        return values[0] if len(values) == 1 else None

    def _values(self, name: str, scope: Scope) -> Sequence[Expr]:
        """The values of a local name, of this function or of one around it."""
        module = self.resolver.project.module(scope.path)
        info = module.functions.get(scope.function) if module is not None else None
        while module is not None and info is not None:
            values = info.bindings.get(name)
            if values is not None:
                return values
            info = module.functions.get(info.outer)
        return ()

    def of_model(self, expr: Expr, scope: Scope) -> Registry | None:
        """The registry behind `Model.query`, for the class `Model`."""
        for t in self.resolver.types(expr, scope):
            if isinstance(t, ClassRef):
                return self._of_class(t)
        return None

    def _of_class(self, ref: ClassRef) -> Registry | None:
        key = (ref.path, ref.key)
        if key not in self._classes:
            self._classes[key] = next(self._behind(ref), None)
        return self._classes[key]

    def _behind(self, ref: ClassRef) -> Iterator[Registry]:
        for module, cls in self.resolver.classes.lineage(ref.path, ref.key):
            for base in (Name(cls.key), *map(plain, cls.bases)):
                meant = identity(self.resolver.project, base, Scope(module.path))
                if isinstance(meant, Defined) and meant in self._by_query:
                    yield self._by_query[meant]
                if isinstance(base, Member) and base.attr == "Model":
                    holder = self._holder(base.base, Scope(module.path))
                    if holder is not None:
                        yield holder

    @property
    def _by_query(self) -> dict[Defined, Registry]:
        """The classes that were given a `query_property()`: `Base.query = Session.query_property()`."""
        if self._queries is None:
            self._queries = {}
            for path in {registry.path for registry in self.found.values()}:
                self._queries.update(self._given_query(path))
        return self._queries

    def _given_query(self, path: str) -> Iterator[tuple[Defined, Registry]]:
        module = self.resolver.project.module(path)
        try:
            text = self.reader.text(path)
            tree = parse_ast(text) if "query_property" in text else None
        except SourceError:
            return
        for node in ast.walk(tree) if module is not None and tree is not None else ():
            match node:
                case ast.Assign(
                    targets=[ast.Attribute(value=ast.Name(id=owner), attr="query")],
                    value=ast.Call(func=ast.Attribute(value=made, attr="query_property")),
                ):
                    registry = self.of(to_expr(made), Scope(path))
                    given = global_identity(self.resolver.project, module, owner) if module is not None else None
                    if registry is not None and given is not None:
                        yield given, registry


def function_refs(types: frozenset[Type]) -> Iterator[FunctionRef]:
    """The project functions among some types, without regard to how they are reached."""
    for t in sorted((t for t in types if isinstance(t, FunctionRef)), key=lambda t: (t.path, t.key)):
        yield FunctionRef(t.path, t.key)
