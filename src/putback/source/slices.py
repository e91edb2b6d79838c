"""File contents, and the parts of files that are parsed in full: one function, or the top level of a module."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from putback.model.errors import SourceError
from putback.source.constants import without_tables
from putback.source.prefilter import WORDS, read_bytes
from putback.source.text import decode, split_lines

_FILES = 100
_FEEDS = re.compile(r"^[ \t\f]*\f")
_PROSE = re.compile(
    rb"#[^\n]*"
    rb'|"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""'
    rb"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''"
    rb'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
    rb"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'",
    re.DOTALL,
)
"""A comment or a string, when matched from the left in whole statements."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a file; row 1 of `text` is row `offset` + 1 of the file."""

    text: str
    offset: int


def _unnoticed(path: str) -> None:
    """Nobody wants to know."""


class Reader:
    """File contents by path; `given` stands in for files, as standard input does. `noted` is told what is read."""

    def __init__(self, given: Mapping[str, bytes]) -> None:
        self.given = given
        self.noted: Callable[[str], None] = _unnoticed
        self._rows: dict[str, Sequence[str]] = {}
        self._code: dict[str, Sequence[str]] = {}

    def data(self, path: str) -> bytes:
        """The bytes of a file, of a notebook its Python. Raises OSError."""
        data = self.raw(path)
        if path.endswith(".ipynb"):
            from putback.source.notebook import notebook

            return notebook(data).text.encode("utf-8", "surrogatepass")
        return data

    def raw(self, path: str) -> bytes:
        """The bytes of a file as they are. Raises OSError."""
        self.noted(path)
        return self.given[path] if path in self.given else read_bytes(path)

    def has(self, path: str, text: bytes) -> bool:
        """Whether a file has some text in it; one that cannot be read has none."""
        try:
            return text in self.data(path)
        except OSError:
            return False

    def text(self, path: str) -> str:
        """The decoded text of a file. Raises SourceError."""
        try:
            return decode(self.data(path), path).text
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror or error}") from error

    def rows(self, path: str) -> Sequence[str]:
        """The rows of a file without line ends; empty when it cannot be read."""
        self.noted(path)
        if path not in self._rows:
            if len(self._rows) >= _FILES:
                self._rows.pop(next(iter(self._rows)))
            try:
                self._rows[path] = split_lines(self.text(path))
            except SourceError:
                self._rows[path] = ()
        return self._rows[path]

    def code(self, path: str) -> Sequence[str]:
        """The rows of a file as they are parsed: blank in the middle of large tables of constants, without form feeds
        in front of what stands in a row."""
        self.noted(path)
        if path not in self._code:
            if len(self._code) >= _FILES:
                self._code.pop(next(iter(self._code)))
            self._code[path] = without_tables(_without_feeds(self.rows(path)))
        return self._code[path]

    def function(self, path: str, row: int, end_row: int) -> Slice:
        """Rows `row` to `end_row`, counted from 1, both included, without large tables of constants; with the comments
        behind them that are part of the function."""
        rows = self.code(path)
        return Slice("".join(f"{text}\n" for text in rows[row - 1 : with_comments(rows, row, end_row)]), row - 1)

    def verbatim(self, path: str, row: int, end_row: int) -> Slice:
        """The same as they are, to be run."""
        return Slice("".join(f"{text}\n" for text in self.rows(path)[row - 1 : end_row]), row - 1)

    def top_level(self, path: str, definitions: Iterable[tuple[int, int]]) -> Slice:
        """The whole file with the rows of its definitions blanked out, so that row numbers stay."""
        rows = list(self.code(path))
        for row, end_row in definitions:
            rows[row - 1 : end_row] = [""] * (end_row - row + 1)
        return Slice("".join(f"{text}\n" for text in rows), 0)


def with_comments(rows: Sequence[str], row: int, end_row: int) -> int:
    """The last row of a definition in `row` to `end_row`, with the comments behind it that stand deeper than it."""
    margin = rows[row - 1][: len(rows[row - 1]) - len(rows[row - 1].lstrip())] if row <= len(rows) else ""
    last = end_row
    for at in range(end_row, len(rows)):
        bare = rows[at].lstrip()
        if bare and not (
            bare.startswith("#") and rows[at].startswith(margin) and len(bare) < len(rows[at][len(margin) :])
        ):
            break
        last = at + 1 if bare else last
    return last


def _without_feeds(rows: Sequence[str]) -> Sequence[str]:
    """The rows without a form feed, and what is in front of it, at their beginning: Python counts from behind it how
    far a row is indented."""
    if not any("\f" in row for row in rows):
        return rows
    return [_FEEDS.sub("", row) if "\f" in row else row for row in rows]


def words(code: bytes) -> frozenset[bytes]:
    """Every word in whole statements, those in comments and strings included."""
    return frozenset(code.translate(WORDS).split())


def without_prose(code: bytes) -> bytes:
    """Whole statements without comments and strings; formatted strings stay, for there is code in them."""
    return _PROSE.sub(_formatted, code)


def _formatted(found: re.Match[bytes]) -> bytes:
    before = found.string[max(0, found.start() - 2) : found.start()]
    return found[0] if b"f" in before.lower() else b" "
