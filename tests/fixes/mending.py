"""Findings and fixes of texts in memory."""

from __future__ import annotations

from collections.abc import Sequence

from putback.model.config import Config
from putback.model.finding import Finding
from putback.model.fix import Edit
from putback.model.report import StdinFile
from putback.model.span import Position
from putback.pipeline.check import at_full_speed, checked
from putback.rules import ALL
from putback.source.selection import enabled

MOST_ROUNDS = 8


class Mender:
    """Checks and mends single files that exist in memory only; the drivers are loaded once."""

    def __init__(self, folder: str) -> None:
        self.path = f"{folder}/code.py"
        config = Config(root=folder)
        self.project = checked([], config, enabled(ALL, config), stdin=StdinFile(self.path, b""))

    def findings(self, text: str) -> tuple[Finding, ...]:
        """What is found in `text`."""
        with at_full_speed():
            return self.project.again({self.path: text.encode()})[self.path]

    def mended(self, text: str) -> str:
        """`text` with every fix that is offered, round after round until none is left."""
        for _ in range(MOST_ROUNDS):
            fixes = [found for found in self.findings(text) if found.fix is not None]
            if not fixes:
                return text
            text = with_fix(text, fixes[0])
        raise AssertionError("there is always another fix")


def with_fix(text: str, found: Finding) -> str:
    """`text` with the fix of `found` applied."""
    assert found.fix is not None
    newline = "\r\n" if "\r\n" in text else "\n"
    plain = text.replace("\r\n", "\n")
    starts = row_starts(plain)
    for edit in sorted(found.fix.edits, key=lambda each: each.span, reverse=True):
        plain = spliced(plain, starts, edit)
    return plain.replace("\n", newline)


def row_starts(text: str) -> Sequence[int]:
    """The offsets at which the rows of `text` begin, and one for the row behind its end."""
    starts = [0]
    for row in text.split("\n"):
        starts.append(starts[-1] + len(row) + 1)
    return starts


def spliced(text: str, starts: Sequence[int], edit: Edit) -> str:
    """`text` with one edit applied."""

    def offset(position: Position) -> int:
        return min(starts[position.row - 1] + position.column - 1, len(text))

    return text[: offset(edit.span.start)] + edit.content + text[offset(edit.span.end) :]
