"""One line a finding as pylint's parseable output has it, for what reads that: editors, Jenkins, SonarQube."""

from __future__ import annotations

from putback.model.finding import Finding
from putback.model.report import Report
from putback.report import Traits
from putback.report.counts import by_rule
from putback.report.display import safe
from putback.report.places import in_cell

TRAITS = Traits(from_root=False, document=False)


def render(report: Report) -> str:
    """Place, code, name, function and sentence."""
    return "".join(line_of(finding) + "\n" for finding in report.findings)


def statistics(report: Report) -> str:
    """The counts, at no place."""
    lines = (f"putback:1: [{r.code}({r.name}), ] {r.count} found\n" for r in by_rule(report.findings))
    return "".join(lines) or "\n"


def line_of(finding: Finding) -> str:
    """ "shop/orders.py:28: [PB103(connection-leaked-on-early-exit), cancel_order] ..." """
    about = f"{finding.code}({finding.name}), {safe(finding.function)}"
    return f"{safe(finding.path)}:{finding.span.start.row}: [{about}] {in_cell(finding)}{safe(finding.message)}"
