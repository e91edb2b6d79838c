"""Which calls acquire: by a driver table, or by a project function whose summary hands a connection out.

Also those that make an object which takes a connection for itself: `acquire_kept`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from putback.drivers.catalog import Catalog
from putback.drivers.schema import Effect, Kind
from putback.flow import ir
from putback.flow.ir import Val
from putback.flow.names import Invoke, Literal, Name
from putback.flow.solve import Edge, Exploration
from putback.model.finding import Confidence
from putback.model.lifecycle import Gc, On
from putback.ownership.analysis import autocommit, guards
from putback.ownership.analysis.acquire_kept import is_owed, is_own, taken_by_making, taken_by_method
from putback.ownership.analysis.binds import Written, is_configured, is_lent, told, works_on_held
from putback.ownership.analysis.defects import Wrong
from putback.ownership.analysis.domain import Fact, Mark, Phase, State
from putback.ownership.analysis.events import CallInfo, DriverCall, describe
from putback.ownership.analysis.parts import RETURNED, Carrier, Element, Tie
from putback.ownership.analysis.program import Program
from putback.ownership.analysis.site import Acquisition, Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.given import called_parameter
from putback.ownership.resolve.known_before import may_return_known
from putback.ownership.resolve.types import (
    GUESSED,
    NOTHING,
    ClassRef,
    FunctionRef,
    Later,
    Method,
    Provider,
    Symbol,
)

_DEEPEST = 4


def acquisition(program: Program, unit: Unit, op: ir.Call) -> Acquisition | None:
    """What this call acquires for its caller, or None."""
    call = Written(op.expr, unit.scope)
    own = FunctionRef(unit.path, unit.key)  # what it hands to itself it has taken elsewhere
    found = _by_all(program, unit, op, call, program.call_info(unit, op))
    return _merged([each for each in found if own not in each.through])


def _by_all(program: Program, unit: Unit, op: ir.Call, call: Written, info: CallInfo) -> list[Acquisition]:
    found = [*_by_callee(program, unit, op, call, info), *_by_others(program, unit, op, call)]
    if unit.info is None or call.scope != unit.scope:
        return found
    parameter = called_parameter(call.expr, unit.info)
    return [replace(each, made_by=parameter) for each in found] if parameter else found


def _by_callee(program: Program, unit: Unit, op: ir.Call, call: Written, info: CallInfo) -> list[Acquisition]:
    found: list[Acquisition] = []
    for driver_call in info.drivers:
        found += _by_driver(program, unit, op, call, driver_call)
    for cls in info.classes:
        for base in program.constructed(cls):
            spec = program.catalog.type(base)
            if spec is not None and spec.init.acquires:
                made = _constructed_by(program, cls, call)
                found += _by_driver(program, unit, op, made, DriverCall(spec.init, None))
        if call.is_here:
            found += taken_by_making(program, unit, op, cls)
    for function in info.functions:
        handed = _handed(program, unit, op, call, function)
        found += (a for a in handed if not a.keeper or (call.is_here and is_owed(program, unit, op.target, a)))
        if call.is_here and op.receiver:
            found += taken_by_method(program, unit, op, function)
    return found


def _handed(program: Program, unit: Unit, op: ir.Call, call: Written, function: FunctionRef) -> Iterator[Acquisition]:
    """What a project function hands to this caller: of what a function makes that it is given, this caller's own."""
    for each in program.summaries.returns(function):
        given = program.resolver.results.passed(function, call.expr, each.made_by) if each.made_by else None
        if given is None:
            yield replace(each, made_by="")
        elif call.depth < _DEEPEST:
            made = _elsewhere(program, unit, op, Written(Invoke(given), call.scope, call.depth + 1))
            own = _merged([a for a in made if a.kind in each.kinds])
            if own is not None:
                through = (*each.through[:1], *own.through)
                yield replace(each, kinds=own.kinds, through=through, confidence=own.confidence, made_by=own.made_by)


def _constructed_by(program: Program, cls: ClassRef, call: Written) -> Written:
    """The call that makes an object what its driver's class makes it: `super().__init__(bind)`, if it has one."""
    homes = program.resolver.classes.lineage(cls.path, cls.key)
    init = next((FunctionRef(m.path, c.methods["__init__"]) for m, c in homes if "__init__" in c.methods), None)
    unit = program.unit(init.path, init.key) if init is not None else None
    for op in unit.ops() if unit is not None else ():
        if isinstance(op, ir.Call) and op.name == "__init__" and unit is not None:
            return Written(op.expr, unit.scope, call.depth + 1)
    return call


