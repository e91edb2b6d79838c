"""What a fix would make of its file, from the rows that are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from putback.model.finding import Finding
from putback.model.report import Sources
from putback.model.span import Position
from putback.report.diff import diff_lines
from putback.report.paint import Line


def fix_lines(finding: Finding, sources: Sources) -> Iterator[Line]:
    """The rows that the fix of a finding changes, as a diff without the names of files."""
    rows = sources(finding.path)
    if finding.fix is None or not rows:
        return
    before = "".join(f"{row}\n" for row in rows)
    after = before
    for edit in sorted(finding.fix.edits, key=lambda each: each.span, reverse=True):
        start, end = (offset(place, rows) for place in (edit.span.start, edit.span.end))
        after = after[:start] + edit.content.replace("\r\n", "\n") + after[end:]
    yield from list(diff_lines(finding.path, before, after, harmless=True))[2:]


def offset(place: Position, rows: Sequence[str]) -> int:
    """How many characters stand before a place."""
    return sum(len(row) + 1 for row in rows[: place.row - 1]) + place.column - 1
