"""Which calls acquire: by a driver table, or by a project function whose summary hands a connection out.

Also those that make an object which takes a connection for itself, where they have to end it: `db = Database()` …
`db.close()`.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from putback.drivers.schema import Effect, Kind
from putback.flow import ir
from putback.flow.builder import successors
from putback.flow.names import Group, Invoke, Literal, Name, dotted
from putback.flow.solve import Edge, Exploration
from putback.model.finding import Confidence
from putback.model.lifecycle import Gc, On
from putback.ownership.analysis import autocommit
from putback.ownership.analysis.binds import Written, is_configured, is_lent, told, works_on_held
from putback.ownership.analysis.defects import Wrong
from putback.ownership.analysis.domain import Fact, Mark, Phase, State
from putback.ownership.analysis.events import CallInfo, DriverCall, describe
from putback.ownership.analysis.parts import RETURNED, Carrier, Element, Tie
from putback.ownership.analysis.program import Program
from putback.ownership.analysis.site import Acquisition, Owner, Site
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
_GIVEN_BACK = (Phase.RELEASED, Phase.CLOSED)
_NOT_ENDING = frozenset({"__init__", "__new__"})
_FINALIZER = "__del__"


class EndingMethod(Struct, frozen=True):
    """A method that gives back what its object keeps: its name, its definition, and whether it has to be awaited."""

    name: str
    ref: FunctionRef
    awaited: bool


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
        found += (a for a in handed if not a.keeper or (call.is_here and _is_owed(program, unit, op.target, a)))
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
    is_elsewhere = not written.is_here or not ir.is_local(op.receiver) or _is_own(unit, op.receiver)
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
        yield Acquisition((kind,), effect.on, confidence=confidence, itself=effect.itself, autocommits=autocommits)


def _is_deferred(call: Invoke, effect: Effect) -> bool:
    """Whether an argument keeps a call from connecting, as far as one sees."""
    given = call.keyword(effect.deferred_by) if effect.deferred_by else None
    return given is not None and not (isinstance(given, Literal) and not given.value)


def _is_own(unit: Unit, name: str) -> bool:
    """Whether a name is the `self` of a method: what connects itself is given back by whoever uses it."""
    info = unit.info
    return info is not None and bool(info.owner) and bool(info.params) and info.params[0].name == name


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
    parts = [s.part(RETURNED) for s in handed]
    owners = (p.owner for p in parts if isinstance(p, Carrier) and p.owner is not None)
    owner = min(owners, default=site.acquisition.owner)
    elements = [p.index for p in parts if isinstance(p, Element)]
    element = min(elements) if len(elements) == len(handed) else None
    known_before = may_return_known(program.carriers, ref, element)
    pending = all(s.phase is Phase.PENDING for s in handed)
    on = site.acquisition.on if pending else (On.AWAIT,) if unit.function.is_async else (On.CALL,)
    made = _through(site.acquisition, ref, on, generator=site.acquisition.generator and pending)
    yield replace(
        made,
        element=element,
        maybe_none=any(s.fact(RETURNED) is Fact.NONE for s in normal),
        owner=owner,
        confidence=_sureness(unit, made, known_before),
        known_before=made.known_before or known_before,
        closed_by=ref if any(s.part(RETURNED) is Tie.RETURNED_CLOSED for s in handed) else made.closed_by,
        autocommits=_is_switched(made, found),
    )


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
    return replace(inner, on=on, through=(ref, *inner.through), generator=generator, element=None, indirect=False)


# -- objects that keep a connection, and owe its end to whoever makes and ends them


def taken_by_making(program: Program, unit: Unit, op: ir.Call, cls: ClassRef) -> Iterator[Acquisition]:
    """What an object of a project class takes when `op` makes it, if that function has to end it."""
    classes = program.resolver.classes
    if not program.carriers.keeps_its_own(cls.path, cls.key) or classes.hands_out_others(cls.path, cls.key):
        return
    for module, each_class in classes.lineage(cls.path, cls.key):
        if "__init__" in each_class.methods:
            found = program.summaries.keeps(FunctionRef(module.path, each_class.methods["__init__"]), cls)
            yield from (each for each in found if _is_owed(program, unit, op.target, each))
            return


def taken_by_method(program: Program, unit: Unit, op: ir.Call, method: FunctionRef) -> Iterator[Acquisition]:
    """What an object takes when `op` calls a method of it: `db = Database()` … `db.open()` … `db.close()`."""
    if not program.carriers.takes(method):
        return
    if _is_own(unit, op.receiver) and unit.info is not None:
        yield from _parked(program, op, method, ClassRef(unit.path, unit.info.owner))
        return
    for cls in _made_here(program, unit, op.receiver):
        if not program.resolver.classes.hands_out_others(cls.path, cls.key):
            found = program.summaries.keeps(method, cls)
            yield from (replace(each, itself=True) for each in found if _is_owed(program, unit, op.receiver, each))


def _parked(program: Program, op: ir.Call, method: FunctionRef, cls: ClassRef) -> Iterator[Acquisition]:
    """What another method puts into an attribute of the function's own object: `self.open()`."""
    for each in program.summaries.keeps(method, cls):
        assert each.owner is not None
        path = f"{op.receiver}.{each.owner.attribute}"
        yield replace(each, owner=None, parks=path, element=_place(program, method, path))


