"""The transfer function of calls: methods of the connection, of what belongs to it, and of objects around it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from putback.drivers.schema import Effect
from putback.flow import ir
from putback.flow.solve import Outcome
from putback.model.lifecycle import After, Twice
from putback.ownership.analysis import apply_summary as applied
from putback.ownership.analysis import lending
from putback.ownership.analysis.autocommit import switched
from putback.ownership.analysis.defects import Found, Wrong
from putback.ownership.analysis.domain import Fact, Mark, Phase, State
from putback.ownership.analysis.events import CallInfo
from putback.ownership.analysis.following import Following
from putback.ownership.analysis.handlers import DRIVERS
from putback.ownership.analysis.parts import Carrier, Closure, Tie, Typed
from putback.ownership.analysis.statements import rolls_all_back, rolls_back
from putback.ownership.analysis.summary import ParamEffect
from putback.ownership.resolve.results import as_called
from putback.ownership.resolve.types import FunctionRef

_HAND_ENTERED = {"__enter__", "__aenter__"}


def on_connection(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """A method of the connection, or of what belongs to it."""
    is_connection = op.receiver in state.refs
    if state.phase is Phase.PENDING and is_connection:
        return _on_pending(domain, op, state)
    part = state.part(op.receiver)
    if not is_connection and isinstance(part, Carrier):
        return _on_owner(domain, op, state, part)
    effect = domain.effect(state, op.receiver, op.name)
    effect = as_called(effect, op.expr) if effect is not None else None
    after = _consumed(state, op)
    kind = domain.kind if is_connection else domain.program.catalog.kind_of(state.part_type(op.receiver))
    off = switched(op.expr, kind, _parameters(domain)) if kind is not None else None
    if off is not None:
        after = after.with_mark(Mark.AUTOCOMMIT) if off else after.without_mark(Mark.AUTOCOMMIT)
    if effect is None and is_connection and (own := _of_own_class(domain, info, state)):
        return applied.summarised(domain, op, state, own)
    if effect is None:
        if state.phase is Phase.RELEASED and _is_fetch(domain, state, op):
            return Outcome((after,), (), (Wrong.AFTER,))
        answered = _answered(domain, op, state, after)
        if answered is not after or (is_connection and not domain.kind.pooled and not op.awaited):
            return Outcome((answered,))
        return domain.may_raise(after, awaited=op.awaited, exception=DRIVERS)
    if effect.awaited and not op.awaited and op.discarded and (effect.closes or effect.releases_self):
        return Outcome((domain.tried(after),), (), (Wrong.UNAWAITED,)) if is_connection else Outcome((after,))
    if effect.reopens and state.phase is Phase.RELEASED and is_connection:
        return domain.may_raise(replace(after, phase=Phase.HELD), domain.tried(after), op.awaited, exception=DRIVERS)
    defects = _misuse(domain, op, effect, state, is_connection)
    after = _applied(domain, op, effect, after, is_connection)
    if effect.itself and part is not None and not is_connection:
        after = after.with_part(op.target, part)
    after = _answered(domain, op, state, after)
    if effect.tells_open:
        return _told_open(op, after)
    only_builds = effect.itself and not effect.executes
    if not effect.raises or only_builds or _is_cleanup(domain, op, effect, state):
        return Outcome((after,), (), defects)
    thrown = _when_raising(domain, op, effect, state, after)
    broke = (effect.executes and not _is_savepoint(domain, effect)) or effect.ends == "commit"
    outcome = domain.may_raise(after, thrown, op.awaited, op.at if broke else None, DRIVERS)
    return replace(outcome, defects=defects)


def _of_own_class(domain: Following, info: CallInfo, state: State) -> list[ParamEffect]:
    """What a method does that a class of the project adds to a driver's: its own object is the connection."""
    found = []
    for function in info.functions:
        definition = domain.program.info(function)
        if function.bound and definition is not None and definition.owner and definition.params:
            own = definition.params[0].name
            found.append(domain.summaries.param_effect(function, own, domain.bare, state.phase))
    return found


def _told_open(op: ir.Call, state: State) -> Outcome[State]:
    """The answer is yes as long as something is to be rolled back; where the caller knows that, no means nothing is."""
    yes = state.with_fact(op.target, Fact.TRUE)
    if state.opened is not None or state.lapse is not None:
        return Outcome((yes,))
    return Outcome((yes, replace(state, unmended=None).with_fact(op.target, Fact.FALSE)))


