"""Lowering of `try` and `with`: what is run on every way out, one copy for each kind of exit."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from putback.flow import ir
from putback.flow.builder import Frame
from putback.flow.conditions import ConditionLowering
from putback.flow.names import dotted


class ProtectedLowering(ConditionLowering):
    """Statements under a frame."""

    def start_in_frame(self) -> None:
        """Go on in a block that belongs to the frame just pushed."""
        block = self.new_block()
        self.current.end = ir.Jump(block)
        self.start(block)

    def try_(self, node: cst.Try | cst.TryStar) -> None:
        """A `try` with all of its parts."""
        if node.finalbody is None:
            self._try_except(node)
            return
        final = node.finalbody.body
        self._protected(lambda: self._try_except(node), lambda: self.statement(final), ir.Resume())

    def _protected(self, inside: Callable[[], None], cleanup: Callable[[], None], resume: ir.Resume) -> None:
        """`inside` under a frame whose `cleanup` is copied on each way out; exceptions go on by `resume`."""
        raised = self.new_block()
        self.frames.append(Frame(handler=raised, cleanup=cleanup))
        self.start_in_frame()
        inside()
        self.frames.pop()
        self.start_in_frame()
        cleanup()
        normal = self.current
        self.start(raised)
        cleanup()
        self.end(resume)
        self.start(normal.id)

    def _try_except(self, node: cst.Try | cst.TryStar) -> None:
        if not node.handlers:
            self.statement(node.body)
            return
        dispatch, done = self.new_block(), self.new_block()
        self.frames.append(Frame(handler=dispatch))
        self.start_in_frame()
        self.statement(node.body)
        self.frames.pop()
        self.start_in_frame()
        if node.orelse is not None:
            self.statement(node.orelse.body)
        self.jump(done)
        clauses = [(handler, self.new_block()) for handler in node.handlers]
        self.start(dispatch)
        self.end(ir.Dispatch(tuple(ir.Clause(self._caught(h.type), block) for h, block in clauses)))
        for handler, block in clauses:
            self.start(block)
            self._handler(handler)
            self.jump(done)
        self.start(done)

    def _handler(self, node: cst.ExceptHandler | cst.ExceptStarHandler) -> None:
        name = node.name.name.value if node.name is not None and isinstance(node.name.name, cst.Name) else ""
        if name:
            self.assigned.add(name)
        self.emit(ir.Catch(self.at(node), name))
        self.frames.append(Frame(is_catch=True))
        self.statement(node.body)
        self.frames.pop()
        self.emit(ir.EndCatch(self.at(node)))

    def _caught(self, node: cst.BaseExpression | None) -> tuple[str, ...]:
        if node is None:
            return ()
        if isinstance(node, cst.Tuple):
            return tuple(dotted(self.expr(e.value)) or "?" for e in node.elements) or ("?",)
        return (dotted(self.expr(node)) or "?",)

    def with_(self, node: cst.With, index: int) -> None:
        """A `with` from its item number `index` on."""
        if index == len(node.items):
            self.statement(node.body)
            return
        item = node.items[index]
        is_async = node.asynchronous is not None
        group = len(self.blocks)
        expr = self.expr(item.item)
        at = self.at(item.item)
        manager = self.hidden("with")
        self.emit(ir.Assign(at, manager, self.value(item.item)))
        entered = self.temporary()
        self.emit(ir.Enter(at, entered, manager, is_async, group, expr))
        after = self.new_block()
        raised = self.new_block()

        def leave(exceptional: bool) -> None:
            self.emit(ir.Exit(at, manager, is_async, group, exceptional, expr))

        self.frames.append(Frame(handler=raised, cleanup=lambda: leave(False)))
        self.start_in_frame()
        if item.asname is not None:
            self.bind(item.asname.name, entered)
        self.with_(node, index + 1)
        self.frames.pop()
        self.start_in_frame()
        leave(False)
        self.jump(after)
        self.start(raised)
        leave(True)
        self.end(ir.Resume(after, group))
        self.start(after)

    # -- provided by the subclasses

    def statement(self, node: cst.CSTNode) -> None:
        """Emit one statement, simple or compound."""
        raise NotImplementedError
