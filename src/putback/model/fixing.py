"""What a run of fixes did: the new contents, what was applied, what was taken back and why, what remains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from putback.model.finding import Finding


@dataclass(frozen=True, slots=True)
class Change:
    """New content for a file. `path` is absolute, `shown` as findings spell it."""

    path: str
    shown: str
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class Applied:
    """One fix that is in the new contents, with the findings that proposed it: one, or several that agree.

    The findings stand where they stood before any fix.
    """

    findings: tuple[Finding, ...]

    @property
    def finding(self) -> Finding:
        """The first of the findings; it carries the fix."""
        return self.findings[0]


@dataclass(frozen=True, slots=True)
class Declined:
    """A fix that was tried and taken back; the finding stands where it stands in the new content."""

    finding: Finding
    reason: str


Scope = tuple[str, str]
"""A function: its file, by absolute path, and its dotted name there ("" at module level)."""


class Answer(Enum):
    """What somebody who is asked about a fix can say."""

    YES = "yes"
    NO = "no"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A fix that holds what it promises, to be approved: the findings that it mends and what it would change.

    It is number `number` of `of`, as far as these are known: a fix can make way for another.
    """

    findings: tuple[Finding, ...]
    change: Change
    number: int = 1
    of: int = 1


Approve = Callable[[Proposal], Answer]


@dataclass(frozen=True, slots=True)
class FixRun:
    """The outcome of fixing files.

    `before` are the findings of the files as they were, `findings` those that remain; the other counts and the
    errors are those of `CheckResult`. `unwritten` are lines about files that could not be written, `overtaken` about
    those left alone because their content has changed meanwhile. `root` is that of `CheckResult`.
    """

    before: tuple[Finding, ...] = ()
    findings: tuple[Finding, ...] = ()
    changes: tuple[Change, ...] = ()
    applied: tuple[Applied, ...] = ()
    declined: tuple[Declined, ...] = ()
    files: int = 0
    candidates: int = 0
    errors: tuple[str, ...] = ()
    internal_error: bool = False
    unwritten: tuple[str, ...] = ()
    overtaken: tuple[str, ...] = ()
    root: str = ""

    @property
    def mended(self) -> int:
        """How many of the findings `before` are gone, also those that went with the fix of another."""
        gone = Counter(map(_kin, self.before))
        gone.subtract(map(_kin, self.findings))
        return sum(count for count in gone.values() if count > 0)


def _kin(finding: Finding) -> tuple[str, str, str]:
    """What a finding has in common with itself after a fix that moves its rows."""
    return finding.filename, finding.function, finding.code


@dataclass(frozen=True, slots=True)
class FixResult:
    """The outcome of fixing one source text: the text with the fixes in it, and what remains."""

    source: str
    applied: tuple[Applied, ...]
    declined: tuple[Declined, ...]
    findings: tuple[Finding, ...]
