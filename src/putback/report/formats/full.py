"""The report for people: the sentence, the path drawn into the source, the remedy."""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Confidence, Finding, Severity
from putback.model.report import Report
from putback.report import Traits, remedy
from putback.report.counts import by_rule
from putback.report.display import safe
from putback.report.paint import Line, Segment, coloured, plain
from putback.report.places import place_of
from putback.report.snippet import snippet

TRAITS = Traits(for_people=True, from_root=False, document=False, names=(".txt", ".log"))


def render(report: Report) -> str:
    """Every finding with its path, then a line that sums up."""
    lines = [line for finding in report.findings for line in block(finding, report)]
    return to_text([*lines, *closing(report, True), *onward(report)], report)


def statistics(report: Report) -> str:
    """A table of the rules, the most frequent first, and the closing line."""
    rules = by_rule(report.findings)
    digits = max((len(str(rule.count)) for rule in rules), default=0)
    lines = [
        [Segment(f"{rule.count:>{digits}}  "), Segment(rule.code, "error"), Segment(f"  {rule.name}")] for rule in rules
    ]
    return to_text([*lines, *closing(report)], report)


def to_text(lines: list[Line], report: Report) -> str:
    """The lines, coloured where the report asks for it."""
    return coloured(lines, report.links) if report.colour else plain(lines)


def closing(report: Report, is_full: bool = False) -> list[Line]:
    """The lines that sum up, unless nobody wants them."""
    if report.quiet:
        return []
    return [[Segment(line, "name" if report.findings else "good")] for line in remedy.closing(report, is_full)]


def onward(report: Report) -> Iterator[Line]:
    """The commands to type next, with what they are for."""
    commands = [] if report.quiet else list(remedy.next_commands(report))
    width = max((len(command) for command, _ in commands), default=0)
    for at, (command, purpose) in enumerate(commands):
        if at == 0:
            yield []
        fits = not report.width or width + len(purpose) + 6 <= report.width
        yield [Segment(f"  {command:<{width}}" if fits else f"  {command}", "help"), Segment(f"  # {purpose}" * fits)]


def block(finding: Finding, report: Report) -> Iterator[Line]:
    """All lines about one finding, an empty one at the end."""
    yield heading(finding)
    yield from paragraph(finding.message, "  ", Segment("  "), report.width)
    yield from snippet(finding, report.sources, report.width)
    yield from advice(finding, report.width)
    if finding.fix is None and finding.no_fix_reason:
        yield from paragraph(finding.no_fix_reason, "          ", Segment("  no fix: ", "note"), report.width)
    yield []


def advice(finding: Finding, width: int) -> Iterator[Line]:
    """What to do, and the command that does it: in a row of its own where both do not fit into one, so that it can be
    copied."""
    command = remedy.remedy(finding)
    both = f"{finding.help} ({command})" if finding.help and command else finding.help or command
    head = Segment("  help: ", "help")
    if finding.help and command and width and len(head.text) + len(safe(both)) > width:
        yield from paragraph(finding.help, "        ", head, width)
        kind, _, typed = command.partition(": ")
        yield [Segment(f"  {kind}: ", "help"), Segment(typed)]
    elif both:
        yield from paragraph(both, "        ", head, width)


def heading(finding: Finding) -> Line:
    """Place, code and name; severity and confidence where they are not the usual ones."""
    line = [
        Segment(f"{place_of(finding)}: ", "path"),
        Segment(finding.code, finding.severity.value, finding.url),
        Segment(f" {finding.name}", "name"),
    ]
    remarks = []
    if finding.severity is not Severity.ERROR:
        remarks.append(finding.severity.value)
    if finding.confidence is not Confidence.HIGH:
        remarks.append(f"{finding.confidence.value} confidence")
    if remarks:
        line.append(Segment(f" [{', '.join(remarks)}]"))
    return line


def paragraph(text: str, indent: str, head: Segment, width: int) -> Iterator[Line]:
    """`text` behind `head`, wrapped to a terminal of `width` columns (0: not wrapped)."""
    text = safe(text)
    if not width:
        yield [head, Segment(text)]
        return
    from textwrap import wrap

    parts = wrap(text, max(width - len(indent), 30), break_long_words=False, break_on_hyphens=False)
    for at, part in enumerate(parts):
        yield [head if at == 0 else Segment(indent), Segment(part)]
