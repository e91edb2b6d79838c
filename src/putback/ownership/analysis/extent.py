"""How long a connection is held, and what leaves the process meanwhile: from the first statement to the end.

A second look at a site, in functions only that can leave the process at all. A state remembers the operation since
which a transaction is open, or the connection held, and the first call outside that was made then. Where that comes to
an end on the same path, the exploration has a defect.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from putback.flow import ir
from putback.flow.solve import Edge, Outcome, explore
from putback.frameworks.external import Sort
from putback.model.lifecycle import Begin, On
from putback.ownership.analysis.domain import CALLERS, Made, Mark, Phase, Since, State
from putback.ownership.analysis.outside import Outside, Station, awaited_in, entered_in, started_in
from putback.ownership.analysis.parts import Carrier
from putback.ownership.analysis.site import Acquisition, Site
from putback.ownership.analysis.transfer import SiteDomain
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.types import FunctionRef

if TYPE_CHECKING:
    from putback.ownership.analysis.analyzer import Analyzer

_CALLERS = Since(None)
"""A caller hands the connection in, and has held it before."""


class Over(NamedTuple):
    """The defect of an extent that ends: since when it was one, and which of the noted calls was in it."""

    since: Since
    made: Made


class Spot(Struct, frozen=True):
    """An operation of a function, which calls `name`: where it stands is looked up when somebody is told of it."""

    unit: tuple[str, str]
    at: int
    name: str


class Out(Struct, frozen=True):
    """A call that leaves the process, through the operations `spots`, and then as `outside` says."""

    spots: tuple[Spot, ...]
    outside: Outside

    @property
    def depth(self) -> int:
        """How many calls that is."""
        return len(self.spots) + len(self.outside.way)

    @property
    def rank(self) -> tuple[int, int]:
        """As that of what it leads to: circles of functions come to rest at the lowest one."""
        return self.outside.sort.rank, self.depth


class _Call(Struct, frozen=True):
    """What a call does while the connection is held: `left` goes outside and leaves the transaction as it is; `over`
    goes outside in the transaction that was open before, which then ends at `end`."""

    left: Out | None = None
    over: Out | None = None
    end: Spot | None = None


class _Held(NamedTuple):
    """An extent, or one that began before the function did."""

    since: Since
    made: int
    out: Out
    end: int | None
    ended: Spot | None
    in_transaction: bool


class Extent(Struct, frozen=True):
    """A transaction open, or a connection held, from operation `since` to operation `end`.

    `made` is the operation of the first call in it that leaves the process, as `out` says. `end` is None where whoever
    called the function ends it; `ended` is where a called function ends it. `in_transaction`: not only a slot is held.
    """

    since: int
    made: int
    out: Out
    end: int | None
    ended: Spot | None
    in_transaction: bool


_NOTHING = _Call()


class _Reached(Struct, frozen=True):
    """What a call reaches: it leaves the process itself, as `sort` says, or runs functions of the project.

    `op` is the call as it is made, perhaps by a thread; `is_direct`: its arguments are those of the functions.
    """

    op: ir.Call
    sort: Sort | None
    callees: Sequence[FunctionRef] = ()
    is_direct: bool = False


class Extents:
    """One run's answers."""

    def __init__(self, analyzer: Analyzer) -> None:
        self.analyzer = analyzer
        self.leaving = analyzer.leaving
        self._found: dict[tuple[str, str, Site, bool], list[Extent]] = {}

    def of(self, unit: Unit, site: Site, is_lent: bool = False) -> list[Extent]:
        """The extents of one connection in which something leaves the process: the long ones first, and in the order of
        the source.

        `is_lent`: whoever called the function gives the connection back right behind it. Callers ask again.
        """
        key = (unit.path, unit.key, site, is_lent)
        if key not in self._found:
            self._found[key] = list(self._search(unit, site, is_lent))
        return self._found[key]

    def _search(self, unit: Unit, site: Site, is_lent: bool) -> Iterable[Extent]:
        if site.kind.lazy and site.kind.autobegin is Begin.NONE:
            return ()  # a subscription: there is no transaction, and waiting is what it is for
        domain = _Domain(self, unit, site, False)
        found = explore(unit.function, domain)
        words: list[tuple[Over, int | None]] = [(d.what, d.at) for d in found.defects if isinstance(d.what, Over)]
        if is_lent:
            normal = [e.state for e in found.endings if e.edge is Edge.NORMAL]
            ended = normal or [e.state for e in found.endings]  # what never returns ends by an exception
            words += [(over, None) for s in ended if domain.is_open(s) and (over := domain.over(s)) is not None]
        first: dict[int, _Held] = {}
        held = (domain.held(what, at) for what, at in words)
        for each in sorted((e for e in held if e.since != _CALLERS), key=_by_place):
            first.setdefault(each.made, each)
        return [_extent(each) for each in first.values()]

    def way(self, out: Out) -> list[Station]:
        """Where the calls stand that lead out of the process, from the one in the function on."""
        return [*map(self.station, out.spots), *out.outside.way]

    def last(self, out: Out) -> Station:
        """The last of them, which leaves it."""
        return out.outside.way[-1] if out.outside.way else self.station(out.spots[-1])

    def station(self, spot: Spot) -> Station:
        """Where an operation stands."""
        unit = self.analyzer.unit(*spot.unit)
        assert unit is not None
        return Station(unit.path, unit.span(spot.at).start.row, spot.name)

    def inside(self, ref: FunctionRef, name: str, acquisition: Acquisition, is_open: bool) -> _Call:
        """What a project function does that has the connection as `name`; `is_open`: a transaction is open."""
        given = acquisition.given(is_pending=True)

        def find() -> _Call:
            unit = self.analyzer.unit(ref.path, ref.key) if self.leaving.made_by(ref) is not None else None
            return self._explored(unit, Site(None, given, name), is_open) if unit is not None else _NOTHING

        return self.analyzer.answers.ask(("inside", ref.path, ref.key, name, given.key, is_open), find, _NOTHING)

    def _explored(self, unit: Unit, site: Site, is_open: bool) -> _Call:
        domain = _Domain(self, unit, site, is_open, is_summary=True)
        found = explore(unit.function, domain)
        ended = (e.state for e in found.endings if e.edge is Edge.NORMAL)
        left = [domain.held(over, None) for s in ended if domain.is_open(s) and (over := domain.over(s)) is not None]
        overs = ((d.what, d.at) for d in found.defects if isinstance(d.what, Over))
        callers = [(domain.held(what, at), domain.spot(at)) for what, at in overs if what.since == _CALLERS]
        nearest = min(callers, key=lambda each: each[0].out.rank, default=None)
        return _Call(
            min((each.out for each in left), key=attrgetter("rank"), default=None),
            nearest[0].out if nearest is not None else None,
            (nearest[0].ended or nearest[1]) if nearest is not None else None,
        )


