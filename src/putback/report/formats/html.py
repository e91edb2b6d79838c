"""The findings as one page of HTML: each with its path drawn into the source, and what its fix would change."""

from __future__ import annotations

import os
from collections.abc import Iterator

from putback.model.finding import Finding, Severity
from putback.model.report import Report
from putback.report import Traits, remedy
from putback.report.counts import by_rule, number, summary
from putback.report.edited import fix_lines
from putback.report.paper import drawn, page, prose, text
from putback.report.places import place_of
from putback.report.snippet import snippet

TRAITS = Traits(for_people=True, with_rules=True, names=(".html", ".htm"))
TONES = {Severity.ERROR: "bad", Severity.WARNING: "open", Severity.INFO: "soft"}


def render(report: Report) -> str:
    """The page."""
    body = [*head(report), *table(report), *(article(each, report) for each in report.findings)]
    return page(f"putback: {project(report)}", "".join(body))


def statistics(report: Report) -> str:
    """The page without the findings themselves."""
    return page(f"putback: {project(report)}", "".join([*head(report), *table(report)]))


def project(report: Report) -> str:
    """The project by the name of its directory."""
    return os.path.basename(report.root) or "a project"


def head(report: Report) -> Iterator[str]:
    """What was looked at, and how much was found."""
    yield f"<header><h1>{text(project(report))}</h1>"
    yield f'<p class="soft">{text(summary(report.findings, report.files))}'
    if report.hidden:
        yield f" {number(report.hidden, 'hint')} not shown (--show-info)."
    yield f" putback {text(report.version)}.</p></header>\n" if report.version else "</p></header>\n"


def table(report: Report) -> Iterator[str]:
    """How many of which rule, and what each finds."""
    if not report.findings:
        return
    known = {card.code: card.summary for card in report.rules}
    yield '<div class="scroll"><table>\n<tr><th>rule</th><th>finds</th><th class="number">found</th>'
    yield '<th class="number">safely fixable</th></tr>\n'
    for rule in by_rule(report.findings):
        yield f"<tr><td>{text(rule.code)} {text(rule.name)}</td><td>{prose(known.get(rule.code, ''))}</td>"
        yield f'<td class="number">{rule.count}</td><td class="number">{rule.fixable}</td></tr>\n'
    yield "</table></div>\n"


def article(finding: Finding, report: Report) -> str:
    """One finding, whole."""
    parts = [
        f'<article id="{text(finding.fingerprint)}">\n<header class="top">',
        f'<span class="badge {TONES[finding.severity]}">{finding.severity.value}</span>',
        f"<h2>{text(finding.code)} {text(finding.name)}</h2>",
        f'<span class="soft">{text(place_of(finding))}</span></header>\n',
        f"<p>{prose(finding.message)}</p>\n",
        drawn(snippet(finding, report.sources, 0)),
    ]
    if finding.help:
        parts.append(f"<p>help: {prose(finding.help)}</p>\n")
    if finding.fix is None and finding.no_fix_reason:
        parts.append(f'<p class="soft">no fix: {prose(finding.no_fix_reason)}</p>\n')
    if finding.fix is not None:
        parts.append(f"<h3>{text(remedy.remedy(finding))}</h3>\n{drawn(fix_lines(finding, report.sources))}")
    return "".join([*parts, "</article>\n"])
