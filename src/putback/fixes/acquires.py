"""The expressions that findings are about, told apart in one content of a file."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from functools import cached_property

from putback.model.errors import SourceError
from putback.model.fingerprint import expression_at, plain
from putback.model.span import Span
from putback.source.text import decode, split_lines


class Acquires:
    """Counts equal expressions in one content of a file, whatever their lay-out."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @cached_property
    def _rows(self) -> Sequence[str]:
        try:
            return split_lines(decode(self._data).text)
        except SourceError:
            return ()

    @cached_property
    def _whole(self) -> str:
        return plain("".join(self._rows))

    def count(self, expression: str) -> int:
        """How often a plain expression stands in the file."""
        return self._whole.count(expression)

    def place(self, span: Span) -> tuple[str, int]:
        """The plain expression at `span`, and how many equal ones stand before it in its outermost function."""
        expression = plain(expression_at(self._rows, span))
        row, column = span.start.row, span.start.column
        before = [*self._rows[self._function(row) - 1 : row - 1], *(r[: column - 1] for r in self._rows[row - 1 : row])]
        return expression, plain("".join(before)).count(expression) if expression else 0

    def _function(self, row: int) -> int:
        """The first row of the outermost function around a row; 1 for none."""
        return next((first for first, last in self._functions if first <= row <= last), 1)

    @cached_property
    def _functions(self) -> list[tuple[int, int]]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(self._data)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return []
        found = (n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))
        return sorted((n.lineno, n.end_lineno or n.lineno) for n in found)
