"""Summaries: what calling a function does to a connection that is handed in.

`make` reads a summary off the explored paths of the callee; `ownership.analysis.calls` applies it at the call.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from putback.flow.solve import Edge, Ending, Exploration
from putback.ownership.analysis.defects import Wrong
from putback.ownership.analysis.domain import Mark, Phase, State
from putback.ownership.analysis.parts import LAZY, RESUMED, RETURNED, Carrier, Element, Part, Tie, Typed
from putback.ownership.analysis.unit import Unit


class ParamEffect(Struct, frozen=True):
    """What a function does to one connection it is given.

    `normal` is the phase after a normal return (None: it never returns), `raised` the phases in which it raises;
    `returns`: the result is the connection; `keeps`: the result or the object keeps it without owning it; `rolls_back`:
    no transaction is open afterwards; `undoes`: when a statement in it fails it has rolled back before it raises;
    `is_async`: nothing happens before it is awaited; `attribute` is the attribute of `self` that keeps it ("" none).
    `needing` is what a result is that may need the connection later, as a query does;
    `may_keep`: somebody unknown may keep it, or use it later; `defers`: a session has been given what its next commit
    writes; `reopens`: what is given back already is taken anew in between; `autocommits`: statements open no
    transaction afterwards, on whichever way it returns; `raises_drivers`: all that it raises comes from the driver or
    from data, or is an error of the database.
    """

    normal: Phase | None
    raised: tuple[Phase, ...]
    returns: bool = False
    keeps: bool = False
    rolls_back: bool = False
    undoes: bool = False
    is_async: bool = False
    attribute: str = ""
    needing: Part | None = None
    may_keep: bool = False
    defers: bool = False
    reopens: bool = False
    autocommits: bool = False
    raises_drivers: bool = False


class ManagerEffect(Struct, frozen=True):
    """What a context manager of the project, written as a generator, does to a connection that it is given.

    `entered` are the phases in which it raises before its `yield`, `left` what happens when it is resumed, `thrown` the
    phases after an exception has arrived at its `yield`; `lends`: what it yields is the connection.
    """

    entered: tuple[Phase, ...]
    left: ParamEffect
    thrown: tuple[Phase, ...]
    lends: bool


def borrowed(phase: Phase) -> ParamEffect:
    """The summary of a function that nothing is known of: it uses the connection and may raise."""
    return ParamEffect(phase, (phase,))


def make(found: Exploration[State], phase: Phase, owner_releases: bool, unit: Unit) -> ParamEffect:
    """The summary of an explored function; `owner_releases` says whether what it stores is released by its owner."""
    normal = [e for e in found.endings if e.edge is Edge.NORMAL]
    raised = [e for e in found.endings if e.edge is Edge.RAISED]
    returns = any(_is_returned(e.state) for e in normal)
    stored = any(e.state.phase is Phase.PASSED and not _is_returned(e.state) for e in normal)
    after = _merged(normal, phase, owner_releases) if normal else None
    thrown = tuple(dict.fromkeys(_outcome(e.state, phase, owner_releases) for e in raised))
    if after in (Phase.RELEASED, Phase.CLOSED) and phase in thrown:
        thrown = tuple(Phase.PASSED if t is phase else t for t in thrown)  # a release that fails has been tried
    return ParamEffect(
        normal=after,
        raised=thrown,
        returns=returns,
        keeps=stored,
        rolls_back=bool(normal) and all(e.state.unmended is None for e in normal),
        undoes=any(e.state.unmended is None for e in raised) and all(e.state.broke is None for e in raised),
        is_async=unit.function.is_async,
        attribute=next((name for e in normal for name in _kept_as(unit, e.state)), ""),
        needing=_needing(normal),
        may_keep=any(d.what in (Wrong.KEPT, Wrong.LATER) for d in found.defects),
        defers=any(Mark.UNWRITTEN in e.state.marks for e in normal),
        reopens=phase is Phase.RELEASED and not any(d.what is Wrong.TWICE for d in found.defects),
        autocommits=bool(normal) and all(Mark.AUTOCOMMIT in e.state.marks for e in normal),
    )


def make_manager(found: Exploration[State], phase: Phase, owner_releases: bool, unit: Unit) -> ManagerEffect:
    """The summary of an explored generator that is a context manager."""
    before = [e for e in found.endings if e.edge is Edge.RAISED and e.state.part(RESUMED) is None]
    thrown = [e for e in found.endings if e.state.part(RESUMED) is Tie.THROWN]
    resumed = [e for e in found.endings if e.state.part(RESUMED) is Tie.GOES_ON]
    rest = Exploration(found.arrivals, resumed, found.defects)
    return ManagerEffect(
        tuple(dict.fromkeys(_outcome(e.state, phase, owner_releases) for e in before)),
        make(rest, phase, owner_releases, unit),
        tuple(dict.fromkeys(_outcome(e.state, phase, owner_releases) for e in thrown)),
        any(d.what is Wrong.YIELDED for d in found.defects),
    )


def _needing(endings: Iterable[Ending[State]]) -> Part | None:
    returned = {part for e in endings if (part := e.state.part(RETURNED)) is not None}
    typed = sorted(part.type for part in returned if isinstance(part, Typed))
    lazy = next((tie for tie in reversed(LAZY) if tie in returned), None)
    around = Carrier() if Carrier() in returned else None
    return lazy or (Typed(typed[0]) if typed else around)


def _kept_as(unit: Unit, state: State) -> list[str]:
    """The attributes of the own object that keep it: itself before what was made around it."""
    own = (ref for ref in state.refs if unit.own_attribute(ref))
    return [unit.own_attribute(ref) for ref in sorted(own, key=lambda ref: (state.part(ref) is not None, ref))]


def _is_returned(state: State) -> bool:
    if state.phase is not Phase.PASSED:
        return False
    return RETURNED in state.refs or isinstance(state.part(RETURNED), Element)


def _outcome(state: State, start: Phase, owner_releases: bool) -> Phase:
    if state.phase is Phase.PASSED and (_is_returned(state) or not owner_releases):
        return start
    return state.phase


def _merged(endings: Iterable[Ending[State]], start: Phase, owner_releases: bool) -> Phase:
    """One phase for all normal returns: a release on some path counts as the release."""
    phases = {_outcome(e.state, start, owner_releases) for e in endings}
    for phase in (Phase.RELEASED, Phase.CLOSED, Phase.PASSED, Phase.HELD, Phase.IDLE):
        if phase in phases:
            return phase
    return start
