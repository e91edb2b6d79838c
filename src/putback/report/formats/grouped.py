"""The findings below the file that they are in, one line each."""

from __future__ import annotations

from itertools import groupby

from putback.model.finding import Finding
from putback.model.report import Report
from putback.report import Traits
from putback.report.display import safe
from putback.report.formats.full import closing, statistics, to_text
from putback.report.paint import Line, Segment
from putback.report.places import file_of
from putback.report.remedy import mark

__all__ = ["TRAITS", "render", "statistics"]

TRAITS = Traits(from_root=False, document=False)


def render(report: Report) -> str:
    """A heading for each file, its findings below it in columns, and a line that sums up."""
    lines: list[Line] = []
    for path, group in groupby(report.findings, key=file_of):
        found = list(group)
        width = max(len(position(each)) for each in found)
        lines.append([Segment(path, "path"), Segment(":")])
        lines += [line_of(each, report, width) for each in found]
        lines.append([])
    return to_text([*lines, *closing(report)], report)


def line_of(finding: Finding, report: Report, width: int) -> Line:
    """Place in the file, code and sentence."""
    return [
        Segment(f"  {position(finding):<{width}}  "),
        Segment(finding.code, finding.severity.value, finding.url),
        Segment(f"{mark(finding, report)} {finding.name}: {safe(finding.message)}"),
    ]


def position(finding: Finding) -> str:
    """Row and column."""
    start = finding.span.start
    return f"{start.row}:{start.column}"
