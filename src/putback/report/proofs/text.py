"""Proofs as text: each function with the story of its leak and the picture of its pool, then the table."""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.verified import Example, ProofReport, Proven
from putback.report.display import safe
from putback.report.paint import Line, Segment, coloured, plain
from putback.report.proofs import words

_LEVELS = "▁▂▃▄▅▆▇█"
_WIDTH = 1_000  # columns at most of a table that goes to no terminal
_OTHERS = 52  # columns that the other columns of that table take
_TONES = {words.GOOD: "help", words.BAD: "error", words.OPEN: "warning"}
_COLOURS = {words.GOOD: "green", words.BAD: "red", words.OPEN: "yellow"}


def render(report: ProofReport) -> str:
    """Stories and table."""
    lines = (line for each in report.proven for line in _function(each, report.bounds))
    told = coloured(lines, links=False) if report.colour else plain(lines)
    return told + table(report)


def table(report: ProofReport) -> str:
    """One row a function, the verdicts counted below, which are not accepted, and the bounds that they hold for."""
    if not report.proven:
        return words.summary(report.proven) + "\n"
    behind = "".join(f"  {safe(line)}\n" for line in words.not_accepted(report.proven))
    return _table(report) + f"{words.summary(report.proven)}\n{behind}Bounds: {report.bounds}.\n"


def _function(each: Proven, bounds: str) -> Iterator[Line]:
    place = f"{safe(each.place)} {safe(each.function)} ({', '.join(each.codes)})"
    yield [Segment(place, "path")]
    yield [Segment(f"  {each.verdict}", _TONES[words.tone(each)]), Segment(f": {safe(words.meaning(each, bounds))}")]
    if each.leak is not None:
        yield from _story(f"as it is: {each.leak.broken}", each.leak)
        yield [Segment("    again: ", "note"), Segment(safe(words.replayed(each, each.leak.schedule)), "gutter")]
    if each.counterexample is not None:
        yield from _story("as the fix leaves it", each.counterexample)
    picture = each.occupancy
    if picture is not None and words.is_picture_worth(each):
        yield [Segment(f"  {words.pool(picture)}:")]
        for name, counts, refused, style in (
            ("before", picture.before, picture.refused_before, "removed"),
            ("after ", picture.after, picture.refused_after, "added"),
        ):
            yield [
                Segment(f"    {name} "),
                Segment(_bars(counts, picture.size), style),
                Segment(f" {words.taken(counts, refused, picture.size)}"),
            ]
    yield []


def _story(title: str, example: Example) -> Iterator[Line]:
    yield [Segment(f"  {safe(title)}", "note")]
    for sentence in example.story:
        yield [Segment(f"    {safe(sentence)}")]


def _bars(counts: tuple[int, ...], size: int) -> str:
    return "".join(_LEVELS[count * (len(_LEVELS) - 1) // max(size, 1)] for count in counts)


def _named(each: Proven) -> tuple[str, str]:
    """Where a function stands, and its name."""
    return safe(each.place), safe(each.function)


def _table(report: ProofReport) -> str:
    from io import StringIO

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = StringIO()
    console = Console(
        file=out,
        force_terminal=report.colour,
        color_system="standard" if report.colour else None,
        no_color=not report.colour,
        width=report.width or _WIDTH,
    )
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    drawn.add_column("verdict", no_wrap=True)
    longest = max((len(part) for each in report.proven for part in _named(each)), default=0)
    room = max(report.width - _OTHERS, 20) if report.width else _WIDTH
    is_narrow = any(len(" ".join(_named(each))) > room for each in report.proven)
    drawn.add_column("function", overflow="fold", min_width=min(longest, room))
    drawn.add_column("rules")
    for name in ("schedules", "leaked\nbefore" if is_narrow else "leaked before", "after", "ms"):
        drawn.add_column(name, justify="right")
    for each in report.proven:
        after = str(each.leaked_after) if each.after else "-"
        drawn.add_row(
            Text(each.verdict, _COLOURS[words.tone(each)]),
            Text(("\n" if is_narrow else " ").join(_named(each))),
            Text((",\n" if is_narrow else ", ").join(each.codes)),
            f"{each.schedules:,}",
            f"{each.leaked_before:,}",
            after,
            f"{each.seconds * 1e3:.0f}",
        )
    console.print(drawn)
    return "\n".join(row.rstrip() for row in out.getvalue().strip("\n").split("\n")) + "\n"
