"""How many findings of which rule and severity: the figures under every format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from putback.model.finding import Finding, Severity
from putback.model.fix import Applicability


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How often one rule was broken; `fixable` counts the findings with a safe fix."""

    code: str
    name: str
    count: int
    fixable: int


def by_rule(findings: Sequence[Finding]) -> list[RuleCount]:
    """One entry a rule, the most frequent first."""
    counts = Counter((finding.code, finding.name) for finding in findings)
    safe = Counter(finding.code for finding in findings if is_safely_fixable(finding))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [RuleCount(code, name, count, safe[code]) for (code, name), count in ranked]


def is_safely_fixable(finding: Finding) -> bool:
    """Whether the finding carries a fix that keeps the program's behaviour."""
    return finding.fix is not None and finding.fix.applicability is Applicability.SAFE


def by_severity(findings: Sequence[Finding]) -> str:
    """ "2 errors, 1 warning": worst first, without zeros."""
    counts = Counter(finding.severity for finding in findings)
    words = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "hint"}
    return ", ".join(number(counts[severity], word) for severity, word in words.items() if counts[severity])


def number(count: int, word: str, words: str = "") -> str:
    """ "1 file", "2 files"; `words` is the plural where it is not that simple."""
    return f"{count} {word}" if count == 1 else f"{count} {words or word + 's'}"


def summary(findings: Sequence[Finding], files: int) -> str:
    """The closing line of a report for people."""
    if not findings:
        return f"No connection leaks found in {number(files, 'file')}."
    return f"Found {number(len(findings), 'problem')} ({by_severity(findings)}) in {touched(findings, files)}."


def remaining(findings: Sequence[Finding], files: int) -> str:
    """The closing line of a report for people, when other findings were fixed."""
    left = f"{number(len(findings), 'problem')} {'remains' if len(findings) == 1 else 'remain'}"
    return f"{left} ({by_severity(findings)}) in {touched(findings, files)}."


def touched(findings: Sequence[Finding], files: int) -> str:
    """ "2 of 12 files": where the findings are."""
    paths = len({finding.path for finding in findings})
    return number(files, "file") if paths == files else f"{paths} of {files} files"
