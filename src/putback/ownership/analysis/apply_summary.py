"""Summaries applied at a call: the states after it, normal and raised."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from putback.flow import ir
from putback.flow.solve import Outcome
from putback.model.lifecycle import Twice
from putback.ownership.analysis.defects import Found, Wrong
from putback.ownership.analysis.domain import ACTIVE, Mark, Phase, State
from putback.ownership.analysis.following import Following
from putback.ownership.analysis.handlers import CANCELLED, DRIVERS, UNKNOWN
from putback.ownership.analysis.parts import OWNED, Carrier
from putback.ownership.analysis.site import Owner
from putback.ownership.analysis.summary import ParamEffect


def summarised(
    domain: Following, op: ir.Call | ir.Exit, state: State, effects: Sequence[ParamEffect]
) -> Outcome[State]:
    """A call that can reach several functions: what each of them does to the connection."""
    after: dict[State, None] = {}
    raised: dict[State, None] = {}
    defects: list[Found] = []
    for effect in effects:
        _by_summary(domain, op, state, effect, after, raised, defects)
    return Outcome(tuple(after), tuple(raised), tuple(defects))


def _by_summary(
    domain: Following,
    op: ir.Call | ir.Exit,
    state: State,
    effect: ParamEffect,
    after: dict[State, None],
    raised: dict[State, None],
    defects: list[Found],
) -> None:
    call = op if isinstance(op, ir.Call) else None
    never_runs = call is not None and call.discarded and not call.awaited and effect.is_async
    if never_runs and effect.normal not in (None, state.phase):
        after[domain.pass_on(state)] = None
        return
    if effect.normal is not None:
        done = in_phase(domain, state, effect.normal, op.at)
        is_again = effect.normal is Phase.RELEASED and state.phase is Phase.RELEASED and not effect.reopens
        if is_again and state.refs != {OWNED} and domain.kind.release_twice is not Twice.HARMLESS:
            defects.append(Wrong.TWICE)
        if effect.rolls_back:
            done = replace(done, opened=None, unmended=None, wrote=None)
        if effect.returns and call is not None:
            done = done.with_ref(call.target)
        elif effect.keeps and domain.is_empty_registry(done):
            done = domain.pass_on(done)
        elif effect.keeps and call is not None:
            done = done.with_part(call.target, _carrier(domain, call, effect))
            if done.phase is Phase.PASSED and domain.program.call_info(domain.unit, call).classes:
                done = replace(done, phase=state.phase, facts=state.facts, marks=state.marks)
        if effect.needing is not None and call is not None and done.phase in (state.phase, *ACTIVE):
            done = done.with_part(call.target, effect.needing)
        if effect.defers and domain.kind.lazy and done.phase in ACTIVE:
            done = done.with_mark(Mark.UNWRITTEN)
        if effect.autocommits:
            done = done.with_mark(Mark.AUTOCOMMIT)
        if effect.may_keep:
            defects.append(Wrong.KEPT)
        after[done] = None
    for phase in effect.raised:
        thrown = in_phase(domain, state, phase, op.at)
        is_broken = thrown.opened is not None and not effect.undoes
        thrown = replace(thrown, broke=op.at if is_broken else None)
        raised[domain.raised(thrown, DRIVERS if effect.raises_drivers else UNKNOWN)] = None
        if call is not None and call.awaited:
            raised[domain.raised(thrown, CANCELLED)] = None


def _carrier(domain: Following, op: ir.Call, effect: ParamEffect) -> Carrier:
    """An object that has just been made around the connection."""
    classes = domain.program.call_info(domain.unit, op).classes
    is_known = bool(classes) and bool(effect.attribute)
    return Carrier(Owner(classes[0].path, classes[0].key, effect.attribute) if is_known else None)


def in_phase(domain: Following, state: State, phase: Phase, at: int) -> State:
    """The state after a function of the project has left the connection in `phase`."""
    match phase:
        case Phase.RELEASED:
            return domain.released(state)
        case Phase.CLOSED:
            return replace(state, phase=Phase.CLOSED, opened=None, unmended=None)
        case Phase.PASSED:
            return domain.pass_on(state)
        case Phase.HELD:
            return domain.executed(state, None) if domain.kind.lazy else state
        case Phase.IDLE if state.phase is Phase.HELD:
            return domain.ended(state, "both")
        case _:
            return state
