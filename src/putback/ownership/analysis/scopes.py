"""The transfer functions of `with`, `await`, `yield` and `except`."""

from __future__ import annotations

from msgspec.structs import replace

from putback.flow import ir
from putback.flow.solve import Outcome
from putback.model.lifecycle import After, On, With
from putback.ownership.analysis import handlers, lending, methods
from putback.ownership.analysis.defects import Wrong
from putback.ownership.analysis.domain import ACTIVE, Fact, Phase, State
from putback.ownership.analysis.following import Following
from putback.ownership.analysis.parts import Carrier, Manager, Tie, Typed
from putback.ownership.analysis.site import Home
from putback.ownership.resolve.types import FunctionRef, Object


def await_(domain: Following, op: ir.Await, state: State) -> Outcome[State]:
    """`await` runs what was only made before."""
    before = state
    if op.source in state.refs:
        state = state.without(op.source) if ir.is_temporary(op.source) else state
        state = state.with_ref(op.target)
        if state.phase is Phase.PENDING and On.AWAIT in domain.site.acquisition.on:
            state = domain.acquired(state)
    elif (part := state.part(op.source)) is not None:
        state = state.without(op.source) if ir.is_temporary(op.source) else state
        state = state.with_part(op.target, part)
    return Outcome((state,)) if op.direct else domain.may_raise(state, before, awaited=True)


def enter(domain: Following, op: ir.Enter, state: State) -> Outcome[State]:
    """Entering a `with`."""
    if op.manager in state.refs:
        return _enter_connection(domain, op, state)
    part = state.part(op.manager)
    if part in (Tie.CLOSING, Tie.BORROWING):
        return Outcome((state.with_ref(op.target),))
    if isinstance(part, Manager):
        return lending.enter_manager(domain, op, state, part)
    if part is not None:
        entered = state.with_part(op.target, Carrier(part.owner) if isinstance(part, Carrier) else part)
        raised = handlers.DRIVERS if isinstance(part, Typed) else handlers.UNKNOWN
        return Outcome((entered,)) if isinstance(part, Carrier) else domain.may_raise(entered, state, exception=raised)
    if domain.program.enters_quietly(domain.unit, op) or _is_entered_quietly(domain, op):
        return Outcome((state,))
    return domain.may_raise(_renewed(domain, op, state), awaited=op.is_async)


def _is_entered_quietly(domain: Following, op: ir.Enter) -> bool:
    """Whether the project's own manager does nothing that can raise when it is entered."""
    resolver = domain.program.resolver
    name = "__aenter__" if op.is_async else "__enter__"
    types = resolver.types(op.expr, domain.unit.scope)
    entered = [m for t in types for m in (resolver.member(t, name) if isinstance(t, Object) else ())]
    is_known = bool(types) and all(isinstance(t, Object) for t in types) and bool(entered)
    return is_known and all(isinstance(m, FunctionRef) and not domain.summaries.may_raise(m) for m in entered)


def _renewed(domain: Following, op: ir.Enter | ir.Exit, state: State) -> State:
    """In an application context, and behind it, an extension's session is another one."""
    where = domain.site.acquisition.ambient
    if where is None or where.home is not Home.CONTEXT:
        return state
    is_other = domain.program.app_contexts.opened_by(op.expr, domain.unit.scope)
    return domain.ended(state, "both") if is_other else state


def _enter_connection(domain: Following, op: ir.Enter, state: State) -> Outcome[State]:
    entered = state.with_ref(op.target)
    if state.phase is Phase.PENDING:
        if On.ENTER not in domain.site.acquisition.on:
            return Outcome((domain.pass_on(entered),))
        gone = domain.raised(replace(state, phase=Phase.ABSENT, refs=frozenset()), handlers.UNKNOWN)
        managed = replace(entered, phase=Phase.MANAGED).with_part(_block(op), Tie.MANAGING)
        return Outcome((managed,), (gone,))
    if op.is_async and not domain.program.catalog.is_async(domain.kind):
        return Outcome((domain.pass_on(entered),))  # it cannot be what it is annotated as
    keeps = domain.kind.with_ in (With.TRANSACTION, With.ERROR) and state.is_held()
    return Outcome((entered,), (), (Wrong.WITH_KEEPS,) if keeps else ())


