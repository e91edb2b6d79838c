"""One line a finding, as compilers write it: editors and `grep` can read it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

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


_WIDTH = 160
_SEEN = re.compile(r' \("(?P<text>[^"]+)"\)')
"""The error text that users will see, in a message."""


def render(report: Report) -> str:
    """The findings, what the pools say that they empty, and a line that sums up."""
    lines = [line_of(finding, report) for finding in report.findings]
    return to_text([*lines, *_said(report.findings), *closing(report)], report)


def line_of(finding: Finding, report: Report) -> Line:
    """Place, code and as much of the sentence as a row takes; `[*]` marks what a fix takes away."""
    place, name = f"{place_of(finding)}: ", f"{mark(finding, report)} {finding.name}: "
    left = _WIDTH - len(place) - len(finding.code) - len(name)
    return [
        Segment(place, "path"),
        Segment(finding.code, finding.severity.value, finding.url),
        Segment(f"{name}{shortened(safe(finding.message), left)}"),
    ]


def shortened(message: str, width: int) -> str:
    """A message without the text of the pool's error, and without what it costs where that is too long.

    >>> shortened('`db` is never given back: a slot is lost for good ("pool exhausted")', 60)
    '`db` is never given back: a slot is lost for good'
    >>> shortened('`db` is never given back: a slot is lost for good ("pool exhausted")', 30)
    '`db` is never given back'
    """
    found = _SEEN.sub("", message)
    while len(found) > width and ": " in found:
        found = found.rpartition(": ")[0].removesuffix(" (a hint")
    return found if len(found) <= width else f"{found[: max(width, 24) - 3]}..."


def _said(findings: Sequence[Finding]) -> Iterator[Line]:
    """The error texts that are left out of the rows, once each."""
    texts = dict.fromkeys(found["text"] for each in findings for found in _SEEN.finditer(each.message))
    if texts:
        yield [Segment(f"when a pool is empty: {'; '.join(safe(text) for text in texts)}")]
