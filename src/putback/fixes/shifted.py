"""Rows of a moved statement that a tree does not know how to indent."""

from __future__ import annotations

import libcst as cst

_PARTS = (cst.BaseSuite, cst.Else, cst.Finally, cst.ExceptHandler, cst.ExceptStarHandler, cst.If)


class Shifted(cst.CSTTransformer):
    """Moves rows of a statement that stand left of where it begins, or behind a backslash; empty ones stay empty."""

    def __init__(self, old: str, new: str) -> None:
        super().__init__()
        self.old, self.new = old, new

    def leave_EmptyLine(self, original_node: cst.EmptyLine, updated_node: cst.EmptyLine) -> cst.EmptyLine:
        space = updated_node.whitespace.value
        if updated_node.comment is None and (updated_node.indent or not space or not space.startswith(self.old)):
            return updated_node
        moved = space if updated_node.indent else self._moved(space)
        return updated_node.with_changes(whitespace=cst.SimpleWhitespace(moved))

    def _moved(self, space: str) -> str:
        """White space that a row begins with."""
        return self.new[len(self.old) :] + space.removeprefix(self.old[len(self.new) :])

    def leave_SimpleWhitespace(
        self, original_node: cst.SimpleWhitespace, updated_node: cst.SimpleWhitespace
    ) -> cst.SimpleWhitespace:
        first, *rest = updated_node.value.split("\n")
        return updated_node.with_changes(value="\n".join([first, *map(self._moved, rest)]))

    def leave_ParenthesizedWhitespace(
        self, original_node: cst.ParenthesizedWhitespace, updated_node: cst.ParenthesizedWhitespace
    ) -> cst.ParenthesizedWhitespace:
        last = updated_node.last_line
        moved = last if updated_node.indent else last.with_changes(value=self._moved(last.value))
        return updated_node.with_changes(last_line=moved)


def last_block(statement: cst.CSTNode) -> cst.CSTNode | None:
    """The block that ends a compound statement."""
    blocks = [each for each in statement.children if isinstance(each, _PARTS)]
    last = blocks[-1] if blocks else None
    return last if last is None or isinstance(last, cst.BaseSuite) else last_block(last)


def ends_further_left(statement: cst.CSTNode) -> bool:
    """Whether comments below a compound statement, which a tree has at its end, begin left of its block."""
    last = last_block(statement) if isinstance(statement, cst.BaseCompoundStatement) else None
    while isinstance(last, cst.IndentedBlock):
        if any(line.comment is not None and not line.indent for line in last.footer):
            return True
        last = last_block(last.body[-1]) if isinstance(last.body[-1], cst.BaseCompoundStatement) else None
    return False
