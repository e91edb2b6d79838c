"""Logging commands of Azure Pipelines: each finding is listed with the build."""

from __future__ import annotations

from putback.model.finding import Finding, Severity
from putback.model.report import Report
from putback.report import Traits
from putback.report.counts import by_rule, summary
from putback.report.display import safe
from putback.report.places import in_cell
from putback.report.story import story

TRAITS = Traits(document=False)


def render(report: Report) -> str:
    """One command a finding, the path of the leak in its message."""
    return "".join(command(finding) + "\n" for finding in report.findings)


def statistics(report: Report) -> str:
    """The counts as lines of the log: Azure knows errors and warnings, and counts are neither."""
    lines = [f"{rule.count} {rule.code} {rule.name}" for rule in by_rule(report.findings)]
    return "".join(f"##[section]{line}\n" for line in [summary(report.findings, report.files), *lines])


def command(finding: Finding) -> str:
    """The command for one finding; there are two types only."""
    fields = {
        "type": "error" if finding.severity is Severity.ERROR else "warning",
        "sourcepath": safe(finding.path),
        "linenumber": finding.span.start.row,
        "columnnumber": finding.span.start.column,
        "code": finding.code,
    }
    where = "".join(f"{key}={escaped(str(value))};" for key, value in fields.items())
    message = "\n".join([f"{in_cell(finding)}{finding.name}: {safe(finding.message)}", *story(finding)])
    return f"##vso[task.logissue {where}]{data(message)}"


def data(text: str) -> str:
    """`text` as the message of a command."""
    return text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")


def escaped(text: str) -> str:
    """`text` as a property of a command."""
    return data(text).replace(";", "%3B").replace("]", "%5D")
