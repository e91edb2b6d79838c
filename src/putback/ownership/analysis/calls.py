"""The transfer function of calls: the acquire itself, and where a call on the way goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from putback.flow import ir
from putback.flow.names import Member, Name, dotted
from putback.flow.solve import Outcome
from putback.frameworks.idioms import idioms
from putback.model.lifecycle import On
from putback.ownership.analysis import arguments, lending, methods, stacks
from putback.ownership.analysis.defects import Wrong
from putback.ownership.analysis.domain import ACTIVE, Fact, Mark, Phase, State
from putback.ownership.analysis.events import CallInfo
from putback.ownership.analysis.following import Following
from putback.ownership.analysis.guards import takes_what_is_there
from putback.ownership.analysis.handlers import UNKNOWN
from putback.ownership.analysis.parts import OWNED, Carrier, Closure, Element, Tie, Typed

if TYPE_CHECKING:
    from putback.ownership.analysis.site import Acquisition


def call(domain: Following, op: ir.Call, state: State) -> Outcome[State]:
    """What a call does to the followed connection."""
    info = domain.program.call_info(domain.unit, op)
    run = domain.program.run_by(domain.unit, op) if op.at != domain.site.at else None
    is_left = op.awaited and domain.program.abandons(info) and any(_has_it(state, a) for a in op.arguments)
    if run is not None and not (run.call.callee in state.refs or state.has_part(run.call.callee)):
        op, info = run.call, run.info
    found = stacks.registered(domain, op, info, state, _called(domain, op, info, state))
    is_left = is_left and any(after.phase in ACTIVE for after in found.after)
    return replace(found, defects=(*found.defects, Wrong.LATER)) if is_left else found


def _has_it(state: State, argument: ir.Argument) -> bool:
    return argument.value in state.refs or isinstance(state.part(argument.value), (Closure, Typed))


def _called(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    if op.at == domain.site.at:
        return _acquire(domain, op, state)
    if state.phase is Phase.ABSENT:
        return _plain(domain, op, info, state)
    if _is_itself_above(domain, op, state):
        return Outcome((state.with_ref(op.target),))
    if op.receiver and (op.receiver in state.refs or state.has_part(op.receiver)):
        return methods.on_connection(domain, op, info, state)
    if any(d.effect.releases_all for d in info.drivers) and domain.is_of_pool(op):
        return domain.may_raise(domain.pass_on(state), domain.tried(state), op.awaited)
    if (unstacked := stacks.emptied(op, info, state)) is not None:
        return unstacked
    if op.callee in state.refs and domain.kind.registry:  # `Session()` of a scoped session is the session itself
        return Outcome((state.with_ref(op.target),))
    if (listed := _names_listed(domain, op, info, state)) is not None:
        return listed
    known = (
        methods.closure_called(domain, op, info, state)
        or methods.own_method(domain, op, info, state)
        or methods.elsewhere(domain, op, info, state)
    )
    if known is not None:
        return known
    for position, argument in enumerate(op.arguments):
        if argument.value in state.refs:
            return arguments.with_argument(domain, op, info, state, position)
    if any(domain.is_owner(state, a.value) for a in op.arguments):
        return arguments.with_owner(domain, op, info, state) or _plain(domain, op, info, state)
    if any(state.part(a.value) is not None for a in op.arguments):
        return lending.with_borrower(domain, op, info, state) or _plain(domain, op, info, state)
    return _of_borrower(domain, op, info, state) or _plain(domain, op, info, state)


def _of_borrower(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State] | None:
    """A method of something that may need the connection, such as a cursor in a class of the project."""
    found = lending.method(domain, op, state)
    return replace(found, raised=()) if found is not None and _cannot_raise(domain, info, state) else found


def _names_listed(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State] | None:
    """`close_all(locals())`: a function of the project that is given all names may give the connection back by its
    name. What others do with them is known: they read."""
    if not op.arguments and not idioms().functions.listing.isdisjoint(info.names):
        return Outcome((state.with_part(op.target, Tie.NAMES),))
    if not any(state.part(a.value) is Tie.NAMES for a in op.arguments):
        return None
    return Outcome((domain.pass_on(state),)) if info.functions else _plain(domain, op, info, state)


def _is_itself_above(domain: Following, op: ir.Call, state: State) -> bool:
    """Whether this is `super()` in a method of an object that is the connection: the same object."""
    info = domain.unit.info
    is_super = op.expr.func == Name("super") and not op.arguments
    return is_super and info is not None and bool(info.params) and info.params[0].name in state.refs


def _plain(domain: Following, op: ir.Call, info: CallInfo, state: State) -> Outcome[State]:
    """A call that has nothing to do with the connection; what a process holds when it ends is nobody's loss."""
    if info.ends_process:
        return Outcome(())
    if domain.summaries.no_return.is_call(info, op.awaited):
        return replace(domain.may_raise(state, awaited=op.awaited), after=())
    if op.target in domain.pools or _cannot_raise(domain, info, state) or takes_what_is_there(domain.unit, op):
        return Outcome((state,))
    if _makes_what_is_raised(domain, op, info):
        return Outcome((state,))
    return domain.may_raise(state, awaited=op.awaited)


