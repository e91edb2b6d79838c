"""Local lists, sets and dicts that die with their function: what is put there is handed on to nobody.

Some are only filled. Others are given to functions as well: who is given one may do anything with what is in it, but
the connection stays with the function that gives it back by a name of its own.
"""

from __future__ import annotations

from collections.abc import Container

from putback.flow import ir
from putback.frameworks.idioms import idioms
from putback.ownership.analysis.unit import Unit


def dying(unit: Unit) -> frozenset[str]:
    """The containers of a function that are only filled, and the temporaries that become one.

    One that is read, returned, passed on, looped over or captured may be what gives the connection back.
    """
    if unit.hoards is None:
        unit.hoards = _find(unit) if unit.key != ir.MODULE else frozenset()
    return unit.hoards


def lent(unit: Unit) -> frozenset[str]:
    """The containers of a function that are only filled and given to functions that it calls, temporaries included."""
    if unit.lent is None:
        unit.lent = _find(unit, lends=True) if unit.key != ir.MODULE else frozenset()
    return unit.lent


def fills(op: ir.Op, containers: Container[str]) -> bool:
    """Whether an operation makes one of these containers with something in it, or puts something there."""
    match op:
        case ir.Build(target=target, elements=elements):
            return target in containers and bool(elements)
        case ir.StoreItem(base=base):
            return base in containers
        case ir.Call(receiver=receiver, name=name):
            return receiver in containers and name in idioms().methods.keeping
    return False


def _find(unit: Unit, lends: bool = False) -> frozenset[str]:
    built = {op.target for op in unit.ops() if isinstance(op, ir.Build) and not op.is_tuple}
    sources: dict[str, set[str]] = {}
    for op in unit.ops():
        if isinstance(op, ir.Assign):
            sources.setdefault(op.target, set()).add(op.source)
    own = unit.function.assigned - unit.function.globals - {p.name for p in unit.function.params}
    made = {name for name in own if (given := sources.get(name)) and given <= built | {ir.CONSTANT}}
    read = {name for op in unit.ops() for name in _reads(op, lends)} | {
        name for b in unit.function.blocks for name in _ends(b)
    }
    found = made - read
    passed = {value for value in built - read if ir.is_temporary(value)} if lends else set()
    return frozenset(found | passed | {s for name in found for s in sources[name] if ir.is_temporary(s)})


def _reads(op: ir.Op, lends: bool) -> tuple[str, ...]:
    """The names that an operation does more with than to put something in, or, if it `lends`, to give it away."""
    filling = idioms().methods.keeping
    match op:
        case ir.StoreItem(source=source):
            return (source,)
        case ir.Attr(base=base, name=name):
            return () if name in filling else (base,)
        case ir.Call(receiver=receiver, callee=callee, name=name, arguments=arguments, discarded=discarded):
            used = () if name in filling and discarded else (receiver,)
            given = () if lends and name not in filling else tuple(a.value for a in arguments)
            return (*used, callee, *given)
        case ir.Build(elements=elements):
            return elements
        case ir.Closure(captured=captured):
            return captured
        case ir.Unpack(source=source) | ir.Assign(source=source) | ir.StoreAttr(source=source):
            return (source,)
        case ir.StoreGlobal(source=source) | ir.Await(source=source) | ir.Next(source=source):
            return (source,)
        case ir.Yield(source=source) | ir.Item(base=source) | ir.Enter(manager=source) | ir.Delete(name=source):
            return (source,)
        case ir.Compute(operands=operands):
            return operands
        case _:
            return ()


def _ends(block: ir.Block) -> tuple[str, ...]:
    return (block.end.value,) if isinstance(block.end, (ir.Return, ir.Raise)) else ()
