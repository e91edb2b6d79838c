"""Edits to bytes, and which fixes can be tried together. Pure: nothing is read, checked or written here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from putback.model.errors import SourceError, SpliceError
from putback.model.finding import Finding
from putback.model.fix import Applicability, Edit, Fix
from putback.model.span import Position, Span
from putback.source.text import SourceText, decode

ROW_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fix to try, with the findings that propose it. All its edits are in the file of the findings."""

    fix: Fix
    findings: tuple[Finding, ...]

    @property
    def path(self) -> str:
        """The absolute path of the file."""
        return self.findings[0].filename

    @property
    def scope(self) -> tuple[str, str]:
        """The function to change: two fixes for one function may not know of each other."""
        return self.path, self.findings[0].function

    @property
    def start(self) -> Position:
        """Where the first finding stands."""
        return self.findings[0].span.start

    @property
    def is_unsafe(self) -> bool:
        """Whether it may change what a path that did not leak does."""
        return self.fix.applicability is not Applicability.SAFE

    @property
    def order(self) -> tuple[bool, bool, int, int]:
        """Of one function's fixes those of leaks come first, then those of what belongs to a connection, such as its
        cursors; and what is acquired last goes back first."""
        first = self.findings[0]
        is_acquired = first.site is not None and first.site.operation is not None
        return not first.code.startswith("PB1"), not is_acquired, -self.start.row, -self.start.column


@dataclass(frozen=True, slots=True)
class Plan:
    """What one round tries together, and what has to wait for the next because it could get in the way."""

    chosen: tuple[Candidate, ...]
    waiting: tuple[Candidate, ...]


def plan(findings: Iterable[Finding]) -> Plan:
    """The fixes of `findings` that touch neither each other's text nor each other's function."""
    chosen: list[Candidate] = []
    waiting: list[Candidate] = []
    tops: dict[tuple[str, str], Position] = {}
    every = candidates(findings)
    for each in every:
        tops[each.scope] = min(each.start, tops.get(each.scope, each.start))
    for candidate in sorted(every, key=lambda each: (each.is_unsafe, each.path, tops[each.scope], each.order)):
        fits = not any(candidate.scope == other.scope or meet(candidate, other) for other in chosen)
        (chosen if fits else waiting).append(candidate)
    return Plan(tuple(chosen), tuple(waiting))


def candidates(findings: Iterable[Finding]) -> list[Candidate]:
    """The fixes of `findings`; equal ones are one."""
    merged: dict[tuple[str, tuple[Edit, ...]], list[Finding]] = {}
    for finding in findings:
        if finding.fix is not None:
            merged.setdefault((finding.filename, finding.fix.edits), []).append(finding)
    return [Candidate(each.fix, tuple(same)) for same in merged.values() for each in same[:1] if each.fix]


def meet(one: Candidate, other: Candidate) -> bool:
    """Whether edits of the two overlap or touch: then the order in which they are applied would matter."""
    if one.path != other.path:
        return False
    return any(touch(a.span, b.span) for a in one.fix.edits for b in other.fix.edits)


def touch(one: Span, other: Span) -> bool:
    """Whether the spans share a character or a border."""
    return one.start <= other.end and other.start <= one.end


def spliced(source: SourceText, edits: Iterable[Edit]) -> bytes:
    """The bytes of `source` with `edits` applied; every byte outside of them stays as it is.

    New line ends are those of the row where the edit begins. Raises SpliceError when edits overlap, lie outside of
    the text, or cannot be written in the encoding of the file.
    """
    text = source.text
    cutter = _Cutter(source)
    expected, at = [], 0
    for start, end, content in replacements(text, edits):
        if start < at:
            raise SpliceError("the edits overlap")
        cutter.keep(text[at:start])
        cutter.drop(text[start:end])
        cutter.add(content)
        expected += [text[at:start], content]
        at = end
    cutter.keep(text[at:])
    data = cutter.result()
    if decoded(data) != "".join([*expected, text[at:]]):
        raise SpliceError(f"the edits cannot be written in the encoding {source.encoding}")
    return data