class _Domain(SiteDomain):
    """Follows one site, and what is outside of the process while it is held; `is_open`: it is handed in that way.

    `is_summary`: callers ask."""

    def __init__(self, extents: Extents, unit: Unit, site: Site, is_open: bool, is_summary: bool = False) -> None:
        lent = Phase.HELD if is_open or not site.kind.lazy else Phase.IDLE
        super().__init__(extents.analyzer, unit, site, lent)
        self.extents = extents
        self.is_given_open = is_open
        self.is_summary = is_summary
        self.made: list[tuple[int, Out, Spot | None, bool]] = []
        self._reached: dict[int, _Reached] = {}
        self.holds_slot = self.kind.pooled and not self.kind.lazy and self._is_waited_for()
        describe = extents.analyzer.call_info
        self.awaited, self.started = awaited_in(unit, describe), started_in(unit, describe)
        self.entered = entered_in(unit)

    def _is_waited_for(self) -> bool:
        """Whether a slot of a pool that others wait for is held from the acquire on, whatever runs on it."""
        return self.kind.autobegin is Begin.NONE or On.CALL not in self.site.acquisition.on

    def initial(self) -> list[State]:
        states = super().initial()
        return [s.with_mark(_CALLERS) if self.is_given_open else s for s in states]

    def is_open(self, state: State) -> bool:
        """Whether a transaction is open, or a slot is held that others wait for.

        One that a failed statement has left broken is not meant: that a handler should end it is another matter.
        """
        if state.lapse is not None and not self.holds_slot:
            return False
        if Mark.AUTOCOMMIT in state.marks or state.phase not in (Phase.HELD, Phase.MANAGED):
            return False
        if self.kind.lazy:
            return state.phase is Phase.HELD or state.opened is not None
        given = self.is_given_open and _CALLERS in state.marks
        return self.holds_slot or state.opened is not None or given

    # -- what operations do

    def step(self, op: ir.Op, state: State) -> Outcome[State]:
        call = self._call(op, state) if isinstance(op, ir.Call) and op.at != self.site.at else _NOTHING
        outcome = super().step(op, state)
        defects: list[Hashable] = list(outcome.defects)
        after = tuple(self._after(op, call, state, each, defects) for each in outcome.after)
        raised = tuple(self._after(op, _NOTHING, state, self._failed(state, each), defects) for each in outcome.raised)
        return Outcome(after, raised, tuple(defects))

    def _after(self, op: ir.Op, call: _Call, before: State, after: State, defects: list[Hashable]) -> State:
        if self.kind.lazy and after.phase is Phase.MANAGED:
            after = replace(after, phase=Phase.IDLE)  # entered: it holds nothing before its first statement
        if before.unmended is CALLERS and after.unmended is None:
            after = after.without_mark(_CALLERS)  # the callers' transaction has ended
        was_open, is_open = self.is_open(before), self.is_open(after)
        if is_open and not was_open:
            after = _without(after).with_mark(Since(op.at))
        if call.over is not None and was_open:
            defects.append(self._over(before, self._note(op.at, call.over, call.end, before)))
        if call.left is not None and (was_open or is_open) and self._is_worse(call.left, _made(after)):
            after = _with_made(after, self._note(op.at, call.left, None, after))
        if was_open and not is_open:
            over = self.over(after) or self.over(before)  # whoever is handed it, here it was held up to now
            defects += [over] if over is not None else []
            after = _without(after)
        return after

    def _is_worse(self, out: Out, made: Made | None) -> bool:
        """Whether a call is to be told of rather than the one before it on the path: that is the first of those that
        take long, as a rule; of what callers are to know the nearest one."""
        if made is None:
            return True
        before = self.made[made.note][1]
        if self.is_summary:
            return out.rank < before.rank
        return before.outside.sort.brief and not out.outside.sort.brief

    def _failed(self, before: State, after: State) -> State:
        """What fails begins no transaction that is waited in: what is done behind it is the handler's affair."""
        if self.is_open(before) or not self.is_open(after) or self.holds_slot:
            return after
        return replace(after, opened=None, phase=Phase.IDLE if self.kind.lazy else after.phase)

    def _note(self, at: int, out: Out, end: Spot | None, state: State) -> Made:
        noted = (at, out, end, self.kind.lazy or state.opened is not None)
        if noted not in self.made:
            self.made.append(noted)
        return Made(self.made.index(noted))

    def _call(self, op: ir.Call, state: State) -> _Call:
        """What a call does outside of the process; nothing if it only makes what somebody else runs."""
        if op.target in self.started or state.phase is Phase.ABSENT:
            return _NOTHING
        reached = self._reached.get(id(op))
        if reached is None:
            reached = self._reached[id(op)] = self._reached_by(op)
        if reached.sort is not None:
            return _Call(left=Out((self.spot(op.at),), Outside(reached.sort, ())))
        for callee in reached.callees:
            found = self._by_callee(reached.op, state, callee, reached.is_direct)
            if found != _NOTHING:
                here = self.spot(op.at, callee.key)
                return _Call(_behind(here, found.left), _behind(here, found.over), found.end)
        return _NOTHING

    def _reached_by(self, op: ir.Call) -> _Reached:
        """What a call reaches, in whatever state: a thread may make it."""
        leaving, scope = self.extents.leaving, self.unit.scope
        run = self.program.run_by(self.unit, op)
        op = run.call if run is not None else op
        call = leaving.run_by(op.expr, scope)
        sort = leaving.sort_of(call, scope, op.target in self.entered)
        if sort is not None:
            return _Reached(op, sort)
        waits = op.awaited or op.target in self.awaited or call is not op.expr
        return _Reached(op, None, leaving.callees(call, scope, waits), call is op.expr)

    def _by_callee(self, op: ir.Call, state: State, callee: FunctionRef, is_direct: bool) -> _Call:
        name = next(self._names(op, state, callee), "") if is_direct else ""
        if name:
            return self.extents.inside(callee, name, self.bare, self.is_open(state))
        outside = self.extents.leaving.made_by(callee) if self.is_open(state) else None
        return _Call(left=Out((), outside)) if outside is not None else _NOTHING

    def _names(self, op: ir.Call, state: State, callee: FunctionRef) -> Iterator[str]:
        """Under which names a called function has the connection."""
        for position, argument in enumerate(op.arguments):
            if argument.value in state.refs:
                yield self.summaries.parameter_for(callee, argument, position)
        part = state.part(op.receiver) if op.receiver else None
        if isinstance(part, Carrier) and part.owner is not None:
            yield self.summaries.own_path(callee, part.owner.attribute)
        for ref in sorted(state.refs):
            if op.receiver and ref.startswith(f"{op.receiver}."):
                yield self.summaries.own_path(callee, ref.removeprefix(f"{op.receiver}."))
        yield from (name for name in self.unit.closures.get(callee.key, ()) if name in state.refs)

    # -- what is told of it

    def spot(self, at: int, name: str = "") -> Spot:
        """An operation as others see it."""
        return Spot((self.unit.path, self.unit.key), at, name)

    def over(self, state: State) -> Over | None:
        """What a state says when its extent ends; None when nothing was outside in it."""
        made = _made(state)
        return self._over(state, made) if made is not None else None

    @staticmethod
    def _over(state: State, made: Made) -> Over:
        return Over(next((mark for mark in state.marks if isinstance(mark, Since)), _CALLERS), made)

    def held(self, over: Over, end: int | None) -> _Held:
        """The extent that a defect tells of."""
        at, out, ended, in_transaction = self.made[over.made.note]
        return _Held(over.since, at, out, end, ended, in_transaction)


def _extent(held: _Held) -> Extent:
    assert held.since.at is not None
    return Extent(held.since.at, held.made, held.out, held.end, held.ended, held.in_transaction)


def _by_place(extent: _Held) -> tuple[bool, int, bool, bool, int]:
    """The first call outside first, those that take long before others; of its ends the one that follows it before
    those of other paths."""
    is_behind = extent.end is not None and extent.end >= extent.made
    return extent.out.outside.sort.brief, extent.made, not is_behind, extent.end is not None, extent.end or 0


def _made(state: State) -> Made | None:
    """Which call has left the process since the extent began, as far as the state remembers one."""
    return next((mark for mark in state.marks if isinstance(mark, Made)), None)


def _with_made(state: State, made: Made) -> State:
    return replace(state, marks=frozenset(m for m in state.marks if not isinstance(m, Made))).with_mark(made)


def _without(state: State) -> State:
    """The state without what it remembers of an extent."""
    return replace(state, marks=frozenset(m for m in state.marks if not isinstance(m, Since | Made)))


def _behind(here: Spot, out: Out | None) -> Out | None:
    return Out((here, *out.spots), out.outside) if out is not None else None
