"""The transfer functions of what borrows the connection: unknown callees, callbacks, generators and their managers.

None of them owns it. What they leave behind may still need it, and a release that comes before would break that.
"""

from __future__ import annotations

from msgspec.structs import replace

from putback.flow import ir
from putback.flow.solve import Outcome
from putback.ownership.analysis import apply_summary as applied
from putback.ownership.analysis import handlers
from putback.ownership.analysis.defects import Wrong
from putback.ownership.analysis.domain import Phase, State
from putback.ownership.analysis.events import CallInfo, argument_of
from putback.ownership.analysis.following import Following
from putback.ownership.analysis.parts import LAZY, RESUMED, Closure, Manager, Part, Tie, Typed, borrows
from putback.ownership.analysis.summary import ManagerEffect
from putback.ownership.resolve.types import FunctionRef

_GIVEN_BACK = (Phase.RELEASED, Phase.CLOSED)


def kept(state: State, value: ir.Val) -> tuple[Wrong, ...]:
    """The defect of storing something that may need the connection later."""
    return (Wrong.KEPT,) if state.part(value) in LAZY else ()


# -- unknown callees


def to_unknown(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """The connection goes to somebody unknown: the result may need it, and an object whose method it is may keep it.

    A method of an unknown object that is called as the one which gives this kind back may do just that.
    """
    if info.borrows:
        return domain.may_raise(state, awaited=op.awaited, broke=op.at)
    if info.on_object and op.name in domain.release_names:
        return domain.may_raise(domain.pass_on(state), domain.tried(state), awaited=op.awaited)
    after = state.with_part(op.target, Tie.NEEDING)
    outcome = domain.may_raise(after, state, awaited=op.awaited, broke=op.at)
    return replace(outcome, defects=(Wrong.KEPT,) if info.on_object and op.discarded else ())


def with_borrower(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State] | None:
    """A cursor, a method bound to the connection, or something that may need it later is an argument.

    None when the call does nothing to the connection through it.
    """
    parts = [p for a in op.arguments if (p := state.part(a.value)) is not None]
    if Tie.BOUND in parts:
        return callback(domain, op, info, state)
    if any(isinstance(p, Manager) and not p.gives_back for p in parts):
        return _entered_by_stack(domain, op, info, state)
    if any(isinstance(p, Typed) for p in parts):
        return _with_part(domain, op, info, state)
    if info.keeps:
        return Outcome((state,), (), (Wrong.KEPT,))
    if not any(p in LAZY for p in parts) or info.borrows or info.quiet or info.functions:
        return None
    after = state.with_part(op.target, Tie.STREAM if Tie.STREAM in parts else Tie.NEEDING)
    return domain.may_raise(after, state, awaited=op.awaited)


def _with_part(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """A cursor, or another part of the connection, is an argument."""
    used = domain.executed(state, op.at)
    if info.borrows or info.quiet:
        return domain.may_raise(used, awaited=op.awaited, broke=op.at)
    generates = [is_generator(domain, f) for f in info.functions]
    if info.functions and not any(generates):
        return domain.may_raise(used, awaited=op.awaited, broke=op.at)
    after = used.with_part(op.target, Tie.STREAM if any(generates) else Tie.NEEDING)
    return domain.may_raise(after, used, awaited=op.awaited, broke=op.at)


# -- functions that are called by others


def callback(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """A function that uses the connection is given to somebody, who may call it when this function has ended."""
    if "functools.partial" in info.names:
        return Outcome((state.with_part(op.target, Tie.PARTIAL),))
    used = domain.executed(state, op.at)
    if _runs_now(domain, op, info, state):
        return domain.may_raise(used, awaited=op.awaited, broke=op.at)
    after = used.with_part(op.target, Tie.NEEDING)
    later = domain.may_raise(after, used, awaited=op.awaited, broke=op.at)
    return replace(later, defects=(Wrong.LATER,))


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
    part = state.part(value)
    return isinstance(part, Closure) or part in (Tie.PARTIAL, Tie.BOUND)


def partial(domain: Following, op: ir.Call, state: State, position: int) -> Outcome[State]:
    """`functools.partial(function, conn)` does what its function does, when it is called."""
    info = domain.program.partial_info(domain.unit, op)
    argument = op.arguments[position]
    released = info.releases()
    if released is not None:
        rest = ir.Call(op.at, op.target, "", "", "", op.arguments[1:], op.expr)
        is_released = argument_of(rest, released) == argument
        return Outcome((state.with_part(op.target, Tie.RELEASER if is_released else Tie.PARTIAL),))
    if info.registers or info.keeps or info.takes_over:
        return Outcome((domain.pass_on(state),))
    effects = domain.summaries.argument_effects(domain.bare, info, argument, position - 1, state.phase)
    phases = {e.normal for e in effects}
    if Phase.RELEASED in phases:
        return Outcome((state.with_part(op.target, Tie.RELEASER),))
    if Phase.CLOSED in phases:
        return Outcome((state.with_part(op.target, Tie.CLOSER),))
    return Outcome((domain.pass_on(state) if Phase.PASSED in phases else state.with_part(op.target, Tie.PARTIAL),))


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
        return Outcome((domain.pass_on(state) if gives_back else state.with_part(op.target, Tie.STREAM),))
    if effect.left.normal is Phase.PASSED:
        return Outcome((domain.pass_on(state),))
    return Outcome((state.with_part(op.target, Manager(function, name, gives_back)),))


def _manager_effect(domain: Following, state: State, manager: Manager) -> ManagerEffect | None:
    return domain.summaries.manager_effect(manager.function, manager.name, domain.bare, state.phase)


def enter_manager(domain: Following, op: ir.Enter, state: State, manager: Manager) -> Outcome[State]:
    """Entering a context manager of the project that was given the connection."""
    effect = _manager_effect(domain, state, manager)
    if effect is None:
        return domain.may_raise(state, awaited=op.is_async)
    after = state.with_ref(op.target) if effect.lends else state
    raised = tuple(domain.raised(applied.in_phase(domain, state, p, op.at), handlers.UNKNOWN) for p in effect.entered)
    return Outcome((after,), raised)


def leave_manager(domain: Following, op: ir.Exit, state: State, manager: Manager) -> Outcome[State]:
    """Leaving it: the generator runs on behind its `yield`, or gets the exception there."""
    effect = _manager_effect(domain, state, manager)
    if effect is None:
        return domain.may_raise(state, awaited=op.is_async)
    if op.exceptional:
        return Outcome(tuple(applied.in_phase(domain, state, p, op.at) for p in effect.thrown) or (state,))
    return applied.summarised(domain, op, state, [effect.left])


def _entered_by_stack(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """A context manager that does not give it back goes to an exit stack, or to somebody else."""
    if info.enters:
        return domain.may_raise(state.with_ref(op.target), state)
    return domain.may_raise(state.with_part(op.target, Tie.NEEDING), state, awaited=op.awaited)


def resumed(domain: Following, state: State) -> tuple[State, State]:
    """The states in which a generator goes on from a `yield`: with an exception, and without one.

    Told apart where the connection was handed in: who summarises the generator wants to know.
    """
    if domain.site.at is not None:
        return state, state
    before = state.without(RESUMED)
    return before.with_part(RESUMED, Tie.THROWN), before.with_part(RESUMED, Tie.GOES_ON)


def method(domain: Following, op: ir.Call, state: State) -> Outcome[State] | None:
    """A method of something that may need the connection; None for every other object."""
    part = state.part(op.receiver) if op.receiver else None
    if not borrows(part):
        return None
    return domain.may_raise(of_method(state, op, part), state, awaited=op.awaited)


def of_method(state: State, op: ir.Call, part: Part | None) -> State:
    """The result of a method of an object that may need the connection may need it as well."""
    return state.with_part(op.target, Tie.STREAM if part is Tie.STREAM else Tie.NEEDING)


def called(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """A function that uses the connection, and does not give it back, is called here."""
    generates = any(is_generator(domain, f) for f in info.functions)
    used = domain.executed(state, op.at)
    return domain.may_raise(
        used.with_part(op.target, Tie.STREAM if generates else Tie.NEEDING), used, awaited=op.awaited
    )
