"""One line a finding, as compilers write it: editors and `grep` can read it."""

from __future__ import annotations

from putback.model.finding import Finding
from putback.model.report import Report
from putback.report import Traits
from putback.report.display import safe
from putback.report.formats.full import closing, statistics, to_text
from putback.report.paint import Line, Segment
from putback.report.places import place_of
from putback.report.remedy import mark

__all__ = ["TRAITS", "render", "statistics"]

TRAITS = Traits(for_people=True, from_root=False, document=False)


def render(report: Report) -> str:
    """The findings and a line that sums up."""
    return to_text([*(line_of(finding, report) for finding in report.findings), *closing(report)], report)


def line_of(finding: Finding, report: Report) -> Line:
    """Place, code and sentence; `[*]` marks what a fix takes away."""
    return [
        Segment(f"{place_of(finding)}: ", "path"),
        Segment(finding.code, finding.severity.value, finding.url),
        Segment(f"{mark(finding, report)} {finding.name}: {safe(finding.message)}"),
    ]
