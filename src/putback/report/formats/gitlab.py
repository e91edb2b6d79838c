"""The report that GitLab shows as code quality in a merge request: a subset of Code Climate's issues."""

from __future__ import annotations

from typing import Any

from putback.model.finding import Finding, Severity
from putback.model.report import Report
from putback.model.span import Position
from putback.report import Traits
from putback.report.counts import by_rule
from putback.report.formats.json import as_text
from putback.report.places import in_cell

TRAITS = Traits(names=("codequality.json", "code-quality.json", "code-quality-report.json"))
SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFO: "info"}


def render(report: Report) -> str:
    """One issue a finding. GitLab shows only the first of those with one fingerprint: each has its own."""
    return as_text([issue(finding) for finding in report.findings])


def statistics(report: Report) -> str:
    """One issue a rule, at no place: GitLab has no report of counts."""
    return as_text(
        [
            {
                "description": f"{rule.count} {rule.code} {rule.name}",
                "check_name": rule.code,
                "fingerprint": f"statistics-{rule.code}",
                "severity": "info",
                "location": {"path": ".", "lines": {"begin": 1}},
            }
            for rule in by_rule(report.findings)
        ]
    )


def issue(finding: Finding) -> dict[str, Any]:
    """One finding, with the way to mend it in its text."""
    return {
        "type": "issue",
        "description": in_cell(finding) + ". ".join(filter(None, (finding.message.rstrip("."), finding.help))),
        "check_name": f"{finding.code} {finding.name}",
        "categories": ["Bug Risk"],
        "fingerprint": finding.fingerprint,
        "severity": SEVERITIES[finding.severity],
        "location": {
            "path": finding.path,
            "positions": {"begin": position(finding.span.start), "end": position(finding.span.end)},
        },
    }


def position(place: Position) -> dict[str, int]:
    """Row and column from 1."""
    return {"line": place.row, "column": place.column}