def _on_owner(domain: Following, op: ir.Call, state: State, carrier: Carrier) -> Outcome[State]:
    """A method of a project object that keeps the connection: its own method's summary, else the connection's."""
    owner = carrier.owner
    if owner is None:
        used = domain.executed(state, None) if domain.kind.lazy else state
        outcome = domain.may_raise(lending.of_method(used, op, carrier), used, awaited=op.awaited)
        return replace(outcome, defects=(Wrong.KEPT,) if op.discarded else ())
    effect = domain.summaries.owner_effect(owner, op.name, domain.bare, state.phase)
    if effect is None:
        method = domain.program.catalog.method(domain.kind.type, op.name)
        if not domain.program.delegates(owner):
            return domain.may_raise(state, awaited=op.awaited)
        if method is None:
            return domain.may_raise(state, awaited=op.awaited, exception=DRIVERS)
        after = _applied(domain, op, method, state, True)
        if state.exception and method.ends == "rollback":
            return Outcome((after,))  # a second fault is not counted
        thrown = _when_raising(domain, op, method, state, after)
        return domain.may_raise(after, thrown, awaited=op.awaited, exception=DRIVERS)
    return applied.summarised(domain, op, state, [effect])


def owner_exit(domain: Following, op: ir.Exit, state: State, manager: Carrier) -> Outcome[State]:
    """Leaving `with` on a project object that keeps the connection, or on `closing()` of one."""
    names = ("close", "aclose") if manager.closes else ("__exit__", "__aexit__")
    owner = manager.owner
    effect = domain.summaries.owner_effect(owner, names[op.is_async], domain.bare, state.phase) if owner else None
    if effect is None:
        return Outcome((domain.pass_on(state) if manager.closes else state,))
    return applied.summarised(domain, op, state, [effect])


def _answered(domain: Following, op: ir.Call, state: State, after: State) -> State:
    """What a method answers by which code asks whether a connection is open, or a transaction that it has begun."""
    is_connection = op.receiver in state.refs
    asked = domain.kind.type if is_connection else state.part_type(op.receiver)
    is_open = state.phase is not Phase.RELEASED if is_connection else state.phase is Phase.HELD
    truth = domain.program.method_truth(asked, op.name) if asked and is_open else None
    return after if truth is None else after.with_fact(op.target, Fact.TRUE if truth else Fact.FALSE)


def _parameters(domain: Following) -> frozenset[str]:
    info = domain.unit.info
    return frozenset(p.name for p in info.params) if info is not None else frozenset()


def _on_pending(domain: Following, op: ir.Call, state: State) -> Outcome[State]:
    """A method of a context manager or awaitable that has not acquired anything yet."""
    if op.name in _HAND_ENTERED or domain.effect(state, op.receiver, op.name) is None:
        return domain.may_raise(domain.pass_on(state), awaited=op.awaited)
    return Outcome((domain.pass_on(state),), (), (Wrong.UNENTERED,))


def own_method(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State] | None:
    """A method of the object whose attribute is the connection: `self.close()`.

    An attribute that the method gives another value, having given back what it had, means that one from here on.
    """
    kept = [r for r in state.refs if op.receiver and r.startswith(f"{op.receiver}.")]
    if not kept or not info.functions:
        return None
    known = {r: _effects_on(domain, info, r.partition(".")[2], state.phase) for r in kept}
    outcome = applied.summarised(domain, op, state, [effect for effects in known.values() for effect in effects])
    rebound = [r for r, effects in known.items() if all(map(_is_replaced, effects))]
    return replace(outcome, after=tuple(_without(after, rebound) for after in outcome.after)) if rebound else outcome


def _is_replaced(effect: ParamEffect) -> bool:
    """Whether a method gives back what an attribute keeps, and leaves nothing of it there."""
    return effect.normal in (Phase.RELEASED, Phase.CLOSED) and not effect.attribute and not effect.returns


def _effects_on(domain: Following, info: CallInfo, attribute: str, phase: Phase) -> list[ParamEffect]:
    """What the functions that are called do to what an attribute of their object keeps."""
    paths = [(f, domain.summaries.own_path(f, attribute)) for f in info.functions]
    return [domain.summaries.param_effect(f, path, domain.bare, phase) for f, path in paths]


def _without(state: State, names: Sequence[str]) -> State:
    for name in names:
        state = state.without(name).rebound(name)
    return state


def elsewhere(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State] | None:
    """A function of the project that knows the same ambient connection by itself."""
    where = domain.site.acquisition.ambient
    if where is None or where.meant is None or not info.functions:
        return None
    spelled = [(f, domain.program.ambients.spelled_in(where, f)) for f in info.functions]
    effects = [domain.summaries.param_effect(f, name, domain.bare, state.phase) for f, name in spelled if name]
    return applied.summarised(domain, op, state, effects) if effects else None


def closure_called(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State] | None:
    """A nested function that captures the connection is called here, by name."""
    part = state.part(op.callee)
    if part in (Tie.RELEASER, Tie.CLOSER) and not op.receiver:
        return Outcome((domain.closed(state) if part is Tie.CLOSER else domain.released(state),))
    if part in (Tie.PARTIAL, Tie.BOUND) and not op.receiver:
        return lending.called(domain, op, info, state)
    keys = [part.key] if isinstance(part, Closure) else []
    inner = [f for f in info.functions if f.key in domain.unit.closures]
    inner += [FunctionRef(domain.unit.path, key) for key in keys if key not in {f.key for f in inner}]
    captured = [(f, n) for f in inner for n in domain.unit.closures[f.key] if n in state.refs]
    if not captured:
        return None
    if any(lending.is_generator(domain, f) for f, _ in captured):
        return Outcome((state.with_part(op.target, Tie.STREAM),))
    effects = [domain.summaries.param_effect(f, name, domain.bare, state.phase) for f, name in captured]
    return applied.summarised(domain, op, state, effects)


