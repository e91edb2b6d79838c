"""The transfer function of calls: the connection, or what owns it, is an argument."""

from __future__ import annotations

from dataclasses import replace

from putback.flow import ir
from putback.flow.solve import Outcome
from putback.model.lifecycle import On, Twice
from putback.ownership.analysis import apply_summary as applied
from putback.ownership.analysis import lending
from putback.ownership.analysis.domain import Phase, State
from putback.ownership.analysis.events import CallInfo, argument_of
from putback.ownership.analysis.following import Following
from putback.ownership.analysis.marks import (
    BORROWING,
    CARRIER,
    CLOSING,
    CLOSURE,
    MANAGER,
    PARTIAL,
    RELEASER,
    TUPLE,
    TWICE,
    UNAWAITED,
)
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
    if info.registers or info.keeps or domain.program.runs_elsewhere(info):
        return Outcome((domain.pass_on(state),))
    if info.enters:
        return Outcome((_entered_by_stack(domain, op, state),))
    if "functools.partial" in info.names:
        return lending.partial(domain, op, state, position)
    if "contextlib.closing" in info.names or "contextlib.aclosing" in info.names:
        return Outcome((state._replace(children=state.children | {(op.target, CLOSING)}),))
    if "contextlib.nullcontext" in info.names:
        return Outcome((state._replace(children=state.children | {(op.target, BORROWING)}),))
    if state.phase is Phase.PENDING:
        return _pending_argument(domain, op, info, state)
    if any(d.effect.keeps is not None and argument_of(op, d.effect.keeps) == argument for d in info.drivers):
        return Outcome((domain.pass_on(state),))
    if (made := lending.generator(domain, op, info, state, position)) is not None:
        return made
    if info.functions or info.classes:
        return _to_project(domain, op, info, state, position)
    used = domain.executed(state, -1) if domain.kind.lazy else state
    if info.constructs:
        used = used._replace(children=used.children | {(op.target, CARRIER)})
        return domain.may_raise(used, awaited=op.awaited, broke=op.at)
    return lending.to_unknown(domain, op, info, used)


def _release(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    effect = next(d.effect for d in info.drivers if d.effect.releases is not None)
    if effect.awaited and not op.awaited and op.discarded:
        return Outcome((domain.tried(state),), (), (UNAWAITED,))
    defects: tuple[str, ...] = ()
    if state.phase is Phase.MANAGED:
        return Outcome((state,), (), (TWICE,) if domain.kind.release_twice is not Twice.HARMLESS else ())
    if state.phase is Phase.RELEASED and domain.kind.release_twice is not Twice.HARMLESS:
        defects = (TWICE,)
    after = domain.released(state)
    if not effect.raises:
        return Outcome((after,), (), defects)
    outcome = domain.may_raise(after, domain.tried(state), awaited=op.awaited)
    return outcome._replace(defects=defects)


def _entered_by_stack(domain: Following, op: ir.Call, state: State) -> State:
    entered = state._replace(refs=state.refs | {op.target})
    return entered if domain.kind.with_.value == "transaction" and state.is_held() else domain.pass_on(entered)


def _pending_argument(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """`await asyncio.wait_for(pool.acquire(), 5)` acquires; anything else may enter it later."""
    if not info.waits or On.AWAIT not in domain.site.acquisition.on:
        return domain.may_raise(domain.pass_on(state), state)
    through = state._replace(refs=frozenset({op.target}))
    return domain.may_raise(domain.acquired(through) if op.awaited else through, state._replace(phase=Phase.ABSENT))


def _to_project(domain: Following, op: ir.Call, info: CallInfo, state: State, position: int) -> Outcome[State]:
    """The connection goes to functions of the project: their summaries say what becomes of it."""
    effects = domain.effects_of(op, info, position, state.phase)
    if not effects:
        used = domain.executed(state, -1) if domain.kind.lazy else state
        if info.classes:
            used = used._replace(children=used.children | {(op.target, CARRIER)})
        return domain.may_raise(used, awaited=op.awaited)
    return applied.summarised(domain, op, state, effects)


def with_owner(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State] | None:
    """An argument that owns the connection: a tuple with it, a bound release, a closure or an object around it.

    None when the call does nothing to the connection through it.
    """
    children = [(a.value, c) for a in op.arguments if (c := state.child_type(a.value)) is not None]
    effects = _owner_effects(domain, op, info, state)
    if effects:
        return applied.summarised(domain, op, state, effects)
    if any(c.startswith((RELEASER, TUPLE)) for _, c in children):
        return Outcome((domain.pass_on(state),))
    closures = [c.removeprefix(CLOSURE) for _, c in children if c.startswith(CLOSURE)]
    if any(domain.closure_releases(key, state) for key in closures):
        return Outcome((domain.pass_on(state),))
    if any(c.startswith((CLOSURE, PARTIAL)) for _, c in children):
        return lending.callback(domain, op, info, state)
    if any(c.startswith(MANAGER) for _, c in children):
        return Outcome((domain.pass_on(state._replace(refs=state.refs | {op.target})),))
    if info.enters and any(c == CLOSING for _, c in children):
        return Outcome((domain.pass_on(state._replace(refs=state.refs | {op.target})),))
    if any(c == CARRIER for _, c in children) and (info.constructs or info.classes or info.keeps):
        after = state if not info.keeps else domain.pass_on(state)
        return domain.may_raise(after._replace(children=after.children | {(op.target, CARRIER)}), state)
    return None


def _owner_effects(domain: Following, op: ir.Call, info: CallInfo, state: State) -> list[ParamEffect]:
    """What project functions do to an object around the connection that they are given."""
    found: list[ParamEffect] = []
    for position, argument in enumerate(op.arguments):
        child = state.child_type(argument.value) or ""
        owner = Owner.decode(child.removeprefix(CARRIER)) if child.startswith(CARRIER) else None
        if owner is not None and info.functions:
            acquisition = replace(domain.site.acquisition, owner=owner)
            found += domain.summaries.argument_effects(acquisition, info, argument, position, state.phase)
    return found
