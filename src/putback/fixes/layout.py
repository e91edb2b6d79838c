"""Which rows of a file have become too long by a change, and what takes their place."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator, Sequence
from functools import cached_property

from putback.fixes.reflow import CLOSING, OPENING, Style, reflowed, width


class Layout:
    """The rows of a file, and how they are laid out."""

    def __init__(self, rows: Sequence[str], style: Style) -> None:
        self.rows = rows
        self.style = style

    def rows_for(self, row: int, text: str) -> list[str]:
        """The rows that take the place of `row` of the file when it becomes `text`: one, unless that is too long.

        Nothing is split in a file with rows that could have been split before: nobody keeps it in form.
        """
        limit = self.style.limit
        if width(text) <= limit or width(self.rows[row - 1]) > limit or row not in self._begun or not self._is_kept:
            return [text]
        return reflowed(text, self.style, self._begun[row])

    @cached_property
    def _begun(self) -> dict[int, bool]:
        try:
            return dict(row_starts(self.rows))
        except (tokenize.TokenError, SyntaxError):
            return {}

    @cached_property
    def _is_kept(self) -> bool:
        long = (row for row in self._begun if width(self.rows[row - 1]) > self.style.limit)
        return not any(self._could_be_split(row) for row in long)

    def _could_be_split(self, row: int) -> bool:
        rows = reflowed(self.rows[row - 1], self.style, self._begun[row])
        return all(width(each) <= self.style.limit for each in rows) and "#" not in rows[-1]


def row_starts(rows: Sequence[str]) -> Iterator[tuple[int, bool]]:
    """The rows, from 1, that begin no string, with whether they begin within brackets."""
    depth = 0
    seen = 0
    for token in tokenize.generate_tokens(io.StringIO("\n".join(rows) + "\n").readline):
        if token.type in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            continue
        if token.start[0] > seen:
            seen = token.start[0]
            yield seen, depth > 0
        seen = max(seen, token.end[0])
        if token.type == tokenize.OP:
            depth += (token.string in OPENING) - (token.string in CLOSING)
