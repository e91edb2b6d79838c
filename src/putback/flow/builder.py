"""Building blocks: the current block, the stack of enclosing frames, and what happens when control leaves them.

A frame stands for an enclosing `try`, `with` or loop. Whatever leaves a frame with clean-up code runs its own
copy of that code, one copy a kind of exit, as CPython does:

    try:  body ──normal──────▶ finally copy 1 ─▶ after
            ├─── exception ──▶ finally copy 2 ─▶ handler outside
            ├─── return ─────▶ finally copy 3 ─▶ next frame outside … ─▶ return
            └─── break ──────▶ finally copy 4 ─▶ … ─▶ loop exit
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field

from putback.flow import ir
from putback.model.errors import SourceError

_MOST = 30_000
"""How many blocks a function may have: `finally` in `finally`, each copied for every way out, doubles them."""


class Frame(Struct):
    """An enclosing construct. `handler`: where exceptions inside go; `cleanup`: emits its clean-up code;
    `loop`: (block after the loop, block of its next round); `is_catch`: it is the body of an `except` clause."""

    handler: int | None = None
    cleanup: Callable[[], None] | None = None
    loop: tuple[int, int] | None = None
    is_catch: bool = False
    copies: dict[tuple[str, int], int] = field(default_factory=dict)


RESULT: ir.Val = "return#"


class Builder:
    """Grows the blocks of one function."""

    def __init__(self) -> None:
        self.blocks: list[ir.Block] = []
        self.frames: list[Frame] = []
        self.counter = 0
        self.current = self.start(self.new_block())

    # -- values and blocks

    def temporary(self) -> ir.Val:
        """A fresh temporary."""
        self.counter += 1
        return f"%{self.counter}"

    def hidden(self, what: str) -> ir.Val:
        """A fresh hidden local, for a value that is used more than once."""
        self.counter += 1
        return f"{what}#{self.counter}"

    def new_block(self) -> int:
        """A block in the current frame; it is not entered yet. Raises SourceError when there is no end of them."""
        if len(self.blocks) >= _MOST:
            raise SourceError("too many ways through its `finally` clauses")
        handler = next((f.handler for f in reversed(self.frames) if f.handler is not None), None)
        self.blocks.append(ir.Block(len(self.blocks), handler))
        return len(self.blocks) - 1

    def start(self, block: int) -> ir.Block:
        """Go on emitting at `block`."""
        self.current = self.blocks[block]
        return self.current

    def emit(self, op: ir.Op) -> None:
        """Append one operation to the current block."""
        self.current.ops.append(op)

    def end(self, terminator: ir.Terminator) -> None:
        """Close the current block; what follows is unreachable until another block is started."""
        self.current.end = terminator
        self.start(self.new_block())

    def jump(self, target: int) -> None:
        """Close the current block with a jump."""
        self.end(ir.Jump(target))

    def fork(self, test: ir.Test) -> tuple[int, int]:
        """Close the current block with a branch into two new blocks."""
        then, orelse = self.new_block(), self.new_block()
        self.end(ir.Branch(test, then, orelse))
        return then, orelse

    # -- leaving frames

    def leave_function(self, at: int, value: ir.Val) -> None:
        """`return value`, through the clean-up of every frame."""
        self.emit(ir.Leave(at, "return"))
        if any(f.cleanup for f in self.frames):
            self.emit(ir.Assign(at, RESULT, value))
            value = RESULT
        self._unwind("return", 0, lambda: self.end(ir.Return(at, value)), at)

    def leave_loop(self, at: int, how: str) -> None:
        """`break` or `continue` of the innermost loop; ignored outside of one (a syntax error elsewhere)."""
        depth = max((i for i, f in enumerate(self.frames) if f.loop), default=-1)
        if depth < 0:
            return
        loop = self.frames[depth].loop
        assert loop is not None
        target = loop[0] if how == "break" else loop[1]
        self.emit(ir.Leave(at, how))
        if any(frame.is_catch for frame in self.frames[depth + 1 :]):
            self.emit(ir.EndCatch(at))
        self._unwind(how, depth + 1, lambda: self.jump(target), at)

    def _unwind(self, how: str, floor: int, finish: Callable[[], None], at: int) -> None:
        """Run the clean-up of the frames above `floor`, innermost first, then `finish`. Copies are shared."""
        depth = max((i for i, f in enumerate(self.frames) if f.cleanup and i >= floor), default=-1)
        if depth < 0:
            finish()
            return
        frame = self.frames[depth]
        key = (how, floor)
        if key in frame.copies:
            self.jump(frame.copies[key])
            return
        saved, self.frames = self.frames, self.frames[:depth]
        copy = frame.copies[key] = self.new_block()
        self.current.end = ir.Jump(copy)
        self.start(copy)
        assert frame.cleanup is not None
        frame.cleanup()
        self._unwind(how, floor, finish, at)
        self.frames = saved
        self.start(self.new_block())


def pruned(blocks: list[ir.Block]) -> list[ir.Block]:
    """The blocks that some path from the first one reaches, renumbered in order of discovery."""
    shortcut = {b.id: _last_of_jumps(b.id, blocks) for b in blocks}
    for block in blocks:
        block.end = _renumbered(block, shortcut).end
        block.handler = None if block.handler is None else shortcut[block.handler]
    order: dict[int, int] = {}
    stack = [0]
    while stack:
        number = stack.pop()
        if number not in order:
            order[number] = len(order)
            stack.extend(reversed(successors(blocks[number])))
    return [_renumbered(blocks[old], order) for old in order]


def _last_of_jumps(block: int, blocks: list[ir.Block]) -> int:
    """Where a chain of empty blocks that only jump ends; a cycle of them ends where it started."""
    seen = {block}
    while not blocks[block].ops and isinstance(end := blocks[block].end, ir.Jump) and end.target not in seen:
        block = end.target
        seen.add(block)
    return block


def successors(block: ir.Block) -> list[int]:
    """The blocks that may follow, the handler last."""
    found = following(block)
    return found if block.handler is None else [*found, block.handler]


def following(block: ir.Block) -> list[int]:
    """The blocks that may follow its end."""
    match block.end:
        case ir.Jump(target=target):
            found = [target]
        case ir.Branch(then=then, orelse=orelse):
            found = [then, orelse]
        case ir.Dispatch(clauses=clauses):
            found = [c.target for c in clauses]
        case ir.Resume(swallowed=swallowed) if swallowed is not None:
            found = [swallowed]
        case _:
            found = []
    return found


def _renumbered(block: ir.Block, order: dict[int, int]) -> ir.Block:
    end = block.end
    match end:
        case ir.Jump(target=target):
            end = ir.Jump(order[target])
        case ir.Branch(test=test, then=then, orelse=orelse):
            end = ir.Branch(test, order[then], order[orelse])
        case ir.Dispatch(clauses=clauses):
            end = ir.Dispatch(tuple(ir.Clause(c.types, order[c.target]) for c in clauses))
        case ir.Resume(swallowed=swallowed, group=group) if swallowed is not None:
            end = ir.Resume(order[swallowed], group)
    handler = None if block.handler is None else order[block.handler]
    return ir.Block(order[block.id], handler, block.ops, end)
