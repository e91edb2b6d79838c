"""Taking statements out of a function without leaving an empty block or losing a comment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import libcst as cst

from putback.fixes.code import Code
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft


class Removal:
    """The statements that go, and what becomes of the blocks that they leave empty.

    `kept` are clauses that get a new body and so may be emptied.
    """

    def __init__(self, code: Code, draft: Draft, statements: Iterable[cst.BaseStatement]) -> None:
        self.code = code
        self.draft = draft
        self.gone: set[int] = {id(s) for s in statements}
        self.statements = list(statements)

    def is_empty(self, block: cst.BaseSuite) -> bool:
        """Whether nothing of a block stays."""
        return isinstance(block, cst.IndentedBlock) and all(id(s) in self.gone for s in block.body)

    def remains(self, block: cst.BaseSuite) -> Sequence[cst.CSTNode]:
        """What stays of a block."""
        return [s for s in block.body if id(s) not in self.gone]

    def apply(self, keep_finally: cst.Try | None = None, carried: list[str] | None = None) -> None:
        """Take the statements out; `keep_finally` is a `try` whose emptied `finally` gets a new body.

        `carried` is where comments go that spoke of a statement that went, and of nothing else.
        """
        for statement in self.statements:
            stays = keep_finally is not None and self._stands_in_finally(statement, keep_finally)
            self._take_out(statement, None if stays else carried)
        for block in self._emptied():
            self._fill(block, keep_finally)

    def _take_out(self, statement: cst.BaseStatement, carried: list[str] | None) -> None:
        first, last = self.code.first_row(statement), self.code.last_row(statement)
        remarks = comments(self.code, first, last)
        if carried is not None:
            top = self._with_orphans(statement, first, last)
            above = [row.strip() for row in self.code.rows[top - 1 : first - 1]]
            carried += [row for row in above if row not in carried]
            first = top
        self.draft.delete(first, last)
        if remarks:
            indent = self.code.indent_of(statement)
            self.draft.insert(first, [f"{indent}{remark}" for remark in remarks])
        elif self._is_empty_row(first - 1) and self._is_empty_row(last + 1):
            self.draft.delete(last + 1, last + 1)

    def _stands_in_finally(self, statement: cst.BaseStatement, attempt: cst.Try) -> bool:
        return attempt.finalbody is not None and self.code.is_inside(statement, attempt.finalbody)

    def _with_orphans(self, statement: cst.BaseStatement, first: int, last: int) -> int:
        """The first row of a statement with the comments above it, where nothing follows that they may speak of."""
        indent = self.code.indent_of(statement)
        below = self.code.rows[last] if last < len(self.code.rows) else ""
        if below.startswith(indent) and below.strip():
            return first
        top = first
        while top > 1 and self.code.rows[top - 2].startswith(f"{indent}#"):
            top -= 1
        return top

    def _is_empty_row(self, row: int) -> bool:
        return 1 <= row <= len(self.code.rows) and not self.code.rows[row - 1].strip()

    def _emptied(self) -> list[cst.IndentedBlock]:
        found: dict[int, cst.IndentedBlock] = {}
        for statement in self.statements:
            block = self.code.parent(statement)
            if isinstance(block, cst.IndentedBlock) and self.is_empty(block):
                found[id(block)] = block
        return list(found.values())

    def _fill(self, block: cst.IndentedBlock, keep_finally: cst.Try | None) -> None:
        """Give an emptied block a `pass`, or take its clause out where it can go."""
        owner = self.code.parent(block)
        outer = self.code.parent(owner) if owner is not None else None
        if isinstance(owner, cst.Finally) and keep_finally is not None and outer is keep_finally:
            return
        handled = isinstance(owner, cst.Finally) and isinstance(outer, cst.Try) and bool(outer.handlers)
        if isinstance(owner, cst.Else) or (handled and owner is not None):
            self.delete_clause(owner)
        elif isinstance(owner, cst.If) and owner.orelse is None and not isinstance(outer, cst.If):
            self.draft.delete(self.code.first_row(owner), self.code.first_row(block.body[0]) - 1)
            self.gone.add(id(owner))
        else:
            first = self.code.first_row(block.body[0])
            self.draft.insert(first, [f"{self.code.indent_of(block.body[0])}pass"])

    def delete_clause(self, clause: cst.CSTNode) -> None:
        """Take out the header of an emptied clause; comments above its statements stay as they are."""
        header = self.code.span(clause).start.row
        self.draft.delete(header, header)


def comments(code: Code, first: int, last: int) -> list[str]:
    """The comments on rows that are about to go, each as a line of its own."""
    found = []
    for row in range(first, last + 1):
        text = code.rows[row - 1]
        at = comment_column(text)
        if at >= 0:
            found.append(text[at:].rstrip())
    return found


def comment_column(text: str) -> int:
    """Where a comment begins on a row that holds a whole simple statement; -1 for none.

    Raises Declined where quotes make that unsure.
    """
    at = text.find("#")
    if at < 0:
        return -1
    before = text[:at]
    if before.count('"') % 2 or before.count("'") % 2:
        raise Declined("a `#` inside a string stands on the row of the release")
    return at
