"""How source text looks on a terminal: tabs, wide and invisible characters, lines that are too long.

What is printed may also be read by the runner of a CI system, which obeys lines of the log: GitHub what begins with
`::name`, Azure and TeamCity `##vso[` and `##teamcity[` anywhere, as both of the former do `##[`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from putback.model.printable import printable

TAB = 4
ELLIPSIS = "…"
LEAD = 24  # columns kept before the first mark of a line that is cut
_COMMAND = re.compile(r"(?:^|(?<=\s)):(?=:\w)|#(?=#(?:vso|teamcity)?\[)", re.IGNORECASE)
_APART = "\N{COMBINING GRAPHEME JOINER}"  # not to be seen; behind the first character of a command, which then is none


@dataclass(frozen=True, slots=True)
class Shown:
    """A line ready to print. `edges[i]` is the column, from 0, where code point i begins; the last one is the end."""

    text: str
    edges: tuple[int, ...]

    def column(self, code_points: int) -> int:
        """The terminal column of the code point with this index, or of the end of the line."""
        return self.edges[min(max(code_points, 0), len(self.edges) - 1)]


def shown(line: str) -> Shown:
    """`line` with tabs expanded and without anything that a terminal or a runner would obey instead of print."""
    if _is_plain(line):
        return Shown(line, tuple(range(len(line) + 1)))
    commands = {found.start() for found in _COMMAND.finditer(line)}
    pieces, edges, at = [], [], 0
    for number, char in enumerate(line):
        piece = " " * (TAB - at % TAB) if char == "\t" else printable(char)
        piece += _APART if number in commands else ""
        edges.append(at)
        pieces.append(piece)
        at += sum(map(columns_of, piece))
    return Shown("".join(pieces), (*edges, at))


def columns_of(char: str) -> int:
    """How many terminal columns `char` takes."""
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def width_of(text: str) -> int:
    """How many terminal columns `text` takes."""
    return len(text) if text.isascii() else sum(map(columns_of, text))


def safe(text: str) -> str:
    """`text` on one line, without anything that a terminal or a runner would obey."""
    return text if _is_plain(text) else shown(" ".join(text.split())).text


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and "##" not in text and "::" not in text


def cut(text: str, first: int, limit: int) -> tuple[str, int]:
    """The part of `text` around terminal column `first` that fits into `limit` columns, and where it begins.

    The second value is what to subtract from columns of the whole text. Cut ends show an ellipsis.
    """
    if width_of(text) <= limit:
        return text, 0
    begin = max(0, first - LEAD) if first > limit - LEAD else 0
    kept, at = [], 0
    for char in text:
        width = columns_of(char)
        if at >= begin + (1 if begin else 0) and at + width <= begin + limit - 1:
            kept.append(char)
        at += width
    head = ELLIPSIS if begin else ""
    tail = ELLIPSIS if at > begin + limit - 1 else ""
    return head + "".join(kept) + tail, begin
