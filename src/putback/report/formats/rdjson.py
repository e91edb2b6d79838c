"""reviewdog's diagnostics (rdjson). Its columns count bytes of UTF-8, and paths are seen from the working directory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from putback.model.finding import Finding, Severity, Step
from putback.model.report import Report
from putback.model.site import ADDRESS
from putback.model.span import Position, Span
from putback.report import Traits
from putback.report.counts import by_rule
from putback.report.formats.json import as_text
from putback.report.places import in_cell, source_of
from putback.report.story import story

TRAITS = Traits(from_root=False, names=(".rdjson",))
SEVERITIES = {Severity.ERROR: "ERROR", Severity.WARNING: "WARNING", Severity.INFO: "INFO"}


def render(report: Report) -> str:
    """All findings as one result."""
    return as_text(result([diagnostic(finding, report) for finding in report.findings]))


def statistics(report: Report) -> str:
    """One diagnostic a rule, at no place in particular."""
    rules = by_rule(report.findings)
    return as_text(
        result(
            [
                {"message": f"{r.count} {r.code} {r.name}", "location": {"path": "."}, "code": {"value": r.code}}
                for r in rules
            ]
        )
    )


def result(diagnostics: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The document around diagnostics."""
    source = {"name": "putback", **({"url": ADDRESS} if ADDRESS else {})}
    return {"source": source, "diagnostics": diagnostics}


def diagnostic(finding: Finding, report: Report) -> dict[str, Any]:
    """One finding; its path is told in the message and in the related places, its fix is a suggestion."""
    done: dict[str, Any] = {
        "message": "\n".join([in_cell(finding) + finding.message, *story(finding)]),
        "location": location(finding, report),
        "severity": SEVERITIES[finding.severity],
        "code": {"value": finding.code, **({"url": finding.url} if finding.url else {})},
    }
    steps = [inner for step in finding.trace for inner in (step, *step.via)]
    others = [step for step in steps if (source_of(step), step.span) != (source_of(finding), finding.span)]
    if others:
        done["related_locations"] = [{"message": in_cell(s) + s.text, "location": location(s, report)} for s in others]
    if finding.fix is not None and len(finding.fix.edits) == 1:  # reviewdog takes several as alternatives
        rows = report.sources(finding.path)
        done["suggestions"] = [{"range": span(e.span, rows), "text": e.content} for e in finding.fix.edits]
    return done


def location(each: Finding | Step, report: Report) -> dict[str, Any]:
    """A place in a file."""
    return {"path": each.path, "range": span(each.span, report.sources(source_of(each)))}


def span(place: Span, rows: Sequence[str]) -> dict[str, Any]:
    """A stretch of text; the end is the place behind it."""
    return {"start": position(place.start, rows), "end": position(place.end, rows)}


def position(place: Position, rows: Sequence[str]) -> dict[str, int]:
    """Row and column from 1, the column in bytes."""
    before = rows[place.row - 1][: place.column - 1] if place.row <= len(rows) else "-" * (place.column - 1)
    return {"line": place.row, "column": len(before.encode("utf-8", "surrogatepass")) + 1}
