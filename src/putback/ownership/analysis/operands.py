"""The values that operations read, and the containers that a function makes."""

from __future__ import annotations

from collections.abc import Iterator

from putback.flow import ir
from putback.ownership.analysis.unit import Unit


def inputs(op: ir.Op) -> tuple[ir.Val, ...]:
    """The values that an operation reads."""
    match op:
        case ir.Assign(source=source) | ir.Await(source=source) | ir.Unpack(source=source) | ir.Next(source=source):
            return (source,)
        case ir.Attr(base=source) | ir.Item(base=source):
            return (source,)
        case ir.Build(target=target, elements=elements, source=source, later=later):
            return (target, *elements, source, *later)
        case ir.Closure(captured=captured) | ir.NestedClass(methods=captured):
            return captured
        case ir.Call(receiver=receiver, callee=callee, arguments=arguments):
            return (receiver, callee, *(a.value for a in arguments))
        case ir.StoreItem(base=base, source=source) | ir.StoreAttr(base=base, source=source):
            return (base, source)
        case ir.StoreGlobal(source=source) | ir.Yield(source=source) | ir.Enter(manager=source):
            return (source,)
        case ir.Compute(operands=operands):
            return operands
        case _:
            return ()


def own_containers(unit: Unit) -> Iterator[ir.Val]:
    """The containers that a function makes itself: by whatever name they leave it, that is seen there."""
    built = {op.target for op in unit.ops() if isinstance(op, ir.Build)}
    sources: dict[ir.Val, set[ir.Val]] = {}
    for op in unit.ops():
        if isinstance(op, ir.Assign):
            sources.setdefault(op.target, set()).add(op.source)
    outside = unit.function.globals | {p.name for p in unit.function.params}
    yield from built
    yield from (n for n, s in sources.items() if n not in outside and s <= built | {ir.CONSTANT})
