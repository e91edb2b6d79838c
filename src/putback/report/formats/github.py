"""Workflow commands: GitHub Actions shows each finding at its line in the pull request."""

from __future__ import annotations

from putback.model.finding import Finding, Severity
from putback.model.report import Report
from putback.report import Traits
from putback.report.counts import by_rule, summary
from putback.report.display import safe
from putback.report.places import place_of
from putback.report.story import story

TRAITS = Traits(document=False)
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report) -> str:
    """One command a finding, the path of the leak in its message."""
    return "".join(command(finding) + "\n" for finding in report.findings)


def statistics(report: Report) -> str:
    """One notice with all counts."""
    lines = [f"{rule.count} {rule.code} {rule.name}" for rule in by_rule(report.findings)]
    text = "\n".join([summary(report.findings, report.files), *lines])
    return f"::notice title=putback::{data(text)}\n"


def command(finding: Finding) -> str:
    """The workflow command for one finding; the message is readable in the plain log as well."""
    start, end = finding.span.start, finding.span.end
    fields = {
        "title": f"putback ({finding.code})",
        "file": safe(finding.path),
        "line": start.row,
        "col": start.column,
        "endLine": end.row,
        "endColumn": end.column,
    }
    where = ",".join(f"{key}={escaped(str(value))}" for key, value in fields.items())
    return f"::{LEVELS[finding.severity]} {where}::{data(message(finding))}"


def message(finding: Finding) -> str:
    """The sentence, then the path in numbered lines, then how to mend it."""
    head = f"{place_of(finding)}: {finding.code} {finding.name}: {safe(finding.message)}"
    return "\n".join([head, *story(finding)])


def data(text: str) -> str:
    """`text` as the message of a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escaped(text: str) -> str:
    """`text` as a property of a command."""
    return data(text).replace(":", "%3A").replace(",", "%2C")
