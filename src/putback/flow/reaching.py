"""Which value a local name has at the end of a block: what was bound to it last on each way there."""

from __future__ import annotations

from collections.abc import Iterator

from putback.flow import ir
from putback.flow.builder import successors


def reaching(function: ir.FunctionIR, name: ir.Val, block: ir.Block) -> frozenset[ir.Val] | None:
    """The values that a name may have at the end of a block; None where it may have another, or none.

    A handler is reached from any place of the blocks under it, so that both what they bind and what was bound before
    them is what a name may have there.
    """
    before: dict[int, list[tuple[ir.Block, bool]]] = {}
    for each in function.blocks:
        for target in successors(each):
            before.setdefault(target, []).append((each, target == each.handler))
    found, todo, seen = set[ir.Val](), [(block, False)], set[tuple[int, bool]]()
    while todo:
        current, is_midway = todo.pop()
        if (current.id, is_midway) in seen:
            continue
        seen.add((current.id, is_midway))
        bound = [*_bound(current, name)]
        if "" in (bound if is_midway else bound[-1:]):
            return None
        found.update(bound if is_midway else bound[-1:])
        if bound and not is_midway:
            continue
        if current.id == function.entry:
            return None
        todo += before.get(current.id, ())
    return frozenset(found)


def _bound(block: ir.Block, name: ir.Val) -> Iterator[ir.Val]:
    """The values that a block binds to a name, in order; "" for what is no value of an assignment."""
    for op in block.ops:
        match op:
            case ir.Assign(target=target, source=source) if target == name:
                yield source
            case ir.Unpack(targets=targets) if name in targets:
                yield ""
            case ir.Catch(name=other) | ir.Delete(name=other) if other == name:
                yield ""
            case _:
                if getattr(op, "target", None) == name and not isinstance(op, ir.Assign):
                    yield ""
