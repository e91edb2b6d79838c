"""What putback itself can do about findings, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote

from putback.model.finding import Finding
from putback.model.fix import Applicability
from putback.model.fixing import Applied, Declined
from putback.model.report import Fixing, Report
from putback.report.counts import is_safely_fixable, number, remaining, summary
from putback.report.display import safe
from putback.report.places import place_of

FEW = 10
"""How many fixes are named one by one without being asked for."""
MANY = 10
"""From how many problems on there may be none who mends them all at once."""


def remedy(finding: Finding) -> str:
    """The command that fixes a finding, "" when none does."""
    if finding.fix is None:
        return ""
    path = quote(safe(finding.path))
    if finding.fix.applicability is Applicability.SAFE:
        return f"safe fix: putback fix {path}"
    return f"unsafe fix: putback fix --unsafe-fixes {path}"


def mark(finding: Finding, report: Report) -> str:
    """The sign of a finding that a fix of the wanted safety takes away."""
    wanted = finding.fix is not None and (report.unsafe_fixes or is_safely_fixable(finding))
    return " [*]" if wanted else ""


def closing(report: Report, is_full: bool = False) -> Iterator[str]:
    """The lines that sum up a report for people; a full one names a few fixes one by one."""
    fixing = report.fixing
    if fixing is not None:
        yield from fixed(fixing, FEW if is_full else 0)
    if fixing is not None and fixing.applied and report.findings:
        yield remaining(report.findings, report.files)
    elif fixing is None or not (fixing.applied or fixing.alone):
        line = summary(report.findings, report.files)
        yield line.replace("No connection leaks", "No new connection leaks") if report.known else line
    if offer := fixable(report.findings, report.unsafe_fixes):
        yield offer
    if report.known:
        yield f"{number(report.known, 'known problem')} not shown: --no-baseline."
    if report.hidden:
        yield f"{number(report.hidden, 'hint')} not shown: --show-info."


def fixed(fixing: Fixing, few: int) -> Iterator[str]:
    """What was fixed, and what was taken back, one by one if that is wanted or no more than `few` of each."""
    if fixing.listed or len(fixing.applied) <= few:
        yield from (entry(each) for each in fixing.applied)
    if fixing.listed or len(fixing.declined) <= few:
        yield from map(taken_back, fixing.declined)
    if fixing.applied:
        files = len({each.finding.path for each in fixing.applied})
        yield f"Fixed {number(fixing.mended, 'problem')} in {number(files, 'file')}."
    elif fixing.alone:
        yield "Nothing was fixed."
    if fixing.declined:
        count = len(fixing.declined)
        yield f"{number(count, 'fix', 'fixes')} {'was' if count == 1 else 'were'} tried and taken back."


def taken_back(declined: Declined) -> str:
    """One fix that was tried and taken back, and why."""
    function = declined.finding.function
    inside = f" in {safe(function)}" if function else ""
    return f"Not fixed {place(declined.finding)}{inside}: {safe(declined.reason)}"


def entry(applied: Applied) -> str:
    """One applied fix, where its finding stood before."""
    finding = applied.finding
    assert finding.fix is not None
    also = "".join(f", {each.code}" for each in applied.findings[1:] if each.code != finding.code)
    return f"Fixed {place(finding)}{also}: {safe(finding.fix.message)} ({finding.fix.applicability.value})"


def place(finding: Finding) -> str:
    """Where a finding stands, and its code."""
    return f"{place_of(finding)}: {finding.code}"


def fixable(findings: Sequence[Finding], unsafe: bool) -> str:
    """How many findings a fix takes away, and with which option."""
    safely = sum(map(is_safely_fixable, findings))
    unsafely = sum(finding.fix is not None for finding in findings) - safely
    if unsafe:
        return f"{safely + unsafely} fixable with `putback fix --unsafe-fixes`." if safely + unsafely else ""
    if safely:
        more = f" ({unsafely} more with `--unsafe-fixes`)" if unsafely else ""
        return f"{safely} fixable with `putback fix`{more}."
    return f"{unsafely} fixable with `putback fix --unsafe-fixes`." if unsafely else ""


def next_commands(report: Report) -> Iterator[tuple[str, str]]:
    """What to type next, each with what it is for: see the fixes, understand the first finding, begin with new code."""
    if not report.findings or report.fixing is not None:
        return
    safely = any(map(is_safely_fixable, report.findings))
    unsafe = "" if safely else " --unsafe-fixes"
    if any(each.fix is not None for each in report.findings):
        yield f"putback fix --diff{unsafe}", "show what would change, write nothing"
    yield f"putback rule {report.findings[0].code}", "what the first one means, and why it matters"
    if len(report.findings) >= MANY and not report.known:
        yield "putback baseline", "report only what is new from now on"
    elif safely:
        yield "putback verify", "run them in a sandbox: do they leak, do fixes hold?"
