"""The transfer function of calls: acquire, release, hand on, use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from putback.drivers.schema import After, Effect, On, Twice
from putback.flow import ir
from putback.flow.names import Invoke, Member, dotted
from putback.flow.solve import Outcome
from putback.ownership import transfer
from putback.ownership.domain import Fact, Phase, State
from putback.ownership.events import CallInfo, argument_of
from putback.ownership.handlers import CANCELLED, UNKNOWN
from putback.ownership.site import Acquisition, Owner
from putback.ownership.summary import ParamEffect
from putback.ownership.transfer import (
    BORROWING,
    BOUND_CLOSE,
    CARRIER,
    CLOSING,
    CLOSURE,
    OWNED,
    RELEASER,
    TUPLE,
    SiteDomain,
)
from putback.ownership.types import FunctionRef

_HAND_ENTERED = {"__enter__", "__aenter__"}


def call(domain: SiteDomain, op: ir.Call, state: State) -> Outcome[State]:
    """What a call does to the followed connection."""
    info = domain.analyzer.call_info(domain.unit, op)
    if op.at == domain.site.at:
        return _acquire(domain, op, state)
    if state.phase is Phase.ABSENT:
        return _plain(domain, op, info, state)
    if op.receiver and (op.receiver in state.refs or state.child_type(op.receiver) is not None):
        return _on_connection(domain, op, info, state)
    known = _closure_called(domain, op, info, state) or _own_method(domain, op, info, state)
    if known is not None:
        return known
    for position, argument in enumerate(op.arguments):
        if argument.value in state.refs:
            return _with_argument(domain, op, info, state, position)
    if any(domain.is_owner(state, a.value) for a in op.arguments):
        return _with_owner(domain, op, info, state)
    if any(state.child_type(a.value) is not None for a in op.arguments):
        return domain.may_raise(domain.executed(state, op.at), awaited=op.awaited, broke=True)
    return _plain(domain, op, info, state)


def _plain(domain: SiteDomain, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """A call that has nothing to do with the connection; what a process holds when it ends is nobody's loss."""
    if info.ends_process:
        return Outcome(())
    unbound = _release_of_unbound(domain, op, info, state)
    if unbound:
        return Outcome((), (domain._raised(state, "UnboundLocalError"),), (transfer.UNBOUND,))
    if op.target in domain.pools or _cannot_raise(domain, info, state):
        return Outcome((state,))
    return domain.may_raise(state, awaited=op.awaited)


def _cannot_raise(domain: SiteDomain, info: CallInfo, state: State) -> bool:
    if info.quiet or (info.keeps and state.exception):  # noting an error in a list is not counted as a second fault
        return True
    if info.drivers and all(not d.effect.raises for d in info.drivers):
        return True
    return bool(info.functions) and not info.classes and not any(domain.analyzer.may_raise(f) for f in info.functions)


def _release_of_unbound(domain: SiteDomain, op: ir.Call, info: CallInfo, state: State) -> bool:
    """Whether a release reads the connection's name before the acquire has bound it."""
    if state.phase is not Phase.ABSENT or not state.exception:
        return False
    values = [a.value for a in op.arguments] if info.releases() is not None else []
    effect = domain.analyzer.catalog.method(domain.kind.type, op.name)
    if op.receiver and effect is not None and (effect.closes or effect.releases_self):
        values.append(op.receiver)
    return any(state.fact(v) is Fact.UNBOUND for v in values if ir.is_local(v))


# -- acquiring


def _acquire(domain: SiteDomain, op: ir.Call, state: State) -> Outcome[State]:
    acquisition = domain.site.acquisition
    defects = (transfer.LOST,) if state.is_held() and state.refs else ()
    clean = state._replace(refs=frozenset(), children=frozenset(), opened=-1, unmended=-1, phase=Phase.ABSENT)
    failed = domain._raised(clean, UNKNOWN)
    now = On.CALL in acquisition.on or (On.AWAIT in acquisition.on and op.awaited)
    if acquisition.owner is not None:
        child = f"{CARRIER}{acquisition.owner.encode()}"
        got = clean._replace(refs=frozenset({OWNED}), children=frozenset({(op.target, child)}))
    elif acquisition.element is not None:
        got = clean._replace(children=frozenset({(op.target, f"{TUPLE}{acquisition.element}")}))
    else:
        got = clean._replace(refs=frozenset({op.receiver if acquisition.itself and now else op.target}))
    got = domain.acquired(got) if now else got._replace(phase=Phase.PENDING)
    got = _receiver_exists(domain, op, got)
    if not now and op.discarded:
        defects = (*defects, transfer.UNENTERED)
    after = [got]
    if acquisition.maybe_none:
        after.append(clean.with_fact(op.target, Fact.NONE))
    drivers = domain.analyzer.call_info(domain.unit, op).drivers
    cannot_fail = bool(drivers) and all(not d.effect.raises for d in drivers)
    return Outcome(tuple(after), () if cannot_fail else (failed,), defects)


