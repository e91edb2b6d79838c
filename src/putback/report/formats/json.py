"""The findings as one JSON array; `findings.schema.json` in the folder above describes it."""

from __future__ import annotations

import json
from typing import Any

from putback.model.finding import Finding, Step
from putback.model.fix import Edit, Fix
from putback.model.report import Report
from putback.model.span import Position
from putback.report import Traits
from putback.report.counts import by_rule

TRAITS = Traits(complete=True, names=(".json",))


def render(report: Report) -> str:
    """Every finding with all it carries."""
    return as_text([finding_to_dict(finding) for finding in report.findings])


def statistics(report: Report) -> str:
    """One object a rule, the most frequent first."""
    return as_text(counts(report))


def counts(report: Report) -> list[dict[str, Any]]:
    """How many findings of which rule."""
    rules = by_rule(report.findings)
    return [{"code": rule.code, "name": rule.name, "count": rule.count, "fixable": rule.fixable} for rule in rules]


def as_text(content: object) -> str:
    """`content` as indented ASCII JSON: every terminal and file encoding can hold it."""
    return json.dumps(content, indent=2) + "\n"


def finding_to_dict(finding: Finding) -> dict[str, Any]:
    """One finding in the documented keys and order."""
    return {
        "code": finding.code,
        "name": finding.name,
        "message": finding.message,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "filename": finding.filename,
        "path": finding.path,
        "cell": finding.cell or None,
        "location": position_to_dict(finding.span.start),
        "end_location": position_to_dict(finding.span.end),
        "function": finding.function,
        "driver": finding.driver,
        "trace": [step_to_dict(step) for step in finding.trace],
        "fix": None if finding.fix is None else fix_to_dict(finding.fix),
        "no_fix_reason": finding.no_fix_reason,
        "fingerprint": finding.fingerprint,
        "url": finding.url,
    }


def position_to_dict(position: Position) -> dict[str, int]:
    """Row and column, both from 1, the column in code points."""
    return {"row": position.row, "column": position.column}


def step_to_dict(step: Step) -> dict[str, Any]:
    """One station of the path."""
    return {
        "path": step.path,
        "cell": step.cell or None,
        "location": position_to_dict(step.span.start),
        "end_location": position_to_dict(step.span.end),
        "text": step.text,
        "via": [step_to_dict(each) for each in step.via],
    }


def fix_to_dict(fix: Fix) -> dict[str, Any]:
    """A fix with its edits."""
    edits = [edit_to_dict(edit) for edit in fix.edits]
    return {"applicability": fix.applicability.value, "message": fix.message, "edits": edits}


def edit_to_dict(edit: Edit) -> dict[str, Any]:
    """One replacement."""
    return {
        "content": edit.content,
        "location": position_to_dict(edit.span.start),
        "end_location": position_to_dict(edit.span.end),
    }
