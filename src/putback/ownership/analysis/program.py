"""What is known of the program before a connection is followed: what calls resolve to, what methods and classes do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from putback.drivers.schema import Effect, Kind
from putback.flow import ir
from putback.flow.names import UNKNOWN, Invoke, dotted
from putback.flow.solve import Exploration
from putback.frameworks.idioms import idioms
from putback.frameworks.schema import Role
from putback.ownership.analysis import statements
from putback.ownership.analysis.ambient import Ambients
from putback.ownership.analysis.app_contexts import AppContexts
from putback.ownership.analysis.constants import openings
from putback.ownership.analysis.context import Context
from putback.ownership.analysis.domain import Phase, State
from putback.ownership.analysis.errors import Errors
from putback.ownership.analysis.events import CallInfo, describe
from putback.ownership.analysis.servers import Servers
from putback.ownership.analysis.shapes import Shapes
from putback.ownership.analysis.site import Owner, Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.analysis.units import Units
from putback.ownership.analysis.waited import Run, run_by
from putback.ownership.resolve.carriers import Carriers
from putback.ownership.resolve.recursion import Answers
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import ClassRef, Instance, Symbol
from putback.source.slices import Reader

if TYPE_CHECKING:
    from putback.ownership.analysis.summaries import Summaries


class Program(Units, ABC):
    """One run's program, whose connections somebody follows (`explore`): what they become is in `summaries`."""

    ambients: Ambients
    app_contexts: AppContexts
    summaries: Summaries

    def __init__(self, resolver: Resolver, carriers: Carriers, reader: Reader) -> None:
        self.resolver = resolver
        self.carriers = carriers
        self.catalog = resolver.catalog
        self.frameworks = resolver.frameworks
        super().__init__(resolver.project, reader)
        self.lasting = Answers(self.project.footprint)  # what is worked out once a run, whatever else is forgotten
        self.context = Context(self.project, resolver, self.frameworks, self.mentions)
        self.servers = Servers(self.project, reader, self.catalog, self.lasting)
        self._methods: dict[tuple[str, str], frozenset[str]] = {}
        self._effects_of_methods: dict[tuple[str, str], Effect | None] = {}
        self._truths: dict[tuple[str, str], bool | None] = {}

    def _begin(self) -> None:
        super()._begin()
        self.errors = Errors(self.resolver)
        self.shapes = Shapes(self.resolver)
        self.answers = Answers(self.project.footprint)
        self._calls: dict[tuple[str, str, int], CallInfo] = {}
        self._runs: dict[tuple[str, str, int], Run | None] = {}
        self._words: dict[tuple[str, str, int], frozenset[str]] = {}

    @abstractmethod
    def explore(self, unit: Unit, site: Site, phase: Phase = Phase.HELD) -> Exploration[State]:
        """Follow one site through its function, from a phase on."""

    @abstractmethod
    def sites(self, unit: Unit) -> Sequence[Site]:
        """Every acquire in a function."""

    def drop(self) -> None:
        """Let go of the functions, and of what their calls resolve to."""
        super().drop()
        self._calls.clear()
        self._runs.clear()
        self._words.clear()

    # -- calls

    def call_info(self, unit: Unit, op: ir.Call) -> CallInfo:
        """What the callee of a call resolves to."""
        key = (unit.path, unit.key, op.at)
        if key not in self._calls:
            self._calls[key] = self.shapes.taken_for(unit, op, describe(op.expr, unit.scope, self.resolver))
        return self._calls[key]

    def run_by(self, unit: Unit, op: ir.Call) -> Run | None:
        """The call that a thread makes for this one, if its end is waited for."""
        key = (unit.path, unit.key, op.at)
        if key not in self._runs:
            self._runs[key] = run_by(self.resolver, self.call_info, unit, op)
        return self._runs[key]

    def words(self, unit: Unit, at: int) -> frozenset[str]:
        """The words in capitals that the statement of a call may begin with; "" for one that is not shown."""
        key = (unit.path, unit.key, at)
        if key not in self._words:
            info = unit.info
            around = self.reader.function(unit.path, info.row, info.end_row).text if info else ""
            self._words[key] = statements.words(unit.text(at), around) or self._constant(unit, at)
        return self._words[key]

    def _constant(self, unit: Unit, at: int) -> frozenset[str]:
        calls = (o.expr for o in unit.ops() if isinstance(o, ir.Call) and o.at == at)
        given = next((e.args[0] for e in calls if e.args), UNKNOWN)
        return openings(given, unit.scope, self.resolver)

    def partial_info(self, unit: Unit, op: ir.Call) -> CallInfo:
        """What the function resolves to that `functools.partial(function, ...)` is given."""
        if not op.expr.args:
            return CallInfo()
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
            unit.swallowing = {o.group: _arguments(o) for o in self._swallowing(unit)}
        return unit.swallowing.get(group)

    def swallowing_rows(self, unit: Unit) -> frozenset[int]:
        """The rows in which a function makes context managers that swallow exceptions."""
        return frozenset(unit.span(op.at).start.row for op in self._swallowing(unit))

    def _swallowing(self, unit: Unit) -> list[ir.Enter]:
        return [o for o in unit.ops() if isinstance(o, ir.Enter) and self._is_swallowing(unit, o)]

    def _is_swallowing(self, unit: Unit, op: ir.Enter) -> bool:
        if not isinstance(op.expr, Invoke):
            return False
        types = self.resolver.types(op.expr.func, unit.scope)
        return any(isinstance(t, Symbol) and t.name in idioms().functions.swallowing for t in types)

    def enters_quietly(self, unit: Unit, op: ir.Enter | ir.Exit) -> bool:
        """Whether entering this manager cannot raise: `suppress`, a cancel scope, a lock."""
        if isinstance(op.expr, Invoke) and describe(op.expr, unit.scope, self.resolver).quiet:
            return True
        types = self.resolver.types(op.expr, unit.scope)
        return bool(types) and all(
            isinstance(t, Instance) and t.name.startswith(idioms().functions.entered_quietly) for t in types
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

    def abandons(self, info: CallInfo) -> bool:
        """Whether who awaits the call and is cancelled leaves it alone: it goes on, with what it was given."""
        return any(map(self.frameworks.abandons, info.names))

    def delegates(self, owner: Owner) -> bool:
        """Whether the class passes unknown attributes on to the connection by `__getattr__`."""
        return any("__getattr__" in cls.methods for _, cls in self.resolver.classes.lineage(owner.path, owner.key))

    def passes_on(self, owner: Owner, attribute: str) -> bool:
        """Whether an attribute of an object is the connection's: passed on and not its own."""
        lineage = self.resolver.classes.lineage(owner.path, owner.key)
        return self.delegates(owner) and not any(
            attribute in c.methods or attribute in c.attributes for _, c in lineage
        )

    def constructed(self, ref: ClassRef) -> list[str]:
        """The outside classes that a project class derives from."""
        return self.resolver.classes.outside_bases(ref.path, ref.key)


def _gives_back(effect: Effect) -> bool:
    return effect.closes or effect.releases_self or bool(effect.ends)


def _arguments(op: ir.Enter) -> tuple[str, ...]:
    """The dotted names of a manager call's arguments: the classes that `suppress` swallows."""
    return tuple(dotted(a) or "?" for a in op.expr.args) if isinstance(op.expr, Invoke) else ()
