"""The transfer function of calls: the connection, or what owns it, is an argument."""

from __future__ import annotations

from msgspec.structs import replace

from putback.flow import ir
from putback.flow.solve import Outcome
from putback.frameworks.idioms import idioms
from putback.model.lifecycle import On, Twice
from putback.ownership.analysis import apply_summary as applied
from putback.ownership.analysis import lending
from putback.ownership.analysis.defects import Wrong
from putback.ownership.analysis.domain import Phase, State
from putback.ownership.analysis.events import CallInfo, argument_of
from putback.ownership.analysis.following import Following
from putback.ownership.analysis.parts import Carrier, Closure, Element, Manager, Tie
from putback.ownership.analysis.site import Owner
from putback.ownership.analysis.summary import ParamEffect


def with_argument(domain: Following, op: ir.Call, info: CallInfo, state: State, position: int) -> Outcome[State]:
    """The connection itself is an argument: it is given back, kept, entered, wrapped or used."""
    argument = op.arguments[position]
    released = info.releases()
    if released is not None and argument_of(op, released) == argument:
        return _release(domain, op, info, state)
    if info.takes_over:
        return Outcome((domain.pass_on(state),))
    if info.quiet:
        return Outcome((state,))
    if info.keeps and not info.registers and op.receiver in domain.hoards:
        return Outcome((state,))
    if info.keeps and not info.registers and op.receiver in domain.lent:
        return Outcome((state,), (), (Wrong.LATER,))
    if info.registers or info.keeps or domain.program.runs_elsewhere(info):
        return Outcome((domain.pass_on(state),))
    if info.enters:
        return Outcome((_entered_by_stack(domain, op, state),))
    if "functools.partial" in info.names:
        return lending.partial(domain, op, state, position)
    if not idioms().functions.closing.isdisjoint(info.names):
        return Outcome((state.with_part(op.target, Tie.CLOSING),))
    if "contextlib.nullcontext" in info.names:
        return Outcome((state.with_part(op.target, Tie.BORROWING),))
    if state.phase is Phase.PENDING:
        return _pending_argument(domain, op, info, state)
    if any(d.effect.keeps is not None and argument_of(op, d.effect.keeps) == argument for d in info.drivers):
        return Outcome((domain.pass_on(state),))
    if (made := lending.generator(domain, op, info, state, position)) is not None:
        return made
    if info.functions or info.classes:
        return _to_project(domain, op, info, state, position)
    if domain.is_empty_registry(state):
        return domain.may_raise(domain.pass_on(state), state, awaited=op.awaited)
    used = domain.executed(state, None) if domain.kind.lazy else state
    if info.constructs:
        used = used.with_part(op.target, Carrier())
        return domain.may_raise(used, awaited=op.awaited, broke=op.at)
    return lending.to_unknown(domain, op, info, used)


def _release(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    effect = next(d.effect for d in info.drivers if d.effect.releases is not None)
    if effect.awaited and not op.awaited and op.discarded:
        return Outcome((domain.tried(state),), (), (Wrong.UNAWAITED,))
    defects: tuple[Wrong, ...] = ()
    if state.phase is Phase.MANAGED:
        return Outcome((state,), (), (Wrong.TWICE,) if domain.kind.release_twice is not Twice.HARMLESS else ())
    if state.phase is Phase.RELEASED and domain.kind.release_twice is not Twice.HARMLESS:
        defects = (Wrong.TWICE,)
    after = domain.released(state)
    if not effect.raises:
        return Outcome((after,), (), defects)
    outcome = domain.may_raise(after, domain.tried(state), awaited=op.awaited)
    return replace(outcome, defects=defects)


def _entered_by_stack(domain: Following, op: ir.Call, state: State) -> State:
    entered = state.with_ref(op.target)
    return entered if domain.kind.with_.value == "transaction" and state.is_held() else domain.pass_on(entered)


def _pending_argument(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """`await asyncio.wait_for(pool.acquire(), 5)` acquires; anything else may enter it later."""
    if not info.waits or On.AWAIT not in domain.site.acquisition.on:
        return domain.may_raise(domain.pass_on(state), state)
    through = replace(state, refs=frozenset({op.target}))
    return domain.may_raise(domain.acquired(through) if op.awaited else through, replace(state, phase=Phase.ABSENT))


def _to_project(domain: Following, op: ir.Call, info: CallInfo, state: State, position: int) -> Outcome[State]:
    """The connection goes to functions of the project: their summaries say what becomes of it."""
    effects = domain.effects_of(op, info, position, state.phase)
    if not effects and domain.is_empty_registry(state):
        return domain.may_raise(domain.pass_on(state), state, awaited=op.awaited)
    if not effects:
        used = domain.executed(state, None) if domain.kind.lazy else state
        if info.classes:
            used = used.with_part(op.target, Carrier())
        return domain.may_raise(used, awaited=op.awaited)
    return applied.summarised(domain, op, state, effects)


def with_owner(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State] | None:
    """An argument that owns the connection: a tuple with it, a bound release, a closure or an object around it.

    None when the call does nothing to the connection through it.
    """
    parts = [p for a in op.arguments if (p := state.part(a.value)) is not None]
    effects = _owner_effects(domain, op, info, state)
    if effects:
        return applied.summarised(domain, op, state, effects)
    closed = next((p for p in parts if isinstance(p, Carrier)), None)
    if closed is not None and not idioms().functions.closing.isdisjoint(info.names):
        return Outcome((state.with_part(op.target, Carrier(closed.owner, closes=True)),))
    if any(isinstance(p, Element) or p in (Tie.RELEASER, Tie.CLOSER) for p in parts):
        return Outcome((domain.pass_on(state),))
    closures = [p.key for p in parts if isinstance(p, Closure)]
    if any(domain.closure_releases(key, state) for key in closures):
        return Outcome((domain.pass_on(state),))
    if closures or Tie.PARTIAL in parts:
        return lending.callback(domain, op, info, state)
    is_managed = any(isinstance(p, Manager) and p.gives_back for p in parts)
    if is_managed or (info.enters and Tie.CLOSING in parts):
        return Outcome((domain.pass_on(state.with_ref(op.target)),))
    if info.keeps and any(isinstance(p, Carrier) for p in parts):
        return Outcome((domain.pass_on(state).with_part(op.target, Carrier()),))
    if Carrier() in parts and (info.constructs or info.classes):
        return domain.may_raise(state.with_part(op.target, Carrier()), state)
    return None


def _owner_effects(domain: Following, op: ir.Call, info: CallInfo, state: State) -> list[ParamEffect]:
    """What project functions do to an object or a tuple around the connection that they are given."""
    found: list[ParamEffect] = []
    for position, argument in enumerate(op.arguments if info.functions else ()):
        match state.part(argument.value):
            case Carrier(owner=Owner() as owner):
                acquisition = replace(domain.bare, owner=owner)
            case Element(index=index, beside=beside):
                acquisition = replace(domain.bare, element=index, beside=beside)
            case _:
                continue
        found += domain.summaries.argument_effects(acquisition, info, argument, position, state.phase)
    return found