def _receiver_exists(domain: SiteDomain, op: ir.Call, state: State) -> State:
    """The pool that has just handed out a connection is not None."""
    if ir.is_local(op.receiver) and op.receiver in domain.guards:
        return state.with_fact(op.receiver, Fact.TRUTHY)
    func = op.expr.func if isinstance(op.expr, Invoke) else op.expr
    path = dotted(func.base) if isinstance(func, Member) else None
    for key, fact in ((f"?{path}", Fact.TRUE), (f"?{path} None", Fact.FALSE)):
        if key in domain.guards:
            state = state.with_fact(key, fact)
    return state


# -- methods of the connection and of what belongs to it


def _on_connection(domain: SiteDomain, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    is_connection = op.receiver in state.refs
    if state.phase is Phase.PENDING and is_connection:
        return _on_pending(domain, op, state)
    child = state.child_type(op.receiver)
    if not is_connection and child is not None and child.startswith(CARRIER):
        return _on_owner(domain, op, state, child)
    effect = domain.effect(state, op.receiver, op.name)
    after = _consumed(state, op)
    if effect is None:
        if state.phase is Phase.RELEASED and _is_fetch(state, op):
            return Outcome((after,), (), (transfer.AFTER,))
        truth = domain.analyzer.method_truth(domain.kind.type, op.name) if is_connection else None
        if truth is not None and state.phase is not Phase.RELEASED:
            after = after.with_fact(op.target, Fact.TRUE if truth else Fact.FALSE)
        if is_connection and not domain.kind.pooled and not op.awaited:
            return Outcome((after,))
        return domain.may_raise(after, awaited=op.awaited)
    if effect.awaited and not op.awaited and op.discarded and (effect.closes or effect.releases_self):
        return Outcome((domain.tried(after),), (), (transfer.UNAWAITED,)) if is_connection else Outcome((after,))
    defects = _misuse(domain, op, effect, state, is_connection)
    after = _applied(domain, op, effect, after, is_connection)
    truth = domain.analyzer.method_truth(domain.kind.type, op.name) if is_connection else None
    if truth is not None and state.phase is not Phase.RELEASED:
        after = after.with_fact(op.target, Fact.TRUE if truth else Fact.FALSE)
    if not effect.raises or effect.itself or _is_cleanup(effect, state, is_connection):
        return Outcome((after,), (), defects)
    thrown = _when_raising(domain, op, effect, state, after)
    broke = (effect.executes and not _is_savepoint(domain, effect)) or effect.ends == "commit"
    outcome = domain.may_raise(after, thrown, awaited=op.awaited, broke=broke)
    return outcome._replace(defects=defects)


def _is_savepoint(domain: SiteDomain, effect: Effect) -> bool:
    """Whether the call's result is a transaction of its own, so that its failure breaks nothing around it."""
    leaving = domain.analyzer.catalog.method(effect.derives, "__exit__") if effect.derives else None
    return leaving is not None and not leaving.closes


def _is_cleanup(effect: Effect, state: State, is_connection: bool) -> bool:
    """A rollback while an exception is handled, or the close of a cursor.

    A second fault on top of the first is not counted.
    """
    return (effect.ends == "rollback" and bool(state.exception)) or (effect.closes and not is_connection)


def _on_owner(domain: SiteDomain, op: ir.Call, state: State, child: str) -> Outcome[State]:
    """A method of a project object that keeps the connection: its own method's summary, else the connection's."""
    owner = Owner.decode(child.removeprefix(CARRIER))
    if owner is None:
        return domain.may_raise(domain.executed(state, -1) if domain.kind.lazy else state, awaited=op.awaited)
    effect = domain.analyzer.owner_effect(owner, op.name, _unowned(domain), state.phase)
    if effect is None:
        method = domain.analyzer.catalog.method(domain.kind.type, op.name)
        if method is None or not domain.analyzer.delegates(owner):
            return domain.may_raise(state, awaited=op.awaited)
        after = _applied(domain, op, method, state, True)
        return domain.may_raise(after, _when_raising(domain, op, method, state, after), awaited=op.awaited)
    return _summarised(domain, op, state, [effect])


def owner_exit(domain: SiteDomain, op: ir.Exit, state: State, child: str) -> Outcome[State]:
    """Leaving `with` on a project object that keeps the connection."""
    owner = Owner.decode(child.removeprefix(CARRIER))
    name = "__aexit__" if op.is_async else "__exit__"
    effect = domain.analyzer.owner_effect(owner, name, _unowned(domain), state.phase) if owner is not None else None
    return _summarised(domain, op, state, [effect]) if effect is not None else Outcome((state,))


def _summarised(
    domain: SiteDomain, op: ir.Call | ir.Exit, state: State, effects: Sequence[ParamEffect]
) -> Outcome[State]:
    after: dict[State, None] = {}
    raised: dict[State, None] = {}
    defects: list[str] = []
    for effect in effects:
        _by_summary(domain, op, state, effect, after, raised, defects)
    return Outcome(tuple(after), tuple(raised), tuple(defects))


def _on_pending(domain: SiteDomain, op: ir.Call, state: State) -> Outcome[State]:
    """A method of a context manager or awaitable that has not acquired anything yet."""
    if op.name in _HAND_ENTERED or domain.effect(state, op.receiver, op.name) is None:
        return domain.may_raise(domain.pass_on(state), awaited=op.awaited)
    return Outcome((domain.pass_on(state),), (), (transfer.UNENTERED,))


def _consumed(state: State, op: ir.Call) -> State:
    """The callee's temporary, and a temporary receiver, are used up; a temporary connection stays held all the same."""
    state = state.without(op.callee) if ir.is_temporary(op.callee) else state
    return state.without(op.receiver) if ir.is_temporary(op.receiver) else state


def _misuse(domain: SiteDomain, op: ir.Call, effect: Effect, state: State, is_connection: bool) -> tuple[str, ...]:
    kind = domain.kind
    gives_back = effect.closes or effect.releases_self
    if state.phase is Phase.RELEASED and not kind.lazy:
        if gives_back and is_connection:
            return (transfer.TWICE,) if kind.release_twice is not Twice.HARMLESS else ()
        if gives_back or kind.use_after_release is After.REOPENS:
            return ()
        used = effect.executes or effect.derives or effect.ends or _is_fetch(state, op)
        return (transfer.AFTER,) if used else ()
    return domain.mending(state, transfer.UNMENDED_USED) if effect.executes or effect.ends == "commit" else ()


def _is_fetch(state: State, op: ir.Call) -> bool:
    """Whether rows are read from a cursor; results that a library has buffered are no cursors."""
    return op.name.startswith("fetch") and (state.child_type(op.receiver) or "").lower().endswith("cursor")


def _applied(domain: SiteDomain, op: ir.Call, effect: Effect, state: State, is_connection: bool) -> State:
    """The state after the method has done its work."""
    if effect.executes:
        state = domain.executed(state, op.at)
    if effect.ends:
        state = domain.ended(state, effect.ends)
    if is_connection and effect.releases_self:
        state = domain.released(state)
    elif is_connection and effect.closes:
        state = domain.closed(state)
    if effect.itself:
        owner = op.receiver in state.refs or is_connection
        state = state._replace(refs=state.refs | {op.target}) if owner else state
    elif effect.derives:
        state = state._replace(children=state.children | {(op.target, effect.derives)})
    return state


def _when_raising(domain: SiteDomain, op: ir.Call, effect: Effect, before: State, after: State) -> State:
    """The state when the method raises: a release counts as tried, a failed commit keeps the connection."""
    if effect.closes or effect.releases_self:
        return domain.tried(before)
    if effect.ends == "commit":
        return before
    if effect.ends:
        return after if domain.kind.lazy else after._replace(phase=before.phase)
    return domain.executed(before, op.at) if effect.executes else before


# -- the connection as an argument


def _with_argument(domain: SiteDomain, op: ir.Call, info: CallInfo, state: State, position: int) -> Outcome[State]:
    argument = op.arguments[position]
    released = info.releases()
    if released is not None and argument_of(op, released) == argument:
        return _release(domain, op, info, state)
    if info.quiet:
        return Outcome((state,))
    if info.registers or info.keeps or domain.analyzer.runs_elsewhere(info):
        return Outcome((domain.pass_on(state),))
    if info.enters:
        return Outcome((_entered_by_stack(domain, op, state),))
    if "functools.partial" in info.names:
        return Outcome((state._replace(children=state.children | {(op.target, RELEASER)}),))
    if "contextlib.closing" in info.names or "contextlib.aclosing" in info.names:
        return Outcome((state._replace(children=state.children | {(op.target, CLOSING)}),))
    if "contextlib.nullcontext" in info.names:
        return Outcome((state._replace(children=state.children | {(op.target, BORROWING)}),))
    if state.phase is Phase.PENDING:
        return _pending_argument(domain, op, info, state)
    if any(d.effect.keeps is not None and argument_of(op, d.effect.keeps) == argument for d in info.drivers):
        return Outcome((domain.pass_on(state),))
    if info.functions or info.classes:
        return _to_project(domain, op, info, state, position)
    used = domain.executed(state, -1) if domain.kind.lazy else state
    if info.constructs:
        used = used._replace(children=used.children | {(op.target, CARRIER)})
    return domain.may_raise(used, awaited=op.awaited, broke=True)


def _release(domain: SiteDomain, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    effect = next(d.effect for d in info.drivers if d.effect.releases is not None)
    if effect.awaited and not op.awaited and op.discarded:
        return Outcome((domain.tried(state),), (), (transfer.UNAWAITED,))
    defects: tuple[str, ...] = ()
    if state.phase is Phase.MANAGED:
        return Outcome((state,), (), (transfer.TWICE,) if domain.kind.release_twice is not Twice.HARMLESS else ())
    if state.phase is Phase.RELEASED and domain.kind.release_twice is not Twice.HARMLESS:
        defects = (transfer.TWICE,)
    after = domain.released(state)
    if not effect.raises:
        return Outcome((after,), (), defects)
    outcome = domain.may_raise(after, domain.tried(state), awaited=op.awaited)
    return outcome._replace(defects=defects)


def _entered_by_stack(domain: SiteDomain, op: ir.Call, state: State) -> State:
    entered = state._replace(refs=state.refs | {op.target})
    return entered if domain.kind.with_.value == "transaction" and state.is_held() else domain.pass_on(entered)


def _pending_argument(domain: SiteDomain, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """`await asyncio.wait_for(pool.acquire(), 5)` acquires; anything else may enter it later."""
    if not info.waits or On.AWAIT not in domain.site.acquisition.on:
        return domain.may_raise(domain.pass_on(state), state)
    through = state._replace(refs=frozenset({op.target}))
    return domain.may_raise(domain.acquired(through) if op.awaited else through, state._replace(phase=Phase.ABSENT))


def _to_project(domain: SiteDomain, op: ir.Call, info: CallInfo, state: State, position: int) -> Outcome[State]:
    """The connection goes to functions of the project: their summaries say what becomes of it."""
    argument = op.arguments[position]
    effects = domain.analyzer.argument_effects(_unowned(domain), info, argument, position, state.phase)
    if not effects:
        used = domain.executed(state, -1) if domain.kind.lazy else state
        if info.classes:
            used = used._replace(children=used.children | {(op.target, CARRIER)})
        return domain.may_raise(used, awaited=op.awaited)
    return _summarised(domain, op, state, effects)


def _by_summary(
    domain: SiteDomain,
    op: ir.Call | ir.Exit,
    state: State,
    effect: ParamEffect,
    after: dict[State, None],
    raised: dict[State, None],
    defects: list[str],
) -> None:
    call = op if isinstance(op, ir.Call) else None
    never_runs = call is not None and call.discarded and not call.awaited and effect.is_async
    if never_runs and effect.normal not in (None, state.phase):
        after[domain.pass_on(state)] = None
        return
    if effect.normal is not None:
        done = _in_phase(domain, state, effect.normal, op.at)
        is_again = effect.normal is Phase.RELEASED and state.phase is Phase.RELEASED
        if is_again and state.refs != {OWNED} and domain.kind.release_twice is not Twice.HARMLESS:
            defects.append(transfer.TWICE)
        if effect.rolls_back:
            done = done._replace(opened=-1, unmended=-1)
        if effect.returns and call is not None:
            done = done._replace(refs=done.refs | {call.target})
        elif effect.keeps and call is not None:
            done = done._replace(children=done.children | {(call.target, _carrier(domain, call, effect))})
            if done.phase is Phase.PASSED and domain.analyzer.call_info(domain.unit, call).classes:
                done = done._replace(phase=state.phase)
        after[done] = None
    for phase in effect.raised:
        thrown = _in_phase(domain, state, phase, op.at)
        thrown = thrown._replace(broke=thrown.opened >= 0)
        raised[domain._raised(thrown, UNKNOWN)] = None
        if call is not None and call.awaited:
            raised[domain._raised(thrown, CANCELLED)] = None


def _carrier(domain: SiteDomain, op: ir.Call, effect: ParamEffect) -> str:
    """The child type of an object that has just been made around the connection."""
    classes = domain.analyzer.call_info(domain.unit, op).classes
    if not classes or not effect.attribute:
        return CARRIER
    return f"{CARRIER}{Owner(classes[0].path, classes[0].key, effect.attribute).encode()}"


def _in_phase(domain: SiteDomain, state: State, phase: Phase, at: int) -> State:
    match phase:
        case Phase.RELEASED:
            return domain.released(state)
        case Phase.CLOSED:
            return state._replace(phase=Phase.CLOSED, opened=-1, unmended=-1)
        case Phase.PASSED:
            return domain.pass_on(state)
        case Phase.HELD:
            return domain.executed(state, -1) if domain.kind.lazy else state
        case Phase.IDLE if state.phase is Phase.HELD:
            return domain.ended(state, "both")
        case _:
            return state


def _with_owner(domain: SiteDomain, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """An argument that owns the connection: a tuple with it, a bound release, a closure or an object around it."""
    children = [(a.value, c) for a in op.arguments if (c := state.child_type(a.value)) is not None]
    effects = _owner_effects(domain, op, info, state)
    if effects:
        return _summarised(domain, op, state, effects)
    if any(c.startswith((RELEASER, TUPLE)) for _, c in children):
        return Outcome((domain.pass_on(state),))
    closures = [c.removeprefix(CLOSURE) for _, c in children if c.startswith(CLOSURE)]
    if any(domain.analyzer.closure_releases(domain, key, state) for key in closures):
        return Outcome((domain.pass_on(state),))
    if info.enters and any(c == CLOSING for _, c in children):
        return Outcome((domain.pass_on(state._replace(refs=state.refs | {op.target})),))
    if any(c == CARRIER for _, c in children) and (info.constructs or info.classes or info.keeps):
        after = state if not info.keeps else domain.pass_on(state)
        return domain.may_raise(after._replace(children=after.children | {(op.target, CARRIER)}), state)
    return _plain(domain, op, info, state)


def _unowned(domain: SiteDomain) -> Acquisition:
    """The acquisition of the bare connection, whatever object it came in."""
    return replace(domain.site.acquisition, owner=None, element=None)


def _owner_effects(domain: SiteDomain, op: ir.Call, info: CallInfo, state: State) -> list[ParamEffect]:
    """What project functions do to an object around the connection that they are given."""
    found: list[ParamEffect] = []
    for position, argument in enumerate(op.arguments):
        child = state.child_type(argument.value) or ""
        owner = Owner.decode(child.removeprefix(CARRIER)) if child.startswith(CARRIER) else None
        if owner is not None and info.functions:
            acquisition = replace(domain.site.acquisition, owner=owner)
            found += domain.analyzer.argument_effects(acquisition, info, argument, position, state.phase)
    return found


def _own_method(domain: SiteDomain, op: ir.Call, info: CallInfo, state: State) -> Outcome[State] | None:
    """A method of the object whose attribute is the connection: `self.close()`."""
    kept = [r for r in state.refs if op.receiver and r.startswith(f"{op.receiver}.")]
    if not kept or not info.functions:
        return None
    effects = [
        domain.analyzer.param_effect(f, f"self.{r.partition('.')[2]}", _unowned(domain), state.phase)
        for f in info.functions
        for r in kept
    ]
    return _summarised(domain, op, state, effects)


def _closure_called(domain: SiteDomain, op: ir.Call, info: CallInfo, state: State) -> Outcome[State] | None:
    """A nested function that captures the connection is called here, by name."""
    child = state.child_type(op.callee) or ""
    if child.startswith(RELEASER) and not op.receiver:
        return Outcome((domain.closed(state) if child == BOUND_CLOSE else domain.released(state),))
    keys = [child.removeprefix(CLOSURE)] if child.startswith(CLOSURE) else []
    inner = [f for f in info.functions if f.key in domain.unit.closures]
    inner += [FunctionRef(domain.unit.path, key) for key in keys if key not in {f.key for f in inner}]
    captured = [(f, n) for f in inner for n in domain.unit.closures[f.key] if n in state.refs]
    if not captured:
        return None
    effects = [domain.analyzer.param_effect(f, name, _unowned(domain), state.phase) for f, name in captured]
    return _summarised(domain, op, state, effects)