def decoded(data: bytes) -> str | None:
    """The text in `data`, None when there is none."""
    try:
        return decode(data).text
    except SourceError:
        return None


def replacements(text: str, edits: Iterable[Edit]) -> Iterator[tuple[int, int, str]]:
    """The edits in the order of the text, by character offsets, with the line ends of the rows they begin in."""
    ends = [match.span() for match in ROW_END.finditer(text)]
    starts = [0, *(end for _, end in ends)]
    first = text[slice(*ends[0])] if ends else "\n"
    open_end = not text.endswith(("\r", "\n")) and text != ""
    limits = [*(start for start, _ in ends), len(text)]
    mixed = len({text[start:end] for start, end in ends}) > 1
    for edit in sorted(edits, key=lambda each: each.span):
        content = edit.content
        if open_end and edit.span.end == Position(len(starts) + 1, 1):  # behind a last row that has no line end
            content = ("\n" if edit.span.start == edit.span.end else "") + content.removesuffix("\n")
        row = min(edit.span.start.row, len(ends))
        newline = text[slice(*ends[row - 1])] if row else first
        start, end = (offset(position, starts, limits, open_end) for position in (edit.span.start, edit.span.end))
        yield start, end, with_own_ends(text[start:end], content, newline) if mixed else content.replace("\n", newline)


def with_own_ends(old: str, content: str, newline: str) -> str:
    """`content` with the line ends that its rows have in `old`, whatever their indentation; new rows get `newline`."""
    ends = ROW_END.findall(old)
    rows = content.split("\n")
    new_ends = [newline] * (len(rows) - 1)
    before = [row.strip() for row in ROW_END.split(old)]
    same = SequenceMatcher(None, before, [row.strip() for row in rows], autojunk=False).get_matching_blocks()
    for block in same:
        for at in range(block.size):
            if block.a + at < len(ends) and block.b + at < len(new_ends):
                new_ends[block.b + at] = ends[block.a + at]
    return "".join(row + end for row, end in zip(rows, [*new_ends, ""], strict=True))


def offset(position: Position, starts: Sequence[int], limits: Sequence[int], open_end: bool) -> int:
    """The character offset of `position`; `limits` are the offsets of the ends of the rows, line ends left out."""
    row, column = position.row, position.column
    if open_end and (row, column) == (len(starts) + 1, 1):
        return limits[-1]
    if not 1 <= row <= len(starts) or not 1 <= column <= limits[row - 1] - starts[row - 1] + 1:
        raise SpliceError(f"the edits do not fit the file: there is no row {row}, column {column}")
    return starts[row - 1] + column - 1


class _Cutter:
    """Walks through the bytes of a file alongside its text and takes over what is kept, byte by byte."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.at = len(source.data) - len(source.body)
        self.parts = [source.data[: self.at]]

    def keep(self, text: str) -> None:
        """Take over the next characters."""
        self.parts.append(self._next(text))

    def drop(self, text: str) -> None:
        """Leave the next characters out."""
        self._next(text)

    def add(self, text: str) -> None:
        """Put in new characters."""
        self.parts.append(self._encoded(text))

    def result(self) -> bytes:
        """What was kept and added."""
        return b"".join(self.parts)

    def _next(self, text: str) -> bytes:
        piece = self._encoded(text)
        found = self.source.data[self.at : self.at + len(piece)]
        if found != piece:
            raise SpliceError(f"a file in the encoding {self.source.encoding} cannot be edited there")
        self.at += len(piece)
        return found

    def _encoded(self, text: str) -> bytes:
        try:
            return text.encode(self.source.encoding)
        except UnicodeEncodeError as error:
            character = text[error.start]
            raise SpliceError(f"the encoding {self.source.encoding} has no {character!r}") from error
