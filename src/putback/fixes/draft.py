"""Changes to the rows of one file, gathered row by row and given out as edits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from putback.model.fix import Edit
from putback.model.span import Position, Span


class Draft:
    """A change in the making. Rows count from 1; every row keeps the text that nobody changed.

    `rows` are the rows of the file without line ends; `strings` the rows that begin inside a string literal, which no
    indentation may touch.
    """

    def __init__(self, rows: Sequence[str], strings: frozenset[int] = frozenset()) -> None:
        self.rows = rows
        self.strings = strings
        self._before: dict[int, list[str]] = {}
        self._deleted: set[int] = set()
        self._replaced: dict[int, str] = {}
        self._deeper: dict[int, str] = {}
        self._shallower: dict[int, str] = {}

    def insert(self, row: int, lines: Iterable[str], ahead: bool = False) -> None:
        """Put whole lines in front of `row`; one past the last row appends.

        They come behind what was inserted there before, or `ahead` of it.
        """
        there = self._before.get(row, [])
        self._before[row] = [*lines, *there] if ahead else [*there, *lines]

    def delete(self, first: int, last: int) -> None:
        """Take rows out, both ends included."""
        self._deleted.update(range(first, last + 1))

    def inserted(self, row: int) -> list[str]:
        """What is to be put in front of `row`."""
        return list(self._before.get(row, ()))

    def amend(self, row: int, text: str) -> None:
        """Put `text` behind the last line that was inserted in front of `row`."""
        self._before[row][-1] += text

    def drop_inserted(self, row: int) -> None:
        """Forget what was to be put in front of `row`."""
        self._before.pop(row, None)

    def indent(self, first: int, last: int, unit: str) -> None:
        """Move rows one level to the right, both ends and what was inserted in front of them included."""
        for row in range(first, last + 1):
            self._deeper[row] = self._deeper.get(row, "") + unit
            if row in self._before:
                self._before[row] = [unit + line if line else line for line in self._before[row]]
            if row > first and self._is_spare(row, last):
                self._deleted.add(row)

    def _is_spare(self, row: int, last: int) -> bool:
        """Whether a row is the second empty one between statements that were at the margin."""
        if row in self.strings or self.rows[row - 1].strip() or self.rows[row - 2].strip():
            return False
        behind = next((text for text in self.rows[row:last] if text.strip()), " ")
        return not behind[0].isspace()

    def dedent(self, first: int, last: int, unit: str) -> None:
        """Move rows one level to the left, both ends and what was inserted in front of them included."""
        for row in range(first, last + 1):
            self._shallower[row] = self._shallower.get(row, "") + unit
            if row in self._before:
                self._before[row] = [line.removeprefix(unit) for line in self._before[row]]

    def replace(self, span: Span, text: str) -> None:
        """Write `text` over a stretch of one or more rows; the later rows of the stretch go."""
        first, last = span.start.row, span.end.row
        head = self._text(first)[: span.start.column - 1]
        tail = self._text(last)[span.end.column - 1 :]
        self._replaced[first] = head + text + tail
        self._deleted.update(range(first + 1, last + 1))

    def edits(self) -> tuple[Edit, ...]:
        """The changes as edits, in order, one for each stretch of neighbouring rows that change."""
        found: list[Edit] = []
        row, last = 1, len(self.rows)
        for touched in sorted({*self._before, *self._deleted, *self._replaced, *self._deeper, *self._shallower}):
            if touched < row or touched > last + 1 or not self._changes(touched):
                continue
            row = touched
            while row <= last and self._changes(row):
                row += 1
            found.append(self._edit(touched, row))
            row += 1
        return tuple(edit for edit in found if edit.content != self._old(edit.span))

    def _old(self, span: Span) -> str:
        """The text that a stretch holds now."""
        first, last = span.start.row - 1, span.end.row - 1
        rows = [*self.rows[first : last + 1], ""][: last - first + 1]
        text = "\n".join([*rows[:-1], rows[-1][: span.end.column - 1]])
        return text[span.start.column - 1 :]

    def _text(self, row: int) -> str:
        return self._replaced.get(row, self.rows[row - 1])

    def _changes(self, row: int) -> bool:
        if row in self._before or row in self._deleted:
            return True
        return row <= len(self.rows) and self._changed(row) != self.rows[row - 1]

    def _changed(self, row: int) -> str:
        text = self._text(row)
        if row in self.strings or not text.strip():
            return text
        text = text.removeprefix(self._shallower.get(row, ""))
        return self._deeper.get(row, "") + text

    def _edit(self, first: int, end: int) -> Edit:
        """The edit for rows `first` to `end` - 1 and for what is put in front of row `end`."""
        lines: list[str] = []
        for row in range(first, end + 1):
            lines += self._before.get(row, [])
            if row < end and row not in self._deleted:
                lines.append(self._changed(row))
        last = len(self.rows)
        if end <= last:
            return Edit(Span(Position(first, 1), Position(end, 1)), "".join(f"{line}\n" for line in lines))
        tail = Position(last, len(self.rows[last - 1]) + 1) if last else Position(1, 1)
        if first == 1:
            return Edit(Span(Position(1, 1), tail), "\n".join(lines))
        head = Position(first - 1, len(self.rows[first - 2]) + 1)
        return Edit(Span(head, tail), "".join(f"\n{line}" for line in lines))