def _consumed(state: State, op: ir.Call) -> State:
    """The callee's temporary, and a temporary receiver, are used up; a temporary connection stays held all the same."""
    state = state.without(op.callee) if ir.is_temporary(op.callee) else state
    return state.without(op.receiver) if ir.is_temporary(op.receiver) else state


def _is_savepoint(domain: Following, effect: Effect) -> bool:
    """Whether the call's result is a transaction of its own, so that its failure breaks nothing around it."""
    leaving = domain.program.catalog.method(effect.derives, "__exit__") if effect.derives else None
    return leaving is not None and not leaving.closes


def _is_cleanup(domain: Following, op: ir.Call, effect: Effect, state: State) -> bool:
    """A rollback while an exception is handled, or the close of a cursor.

    A second fault on top of the first is not counted.
    """
    if effect.closes:
        return op.receiver not in state.refs
    return bool(state.exception) and (effect.ends == "rollback" or _undoes(domain, op, effect, state))


def _misuse(domain: Following, op: ir.Call, effect: Effect, state: State, is_connection: bool) -> tuple[Found, ...]:
    kind = domain.kind
    gives_back = effect.closes or effect.releases_self
    if state.phase is Phase.RELEASED and not kind.lazy:
        if gives_back and is_connection:
            return (Wrong.TWICE,) if kind.release_twice is not Twice.HARMLESS else ()
        if gives_back or kind.use_after_release is After.REOPENS:
            return ()
        used = effect.executes or effect.derives or effect.ends or _is_fetch(domain, state, op)
        return (Wrong.AFTER,) if used else ()
    if _undoes(domain, op, effect, state):
        return ()
    commits = effect.ends == "commit"
    return domain.mending(state, commits and not effect.executes) if effect.executes or commits else ()


def _undoes(domain: Following, op: ir.Call, effect: Effect, state: State) -> bool:
    """Whether a handler rolls back to a savepoint, or by a statement of its own: `cur.execute("ROLLBACK TO one")`."""
    if effect.undoes:
        return True
    return effect.executes and state.lapse is not None and rolls_back(domain.unit.text(op.at))


def _is_fetch(domain: Following, state: State, op: ir.Call) -> bool:
    """Whether rows are read from a cursor; results that a library has buffered are no cursors."""
    return op.name in domain.program.catalog.fetching and domain.program.catalog.is_cursor(state.part_type(op.receiver))


def _applied(domain: Following, op: ir.Call, effect: Effect, state: State, is_connection: bool) -> State:
    """The state after the method has done its work."""
    if _undoes(domain, op, effect, state):
        state = replace(state, unmended=None, broke=None)
    if effect.executes and not _has_nothing_to_do(domain, effect, state):
        state = domain.executed(state, op.at)
        state = domain.ended(state, "rollback") if rolls_all_back(domain.unit.text(op.at)) else state
    if effect.defers and domain.kind.lazy:
        state = state.with_mark(Mark.UNWRITTEN)
    if effect.ends:
        state = domain.ended(state, effect.ends)
    if is_connection and effect.listens:
        state = domain.pass_on(state)
    elif is_connection and effect.releases_self:
        state = domain.released(state)
    elif is_connection and effect.idles and state.phase is Phase.HELD:
        state = replace(state, phase=Phase.IDLE, opened=None)
    elif is_connection and effect.closes and state.phase is not Phase.RELEASED:
        state = domain.closed(state)
    if effect.itself:
        owner = op.receiver in state.refs or is_connection
        state = state.with_ref(op.target) if owner else state
    elif effect.derives:
        state = state.with_part(op.target, Typed(effect.derives))
    return state


def _has_nothing_to_do(domain: Following, effect: Effect, state: State) -> bool:
    """Whether a session that was closed, and has been given nothing since, runs no statement for this."""
    is_empty = domain.kind.lazy and state.phase is Phase.RELEASED and Mark.UNWRITTEN not in state.marks
    return is_empty and (effect.flushes or effect.loaded)


def _when_raising(domain: Following, op: ir.Call, effect: Effect, before: State, after: State) -> State:
    """The state when the method raises: a release counts as tried, a failed commit keeps the connection unless the
    driver gives it back with the error."""
    if effect.closes or effect.releases_self or effect.idles:
        return domain.tried(before)
    if domain.kind.ends_on_error and (effect.executes or effect.ends):
        return domain.ended(before, "both")
    if effect.ends == "commit":
        return domain.executed(before, op.at) if Mark.UNWRITTEN in before.marks else before
    if effect.ends:
        return after if domain.kind.lazy else replace(after, phase=before.phase)
    runs = effect.executes and not _has_nothing_to_do(domain, effect, before)
    return replace(domain.executed(before, op.at), wrote=before.wrote) if runs else before
