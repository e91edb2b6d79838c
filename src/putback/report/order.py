"""What a reader should see first: the worst, and of equals what serves before what runs once, leaks before the rest."""

from __future__ import annotations

from collections.abc import Iterable

from putback.model.finding import Finding, Severity


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """`findings`, what matters most first; what matters alike stays in the order of path and place."""
    return tuple(sorted(findings, key=_weight))


def without_hints(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """`findings` without those of severity info."""
    return tuple(each for each in findings if each.severity is not Severity.INFO)


def _weight(finding: Finding) -> tuple[int, int, str]:
    return (-finding.severity.rank, finding.place.rank, finding.code[:3])
