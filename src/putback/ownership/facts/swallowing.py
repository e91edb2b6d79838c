"""Where a generator ends the exception that is thrown in at its `yield`."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from putback.flow import ir
from putback.ownership.analysis.unit import Unit

_BROAD = frozenset({"Exception", "BaseException"})
_ENDING = frozenset({"CancelledError", "GeneratorExit", "StopIteration", "StopAsyncIteration"})


class Swallowing(Struct, frozen=True):
    """The `except` clause at operation `handler` ends what is thrown in at the `yield` of operation `at_yield`.

    `is_broad`: whatever exception that is.
    """

    at_yield: int
    handler: int
    is_broad: bool


def swallowing(unit: Unit) -> Iterator[Swallowing]:
    """Every handler that does so: behind it some path leads to the end of the generator without an exception."""
    blocks = unit.function.blocks
    for block in blocks:
        for op in block.ops:
            if isinstance(op, ir.Yield):
                for clause in _clauses(blocks, block.handler):
                    types = {name.rpartition(".")[2] for name in clause.types}
                    if not (types and types <= _ENDING) and _returns(blocks, clause.target):
                        catch = blocks[clause.target].ops[0]
                        yield Swallowing(op.at, catch.at, not types or not types.isdisjoint(_BROAD))


def _clauses(blocks: list[ir.Block], handler: int | None) -> Iterator[ir.Clause]:
    """The clauses that an exception comes to, from the innermost `try` outwards; clean-up on the way runs."""
    seen: set[int] = set()
    todo = [handler]
    while todo:
        at = todo.pop()
        if at is None or at in seen:
            continue
        seen.add(at)
        match blocks[at].end:
            case ir.Dispatch(clauses=clauses):
                yield from (clause for clause in clauses if _begins_handler(blocks, clause))
                todo.append(blocks[at].handler)
            case ir.Resume():
                todo.append(blocks[at].handler)
            case end:
                todo += _following(end)


def _begins_handler(blocks: list[ir.Block], clause: ir.Clause) -> bool:
    return any(isinstance(op, ir.Catch) for op in blocks[clause.target].ops[:1])


def _returns(blocks: list[ir.Block], start: int) -> bool:
    """Whether a normal path leads from a block to the end of the function."""
    seen: set[int] = set()
    todo = [start]
    while todo:
        at = todo.pop()
        if at in seen:
            continue
        seen.add(at)
        if isinstance(blocks[at].end, ir.Return):
            return True
        todo += _following(blocks[at].end)
    return False


def _following(end: ir.Terminator) -> list[int]:
    match end:
        case ir.Jump(target=target):
            return [target]
        case ir.Branch(then=then, orelse=orelse):
            return [then, orelse]
    return []
