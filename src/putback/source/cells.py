"""Findings in notebooks: their places as cell and row, and why putback does not write there."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace

from putback.model.finding import Finding, Step
from putback.model.span import Position, Span
from putback.model.spelling import relative_to
from putback.source.notebook import ENDING, notebook

NO_FIX = "putback does not write notebooks: mend the cell by hand"
Read = Callable[[str], bytes]
"""The bytes of the file at an absolute path."""


def in_cells(finding: Finding, read: Read) -> Finding:
    """`finding` with the cell and the row in it where a place lies in a notebook, and without a fix there."""
    if not any(path.endswith(ENDING) for path in (finding.filename, *finding.mentions)):
        return finding
    try:
        return _in_cells(finding, read)
    except OSError:  # it is no notebook, and just that is found
        return finding


def _in_cells(finding: Finding, read: Read) -> Finding:

    def told(text: str) -> str:
        for path in finding.mentions:
            text = _renamed(text, path, read) if path.endswith(ENDING) else text
        if finding.filename.endswith(ENDING):
            text = re.sub(r"\bline (\d+)\b", lambda m: _in_words(read, finding.filename, int(m[1])), text)
        return text

    def step(each: Step) -> Step:
        cell, span = _placed(read, os.path.abspath(each.path), each.span)
        return replace(each, cell=cell, span=span, text=told(each.text), via=tuple(map(step, each.via)))

    cell, span = _placed(read, finding.filename, finding.span)
    done = replace(
        finding,
        cell=cell,
        span=span,
        message=told(finding.message),
        help=told(finding.help),
        no_fix_reason=told(finding.no_fix_reason),
        trace=tuple(map(step, finding.trace)),
    )
    return replace(done, fix=None, no_fix_reason=NO_FIX) if cell and finding.fix is not None else done


def _placed(read: Read, path: str, span: Span) -> tuple[int, Span]:
    """The cell of a place, 0 outside of notebooks, and the place in it."""
    if not path.endswith(ENDING):
        return 0, span
    book = notebook(read(path))
    cell, row = book.place(span.start.row)

    def placed(position: Position) -> Position:
        before = len(book.indent(position.row))
        return Position(row + position.row - span.start.row, position.column + before)

    return cell, Span(placed(span.start), placed(span.end))


def _renamed(text: str, path: str, read: Read) -> str:
    """`text`, where it names a row of a notebook, with the cell and the row in it."""
    name = re.escape(relative_to(path))

    def named(found: re.Match[str]) -> str:
        cell, inner = notebook(read(path)).place(int(found[2]))
        return f"{found[1]}:cell {cell}:{inner}"

    return re.sub(rf"(?<![\w./-])({name}):(\d+)", named, text)


def _in_words(read: Read, path: str, row: int) -> str:
    cell, inner = notebook(read(path)).place(row)
    return f"line {inner} of cell {cell}"
