"""The transfer functions of what borrows the connection: unknown callees, callbacks, generators and their managers.

None of them owns it. What they leave behind may still need it, and a release that comes before would break that.
"""

from __future__ import annotations

from putback.flow import ir
from putback.flow.solve import Outcome
from putback.ownership.analysis import apply_summary as applied
from putback.ownership.analysis import handlers
from putback.ownership.analysis.domain import Phase, State
from putback.ownership.analysis.events import CallInfo, argument_of
from putback.ownership.analysis.following import Following
from putback.ownership.analysis.marks import (
    BORROWERS,
    BOUND,
    BOUND_CLOSE,
    CLOSURE,
    KEPT,
    LATER,
    LENDER,
    MANAGER,
    NEEDING,
    PARTIAL,
    RELEASER,
    RESUMED,
    STREAM,
    THROWN,
)
from putback.ownership.analysis.summary import ManagerEffect
from putback.ownership.resolve.types import FunctionRef

_LAZY = (NEEDING, STREAM)
_GIVEN_BACK = (Phase.RELEASED, Phase.CLOSED)


def kept(state: State, value: ir.Val) -> tuple[str, ...]:
    """The defect of storing something that may need the connection later."""
    return (KEPT,) if state.child_type(value) in _LAZY else ()


def with_child(state: State, value: ir.Val, child: str) -> State:
    """The same with one more value that has to do with the connection."""
    return state._replace(children=state.children | {(value, child)})


# -- unknown callees


