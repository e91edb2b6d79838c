"""Analysis on demand: units, callees, explorations, each worked out once a run.

What calling a function does stands in `summaries`, what calls acquire in `acquire`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from putback.drivers.schema import Effect, Kind
from putback.flow import ir
from putback.flow.ir import MODULE
from putback.flow.names import Expr, Invoke, dotted
from putback.flow.solve import Exploration, explore
from putback.frameworks.idioms import idioms
from putback.frameworks.schema import Role
from putback.model.errors import SourceError
from putback.ownership.analysis import acquire, guards
from putback.ownership.analysis.ambient import Ambients
from putback.ownership.analysis.app_contexts import AppContexts
from putback.ownership.analysis.context import Context
from putback.ownership.analysis.domain import Fact, Phase, State
from putback.ownership.analysis.errors import Errors
from putback.ownership.analysis.events import CallInfo, describe
from putback.ownership.analysis.giants import eased
from putback.ownership.analysis.injected import injected
from putback.ownership.analysis.marks import AUTOCOMMIT
from putback.ownership.analysis.outside import Leaving
from putback.ownership.analysis.parked import Parking
from putback.ownership.analysis.servers import Servers
from putback.ownership.analysis.shapes import Shapes
from putback.ownership.analysis.site import Owner, Site
from putback.ownership.analysis.summaries import Summaries
from putback.ownership.analysis.transfer import SiteDomain
from putback.ownership.analysis.unit import Unit, make_unit
from putback.ownership.index.families import Families
from putback.ownership.index.indexer import callees_by_row, mentioned
from putback.ownership.index.module import ClassInfo, FunctionInfo, ModuleInfo
from putback.ownership.resolve.carriers import Carriers
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import ClassRef, FunctionRef, Instance, Scope, Symbol
from putback.source.slices import Reader, Slice

if TYPE_CHECKING:
    from putback.flow.lower import Lowered

T = TypeVar("T")

_LOWERED = 100


class Analyzer:
    """One run's knowledge. `notes` are for `--debug`; `alone` are the files that no other imports, and `importing`
    gives the files of the project that may import one. `root` is the directory of the project."""

    def __init__(self, resolver: Resolver, carriers: Carriers, reader: Reader) -> None:
        self.resolver = resolver
        self.project = resolver.project
        self.catalog = resolver.catalog
        self.frameworks = resolver.frameworks
        self.ambients = Ambients(resolver, self.mentions, self._switches_off)
        self.app_contexts = AppContexts(resolver, self._entered)
        self.context = Context(self.project, resolver, self.frameworks, self.mentions)
        self.carriers = carriers
        self.notes: list[str] = []
        self.alone: frozenset[str] = frozenset()
        self.importing: Callable[[str], Iterable[str]] = self.project.importers
        self.root = ""
        self.errors = Errors(resolver)
        self.shapes = Shapes(resolver)
        self.reader = reader
        self.servers = Servers(self.project.paths, reader, self.catalog)
        self.families = Families()
        self._lowered: dict[tuple[str, str], Lowered | None] = {}
        self._failures: dict[tuple[str, str], SourceError] = {}
        self._units: dict[tuple[str, str], Unit | None] = {}
        self._calls: dict[tuple[str, str, int], CallInfo] = {}
        self._explorations: dict[tuple[str, str, Site, Phase], Exploration[State]] = {}
        self._methods: dict[tuple[str, str], frozenset[str]] = {}
        self._mentions: dict[tuple[str, str], frozenset[str]] = {}
        self._effects_of_methods: dict[tuple[str, str], Effect | None] = {}
        self._truths: dict[tuple[str, str], bool | None] = {}
        self._known: dict[object, Any] = {}
        self.summaries = Summaries(self)
        self.leaving = Leaving(self)
        self.parking = Parking(resolver, reader, self.mentions, self.explore, self.summaries.owner_effect)

    def forget(self) -> None:
        """Let go of what is large and can be had again, when there is much of it; summaries stay.

        What was made since the last time is looked through for garbage: trees and graphs point both ways, and nobody
        else looks while a run goes at full speed.
        """
        if len(self._lowered) > _LOWERED:
            for each in (self._lowered, self._units, self._calls, self._explorations):
                each.clear()
            gc.collect(0)

    def known(self, find: Callable[[Analyzer], T]) -> T:
        """What `find` finds out about this run: once, and kept as long as the run's knowledge is."""
        if find not in self._known:
            self._known[find] = find(self)
        found: T = self._known[find]
        return found

    # -- units

    def unit(self, path: str, key: str) -> Unit | None:
        """The function `key` of a file, lowered; None when it cannot be."""
        if (path, key) not in self._units:
            self._units[path, key] = self._make_unit(path, key)
        return self._units[path, key]

    def _make_unit(self, path: str, key: str) -> Unit | None:
        module = self.project.module(path)
        info = module.functions.get(key) if module is not None else None
        outermost = self.outermost(path, key)
        lowered = self._slice(path, outermost)
        if lowered is None or key not in lowered.functions:
            return None
        return make_unit(path, key, lowered, info)

    def outermost(self, path: str, key: str) -> str:
        """The function around `key` that stands in no other, or the module's top level."""
        module = self.project.module(path)
        if module is None or key.startswith(MODULE):
            return MODULE
        while "<lambda" in key:
            key = key.rpartition(".")[0]
        info = module.functions.get(key)
        while info is not None and info.outer:
            info = module.functions.get(info.outer)
        return info.key if info is not None else MODULE

    def _slice(self, path: str, key: str) -> Lowered | None:
        if (path, key) not in self._lowered:
            try:
                self._lowered[path, key] = self._lower(path, key)
            except (SourceError, RecursionError) as error:
                self.notes.append(f"{path}: {key} is not analysed: {error}")
                self._lowered[path, key] = None
                told = error if isinstance(error, SourceError) else SourceError("nested too deeply to be checked")
                self._failures[path, key] = told
        return self._lowered[path, key]

    def failure(self, path: str, key: str) -> SourceError | None:
        """Why an outermost function, or the top level of a file, could not be analysed; None if it could be."""
        return self._failures.get((path, key))

    def _lower(self, path: str, key: str) -> Lowered:
        from putback.flow.lower import lower, lower_module

        part = eased(self.part(path, key))
        if key == MODULE:
            return lower_module(part.text)
        try:
            return lower(part.text, part.offset, key, self._keys(path, key))
        except SourceError as error:
            row = error.row + part.offset - (part.text[:1] in (" ", "\t"))
            raise SourceError(str(error), max(row, part.offset + 1)) from None  # the parser may name no row at all

    def _keys(self, path: str, outermost: str) -> dict[int, str]:
        """The keys, by row, of nested functions, if several in one function are called the same."""
        module = self.project.module(path)
        inside = self.families.of(module, outermost) if module is not None else ()
        found = {info.def_row: info.key for info in inside}
        return found if any("@" in key[len(outermost) :] for key in found.values()) else {}

    def part(self, path: str, key: str) -> Slice:
        """The rows of an outermost function, or of a module's top level."""
        module = self.project.module(path)
        assert module is not None
        if key == MODULE:
            functions = [f for f in module.functions.values() if not f.outer and not f.owner]
            definitions: list[FunctionInfo | ClassInfo] = [*functions, *module.classes.values()]
            return self.reader.top_level(path, [(d.row, d.end_row) for d in definitions if d.column == 0])
        info = module.functions[key]
        return self.reader.function(path, info.row, info.end_row)

    def may_acquire(self, path: str, key: str) -> bool:
        """Whether a call in an outermost function, or in a module's top level, can take a connection or make a pool.

        Decided from light types on a cheap parse; True whenever that parse fails.
        """
        module = self.project.module(path)
        if module is None or module.incomplete:
            return True
        part = self.part(path, key)
        spawns = any(name in part.text for name in self.frameworks.spawning_names)
        if spawns and (self._is_lent(module, key) or self._has_one(module, key)):
            return True
        if self._is_lent(module, key) and (self._says_enough(part) or self._leaves(module, key, part)):
            return True
        try:
            callees = callees_by_row(part, self.frameworks.answering_names)
        except SourceError:
            return True
        inside = module.functions.values() if key == MODULE else self.families.of(module, key)
        rows = {f.def_row: f.key for f in inside}
        scopes = {row: Scope(path, rows.get(row, "" if key == MODULE else key)) for row in callees}
        carriers = self.carriers
        if any(carriers.any_makes(f, scopes[r]) or carriers.any_makes_pool(f, scopes[r]) for r, f in callees.items()):
            return True
        if any(self.shapes.may_be(found, scopes[row]) for row, found in callees.items()):
            return True
        if any(self.app_contexts.pushed_by(each, scopes[row]) for row, found in callees.items() for each in found):
            return True
        if key == MODULE or not any(self.ambients.works(found, scopes[row]) for row, found in callees.items()):
            return False
        return self.ambients.may_be_forgotten(part) or self._leaves(module, key, part)

    def _is_lent(self, module: ModuleInfo, key: str) -> bool:
        """Whether an outermost function, or one nested in it, is given a connection by a parameter."""
        params = ((param, Scope(module.path, i.outer)) for i in self.families.of(module, key) for param in i.params)
        resolver = self.carriers.resolver
        return any(
            self.carriers.is_held(t)
            for param, scope in params
            for t in resolver.types(param.annotation, scope) or injected(resolver, param.default, scope)
        )

    def _has_one(self, module: ModuleInfo, key: str) -> bool:
        """Whether objects of the class whose method this is have a connection in an attribute."""
        cls = module.classes.get(module.functions[key].owner) if key in module.functions else None
        values = (pair for pairs in cls.attributes.values() for pair in pairs) if cls is not None else ()
        types = (t for scope, value in values for t in self.carriers.resolver.types(value, Scope(module.path, scope)))
        return any(self.carriers.is_held(t) for t in types)

    def _switches_off(self, path: str, key: str, value: Expr) -> bool:
        """Whether a function switches the transactions off of the connection that it acquires as `value`."""
        unit = self.unit(path, key)
        for site in self.sites(unit) if unit is not None else ():
            if unit is None or not self._is_value(unit, site, value):
                continue
            ended = [ending.state for ending in self.explore(unit, site).endings]
            if site.acquisition.autocommits or any(state.fact(AUTOCOMMIT) is Fact.TRUE for state in ended):
                return True
        return False

    def _is_value(self, unit: Unit, site: Site, value: Expr) -> bool:
        made = any(isinstance(op, ir.Call) and op.at == site.at and op.expr == value for op in unit.ops())
        return made or dotted(value) in guards.aliases(unit, site)

    def _entered(self, ref: FunctionRef) -> list[Expr]:
        """What a function enters by `with`."""
        unit = self.unit(ref.path, ref.key)
        return [op.expr for op in unit.ops() if isinstance(op, ir.Enter)] if unit is not None else []

    def _says_enough(self, part: Slice) -> bool:
        """Whether a text says that something is done to a connection which is lent: by a handler, or later on."""
        return "except" in part.text or any(name in part.text for name in self.frameworks.later_names)

    def _leaves(self, module: ModuleInfo, key: str, part: Slice) -> bool:
        """Whether an outermost function, or one nested in it, makes a call that leaves the process.

        Only where a transaction can be seen to end: in the function, or with the route that it is.
        """
        if not module.functions[key].decorators and not any(word in part.text for word in self.ambients.ending_words):
            return False
        refs = (FunctionRef(module.path, info.key) for info in self.families.of(module, key))
        return any(self.leaving.made_by(ref) is not None for ref in refs)

    def nested(self, path: str, key: str) -> list[str]:
        """The keys of all functions in the slice of outermost function `key`, itself first."""
        lowered = self._slice(path, key)
        return list(lowered.functions) if lowered is not None else []

    def info(self, ref: FunctionRef) -> FunctionInfo | None:
        """The definition of a project function."""
        module = self.project.module(ref.path)
        return module.functions.get(ref.key) if module is not None else None

    def mentions(self, path: str, info: FunctionInfo) -> frozenset[str]:
        """Every name and attribute in a function, those nested in it included."""
        key = (path, info.key)
        if key not in self._mentions:
            try:
                self._mentions[key] = mentioned(self.reader.function(path, info.row, info.end_row))
            except SourceError:
                self._mentions[key] = frozenset()
        return self._mentions[key]

    # -- calls

    def call_info(self, unit: Unit, op: ir.Call) -> CallInfo:
        """What the callee of a call resolves to."""
        key = (unit.path, unit.key, op.at)
        if key not in self._calls:
            self._calls[key] = self.shapes.taken_for(unit, op, describe(op.expr, unit.scope, self.resolver))
        return self._calls[key]

    def partial_info(self, unit: Unit, op: ir.Call) -> CallInfo:
        """What the function resolves to that `functools.partial(function, ...)` is given."""
        assert isinstance(op.expr, Invoke)
        return describe(Invoke(op.expr.args[0], op.expr.args[1:], op.expr.keywords), unit.scope, self.resolver)

    def decorates_only(self, unit: Unit, op: ir.Decorate) -> bool:
        """Whether all decorators of a nested function only change how it runs: nothing else keeps it."""
        bases = (d.func if isinstance(d, Invoke) else d for d in op.decorators)
        known = idioms().functions.decorating
        found = [self.resolver.types(base, unit.scope) for base in bases]
        return all(types and all(isinstance(t, Symbol) and t.name in known for t in types) for types in found)

    def swallows(self, unit: Unit, group: int) -> tuple[str, ...] | None:
        """The exception classes that the context manager of `with` item `group` swallows; None: it swallows nothing."""
        if unit.swallowing is None:
            enters = [o for o in unit.ops() if isinstance(o, ir.Enter) and self._is_swallowing(unit, o)]
            unit.swallowing = {o.group: _arguments(o) for o in enters}
        return unit.swallowing.get(group)

    def _is_swallowing(self, unit: Unit, op: ir.Enter) -> bool:
        if not isinstance(op.expr, Invoke):
            return False
        types = self.resolver.types(op.expr.func, unit.scope)
        return any(isinstance(t, Symbol) and t.name in idioms().functions.swallowing for t in types)

    def enters_quietly(self, unit: Unit, op: ir.Enter) -> bool:
        """Whether entering this manager cannot raise: `suppress`, a cancel scope, a lock."""
        if isinstance(op.expr, Invoke) and describe(op.expr, unit.scope, self.resolver).quiet:
            return True
        types = self.resolver.types(op.expr, unit.scope)
        return bool(types) and all(
            isinstance(t, Instance) and t.name.startswith(("threading.", "asyncio.")) for t in types
        )

    def thrown_at_yield(self, unit: Unit) -> tuple[str, ...]:
        """The exceptions that can arrive at a `yield`: what the caller throws in, or the end of the generator."""
        return self.context.thrown_at_yield(unit.path, unit.info)

    def method(self, type_name: str, name: str) -> Effect | None:
        """What a method of an object of this class, or of a class derived from it, does."""
        key = (type_name, name)
        if key not in self._effects_of_methods:
            found = (self.catalog.method(t, name) for t in self._with_derived(type_name))
            self._effects_of_methods[key] = next((effect for effect in found if effect is not None), None)
        return self._effects_of_methods[key]

    def method_truth(self, type_name: str, name: str) -> bool | None:
        """The truth of `obj.name()` while an object of this class, or of a class derived from it, is held."""
        key = (type_name, name)
        if key not in self._truths:
            found = (self.catalog.method_truth(t, name) for t in self._with_derived(type_name))
            self._truths[key] = next((truth for truth in found if truth is not None), None)
        return self._truths[key]

    def _with_derived(self, type_name: str) -> Iterable[str]:
        """A driver class, then the classes derived from it."""
        return (type_name, *self.catalog.subtypes(type_name))

    def methods_that(self, kind: Kind, does: Literal["derive", "release"]) -> frozenset[str]:
        """The methods of a connection whose results belong to it, or that give it back or end its transaction."""
        key = (kind.id, does)
        if key not in self._methods:
            methods = {m for driver in self.catalog.drivers.values() for s in driver.types.values() for m in s.methods}
            found = ((m, self.method(kind.type, m)) for m in methods)
            self._methods[key] = frozenset(
                m
                for m, effect in found
                if effect is not None and (effect.derives if does == "derive" else _gives_back(effect))
            )
        return self._methods[key]

    def deriving_methods(self) -> frozenset[str]:
        """The methods of any driver whose results belong to their object: `cursor`, `scalars`."""
        specs = (spec for driver in self.catalog.drivers.values() for spec in driver.types.values())
        return frozenset(m for spec in specs for m, effect in spec.methods.items() if effect.derives)

    def pools_of_releases(self, unit: Unit, names: frozenset[str]) -> frozenset[str]:
        """The temporaries that hold the pool that a release goes to: `get_pool()` in `get_pool().putconn(conn)`."""
        return frozenset(
            op.receiver
            for op in unit.ops()
            if isinstance(op, ir.Call)
            and ir.is_temporary(op.receiver)
            and any(a.value in names for a in op.arguments)
            and self.call_info(unit, op).releases() is not None
        )

    def runs_elsewhere(self, info: CallInfo) -> bool:
        """Whether the callee runs a function it is given in a thread, task or job: arguments are handed over."""
        return any(
            role in (Role.THREAD, Role.JOB) for name in info.names for role, _, _ in self.frameworks.argument_role(name)
        )

    # -- exploring

    def explore(self, unit: Unit, site: Site, phase: Phase = Phase.HELD) -> Exploration[State]:
        """Follow one site through its function.

        What callers hand in is followed for their summaries and, if they lend it, for what handlers do to it as well.
        """
        if site.at < 0 and phase is not Phase.MANAGED:
            return explore(unit.function, SiteDomain(self, unit, site, phase))
        key = (unit.path, unit.key, site, phase)
        if key not in self._explorations:
            found = explore(unit.function, SiteDomain(self, unit, site, phase))
            if self.summaries.are_settled:
                self._explorations[key] = found
            if found.capped and site.at >= 0:
                self.notes.append(f"{unit.path}: {unit.key}: too many paths, some conditions were forgotten")
            return found
        return self._explorations[key]

    def sites(self, unit: Unit) -> list[Site]:
        """Every acquire in a function."""
        calls = {op.at: op for op in unit.ops() if isinstance(op, ir.Call)}
        found = ((at, acquire.acquisition(self, unit, op)) for at, op in calls.items())
        sites = (Site(at, acquisition) for at, acquisition in found if acquisition is not None)
        return [settled for site in sites if (settled := self.parking.settled(unit, site)) is not None]

    # -- classes

    def delegates(self, owner: Owner) -> bool:
        """Whether the class passes unknown attributes on to the connection by `__getattr__`."""
        return any("__getattr__" in cls.methods for _, cls in self.resolver.classes.lineage(owner.path, owner.key))

    def delegates_text(self, owner: str, attribute: str) -> bool:
        """Whether an attribute of an object, of an encoded owner, is the connection's: passed on and not its own."""
        found = Owner.decode(owner)
        if found is None or not self.delegates(found):
            return False
        return not any(
            attribute in cls.methods or attribute in cls.attributes
            for _, cls in self.resolver.classes.lineage(found.path, found.key)
        )

    def constructed(self, ref: ClassRef) -> list[str]:
        """The outside classes that a project class derives from."""
        return self.resolver.classes.outside_bases(ref.path, ref.key)


def _gives_back(effect: Effect) -> bool:
    return effect.closes or effect.releases_self or bool(effect.ends)


def _arguments(op: ir.Enter) -> tuple[str, ...]:
    """The dotted names of a manager call's arguments: the classes that `suppress` swallows."""
    return tuple(dotted(a) or "?" for a in op.expr.args) if isinstance(op.expr, Invoke) else ()
