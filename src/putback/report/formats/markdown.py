"""A comment on a pull request or the summary of a workflow: GitHub's Markdown, each path folded below its finding."""

from __future__ import annotations

import re

from putback.model.finding import Finding
from putback.model.report import Report
from putback.report import Traits
from putback.report.counts import by_rule, summary
from putback.report.display import safe
from putback.report.places import place_of
from putback.report.story import story

TRAITS = Traits(for_people=True, names=(".md",))

_SPECIAL = re.compile(r"([\\`*_\[\]#|~])")
_QUOTED = re.compile(r"`([^`]+)`")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_APART = "&#8203;"  # nothing to be seen: behind an @ nobody is notified


def render(report: Report) -> str:
    """A line that sums up, then a paragraph for each finding."""
    parts = [f"**{plain(summary(report.findings, report.files))}**", *map(paragraph, report.findings)]
    return "\n\n".join(parts) + "\n"


def statistics(report: Report) -> str:
    """The counts as a table."""
    rows = [f"| {rule.count} | {rule.code} | {rule.name} |" for rule in by_rule(report.findings)]
    return "\n".join(["| findings | rule | name |", "|--:|---|---|", *rows]) + "\n"


def paragraph(finding: Finding) -> str:
    """Severity, place, rule and sentence, with the path below."""
    head = f"{finding.severity.value} {code(place_of(finding))} {finding.code} {finding.name}"
    told = "".join(f"\n{html(line)}" for line in story(finding))
    folded = f"\n\n<details><summary>the path</summary>\n<pre>{told}\n</pre>\n</details>" if told else ""
    return f"- {head}: {sentence(safe(finding.message))}{folded}".replace("\n", "\n  ").replace("\n  \n", "\n\n")


def sentence(text: str) -> str:
    """A message, what it quotes as code."""
    pieces = _QUOTED.split(text)
    return "".join(code(piece) if index % 2 else plain(piece) for index, piece in enumerate(pieces))


def html(text: str) -> str:
    """`text` where HTML is read."""
    return "".join(_ENTITIES.get(char, char) for char in text)


def plain(text: str) -> str:
    """`text` as Markdown that shows just that: no mark-up, no link, nobody notified."""
    return html(_SPECIAL.sub(r"\\\1", text)).replace("@", f"@{_APART}")


def code(text: str) -> str:
    """`text` as a piece of code, whatever back ticks are in it."""
    ticks = "`" * (max((len(each) for each in re.findall(r"`+", text)), default=0) + 1)
    return f"{ticks} {text} {ticks}" if "`" in text else f"{ticks}{text}{ticks}"