def _by_others(program: Program, unit: Unit, op: ir.Call, call: Written) -> Iterator[Acquisition]:
    """What a lambda acquires, and what a function acquires that is called in a thread."""
    callees = program.resolver.types(call.expr.func, call.scope) if call.depth < _DEEPEST else NOTHING
    for callee in callees:
        if isinstance(callee, Symbol) and call.is_here and unit.info is not None:
            kind = program.ambients.of_registry(callee.name)
            if kind is not None and not is_lent(program.resolver, program.catalog, list(unit.ops()), op, call):
                # nobody but this function has it: its sessions go with it
                yield Acquisition((replace(kind, gc=Gc.CYCLIC),))
        is_kept = isinstance(callee, Provider) and callee.kept
        if isinstance(callee, (Later, Provider)) and isinstance(callee.value, Invoke) and not is_kept:
            inner = Written(callee.value, callee.scope, call.depth + 1)
            yield from (replace(made, indirect=True) for made in _elsewhere(program, unit, op, inner))
        run = program.resolver.results.run_for(callee, call.expr) if isinstance(callee, (Symbol, Method)) else None
        if run is not None and not op.discarded:
            for made in _elsewhere(program, unit, op, Written(run, call.scope, call.depth + 1)):
                if On.CALL in made.on:
                    yield replace(made, on=(On.AWAIT,), indirect=True)


def _elsewhere(program: Program, unit: Unit, op: ir.Call, call: Written) -> list[Acquisition]:
    info = describe(call.expr, call.scope, program.resolver)
    return _by_all(program, unit, op, call, info)


def _by_driver(program: Program, unit: Unit, op: ir.Call, written: Written, call: DriverCall) -> Iterator[Acquisition]:
    effect = call.effect
    is_elsewhere = not written.is_here or not ir.is_local(op.receiver) or is_own(unit, op.receiver)
    if not effect.acquires or (effect.itself and is_elsewhere) or _is_deferred(written.expr, effect):
        return
    resolver, catalog = program.resolver, program.catalog
    bind = told(resolver, op, written, effect)
    if works_on_held(resolver, catalog, op, written, effect):
        return
    if effect.bound and is_configured(resolver, catalog, list(unit.ops()), op.callee, unit.scope):
        return
    kind = program.catalog.kind(program.resolver.results.kind_id(effect, written.expr, call.owner, written.scope))
    if not kind.registry:
        guessed = call.owner is not None and call.owner.flags >= GUESSED
        confidence = Confidence.LOW if bind == NOTHING else Confidence.MEDIUM if guessed else Confidence.HIGH
        autocommits = (
            autocommit.is_made_with(written.expr, kind)
            or autocommit.is_of_pool([call.owner] if bind is None else bind, kind)
            or (written.is_here and bool(kind.autocommit) and autocommit.is_unpacked(op, unit.ops(), kind))
        )
        yield Acquisition(
            (kind,),
            effect.on,
            confidence=confidence,
            itself=effect.itself,
            autocommits=autocommits,
            may_be_shared=guessed and _is_used_as_registry(catalog, call),
        )


def _is_used_as_registry(catalog: Catalog, call: DriverCall) -> bool:
    """Whether an object that is called as this one may be a registry as well, which hands out what others have."""
    spec = catalog.type(call.owner.name) if call.owner is not None else None
    if spec is None or spec.call is not call.effect:
        return False
    driver = catalog.drivers[catalog.kind(call.effect.acquires).driver]
    called = (each.call for each in driver.types.values())
    return any(each is not None and each.acquires and catalog.kind(each.acquires).registry for each in called)


def _is_deferred(call: Invoke, effect: Effect) -> bool:
    """Whether an argument keeps a call from connecting, as far as one sees."""
    given = call.keyword(effect.deferred_by) if effect.deferred_by else None
    return given is not None and not (isinstance(given, Literal) and not given.value)


def _merged(found: list[Acquisition]) -> Acquisition | None:
    """One acquisition for all that a call may hand out; several kinds lower the confidence.

    `found` comes from sets, in any order: the answer must not depend on it.
    """
    if not found:
        return None
    found = sorted(found, key=lambda a: (not a.kind.pooled, a.kind.id))
    kinds: dict[str, Kind] = {k.id: k for a in found for k in a.kinds}
    ordered = tuple(sorted(kinds.values(), key=lambda k: (not k.pooled, k.id)))
    maybe_none, autocommits = any(a.maybe_none for a in found), all(a.autocommits for a in found)
    merged = replace(found[0], maybe_none=maybe_none, autocommits=autocommits)
    return merged if len(kinds) == 1 else replace(merged, kinds=ordered, confidence=Confidence.MEDIUM)


def returned(program: Program, unit: Unit, ref: FunctionRef) -> Iterator[Acquisition]:
    """What calling the function of `unit` hands to its caller. Of what differs by its way alone, the shortest way
    counts: in a circle of functions the ways would not come to rest."""
    shortest: dict[Acquisition, Acquisition] = {}
    for each in _every_returned(program, unit, ref):
        bare = replace(each, through=())
        if bare not in shortest or len(each.through) < len(shortest[bare].through):
            shortest[bare] = each
    yield from shortest.values()


