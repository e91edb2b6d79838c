"""SARIF 2.1.0, as code scanning services read it: relative paths, fingerprints, code flows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from putback.model.finding import Finding, Severity, Step
from putback.model.fix import Applicability, Fix
from putback.model.report import Report, RuleCard, Sources
from putback.model.site import information
from putback.model.span import Span
from putback.report import Traits
from putback.report.counts import by_rule
from putback.report.formats.json import as_text
from putback.report.line_hash import line_hashes
from putback.report.places import in_cell, source_of

TRAITS = Traits(with_rules=True, names=(".sarif", ".sarif.json"))
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
PROBLEMS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}
ROOT = "%SRCROOT%"
Json = dict[str, Any]


def render(report: Report) -> str:
    """One log with one run."""
    return as_text(log(run(report)))


def statistics(report: Report) -> str:
    """The run without results, the counts among its properties."""
    empty = run(report)
    empty["results"] = []
    empty["properties"] = {"statistics": {rule.code: rule.count for rule in by_rule(report.findings)}}
    return as_text(log(empty))


def log(content: Json) -> Json:
    """The document around one run."""
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [content]}


def run(report: Report) -> Json:
    """The tool, those of its rules that are used, and the results."""
    rules = used_rules(report)
    index = {rule.code: at for at, rule in enumerate(rules)}
    driver: Json = {"name": "putback", "informationUri": information(), "rules": [rule_to_dict(r) for r in rules]}
    if report.version:
        driver["version"] = report.version
        driver["semanticVersion"] = report.version
    hashes = line_hash(report.sources)
    return {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the project: of its repository, if any."}}},
        "results": [result(finding, index[finding.code], hashes) for finding in report.findings],
    }


def line_hash(sources: Sources) -> Callable[[str, int], str]:
    """What gives the hash of a row in a file; "" where there is none. Each file is read once."""

    @lru_cache(maxsize=8)
    def hashes(path: str) -> dict[int, str]:
        return line_hashes(sources(path))

    return lambda path, row: hashes(path).get(row, "")


def used_rules(report: Report) -> list[RuleCard]:
    """The rules that findings name: their pages are most of a report, and nobody asks for those of the others."""
    cards = {rule.code: rule for rule in report.rules}
    used: dict[str, RuleCard] = {}
    for each in report.findings:
        card = cards.get(each.code) or RuleCard(each.code, each.name, "", each.severity)
        used.setdefault(each.code, replace(card, url=card.url or each.url))
    return [used[code] for code in sorted(used)]


def rule_to_dict(rule: RuleCard) -> Json:
    """A reporting descriptor."""
    done: Json = {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary or rule.name.replace("-", " ")},
        "fullDescription": {"text": what(rule)},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {
            "precision": "high",
            "problem.severity": PROBLEMS[rule.severity],
            "tags": ["database", *([rule.category] if rule.category else [])],
        },
    }
    if rule.page:
        done["help"] = {"text": rule.page, "markdown": rule.page}
    if rule.url:
        done["helpUri"] = rule.url
    return done


def what(rule: RuleCard) -> str:
    """What a rule finds, in full: the first section of its page."""
    section = rule.page.partition("\n## ")[2].partition("\n")[2].partition("\n## ")[0]
    return " ".join(section.split()) or rule.summary or rule.name.replace("-", " ")


def result(finding: Finding, rule_index: int, hashes: Callable[[str, int], str]) -> Json:
    """One finding; its path is both the code flow and, without the finding's own place, the related places."""
    done: Json = {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": LEVELS[finding.severity],
        "message": {"text": in_cell(finding) + "\n".join(filter(None, (finding.message, finding.help)))},
        "locations": [place(finding)],
        "properties": {"confidence": finding.confidence.value, "precision": finding.confidence.value},
    }
    marks = {
        "putback/v1": finding.fingerprint,
        "primaryLocationLineHash": "" if finding.cell else hashes(finding.path, finding.span.start.row),
    }
    if any(marks.values()):
        done["partialFingerprints"] = {name: mark for name, mark in marks.items() if mark}
    stations = list(flow(finding))
    if stations:
        steps = [{"location": step_location(step), "nestingLevel": level} for step, level in stations]
        done["codeFlows"] = [{"message": {"text": finding.message}, "threadFlows": [{"locations": steps}]}]
    others = [step for step, _ in stations if (source_of(step), step.span) != (source_of(finding), finding.span)]
    if others:
        done["relatedLocations"] = [{"id": at, **step_location(step)} for at, step in enumerate(others, 1)]
    if finding.fix:
        done["fixes"] = [fix_to_dict(finding.path, finding.fix)]
    elif finding.no_fix_reason:
        done["properties"]["noFixReason"] = finding.no_fix_reason
    return done


def flow(finding: Finding) -> Iterator[tuple[Step, int]]:
    """The path of a finding with what happens inside of the functions that it calls, and how deep each lies."""
    for step in finding.trace:
        yield step, 0
        yield from ((inner, level) for level, inner in enumerate(step.via, 1))


def place(finding: Finding) -> Json:
    """The finding's own location, with the function it lies in."""
    done: Json = {"physicalLocation": physical(finding.path, finding.span)}
    around = [(f"cell {finding.cell}", "module")] if finding.cell else []
    around += [(finding.function, "function")] if finding.function else []
    if around:
        done["logicalLocations"] = [{"fullyQualifiedName": name, "kind": kind} for name, kind in around]
    return done


def step_location(step: Step) -> Json:
    """A station of the path as a location."""
    return {"physicalLocation": physical(step.path, step.span), "message": {"text": in_cell(step) + step.text}}


def physical(path: str, span: Span) -> Json:
    """A region of a file."""
    return {"artifactLocation": artifact(path), "region": region(span)}


def artifact(path: str) -> Json:
    """A file, relative to the source root unless it lies outside."""
    uri = quote(path, errors="surrogateescape")
    if path.startswith("/"):
        return {"uri": f"file://{uri}"}
    return {"uri": uri, "uriBaseId": ROOT}


def region(span: Span) -> Json:
    """Rows and columns from 1, the end column behind the last character."""
    return {
        "startLine": span.start.row,
        "startColumn": span.start.column,
        "endLine": span.end.row,
        "endColumn": span.end.column,
    }


def fix_to_dict(path: str, fix: Fix) -> Json:
    """A fix as replacements in one file."""
    replacements = [
        {"deletedRegion": region(edit.span), "insertedContent": {"text": edit.content}} for edit in fix.edits
    ]
    changes = [{"artifactLocation": artifact(path), "replacements": replacements}]
    remark = "" if fix.applicability is Applicability.SAFE else " (unsafe: it may change what the program does)"
    return {"description": {"text": fix.message + remark}, "artifactChanges": changes}
