"""Changes of a file by rows, for what stands outside of any function that changes: imports, a new definition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from putback.model.fix import Edit
from putback.model.span import Position, Span


class Rows:
    """Changes of a file, gathered and given out as edits. `rows` are those of the file, from 1, without line ends."""

    def __init__(self, rows: Sequence[str]) -> None:
        self.rows = rows
        self._inserted: dict[int, list[str]] = {}
        self._written: list[Edit] = []

    def insert(self, row: int, lines: Iterable[str]) -> None:
        """Put whole lines in front of `row`, behind what was put there before; one past the last row appends."""
        self._inserted.setdefault(row, []).extend(lines)

    def delete(self, first: int, last: int) -> None:
        """Take rows out, both ends included."""
        self._written.append(rows_edit(self.rows, first, last + 1, ()))

    def replace(self, span: Span, text: str) -> None:
        """Write `text` over a stretch."""
        self._written.append(Edit(span, text))

    def edits(self) -> tuple[Edit, ...]:
        """The changes, in order."""
        inserted = [rows_edit(self.rows, row, row, lines) for row, lines in self._inserted.items()]
        return tuple(sorted([*self._written, *inserted], key=lambda edit: edit.span))


def rows_edit(rows: Sequence[str], first: int, end: int, lines: Sequence[str]) -> Edit:
    """The edit that puts `lines` in the place of rows `first` to `end` - 1."""
    last = len(rows)
    if end <= last:
        return Edit(Span(Position(first, 1), Position(end, 1)), "".join(f"{line}\n" for line in lines))
    tail = Position(last, len(rows[last - 1]) + 1) if last else Position(1, 1)
    if first == 1:
        return Edit(Span(Position(1, 1), tail), "\n".join(lines))
    head = Position(first - 1, len(rows[first - 2]) + 1)
    return Edit(Span(head, tail), "".join(f"\n{line}" for line in lines))