def _every_returned(program: Program, unit: Unit, ref: FunctionRef) -> Iterator[Acquisition]:
    if not _may_hand_out(program, unit):
        return
    is_manager = unit.info is not None and program.resolver.is_manager(unit.info, unit.path)
    if unit.function.is_generator and not is_manager:
        return
    for site in program.sites(unit):
        found = program.explore(unit, site)
        if is_manager:
            if any(d.what is Wrong.YIELDED for d in found.defects):
                made = _through(site.acquisition, ref, (On.ENTER,), generator=True)
                kept = made.known_before or _is_kept(found)
                yield replace(made, autocommits=_is_switched(made, found), known_before=kept)
        else:
            yield from _returned_site(program, unit, site, found, ref)


def _may_hand_out(program: Program, unit: Unit) -> bool:
    return unit.info is None or bool(unit.info.returns) or unit.function.is_generator


def _returned_site(
    program: Program, unit: Unit, site: Site, found: Exploration[State], ref: FunctionRef
) -> Iterator[Acquisition]:
    normal = [e.state for e in found.endings if e.edge is Edge.NORMAL]
    handed = [s for s in normal if RETURNED in s.refs or isinstance(s.part(RETURNED), (Carrier, Element))]
    if not handed or any(s.part(RETURNED) == Carrier() for s in handed):
        return
    if any(s.phase is Phase.PASSED and s not in handed for s in normal) and _returns_nothing_else(unit, site):
        return  # where that can be, somebody else has it besides the caller, and sees to it
    parts = [s.part(RETURNED) for s in handed]
    owners = (p.owner for p in parts if isinstance(p, Carrier) and p.owner is not None)
    owner = min(owners, default=site.acquisition.owner)
    tuples = [p for p in parts if isinstance(p, Element)]
    element = min(p.index for p in tuples) if len(tuples) == len(handed) else None
    known_before = may_return_known(program.carriers, ref, element)
    pending = all(s.phase is Phase.PENDING for s in handed)
    on = site.acquisition.on if pending else (On.AWAIT,) if unit.function.is_async else (On.CALL,)
    made = _through(site.acquisition, ref, on, generator=site.acquisition.generator and pending)
    yield replace(
        made,
        element=element,
        beside=_agreed(tuples) if element is not None else (),
        maybe_none=any(s.fact(RETURNED) is Fact.NONE for s in normal),
        owner=owner,
        confidence=_sureness(unit, made, known_before),
        known_before=made.known_before or known_before,
        closed_by=ref if any(s.part(RETURNED) is Tie.RETURNED_CLOSED for s in handed) else made.closed_by,
        autocommits=_is_switched(made, found),
    )


def _agreed(tuples: Sequence[Element]) -> tuple[tuple[int, Val], ...]:
    """The constants that all of these tuples have at the same places."""
    return tuple(each for each in tuples[0].beside if all(each in other.beside for other in tuples))


def _returns_nothing_else(unit: Unit, site: Site) -> bool:
    """Whether whatever the function returns, on all ways, is what it has acquired here."""
    names = guards.aliases(unit, site)
    values = unit.info.returns if unit.info is not None else ()
    return all(isinstance(value, Name) and value.id in names for value in values)


def _is_kept(found: Exploration[State]) -> bool:
    """Whether the connection that a context manager lends stays with somebody else at its end."""
    phases = {e.state.phase for e in found.endings if e.edge is Edge.NORMAL}
    return phases - {Phase.ABSENT} == {Phase.PASSED}


def _is_switched(made: Acquisition, found: Exploration[State]) -> bool:
    """Whether its transactions are off by the time that the caller has it."""
    normal = [e.state for e in found.endings if e.edge is Edge.NORMAL and e.state.phase is not Phase.ABSENT]
    return made.autocommits or (bool(normal) and all(Mark.AUTOCOMMIT in s.marks for s in normal))


def _sureness(unit: Unit, made: Acquisition, known_before: bool) -> Confidence:
    """How sure it is that the caller gets a new one: hardly, where the function may answer with what it was given."""
    params = {p.name for p in unit.function.params}
    values = unit.info.returns if unit.info is not None else ()
    if any(isinstance(v, Name) and v.id in params for v in values):
        return Confidence.LOW
    return min(made.confidence, Confidence.MEDIUM, key=lambda c: c.rank) if known_before else made.confidence


def _through(inner: Acquisition, ref: FunctionRef, on: tuple[On, ...], generator: bool) -> Acquisition:
    through = (ref, *inner.through)
    return replace(inner, on=on, through=through, generator=generator, element=None, beside=(), indirect=False)