def _place(program: Program, method: FunctionRef, path: str) -> int | None:
    """The place of an attribute in the tuple that a method returns."""
    info = program.info(method)
    places = {
        tuple(map(dotted, value.items)).index(path)
        for value in (info.returns if info is not None else ())
        if isinstance(value, Group) and path in map(dotted, value.items)
    }
    return min(places) if len(places) == 1 else None


def _made_here(program: Program, unit: Unit, name: str) -> list[ClassRef]:
    """The classes of which a function makes an object that it knows by a local name."""
    made = {op.source for op in unit.ops() if isinstance(op, ir.Assign) and op.target == name}
    calls = [op for op in unit.ops() if isinstance(op, ir.Call) and op.target in made]
    return [cls for op in calls for cls in program.call_info(unit, op).classes]


def kept(program: Program, unit: Unit, cls: ClassRef) -> Iterator[Acquisition]:
    """What the method of `unit` takes into an attribute of its object, of class `cls`, on every path that returns.

    One path may take it from another driver than the next.
    """
    sites = {site: attribute for site in program.sites(unit) if (attribute := _attribute(program, unit, site))}
    for site, attribute in sites.items():
        if _can_do_without(unit.function, {each.acquired_at for each, other in sites.items() if other == attribute}):
            continue
        yield replace(
            site.acquisition,
            on=(On.AWAIT,) if unit.function.is_async else (On.CALL,),
            through=(FunctionRef(unit.path, unit.key), *site.acquisition.through),
            element=None,
            maybe_none=False,
            half_made=any(state.phase is Phase.ABSENT for state in _when_it_returns(program, unit, site)),
            owner=Owner(cls.path, cls.key, attribute),
            keeper=True,
        )


def _attribute(program: Program, unit: Unit, site: Site) -> str:
    """The attribute of the object that has the connection when the method returns; "" when nobody else has it."""
    if site.acquisition.owner is not None or site.acquisition.generator:
        return ""
    taken = [state for state in _when_it_returns(program, unit, site) if state.phase is not Phase.ABSENT]
    kept = [{r for r in state.refs if unit.own_attribute(r) and r.count(".") == 1} for state in taken]
    shared = set.intersection(*kept) if kept and all(s.phase is Phase.PASSED for s in taken) else set()
    return unit.own_attribute(min(shared)) if shared else ""


def _when_it_returns(program: Program, unit: Unit, site: Site) -> list[State]:
    return [e.state for e in program.explore(unit, site).endings if e.edge is Edge.NORMAL]


def _can_do_without(function: ir.FunctionIR, acquires: set[int]) -> bool:
    """Whether a function can return without having come to one of these, errors right in front of it left aside."""
    todo = [function.entry]
    seen = {block.id for block in function.blocks if any(op.at in acquires for op in block.ops)}
    while todo:
        here = todo.pop()
        if here in seen:
            continue
        seen.add(here)
        block = function.blocks[here]
        if isinstance(block.end, ir.Return):
            return True
        todo += successors(block)
    return False


def _is_owed(program: Program, unit: Unit, holder: ir.Val, acquisition: Acquisition) -> bool:
    """Whether a function has to end an object: it does on some path, hands it out, or its pool misses one for good."""
    ending = _ending_methods(program, acquisition)
    if not ending:
        return False
    if acquisition.kind.gc is Gc.PERMANENT:
        return True
    names = unit.names_of({holder})
    returned = (block.end.value for block in unit.function.blocks if isinstance(block.end, ir.Return))
    is_ended = any(isinstance(o, ir.Call) and o.receiver in names and o.name in ending for o in unit.ops())
    return is_ended or not names.isdisjoint(returned)


def _ending_methods(program: Program, acquisition: Acquisition) -> frozenset[str]:
    """The methods by which an object's class ends what it keeps; none where that ends with the last reference."""
    owner = acquisition.owner
    assert owner is not None
    if any(_FINALIZER in cls.methods for _, cls in program.resolver.classes.lineage(owner.path, owner.key)):
        return frozenset()
    return frozenset(method.name for method in giving_back(program, acquisition, frozenset({owner.attribute})))


def giving_back(program: Program, acquisition: Acquisition, words: frozenset[str]) -> Iterator[EndingMethod]:
    """The methods of an object's class that give back what it keeps, by what they do: of those that name one of
    `words`, each once, as the nearest class has it."""
    owner = acquisition.owner
    assert owner is not None
    bare = replace(acquisition, owner=None)
    lineage = program.resolver.classes.lineage(owner.path, owner.key)
    nearest = {n: FunctionRef(m.path, key) for m, cls in reversed(lineage) for n, key in cls.methods.items()}
    asked = set(_NOT_ENDING)
    for module, cls in lineage:
        for name, key in cls.methods.items():
            if name in asked or words.isdisjoint(program.mentions(module.path, module.functions[key])):
                continue
            asked.add(name)
            effect = program.summaries.owner_effect(owner, name, bare, Phase.HELD)
            if effect is not None and effect.normal in _GIVEN_BACK:
                yield EndingMethod(name, nearest[name], effect.is_async)
