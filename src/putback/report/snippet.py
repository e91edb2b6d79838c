"""The path of a finding drawn into the source: the lines that matter, a mark under each, numbered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from putback.model.finding import Finding
from putback.model.report import Sources
from putback.model.span import Span
from putback.report.display import cut, safe, shown, width_of
from putback.report.paint import Line, Segment
from putback.report.places import source_of

LINE_LIMIT = 120  # columns of source shown where there is no terminal to fit into
SMALL_GAP = 1  # so many lines between two marked ones are shown rather than elided


@dataclass(frozen=True, slots=True)
class Mark:
    """A place to underline; `primary` is the finding's own place."""

    path: str
    span: Span
    label: str
    primary: bool

    @property
    def row(self) -> int:
        """The row the mark is drawn in."""
        return self.span.start.row


def snippet(finding: Finding, sources: Sources, width: int) -> list[Line]:
    """The drawn path; `width` is that of the terminal, 0 for none."""
    marks = marks_of(finding)
    gutter = max(len(str(mark.row)) for mark in marks) + 2
    lines: list[Line] = []
    path = source_of(finding)
    for chunk in chunks(marks):
        if chunk[0].path != path:
            path = chunk[0].path
            lines.append([Segment(" " * gutter + "--> ", "gutter"), Segment(place(chunk[0]), "path")])
            lines.append(bar(gutter))
        else:
            lines.append(gap(gutter) if lines else bar(gutter))
        lines.extend(Drawing(sources(path), gutter, width).draw(chunk))
    return [*lines, bar(gutter)]


def marks_of(finding: Finding) -> list[Mark]:
    """The steps of the path, with the finding's own place in front when it is not among them."""
    own = (source_of(finding), finding.span)
    steps = [
        Mark(source_of(step), step.span, f"{number}. {safe(step.text)}", (source_of(step), step.span) == own)
        for number, step in enumerate(finding.trace, 1)
    ]
    if any(step.primary for step in steps):
        return steps
    return [Mark(*own, "", True), *steps]


def chunks(marks: Sequence[Mark]) -> Iterator[list[Mark]]:
    """Runs of marks in one file whose rows do not go back: each is drawn in one piece."""
    for _, group in groupby(marks, key=lambda mark: mark.path):
        run: list[Mark] = []
        for mark in group:
            if run and mark.row < run[-1].row:
                yield run
                run = []
            run.append(mark)
        yield run


def place(mark: Mark) -> str:
    """ "shop/db.py:18:12"."""
    return f"{safe(mark.path)}:{mark.row}:{mark.span.start.column}"


def bar(gutter: int) -> Line:
    """An empty line of the margin."""
    return [Segment(" " * (gutter + 1) + "|", "gutter")]


def gap(gutter: int) -> Line:
    """The sign for left-out lines."""
    return [Segment(" " * (gutter - 1) + "...", "gutter")]


@dataclass(frozen=True, slots=True)
class Drawing:
    """Draws marks into the lines of one file."""

    source: Sequence[str]
    gutter: int
    width: int

    @property
    def limit(self) -> int:
        """Columns for source text."""
        return max(40, self.width - self.gutter - 3) if self.width else LINE_LIMIT

    def draw(self, marks: Sequence[Mark]) -> Iterator[Line]:
        """The lines with their marks, and a sign where lines are left out."""
        rows = self.rows_to_show([mark.row for mark in marks])
        previous = rows[0]
        for row in rows:
            if row > previous + 1:
                yield gap(self.gutter)
            previous = row
            yield from self.draw_row(row, [mark for mark in marks if mark.row == row])

    def rows_to_show(self, marked: Sequence[int]) -> list[int]:
        """The marked rows, the head of the block that each opens in, and small gaps."""
        rows = set(marked)
        for above, row in pairwise(sorted(set(marked))):
            rows.update(head for head in [self.block_head(row)] if head > above)
        for above, row in pairwise(sorted(rows)):
            if row - above - 1 <= SMALL_GAP:
                rows.update(range(above, row))
        return sorted(rows)

    def block_head(self, row: int) -> int:
        """The row that opens the block around `row` (`except ...:`); 0 when there is none."""
        if row > len(self.source):
            return 0
        depth = indent(self.source[row - 1])
        for above in range(row - 1, 0, -1):
            text = self.source[above - 1]
            if text.strip() and indent(text) < depth:
                return above if text.rstrip().endswith(":") else 0
        return 0

    def draw_row(self, row: int, marks: Sequence[Mark]) -> Iterator[Line]:
        """One line of source, cut to fit, and a line for each of its marks."""
        margin = [Segment(f"{row:>{self.gutter}} | ", "gutter")]
        if row > len(self.source):
            yield from ([*margin, Segment(mark.label, style_of(mark))] for mark in marks)
            return
        line = shown(self.source[row - 1])
        first = min((line.column(mark.span.start.column - 1) for mark in marks), default=0)
        text, offset = cut(line.text, first, self.limit)
        yield [*margin, Segment(text.rstrip(), "source")]
        for mark in marks:
            start = line.column(mark.span.start.column - 1)
            end = line.column(mark.span.end.column - 1 if mark.span.end.row == row else len(line.edges))
            end = max(min(end, offset + width_of(text)), start + 1)
            yield from self.draw_mark(mark, start - offset, end - start)

    def draw_mark(self, mark: Mark, start: int, length: int) -> Iterator[Line]:
        """The underline, its label beside it, or below where the terminal is too narrow for that."""
        margin = Segment(" " * (self.gutter + 1) + "| ", "gutter")
        line = " " * start + ("^" if mark.primary else "-") * length
        style = style_of(mark)
        room = self.width - self.gutter - 3
        if not mark.label or not self.width or start + length + 1 + width_of(mark.label) <= room:
            yield [margin, Segment(f"{line} {mark.label}".rstrip(), style)]
            return
        from textwrap import wrap

        yield [margin, Segment(line, style)]
        begin = min(start, room // 2)
        for part in wrap(mark.label, max(room - begin, 20), subsequent_indent="   "):
            yield [margin, Segment(" " * begin + part, style)]


def indent(text: str) -> int:
    """The columns of white space in front of `text`."""
    return len(text.expandtabs()) - len(text.expandtabs().lstrip())


def style_of(mark: Mark) -> str:
    """The finding's own place stands out from the stations on the way."""
    return "primary" if mark.primary else "step"
