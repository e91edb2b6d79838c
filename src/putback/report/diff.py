"""What fixes would change, as a unified diff that `patch` and `git apply` understand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import unified_diff

from putback.report.display import safe, shown
from putback.report.paint import Line, Segment, coloured, plain

ROW = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
STYLES = {"+": "added", "-": "removed", "@": "place"}


def diff(path: str, before: str, after: str, colour: bool = False, terminal: bool = False) -> str:
    """The changes from `before` to `after`, "" when there is none.

    For a terminal the text is made harmless, elsewhere it is exact.
    """
    lines = list(diff_lines(path, before, after, colour or terminal))
    return coloured(lines, links=False) if colour else plain(lines)


def diff_lines(path: str, before: str, after: str, harmless: bool) -> Iterator[Line]:
    """The lines of the diff; a last row without a line end is marked as `diff` does."""
    name = safe(path)
    rows = unified_diff(ROW.findall(before), ROW.findall(after), name, name)
    for number, row in enumerate(rows):
        text = row.removesuffix("\n")
        style = "path" if number < 2 else STYLES.get(row[0], "")
        yield [Segment(shown(text.removesuffix("\r")).text if harmless else text, style)]
        if not row.endswith(("\n", "\r")):
            yield [Segment("\\ No newline at end of file")]
