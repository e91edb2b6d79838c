"""The questions a rule may ask of one acquire in a function, and of the ways that lose its connection."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from putback.drivers.schema import Kind
from putback.flow import ir
from putback.flow.ir import MODULE
from putback.flow.names import Member, Name
from putback.flow.solve import Defect, Edge, Exploration, Node
from putback.model.finding import Confidence
from putback.model.lifecycle import After, Close, On, With
from putback.model.span import Span
from putback.ownership.analysis import guards
from putback.ownership.analysis.asked import IS_NONE
from putback.ownership.analysis.defects import ReadUnbound, UnboundBeside, Wrong
from putback.ownership.analysis.derived import Leaving, Needs
from putback.ownership.analysis.domain import Mark, Phase, State
from putback.ownership.analysis.parts import RETURNED
from putback.ownership.analysis.release_points import ReleasePoints, release_points
from putback.ownership.analysis.retrace import Retraced, retrace
from putback.ownership.analysis.site import Acquisition, Home, Site
from putback.ownership.analysis.transfer import SiteDomain
from putback.ownership.facts.alternatives import is_alternative
from putback.ownership.facts.borrowers import borrowers, held_at_the_end
from putback.ownership.facts.engines import Engines, engines_of_call, engines_of_global
from putback.ownership.facts.evidence import Evidence, Weight
from putback.ownership.facts.leaks import Leak, Leaks
from putback.ownership.facts.pool_facts import Making
from putback.ownership.facts.surroundings import Surroundings
from putback.ownership.facts.users import is_closed_by_users
from putback.ownership.facts.wrong_closes import wrong_closes
from putback.ownership.makers.sharing import Requested
from putback.ownership.resolve.types import FunctionRef
from putback.ownership.sessions.scoped import sessions_of


@dataclass(eq=False)
class SiteFacts:
    """One acquire in a function and what becomes of it."""

    function: Surroundings
    site: Site
    exploration: Exploration[State] = field(repr=False)
    _weights: dict[int, Weight] = field(default_factory=dict, repr=False)

    @property
    def kind(self) -> Kind:
        """What is held."""
        return self.site.kind

    @property
    def acquisition(self) -> Acquisition:
        """How it was acquired."""
        return self.site.acquisition

    @property
    def comes_without_pool(self) -> bool:
        """Whether it is opened for this call alone: who hands it out keeps no connections, or is made for the call."""
        engines = self._engines
        if engines.keep_none or not engines.made:
            return engines.keep_none
        facts = self.function
        called = engines.called_in(facts.unit)
        made = (Making(facts.analyzer, facts.unit, at, facts.display, pool.ends) for at, pool in called.items())
        return bool(called) and all(each.fate.is_over for each in made)

    @property
    def exhausted(self) -> str:
        """The error that users see when the pool has run dry; "" where none is known."""
        return self._engines.exhausted(self.kind.exhausted)

    @cached_property
    def _engines(self) -> Engines:
        """Those that it comes from, also where another function has made it, or a global name leads to it."""
        analyzer, ambient = self.function.analyzer, self.acquisition.ambient
        if self.site.at is not None:
            return engines_of_call(analyzer, self.function.unit, self.site.at)
        origin = analyzer.origin(self.function.unit, self.site)
        if origin is not None and origin[1].at is not None:
            return engines_of_call(analyzer, origin[0], origin[1].at)
        if ambient is not None and ambient.meant is not None and not ambient.rest:
            return engines_of_global(analyzer, ambient.meant)
        return Engines(analyzer, ())

    @property
    def home(self) -> Home:
        """Where it is kept; for the function's own, and for what an annotated parameter lends, that is the caller."""
        return self.acquisition.ambient.home if self.acquisition.ambient is not None else Home.LENT

    @property
    def is_removed_elsewhere(self) -> bool:
        """Whether it is a scoped session that something in the project removes."""
        ambient = self.acquisition.ambient
        if ambient is None or ambient.meant is None or ambient.home is not Home.REGISTRY:
            return False
        return sessions_of(self.function.analyzer).is_removed(ambient.meant)

    @property
    def span(self) -> Span:
        """Where the acquire stands."""
        return self.function.unit.span(self.site.acquired_at)

    @cached_property
    def leaks(self) -> list[Leak]:
        """Every way to leave the function while the connection is held, the plainest first."""
        found = self._ways.all()
        if self.function.is_provider and any(not leak.by_exception for leak in found) and self._is_closed_by_users:
            found = [leak for leak in found if leak.by_exception]
        return sorted(found, key=self._plainness)

    def _plainness(self, leak: Leak) -> tuple[bool, bool, bool, bool, Weight, int]:
        """How plain a way out is, the plainer the lower: a statement of the function is plainer than what something
        may raise, and one that needs a second exception is less so than all others."""
        is_implicit = leak.raised_at is not None and not leak.explicit
        is_raised = leak.raised_at is not None
        return leak.cancelled, is_implicit, is_raised, leak.twice, leak.weight, leak.left_at

    @property
    def _ways(self) -> Leaks:
        """Not kept: it points back here, so that only a search for garbage would find both."""
        return Leaks(
            self.function.unit, self.exploration, self.function.yields, self._weight, self.function.surely_writes
        )

    @property
    def _is_closed_by_users(self) -> bool:
        """Whether those who enter the context manager that lends it close it themselves."""
        unit = self.function.unit
        return is_closed_by_users(self.function.analyzer, FunctionRef(unit.path, unit.key), self.site)

    def is_other_way(self, at: int) -> bool:
        """Whether an operation is what is done in one branch of an `if` that gives the connection back in the other."""
        return is_alternative(self.function.analyzer, self.function.unit, at, self.release_points.releases)

    @cached_property
    def release_points(self) -> ReleasePoints:
        """Where it is released, handed on and lent, and the names that belong to it."""
        return release_points(self.function.analyzer, self.way)

    @cached_property
    def way(self) -> Retraced:
        """What was done to it, operation by operation."""
        domain = SiteDomain(self.function.analyzer, self.function.unit, self.site)
        return retrace(self.function.unit, domain, self.exploration)

    @cached_property
    def leaving(self) -> Leaving:
        """What needs the connection, and where that leaves the function."""
        return self.function.analyzer.known(Needs).of(self.way)

    @cached_property
    def making(self) -> Making | None:
        """The opening of a connection to a server that stands right here, and is no pool's."""
        analyzer, kind = self.function.analyzer, self.kind
        plain = not kind.pooled and not kind.registry and analyzer.catalog.is_server(kind)
        if not plain or self.site.at is None or self.acquisition.through or self.acquisition.indirect:
            return None
        if any(pool.at == self.site.at for pool in self.function.pools):
            return None
        return self.call

    @property
    def call(self) -> Making:
        """The call that acquires."""
        closing = self.function.analyzer.methods_that(self.kind, "release")
        return Making(self.function.analyzer, self.function.unit, self.site.acquired_at, self.function.display, closing)

    @cached_property
    def requested(self) -> tuple[str, Requested] | None:
        """The global, or attribute, that keeps it, and a use of it by requests that no lock keeps apart."""
        unit = self.function.unit
        sets_globals = unit.key == MODULE or (unit.info is not None and bool(unit.info.globals))
        is_constructor = unit.info is not None and bool(unit.info.owner) and unit.info.name == "__init__"
        return self.call.requested if sets_globals or is_constructor else None

    def held_as(self, at: int) -> str:
        """The local name by which the function has it where the block that begins with operation `at` is entered: what
        was worked with by that name is that, whatever an attribute means by then. "" when it has none of its own.
        """
        if self.site.at is not None or self.site.name.isidentifier():
            return self.function.name_of(self.site)
        blocks = self.function.unit.function.blocks
        entered = [n.state for n in self.exploration.arrivals if any(o.at == at for o in blocks[n.block].ops[:1])]
        names = (r for state in entered if state.broke is not None for r in sorted(state.refs))
        return next((r for r in names if r.isidentifier()), "")

    def failing_before(self, handler: int) -> Weight:
        """How far one believes in the statement whose error an `except` clause takes, the weightiest of all.

        Where statements that only read share their `try` with something else that fails more often, the handler is
        there for that, unless it names the database's errors. A session may write what it was given before it reads.
        """
        unit, analyzer = self.function.unit, self.function.analyzer
        blocks = {b.id: b for b in unit.function.blocks if any(o.at == handler for o in b.ops[:1])}
        arrived = [n.state for n in self.exploration.arrivals if n.block in blocks and n.state.broke is not None]
        if not arrived or any(Mark.UNWRITTEN in state.marks for state in arrived):
            return Weight.DATABASE
        weight = min(self._weight(state.broke) for state in arrived if state.broke is not None)
        attempt = analyzer.attempt_at(unit, unit.span(handler).start.row)
        if weight < Weight.READING or self._is_for_database(blocks):
            return Weight.DATABASE
        if attempt is None:
            return weight
        inside = (op.at for op in unit.ops() if isinstance(op, ir.Call) and unit.span(op.at).start.row in attempt.body)
        return Weight.TRIVIAL if any(self._weight(at) in _OTHERS for at in inside) else weight

    def _is_for_database(self, blocks: Collection[int]) -> bool:
        """Whether one of the `except` clauses that begin with these blocks names errors of the database."""
        unit, errors = self.function.unit, self.function.analyzer.errors
        ends = [b.end for b in unit.function.blocks]
        clauses = [c for end in ends if isinstance(end, ir.Dispatch) for c in end.clauses if c.target in blocks]
        return any(errors.names_some(unit, clause.types, self.kind) for clause in clauses)

    def phases_at(self, at: int) -> set[Phase]:
        """What may have become of it where the block that begins with operation `at` is entered."""
        blocks = self.function.unit.function.blocks
        return {n.state.phase for n in self.exploration.arrivals if any(o.at == at for o in blocks[n.block].ops[:1])}

    @property
    def is_released_somewhere(self) -> bool:
        """Whether some path gives it back, rightly or by a wrong close; for a session, whether a
        normal path does, if there is one."""
        if self.kind.lazy:
            every = self.exploration.endings
            phases = {e.state.phase for e in every if e.edge is Edge.NORMAL} or {e.state.phase for e in every}
            return bool(phases & {Phase.RELEASED, Phase.IDLE})
        reached = (n.state.phase for n in self.exploration.arrivals)
        ended = (e.state.phase for e in self.exploration.endings)
        return any(p in (Phase.RELEASED, Phase.CLOSED) for p in (*reached, *ended))

    @property
    def is_passed_on_somewhere(self) -> bool:
        """Whether some normal path hands it to a new owner."""
        return any(e.state.phase is Phase.PASSED and e.edge is Edge.NORMAL for e in self.exploration.endings)

    @property
    def rests_on_with(self) -> bool:
        """Whether all that seems to give it back is a `with` that does not, and no path of this function returns it or
        stores it: what a callee may keep of it is no reason for the `with`."""
        handed = self.release_points.hands_on
        stored = any(op.at in handed and not isinstance(op, ir.Call) for op in self.function.unit.ops())
        is_passed_on = (self.is_handed_out or stored) and not self.has(Wrong.LOST)
        return self.has(Wrong.WITH_KEEPS) and not self.is_released_somewhere and not is_passed_on

    @property
    def is_handed_out(self) -> bool:
        """Whether it is what the function returns where all goes well."""
        return any(RETURNED in e.state.refs and e.edge is Edge.NORMAL for e in self.exploration.endings)

    @property
    def is_async(self) -> bool:
        """Whether it is entered and given back with `async with` and `await`."""
        for ref in self.acquisition.through:
            info = self.function.analyzer.info(ref)
            if info is not None and info.is_generator:
                return info.is_async
        return self.kind.release.startswith("await ")

    @property
    def with_releases(self) -> bool:
        """Whether leaving a `with` on it gives it back."""
        closes = self.kind.with_ is With.CLOSES and self.kind.close in (Close.RETURNS, Close.DESTROYS)
        return On.ENTER in self.acquisition.on or self.kind.with_ is With.RELEASES or closes

    @property
    def opens_with(self) -> bool:
        """Whether a `with` on the call that acquires gives it back, and does nothing else."""
        analyzer, on = self.function.analyzer, self.acquisition.on
        exits = [analyzer.catalog.method(self.kind.type, name) for name in ("__exit__", "__aexit__")]
        ends = any(effect is not None and effect.ends for effect in exits)
        return self.with_releases and not ends and (On.AWAIT not in on or On.ENTER in on)

    @property
    def is_closed_by_with(self) -> bool:
        """Whether a `with` on it gives it back, and nothing loses it."""
        names = guards.aliases(self.function.unit, self.site)
        entered = any(isinstance(op, ir.Enter) and op.manager in names for op in self.function.unit.ops())
        return entered and self.with_releases and not self.leaks

    def releasing_calls(self, name: str) -> list[int]:
        """The calls that would close or give back what variable `name` holds, whether it is held there or not."""
        analyzer, unit = self.function.analyzer, self.function.unit
        found: dict[int, None] = {}
        known = {op.expr for op in unit.ops() if isinstance(op, ir.Call) and op.at in self.release_points.releases}
        for op in unit.ops():
            if isinstance(op, ir.Call) and name:
                effect = analyzer.catalog.method(self.kind.type, op.name) if op.receiver == name else None
                closes = effect is not None and (effect.closes or effect.releases_self)
                given = analyzer.call_info(unit, op).releases() and any(a.value == name for a in op.arguments)
                if closes or given or op.expr in known:
                    found[op.at] = None
        return list(found)

    @property
    def is_used(self) -> bool:
        """Whether a statement has run on it on some path, or a cursor was made."""
        return bool(self.release_points.streams) or any(e.state.opened is not None for e in self.exploration.endings)

    @property
    def unbound_reads(self) -> frozenset[str]:
        """The names that are read while the connection is held, although an error came before they were bound."""
        return frozenset(d.what.name for d in self.exploration.defects if isinstance(d.what, ReadUnbound))

    @property
    def unbound_beside(self) -> frozenset[str]:
        """The other names that a clean-up reads when the acquire has failed, before they were bound."""
        return frozenset(d.what.name for d in self.exploration.defects if isinstance(d.what, UnboundBeside))

    def has(self, wrong: Wrong) -> bool:
        """Whether an operation showed this defect."""
        return any(self.defects(wrong))

    def defects(self, wrong: Wrong) -> Iterator[Defect[State]]:
        """The places that showed this defect."""
        return (defect for defect in self.exploration.defects if defect.what is wrong)

    @property
    def unstacked_at(self) -> int | None:
        """The operation that keeps an exit stack from giving it back, if one does."""
        return next((defect.at for defect in self.defects(Wrong.UNSTACKED)), None)

    @cached_property
    def borrowers(self) -> tuple[str, ...]:
        """Who may still need the connection when the function has ended, in words."""
        return borrowers(self.function.unit, self.exploration)

    @property
    def is_held_at_the_end(self) -> bool:
        """Whether it is still held where all goes well."""
        return bool(held_at_the_end(self.exploration))

    @cached_property
    def wrong_closes(self) -> list[int]:
        """The operations that close the connection where it should be given back, on a path that ends so."""
        return wrong_closes(self.function.analyzer, self.function.unit, self.site, self.exploration)

    @cached_property
    def cached_closed(self) -> str:
        """The attribute that holds a session which the function has closed, when it asks the attribute before it opens
        one: the next call takes the closed one, which opens again. "" when there is none. An error that leaves the
        function may come out of a method that has set it back already, so it does not count.
        """
        if not self.kind.lazy or self.kind.use_after_release is not After.REOPENS:
            return ""
        tests = (b.end.test.key for b in self.function.unit.function.blocks if isinstance(b.end, ir.Branch))
        asked = {key.removesuffix(IS_NONE) for key in tests}
        ended = (e.state for e in self.exploration.endings if e.edge is Edge.NORMAL)
        closed = (state for state in ended if state.phase is Phase.RELEASED)
        kept = dict.fromkeys(r for state in closed for r in sorted(state.refs) if r in asked)
        return next((r for r in kept if self._is_attribute_with_connection(r)), "")

    def _is_attribute_with_connection(self, path: str) -> bool:
        """Whether `self.x` is the connection itself and not an object around it."""
        base, _, name = path.rpartition(".")
        analyzer, scope = self.function.analyzer, self.function.unit.scope
        types = analyzer.resolver.types(Member(Name(base), name), scope) if base else ()
        return any(analyzer.carriers.is_held(t) for t in types)

    @property
    def is_never_bound(self) -> bool:
        """Whether no name holds the connection on any of the leaking ways out."""
        return bool(self.leaks) and not any(leak.named for leak in self.leaks)

    def weight_after_release(self, node: Node[State]) -> Weight:
        """How far one believes what raises, behind the release, on the way to `node`."""
        for reached, arrival in self.exploration.path(node):
            if arrival.edge is Edge.RAISED and reached.state.phase is Phase.RELEASED:
                return self._weight(self._ways.most_believable(reached, arrival))
        return Weight.DATABASE

    def _weight(self, at: int) -> Weight:
        if at not in self._weights:
            function, values = self.function, self.release_points.values
            self._weights[at] = Evidence(function.analyzer, function.unit, self.kind, values).weight_of(at)
        return self._weights[at]


_OTHERS = (Weight.IO, Weight.UNKNOWN)
"""What fails beside the database."""


def confidence_of(site: SiteFacts) -> Confidence:
    """How sure a leak of this site is: less so where states were merged, where only a cancellation or what hardly ever
    fails loses it, and where it is taken for borrowed by code that cannot be seen."""
    leaks = site.leaks
    doubtful = site.exploration.capped or all(leak.cancelled for leak in leaks)
    doubtful = doubtful or all(leak.weight >= Weight.SLIGHT for leak in leaks) or bool(site.borrowers)
    if doubtful:
        return min(site.acquisition.confidence, Confidence.MEDIUM, key=lambda c: c.rank)
    return site.acquisition.confidence
