"""A finding told in lines of plain text, for formats that have one text for all of it."""

from __future__ import annotations

from putback.model.finding import Finding
from putback.report.display import safe
from putback.report.places import row_of
from putback.report.remedy import remedy


def story(finding: Finding, command: bool = True) -> list[str]:
    """The path in numbered lines, then how to mend it, by hand and, if wanted, by which command."""
    lines = []
    for index, step in enumerate(finding.trace, 1):
        lines.append(f"{index}. {row_of(step)}: {safe(step.text)}")
        lines += [f"   {row_of(inner)}: {safe(inner.text)}" for inner in step.via]
    if finding.help:
        lines.append(f"help: {safe(finding.help)}")
    if command and (text := remedy(finding)):
        lines.append(text)
    return lines
