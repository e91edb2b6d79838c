"""Objects that keep a connection: what a method takes into an attribute of its object, and which methods give it back.

An object that one function makes and ends by its own method owes that on every path: `db = Database()` … `db.close()`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from putback.flow import ir
from putback.flow.solve import Edge
from putback.model.lifecycle import Gc, On
from putback.ownership.analysis.domain import Phase
from putback.ownership.analysis.site import Acquisition, Owner, Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.types import ClassRef, FunctionRef

if TYPE_CHECKING:
    from putback.ownership.analysis.analyzer import Analyzer

_GIVEN_BACK = (Phase.RELEASED, Phase.CLOSED)
_NOT_ENDING = frozenset({"__init__", "__new__"})
_FINALIZER = "__del__"
_SELF = "self."


def taken_by_making(analyzer: Analyzer, unit: Unit, op: ir.Call, cls: ClassRef) -> Iterator[Acquisition]:
    """What an object of a project class takes when `op` makes it, if that function has to end it."""
    classes = analyzer.resolver.classes
    if not analyzer.carriers.keeps_its_own(cls.path, cls.key) or classes.hands_out_others(cls.path, cls.key):
        return
    for module, each_class in classes.lineage(cls.path, cls.key):
        if "__init__" in each_class.methods:
            found = analyzer.summaries.keeps(FunctionRef(module.path, each_class.methods["__init__"]), cls)
            yield from (each for each in found if _is_ended_in(analyzer, unit, op.target, each))
            return


def taken_by_method(analyzer: Analyzer, unit: Unit, op: ir.Call, method: FunctionRef) -> Iterator[Acquisition]:
    """What an object takes when `op` calls a method of it: `db = Database()` … `db.open()` … `db.close()`."""
    for cls in _made_here(analyzer, unit, op.receiver) if analyzer.carriers.takes(method) else ():
        if not analyzer.resolver.classes.hands_out_others(cls.path, cls.key):
            found = analyzer.summaries.keeps(method, cls)
            yield from (replace(each, itself=True) for each in found if _is_ended_in(analyzer, unit, op.receiver, each))


def _made_here(analyzer: Analyzer, unit: Unit, name: str) -> list[ClassRef]:
    """The classes of which a function makes an object that it knows by a local name."""
    made = {op.source for op in unit.ops() if isinstance(op, ir.Assign) and op.target == name}
    calls = [op for op in unit.ops() if isinstance(op, ir.Call) and op.target in made]
    return [cls for op in calls for cls in analyzer.call_info(unit, op).classes]


def kept(analyzer: Analyzer, unit: Unit, cls: ClassRef) -> Iterator[Acquisition]:
    """What the method of `unit` takes into an attribute of its object, of class `cls`, on every path that returns."""
    for site in analyzer.sites(unit):
        attribute = _attribute(analyzer, unit, site)
        if attribute:
            owner = Owner(cls.path, cls.key, attribute)
            yield replace(
                site.acquisition,
                on=(On.AWAIT,) if unit.function.is_async else (On.CALL,),
                through=(FunctionRef(unit.path, unit.key), *site.acquisition.through),
                element=None,
                maybe_none=False,
                owner=owner,
            )


def _attribute(analyzer: Analyzer, unit: Unit, site: Site) -> str:
    """The attribute of the object that has the connection when the method returns; "" when it may do without."""
    if site.acquisition.owner is not None or site.acquisition.generator:
        return ""
    normal = [e.state for e in analyzer.explore(unit, site).endings if e.edge is Edge.NORMAL]
    taken = [state for state in normal if state.phase is not Phase.ABSENT]
    kept = [{r for r in state.refs if r.startswith(_SELF) and r.count(".") == 1} for state in taken]
    shared = set.intersection(*kept) if kept and all(s.phase is Phase.PASSED for s in taken) else set()
    if not shared or (len(taken) < len(normal) and _can_do_without(unit.function, site.at)):
        return ""
    return min(shared).removeprefix(_SELF)


def _can_do_without(function: ir.FunctionIR, at: int) -> bool:
    """Whether a function can return without having come to an operation, errors right in front of it left aside."""
    todo, seen = [function.entry], {block.id for block in function.blocks if any(op.at == at for op in block.ops)}
    while todo:
        here = todo.pop()
        if here in seen:
            continue
        seen.add(here)
        block = function.blocks[here]
        if isinstance(block.end, ir.Return):
            return True
        todo += [target for target in (*_targets(block.end), block.handler) if target is not None]
    return False


def _targets(end: ir.Terminator) -> list[int | None]:
    match end:
        case ir.Jump(target=target):
            return [target]
        case ir.Branch(then=then, orelse=orelse):
            return [then, orelse]
        case ir.Dispatch(clauses=clauses):
            return [clause.target for clause in clauses]
        case ir.Resume(swallowed=swallowed):
            return [swallowed]
        case _:
            return []


def _is_ended_in(analyzer: Analyzer, unit: Unit, holder: ir.Val, acquisition: Acquisition) -> bool:
    """Whether a function calls a method that ends an object, or its pool misses the connection for good."""
    ending = _ending_methods(analyzer, acquisition)
    if not ending:
        return False
    if acquisition.kind.gc is Gc.PERMANENT:
        return True
    names = {holder, *(each.target for each in unit.ops() if isinstance(each, ir.Assign) and each.source == holder)}
    return any(isinstance(o, ir.Call) and o.receiver in names and o.name in ending for o in unit.ops())


def _ending_methods(analyzer: Analyzer, acquisition: Acquisition) -> frozenset[str]:
    """The methods of an object's class that give back what it keeps."""
    owner = acquisition.owner
    assert owner is not None
    bare = replace(acquisition, owner=None)
    found: set[str] = set()
    lineage = analyzer.resolver.classes.lineage(owner.path, owner.key)
    if any(_FINALIZER in cls.methods for _, cls in lineage):
        return frozenset()  # it ends with its last reference
    for module, cls in lineage:
        for name, key in cls.methods.items():
            info = module.functions[key]
            if name not in _NOT_ENDING and owner.attribute in analyzer.mentions(module.path, info):
                effect = analyzer.summaries.owner_effect(owner, name, bare, Phase.HELD)
                if effect is not None and effect.normal in _GIVEN_BACK:
                    found.add(name)
    return frozenset(found)
