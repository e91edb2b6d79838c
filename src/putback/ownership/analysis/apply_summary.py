"""Summaries applied at a call: the states after it, normal and raised."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from putback.flow import ir
from putback.flow.names import Name
from putback.flow.solve import Outcome
from putback.model.lifecycle import Twice
from putback.ownership.analysis.defects import Found, Wrong
from putback.ownership.analysis.domain import ACTIVE, Mark, Phase, State
from putback.ownership.analysis.events import CallInfo
from putback.ownership.analysis.following import Following
from putback.ownership.analysis.handlers import CANCELLED, DRIVERS, UNKNOWN
from putback.ownership.analysis.parts import OWNED, Carrier
from putback.ownership.analysis.site import Owner
from putback.ownership.analysis.summary import ParamEffect
from putback.ownership.resolve.types import ClassRef


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
            done = _kept(domain, call, state, done, effect)
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


def _kept(domain: Following, op: ir.Call, before: State, done: State, effect: ParamEffect) -> State:
    """The connection stays with the object that is made, or whose method is called.

    Where this function has made that object it is around the connection from now on. Any other one was there before,
    and may live longer.
    """
    info, unit = domain.program.call_info(domain.unit, op), domain.unit
    keeper = "" if info.classes else _keeper(domain, op, info)
    if not keeper:
        done = done.with_part(op.target, _carrier(info.classes, effect))
        if done.phase is Phase.PASSED and info.classes:
            return replace(done, phase=before.phase, facts=before.facts, marks=before.marks)
        return done
    values = unit.assigned(keeper)
    makers = [domain.program.call_info(unit, made) for v in values if (made := unit.call_of(v)) is not None]
    if makers and len(makers) == len(values) and all(made.classes for made in makers):
        return done.with_part(keeper, _carrier(makers[0].classes, effect))
    after = domain.pass_on(done)
    return after.with_ref(f"{unit.own}.{effect.attribute}") if keeper == unit.own and effect.attribute else after


def _keeper(domain: Following, op: ir.Call, info: CallInfo) -> ir.Val:
    """The object whose method is called: what stands before the dot, the own object in `super().__init__(conn)`, and
    the first argument of `Base.__init__(self, conn)`; "" for what is no method of an object."""
    function = next(iter(info.functions), None)
    known = domain.program.info(function) if function is not None else None
    if function is None or known is None or not known.own or known.is_of_class:
        return ""
    if not function.bound:
        return op.arguments[0].value if op.arguments else ""
    above = domain.unit.call_of(op.receiver)
    return domain.unit.own if above is not None and above.expr.func == Name("super") else op.receiver


def _carrier(classes: Sequence[ClassRef], effect: ParamEffect) -> Carrier:
    """An object around the connection."""
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
