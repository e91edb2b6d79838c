"""SARIF 2.1.0, as code scanning services read it: relative paths, fingerprints, code flows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from putback.model.finding import Finding, Severity, Step
from putback.model.fix import Applicability, Fix
from putback.model.report import Report, RuleCard
from putback.model.span import Span
from putback.report.counts import by_rule
from putback.report.json import as_text

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
    """The tool, its rules and the results."""
    rules = all_rules(report)
    index = {rule.code: at for at, rule in enumerate(rules)}
    driver: Json = {"name": "putback", "rules": [rule_to_dict(rule) for rule in rules]}
    if report.version:
        driver["version"] = report.version
    return {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The directory that putback was started in."}}},
        "results": [result(finding, index[finding.code]) for finding in report.findings],
    }


def all_rules(report: Report) -> list[RuleCard]:
    """The rules of the run, completed by those that only findings name."""
    known = {rule.code: rule for rule in report.rules}
    for each in report.findings:
        card = known.setdefault(each.code, RuleCard(each.code, each.name, "", each.severity))
        known[each.code] = replace(card, url=card.url or each.url)
    return [known[code] for code in sorted(known)]


def rule_to_dict(rule: RuleCard) -> Json:
    """A reporting descriptor."""
    done: Json = {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary or rule.name.replace("-", " ")},
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


def result(finding: Finding, rule_index: int) -> Json:
    """One finding; its path is both the code flow and, without the finding's own place, the related places."""
    done: Json = {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": LEVELS[finding.severity],
        "message": {"text": "\n".join(filter(None, (finding.message, finding.help)))},
        "locations": [place(finding)],
        "properties": {"confidence": finding.confidence.value, "precision": finding.confidence.value},
    }
    if finding.fingerprint:
        done["partialFingerprints"] = {"putback/v1": finding.fingerprint}
    if finding.trace:
        steps = [{"location": step_location(step)} for step in finding.trace]
        done["codeFlows"] = [{"message": {"text": finding.message}, "threadFlows": [{"locations": steps}]}]
    others = [step for step in finding.trace if (step.path, step.span) != (finding.path, finding.span)]
    if others:
        done["relatedLocations"] = [{"id": at, **step_location(step)} for at, step in enumerate(others, 1)]
    if finding.fix:
        done["fixes"] = [fix_to_dict(finding.path, finding.fix)]
    elif finding.no_fix_reason:
        done["properties"]["noFixReason"] = finding.no_fix_reason
    return done


def place(finding: Finding) -> Json:
    """The finding's own location, with the function it lies in."""
    done: Json = {"physicalLocation": physical(finding.path, finding.span)}
    if finding.function:
        done["logicalLocations"] = [{"fullyQualifiedName": finding.function, "kind": "function"}]
    return done


def step_location(step: Step) -> Json:
    """A station of the path as a location."""
    return {"physicalLocation": physical(step.path, step.span), "message": {"text": step.text}}


def physical(path: str, span: Span) -> Json:
    """A region of a file."""
    return {"artifactLocation": artifact(path), "region": region(span)}


def artifact(path: str) -> Json:
    """A file, relative to the source root."""
    return {"uri": quote(path, errors="surrogateescape"), "uriBaseId": ROOT}


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