def _cannot_raise(domain: Following, info: CallInfo, state: State) -> bool:
    is_noted = info.keeps and bool(state.exception)  # noting an error in a list is not counted as a second fault
    return is_noted or domain.summaries.cannot_raise(info)


def _makes_what_is_raised(domain: Following, op: ir.Call, info: CallInfo) -> bool:
    """Whether a call makes the exception of a `raise` statement, and runs no code of the project for that: what it is
    raised as says the statement."""
    runs = (c for c in info.classes if domain.program.resolver.classes.has_constructor(c.path, c.key))
    return op.target in domain.raised_values and not info.functions and not any(runs)


def _acquire(domain: Following, op: ir.Call, state: State) -> Outcome[State]:
    acquisition = domain.site.acquisition
    defects = (Wrong.LOST,) if state.is_held() and state.refs else ()
    clean = replace(
        state, refs=frozenset(), parts=frozenset(), opened=None, unmended=None, wrote=None, phase=Phase.ABSENT
    )
    failed = domain.raised(clean, UNKNOWN)
    now = On.CALL in acquisition.on or (On.AWAIT in acquisition.on and op.awaited)
    if acquisition.owner is not None:
        holder = op.receiver if acquisition.itself else op.target
        got = clean.with_ref(OWNED).with_part(holder, Carrier(acquisition.owner))
    elif acquisition.parks:
        got = _parked(op, acquisition, clean)
    elif acquisition.element is not None:
        got = clean.with_part(op.target, Element(acquisition.element, acquisition.beside))
    else:
        got = clean.with_ref(op.receiver if acquisition.itself and now else op.target)
    got = domain.acquired(got) if now else replace(got, phase=Phase.PENDING)
    got = got.with_mark(Mark.AUTOCOMMIT) if acquisition.autocommits else got
    got = _receiver_exists(domain, op, got)
    if not now and op.discarded:
        defects = (*defects, Wrong.UNENTERED)
    after = [got]
    if acquisition.maybe_none:
        after.append(clean.with_fact(op.target, Fact.NONE))
    cannot_fail = _cannot_raise(domain, domain.program.call_info(domain.unit, op), clean)
    return Outcome(tuple(after), () if cannot_fail else (failed,), defects)


def _parked(op: ir.Call, acquisition: Acquisition, clean: State) -> State:
    """An attribute of the object has it, and the result as well if the method returns that."""
    got = clean.with_ref(acquisition.parks)
    if acquisition.element is None:
        return got
    return got.with_part(op.target, Element(acquisition.element, acquisition.beside))


def _receiver_exists(domain: Following, op: ir.Call, state: State) -> State:
    """The pool that has just handed out a connection is not None."""
    if ir.is_local(op.receiver) and op.receiver in domain.guards:
        return state.with_fact(op.receiver, Fact.TRUTHY)
    func = op.expr.func
    path = dotted(func.base) if isinstance(func, Member) else None
    for key, fact in ((f"?{path}", Fact.TRUE), (f"?{path} None", Fact.FALSE)):
        if key in domain.guards:
            state = state.with_fact(key, fact)
    return state