def to_unknown(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """The connection goes to somebody unknown: the result may need it, and an object whose method it is may keep it.

    A method of an unknown object that is called as the one which gives this kind back may do just that.
    """
    if info.borrows:
        return domain.may_raise(state, awaited=op.awaited, broke=op.at)
    if info.on_object and op.name in domain.release_names:
        return domain.may_raise(domain.pass_on(state), domain.tried(state), awaited=op.awaited)
    after = with_child(state, op.target, NEEDING)
    outcome = domain.may_raise(after, state, awaited=op.awaited, broke=op.at)
    return outcome._replace(defects=(KEPT,) if info.on_object and op.discarded else ())


def with_borrower(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State] | None:
    """A cursor, a method bound to the connection, or something that may need it later is an argument.

    None when the call does nothing to the connection through it.
    """
    children = [c for a in op.arguments if (c := state.child_type(a.value)) is not None]
    if any(c == BOUND for c in children):
        return callback(domain, op, info, state)
    if any(c.startswith(LENDER) for c in children):
        return _entered_by_stack(domain, op, info, state)
    if any(not c.startswith("<") for c in children):
        return _with_part(domain, op, info, state)
    if info.keeps:
        return Outcome((state,), (), (KEPT,))
    if not any(c in _LAZY for c in children) or info.borrows or info.quiet or info.functions:
        return None
    after = with_child(state, op.target, STREAM if STREAM in children else NEEDING)
    return domain.may_raise(after, state, awaited=op.awaited)


def _with_part(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """A cursor, or another part of the connection, is an argument."""
    used = domain.executed(state, op.at)
    if info.borrows or info.quiet:
        return domain.may_raise(used, awaited=op.awaited, broke=op.at)
    generates = [is_generator(domain, f) for f in info.functions]
    if info.functions and not any(generates):
        return domain.may_raise(used, awaited=op.awaited, broke=op.at)
    after = with_child(used, op.target, STREAM if any(generates) else NEEDING)
    return domain.may_raise(after, used, awaited=op.awaited, broke=op.at)


# -- functions that are called by others


def callback(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """A function that uses the connection is given to somebody, who may call it when this function has ended."""
    if "functools.partial" in info.names:
        return Outcome((with_child(state, op.target, PARTIAL),))
    used = domain.executed(state, op.at)
    if _runs_now(domain, op, info, state):
        return domain.may_raise(used, awaited=op.awaited, broke=op.at)
    after = with_child(used, op.target, NEEDING)
    return domain.may_raise(after, used, awaited=op.awaited, broke=op.at)._replace(defects=(LATER,))


def _runs_now(domain: Following, op: ir.Call, info: CallInfo, state: State) -> bool:
    """Whether who gets a function is known to be done with it at the end of the call."""
    if info.borrows or info.quiet or (op.awaited and (info.waits or domain.program.runs_elsewhere(info))):
        return True
    if not info.functions or info.classes:
        return False
    given = [(p, a) for p, a in enumerate(op.arguments) if _is_callable(state, a.value)]
    effects = [
        e
        for position, argument in given
        for e in domain.summaries.argument_effects(domain.bare, info, argument, position, Phase.HELD)
    ]
    return bool(effects) and not any(e.keeps or e.returns or e.may_keep or e.normal is Phase.PASSED for e in effects)


def _is_callable(state: State, value: ir.Val) -> bool:
    return (state.child_type(value) or "").startswith((CLOSURE, PARTIAL, BOUND))


def partial(domain: Following, op: ir.Call, state: State, position: int) -> Outcome[State]:
    """`functools.partial(function, conn)` does what its function does, when it is called."""
    info = domain.program.partial_info(domain.unit, op)
    argument = op.arguments[position]
    released = info.releases()
    if released is not None:
        rest = ir.Call(op.at, op.target, "", "", "", op.arguments[1:], op.expr)
        is_released = argument_of(rest, released) == argument
        return Outcome((with_child(state, op.target, RELEASER if is_released else PARTIAL),))
    if info.registers or info.keeps or info.takes_over:
        return Outcome((domain.pass_on(state),))
    effects = domain.summaries.argument_effects(domain.bare, info, argument, position - 1, state.phase)
    phases = {e.normal for e in effects}
    if Phase.RELEASED in phases:
        return Outcome((with_child(state, op.target, RELEASER),))
    if Phase.CLOSED in phases:
        return Outcome((with_child(state, op.target, BOUND_CLOSE),))
    return Outcome((domain.pass_on(state) if Phase.PASSED in phases else with_child(state, op.target, PARTIAL),))


# -- generators of the project


def is_generator(domain: Following, function: FunctionRef) -> bool:
    """Whether a function of the project is a generator."""
    info = domain.program.info(function)
    return info is not None and info.is_generator


def generator(domain: Following, op: ir.Call, info: CallInfo, state: State, position: int) -> Outcome[State] | None:
    """The connection goes to a generator of the project, of which nothing runs yet; None for every other callee."""
    made = [f for f in info.functions if is_generator(domain, f)]
    if not made or len(made) < len(info.functions):
        return None
    function = made[0]
    name = domain.summaries.parameter_for(function, op.arguments[position], position + info.given)
    effect = domain.summaries.manager_effect(function, name, domain.bare, Phase.HELD) if name else None
    gives_back = effect is not None and effect.left.normal in _GIVEN_BACK
    definition = domain.program.info(function)
    is_manager = definition is not None and domain.program.resolver.is_manager(definition, function.path)
    if effect is None or not is_manager:
        return Outcome((domain.pass_on(state) if gives_back else with_child(state, op.target, STREAM),))
    if effect.left.normal is Phase.PASSED:
        return Outcome((domain.pass_on(state),))
    mark = MANAGER if gives_back else LENDER
    return Outcome((with_child(state, op.target, f"{mark}{function.path}|{function.key}|{name}"),))


def _manager_effect(domain: Following, state: State, child: str) -> ManagerEffect | None:
    path, key, name = child.removeprefix(MANAGER).removeprefix(LENDER).split("|")
    return domain.summaries.manager_effect(FunctionRef(path, key), name, domain.bare, state.phase)


def enter_manager(domain: Following, op: ir.Enter, state: State, child: str) -> Outcome[State]:
    """Entering a context manager of the project that was given the connection."""
    effect = _manager_effect(domain, state, child)
    if effect is None:
        return domain.may_raise(state, awaited=op.is_async)
    after = state._replace(refs=state.refs | {op.target}) if effect.lends else state
    raised = tuple(domain.raised(applied.in_phase(domain, state, p, op.at), handlers.UNKNOWN) for p in effect.entered)
    return Outcome((after,), raised)


def leave_manager(domain: Following, op: ir.Exit, state: State, child: str) -> Outcome[State]:
    """Leaving it: the generator runs on behind its `yield`, or gets the exception there."""
    effect = _manager_effect(domain, state, child)
    if effect is None:
        return domain.may_raise(state, awaited=op.is_async)
    if op.exceptional:
        return Outcome(tuple(applied.in_phase(domain, state, p, op.at) for p in effect.thrown) or (state,))
    return applied.summarised(domain, op, state, [effect.left])


def _entered_by_stack(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """A context manager that does not give it back goes to an exit stack, or to somebody else."""
    if info.enters:
        return domain.may_raise(state._replace(refs=state.refs | {op.target}), state)
    return domain.may_raise(with_child(state, op.target, NEEDING), state, awaited=op.awaited)


def resumed(domain: Following, state: State) -> tuple[State, State]:
    """The states in which a generator goes on from a `yield`: with an exception, and without one.

    Told apart where the connection was handed in: who summarises the generator wants to know.
    """
    if domain.site.at >= 0:
        return state, state
    before = state.without(RESUMED)
    return with_child(before, RESUMED, THROWN), with_child(before, RESUMED, RESUMED)


def method(domain: Following, op: ir.Call, state: State) -> Outcome[State] | None:
    """A method of something that may need the connection; None for every other object."""
    child = state.child_type(op.receiver) if op.receiver else None
    if child is None or not child.startswith(BORROWERS):
        return None
    return domain.may_raise(of_method(state, op, child), state, awaited=op.awaited)


def of_method(state: State, op: ir.Call, child: str) -> State:
    """The result of a method of an object that may need the connection may need it as well."""
    return with_child(state, op.target, STREAM if child == STREAM else NEEDING)


def called(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """A function that uses the connection, and does not give it back, is called here."""
    generates = any(is_generator(domain, f) for f in info.functions)
    used = domain.executed(state, op.at)
    return domain.may_raise(with_child(used, op.target, STREAM if generates else NEEDING), used, awaited=op.awaited)
