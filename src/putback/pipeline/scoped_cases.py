"""From the scoped sessions of a project to the verifier's roles: what a function means by its names and calls."""

from __future__ import annotations

import ast
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from putback.drivers.catalog import Catalog
from putback.drivers.schema import Kind
from putback.flow.names import Expr, Invoke, Member, dotted
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.astnames import to_expr
from putback.ownership.index.module import FunctionInfo
from putback.ownership.resolve.types import FunctionRef, Scope
from putback.ownership.sessions.registries import Registries, Registry
from putback.ownership.sessions.scoped import Reached, Sessions, sessions_of
from putback.ownership.sessions.session_use import Call, function_node, own_nodes
from putback.verify import roles


def neglected(analyzer: Analyzer, unit: Unit) -> str:
    """What findings call the scoped session that a function leaves behind; "" when it leaves none."""
    sessions = sessions_of(analyzer)
    duties = sessions.duties(unit)
    found = [*(n.registry for n in duties.neglects), *([duties.lapse.registry] if duties.lapse is not None else ())]
    return _name(sessions.registries, found[0]) if found else ""


@dataclass(slots=True)
class ScopedRoles:
    """The roles of a function's scoped sessions, and the resource kinds of these."""

    registries: tuple[roles.Registry, ...] = ()
    uses: tuple[roles.Use | roles.Context, ...] = ()
    kinds: dict[str, Kind] = field(default_factory=dict)

    @property
    def types(self) -> list[str]:
        """The classes of the driver tables that the registries and their queries are of."""
        return [*(r.type for r in self.registries), *(r.query_type for r in self.registries)]


def roles_of(analyzer: Analyzer, units: Sequence[Unit]) -> ScopedRoles:
    """The roles of the scoped sessions that the first of some functions, or those nested in it, have to do with."""
    sessions = sessions_of(analyzer)
    if not sessions.registries.found:
        return ScopedRoles()
    named = _Named(sessions)
    for unit in units:
        if unit.info is not None:
            named.look(FunctionRef(unit.path, unit.key), unit.info)
    return named.table(analyzer.catalog, FunctionRef(units[0].path, units[0].key))


def with_calls_of(before: roles.Version, after: roles.Version) -> roles.Version:
    """The fixed version, whose calls use scoped sessions as they did before: their own fixes are not its."""
    registries = list(after.roles.registries)
    numbers = {registry.name: number for number, registry in enumerate(registries)}
    for registry in before.roles.registries:
        if registry.name not in numbers:
            numbers[registry.name] = len(registries)
            registries.append(registry)
    now = [numbers[registry.name] for registry in before.roles.registries]
    uses = (
        use._replace(registries=tuple(now[n] for n in use.registries), ends=tuple(now[n] for n in use.ends))
        for use in before.roles.uses
        if isinstance(use, roles.Use)
    )
    contexts = (use for use in after.roles.uses if isinstance(use, roles.Context))
    return after._replace(roles=replace(after.roles, registries=tuple(registries), uses=(*uses, *contexts)))


class _Named:
    """Collects what the names and calls of some functions have to do with scoped sessions."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.registries = sessions.registries
        self.paths: dict[Registry, list[str]] = {}
        self.queries: dict[Registry, list[str]] = {}
        self.calls: dict[str, Reached] = {}
        self.awaited: set[str] = set()
        self.contexts: list[str] = []

    def look(self, ref: FunctionRef, info: FunctionInfo) -> None:
        """Collect from one function."""
        found = function_node(self.sessions.analyzer.reader, ref.path, info)
        scope = Scope(ref.path, ref.key)
        for node in own_nodes(found[0]) if found is not None else ():
            match node:
                case ast.Call(func=ast.Name() | ast.Attribute() as func):
                    self._call(to_expr(func), scope)
                case ast.Name() | ast.Attribute():
                    self._mention(to_expr(node), scope, info)
        for call in self.sessions.cleaners.session_use(ref).calls:
            if call.callee and not call.given:
                self._reach(call)

    def _call(self, called: Expr, scope: Scope) -> None:
        text = dotted(called)
        if text and self.sessions.analyzer.app_contexts.opened_by(Invoke(called), scope):
            self.contexts.append(text)

    def _mention(self, expr: Expr, scope: Scope, info: FunctionInfo) -> None:
        """Note a name that means a registry; one that is imported in the function goes by its own name, too."""
        text = dotted(expr)
        registry = self.registries.of(expr, scope) if text else None
        if text and registry is not None:
            self._paths(registry).append(text)
            if text.partition(".")[0] in info.imports:
                self._paths(registry).append(registry.spelled(registry.name))
        model = None
        if text and isinstance(expr, Member) and expr.attr == "query":
            model = self.registries.of_model(expr.base, scope)
        if text and model is not None:
            self._paths(model)
            self.queries.setdefault(model, []).append(text)

    def _paths(self, registry: Registry) -> list[str]:
        """The texts that mean a registry here."""
        return self.paths.setdefault(registry, [])

    def _reach(self, call: Call) -> None:
        """Note a call of code that uses sessions; of code that also removes them nothing is known."""
        reached = self.sessions.reach(call.target)
        info = self.sessions.analyzer.info(call.target)
        if reached.removes_unknown or reached.ways.keys() <= reached.removed or info is None:
            return
        self.calls[call.callee] = reached
        self.awaited |= {call.callee} if info.is_async else set()
        for registry in reached.ways:
            self._paths(registry)

    def table(self, catalog: Catalog, ref: FunctionRef) -> ScopedRoles:
        """All that was found, for the function `ref` as a whole."""
        every = list(self.paths)
        registries = (self._registry(catalog, r, ref) for r in every)
        contexts = (roles.Context(text) for text in dict.fromkeys(self.contexts) if every)
        uses = (self._use(callee, reached, every) for callee, reached in self.calls.items())
        return ScopedRoles(tuple(registries), (*uses, *contexts), {r.kind.id: r.kind for r in every})

    def _registry(self, catalog: Catalog, registry: Registry, ref: FunctionRef) -> roles.Registry:
        query = catalog.method(registry.type, "query")
        return roles.Registry(
            name=_name(self.registries, registry),
            paths=tuple(dict.fromkeys(self.paths[registry])),
            profile=registry.kind.id,
            type=registry.type,
            queries=tuple(dict.fromkeys(self.queries.get(registry, ()))),
            query_type=query.derives if query is not None else "",
            is_managed=registry.is_managed,
            is_open=self.sessions.is_teardown(ref),
            outlives=not self.sessions.must_remove(ref, registry),
        )

    def _use(self, callee: str, reached: Reached, every: list[Registry]) -> roles.Use:
        used = [r for r in reached.ways if r not in reached.removed]
        numbers = {r: every.index(r) for r in used}
        ends = tuple(numbers[r] for r in used if r in reached.ended)
        return roles.Use(callee, tuple(numbers.values()), ends, callee in self.awaited)


def _name(registries: Registries, registry: Registry) -> str:
    """What stories call a registry: as the file does that makes it, which is named where other files do the same."""
    spelled = registry.spelled(registry.name)
    same = {r for r in registries.found.values() if r.spelled(r.name) == spelled}
    return spelled if len(same) == 1 else f"{spelled} of {'/'.join(registry.path.split(os.sep)[-2:])}"
