"""Objects that keep a connection, and owe its end to whoever makes and ends them: `db = Database()` … `db.close()`."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from putback.flow import ir
from putback.flow.builder import successors
from putback.flow.names import Group, dotted
from putback.flow.solve import Edge
from putback.model.lifecycle import Gc, On
from putback.ownership.analysis.domain import Phase, State
from putback.ownership.analysis.program import Program
from putback.ownership.analysis.site import Acquisition, Owner, Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.types import ClassRef, FunctionRef

_GIVEN_BACK = (Phase.RELEASED, Phase.CLOSED)
_NOT_ENDING = frozenset({"__init__", "__new__"})
_FINALIZER = "__del__"


class EndingMethod(Struct, frozen=True):
    """A method that gives back what its object keeps: its name, its definition, and whether it has to be awaited."""

    name: str
    ref: FunctionRef
    awaited: bool


def is_own(unit: Unit, name: str) -> bool:
    """Whether a name is the `self` of a method: what connects itself is given back by whoever uses it."""
    info = unit.info
    return info is not None and bool(info.owner) and bool(info.params) and info.params[0].name == name


def taken_by_making(program: Program, unit: Unit, op: ir.Call, cls: ClassRef) -> Iterator[Acquisition]:
    """What an object of a project class takes when `op` makes it, if that function has to end it."""
    classes = program.resolver.classes
    if not program.carriers.keeps_its_own(cls.path, cls.key) or classes.hands_out_others(cls.path, cls.key):
        return
    for module, each_class in classes.lineage(cls.path, cls.key):
        if "__init__" in each_class.methods:
            found = program.summaries.keeps(FunctionRef(module.path, each_class.methods["__init__"]), cls)
            yield from (each for each in found if is_owed(program, unit, op.target, each))
            return


def taken_by_method(program: Program, unit: Unit, op: ir.Call, method: FunctionRef) -> Iterator[Acquisition]:
    """What an object takes when `op` calls a method of it: `db = Database()` … `db.open()` … `db.close()`."""
    if not program.carriers.takes(method):
        return
    if is_own(unit, op.receiver) and unit.info is not None:
        yield from _parked(program, op, method, ClassRef(unit.path, unit.info.owner))
        return
    for cls in _made_here(program, unit, op.receiver):
        if not program.resolver.classes.hands_out_others(cls.path, cls.key):
            found = program.summaries.keeps(method, cls)
            yield from (replace(each, itself=True) for each in found if is_owed(program, unit, op.receiver, each))


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
            beside=(),
            maybe_none=False,
            half_made=any(state.phase is Phase.ABSENT for state in _when_it_returns(program, unit, site)),
            owner=Owner(cls.path, cls.key, attribute),
            keeper=True,
        )


def kept_in(program: Program, unit: Unit, site: Site) -> str:
    """The attribute of its object that a method gives a connection to whenever it returns; "" for none."""
    attribute = _attribute(program, unit, site)
    return attribute if attribute and not _can_do_without(unit.function, {site.acquired_at}) else ""


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


def is_owed(program: Program, unit: Unit, holder: ir.Val, acquisition: Acquisition) -> bool:
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
