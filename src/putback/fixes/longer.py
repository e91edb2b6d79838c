"""A call that a deeper block makes too long for its row, put on several as black and ruff do it.

Only where the call is all that its row is about. Everything else is left long, for the project's formatter.
"""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

_PLAIN = cst.SimpleWhitespace


class Wrapped(cst.CSTTransformer):
    """Wraps the rows of a statement that are longer than `most` now, and were not before.

    It has moved from the indentation `old` to `new`; `unit` is one more level.
    """

    def __init__(self, old: str, new: str, unit: str, most: int) -> None:
        super().__init__()
        self.further = len(new) - len(old)
        self.unit, self.most = unit, most
        self.depths = [len(new)]

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        self.depths.append(self.depths[-1] + len(node.indent if node.indent is not None else self.unit))

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        self.depths.pop()
        return updated_node

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine:
        length = self.depths[-1] + len(_text(original_node))
        is_alone = len(original_node.body) == 1 and original_node.trailing_whitespace.comment is None
        if not is_alone or "\n" in _text(original_node) or not self.most < length <= self.most + self.further:
            return updated_node
        wrapping = [c for c in _chain(original_node.body[0]) if c.args]
        if len(wrapping) != 1 or not _is_plain(wrapping[0]):
            return updated_node
        made = original_node.deep_replace(wrapping[0], self._over_rows(wrapping[0]))
        rows = _text(made).split("\n")
        fits = all(self.depths[-1] + len(row) <= self.most for row in rows)
        return made if fits and isinstance(made, cst.SimpleStatementLine) else updated_node

    def _over_rows(self, call: cst.Call) -> cst.Call:
        """The arguments on a row of their own, or each on one."""
        *others, last = call.args
        inside = sum(len(_text(argument)) for argument in call.args)
        fits = self.depths[-1] + len(self.unit) + inside <= self.most
        if fits or isinstance(last.value, cst.GeneratorExp) or last.star:
            arguments: Sequence[cst.Arg] = [*others, last.with_changes(whitespace_after_arg=self._row())]
        else:
            ends = [*(cst.Comma(whitespace_after=self._row(self.unit)) for _ in others), None]
            arguments = [
                a if end is None else a.with_changes(comma=end) for a, end in zip(call.args, ends, strict=True)
            ]
            arguments = [*arguments[:-1], last.with_changes(comma=cst.Comma(whitespace_after=self._row()))]
        return call.with_changes(whitespace_before_args=self._row(self.unit), args=arguments)

    def _row(self, deeper: str = "") -> cst.ParenthesizedWhitespace:
        return cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace(deeper))


def _text(node: cst.CSTNode) -> str:
    above = {"leading_lines": ()} if isinstance(node, cst.SimpleStatementLine) else {}
    return cst.Module([]).code_for_node(node.with_changes(**above)).rstrip("\n")


def _chain(statement: cst.BaseSmallStatement) -> Sequence[cst.Call]:
    """The calls of a chain that is the value of a statement, `a.b(c).d()`; none where it is more than that."""
    value = getattr(statement, "value", None)
    value = value.expression if isinstance(value, cst.Await) else value
    found = []
    while isinstance(value, cst.Call | cst.Attribute):
        found += [value] if isinstance(value, cst.Call) else []
        value = value.func if isinstance(value, cst.Call) else value.value
    return found if isinstance(value, cst.Name) else []


def _is_plain(call: cst.Call) -> bool:
    """Whether a call has nothing between its brackets but arguments, and no comma behind the last."""
    is_open = isinstance(call.args[-1].comma, cst.MaybeSentinel)
    return is_open and isinstance(call.whitespace_before_args, _PLAIN) and not call.lpar