def leave(domain: Following, op: ir.Exit, state: State) -> Outcome[State]:
    """Leaving a `with`."""
    if op.manager in state.refs:
        return _exit_connection(domain, op, state)
    part = state.part(op.manager)
    state = state.without(op.manager)
    if isinstance(part, Manager):
        return lending.leave_manager(domain, op, state, part)
    if isinstance(part, Carrier):
        return methods.owner_exit(domain, op, state, part)
    if part is Tie.CLOSING:
        after = domain.closed(state)
        return Outcome((after,), (), (Wrong.CLOSING_KEEPS,) if after.phase is Phase.CLOSED else ())
    if part is None and domain.is_pool_ended(op):
        return Outcome((domain.pass_on(state),))
    if not isinstance(part, Typed):
        return Outcome((_renewed(domain, op, state),))
    dunder = "__aexit__" if op.is_async else "__exit__"
    effect = domain.program.catalog.method(part.type, dunder) or domain.program.catalog.method(part.type, "__exit__")
    if effect is None or not effect.ends:
        return Outcome((replace(state, broke=None) if effect is not None and op.exceptional else state,))
    unmended = domain.mending(state, commits=True) if not op.exceptional else ()
    after = domain.ended(state, effect.ends)
    if op.exceptional:
        return Outcome((after,))
    return Outcome((after,), (domain.raised(after, handlers.UNKNOWN),), unmended)


def _block(op: ir.Enter | ir.Exit) -> str:
    """The name under which a state knows the `with` that has acquired."""
    return f"<with {op.group}>"


def _exit_connection(domain: Following, op: ir.Exit, state: State) -> Outcome[State]:
    if state.phase is Phase.MANAGED and state.part(_block(op)) is not None:
        left = state.without(_block(op))
        return Outcome((domain.pass_on(left) if domain.site.acquisition.known_before else domain.released(left),))
    match domain.kind.with_:
        case With.RELEASES:
            return Outcome((domain.released(state),))
        case With.CLOSES:
            after = domain.closed(state)
            return Outcome((after,), (), (Wrong.CLOSING_KEEPS,) if after.phase is Phase.CLOSED else ())
        case With.TRANSACTION:
            return _end_transaction(domain, op, state)
        case _:
            return Outcome((state,))


def _end_transaction(domain: Following, op: ir.Exit, state: State) -> Outcome[State]:
    """Leaving a `with` that commits, or rolls back after an error, whose failure is not counted. When the commit fails
    the transaction is over, too."""
    late = state.phase is Phase.RELEASED and domain.kind.use_after_release is not After.REOPENS
    defects = (Wrong.AFTER,) if late else ()
    after = replace(state, opened=None, unmended=None, wrote=None)
    if op.exceptional:
        return Outcome((after,), (), defects)
    unmended = domain.mending(state, commits=True)
    return Outcome((after,), (domain.raised(after, handlers.UNKNOWN),), (*defects, *unmended))


def next_item(domain: Following, op: ir.Next, state: State) -> Outcome[State]:
    """The next step of a loop; a query runs when somebody asks for its rows."""
    effect = domain.effect(state, op.source, "__aiter__" if op.is_async else "__iter__")
    if effect is None or not effect.executes:
        is_its = op.source in state.refs or bool(state.part_type(op.source))
        raised = handlers.DRIVERS if is_its else domain.raised_by_reading(op.source)
        return domain.may_raise(state, awaited=op.is_async, exception=raised)
    return domain.may_raise(domain.executed(state, op.at), None, op.is_async, op.at, handlers.DRIVERS)


def yield_(domain: Following, op: ir.Yield, state: State) -> Outcome[State]:
    """Whoever resumes the generator has the connection meanwhile."""
    if op.delegate or state.phase is Phase.ABSENT:
        return domain.may_raise(state)
    is_lent = op.source in state.refs and state.phase is not Phase.PENDING
    defects = (Wrong.YIELDED,) if is_lent else lending.kept(state, op.source)
    if is_lent and state.phase is Phase.IDLE:
        state = replace(state, phase=Phase.HELD)  # whoever gets the session runs statements on it
    thrown, state = lending.resumed(domain, state)
    raised = tuple(domain.raised(thrown, e) for e in domain.program.thrown_at_yield(domain.unit))
    return Outcome((state,), raised, defects)


def catch(domain: Following, op: ir.Catch, state: State) -> Outcome[State]:
    """The start of a handler: from here on a rollback is due if a statement has failed.

    Of an error that one handler has passed on, the next one has to see to it.
    """
    if op.name:
        state = state.without(op.name).rebound(op.name)
        state = state.with_fact(op.name, Fact.TRUTHY) if op.name in domain.guards else state
    if state.broke is not None and state.opened is not None and state.phase in ACTIVE:
        state = replace(state, unmended=op.at, harm=domain.harm(state, op))
    return Outcome((state,))


def end_catch(domain: Following, op: ir.EndCatch, state: State) -> Outcome[State]:
    """The end of a handler: no exception is in flight."""
    return Outcome((state.handled(),))
