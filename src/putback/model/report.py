"""What a run hands to the command line, and what the command line hands to a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from putback.model.finding import Finding, Severity
from putback.model.fixing import Applied, Declined

Sources = Callable[[str], Sequence[str]]
"""The text lines of a path as findings spell it, without line ends; empty when it cannot be read."""


def no_sources(path: str) -> Sequence[str]:
    """Sources for reports that show no code."""
    return ()


@dataclass(frozen=True, slots=True)
class StdinFile:
    """A file whose content comes from standard input, to be checked as if it stood at `path`."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of a run.

    `files` counts the Python files looked at, `candidates` those that were analysed. `errors` are lines
    for stderr about what could not be looked at; `internal_error` makes the exit code 2. `root` is the directory from
    which programs know the files.
    """

    findings: tuple[Finding, ...] = ()
    files: int = 0
    candidates: int = 0
    errors: tuple[str, ...] = ()
    internal_error: bool = False
    root: str = ""


@dataclass(frozen=True, slots=True)
class RuleCard:
    """What a report may say about a rule; `summary` is one sentence, `page` the whole page as Markdown,
    `read` how its findings read on foreign code."""

    code: str
    name: str
    category: str
    severity: Severity
    summary: str = ""
    page: str = ""
    url: str = ""
    read: str = ""


@dataclass(frozen=True, slots=True)
class Fixing:
    """What fixes have done before the report: those applied, how many findings they mended, and those taken back.

    `listed` asks for one line each; `alone` says that the report tells of the fixes and not of what remains.
    """

    applied: tuple[Applied, ...] = ()
    mended: int = 0
    declined: tuple[Declined, ...] = ()
    listed: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a report is written from: the findings in the order to print, and how to print.

    `colour` and `links` allow terminal escapes; `width` is the terminal's width in columns (0: not a
    terminal, nothing is wrapped). `quiet` leaves out the closing line of the formats for people;
    `version` is putback's own. `fixing` is set when fixes were applied, and the findings are what remains;
    `unsafe_fixes` tells that unsafe fixes are wanted. `hidden` counts the hints that are not among the findings,
    `known` what the baseline lists. `root` is the directory that the paths are relative to.
    """

    findings: tuple[Finding, ...]
    sources: Sources = no_sources
    files: int = 0
    rules: tuple[RuleCard, ...] = ()
    version: str = ""
    colour: bool = False
    links: bool = False
    width: int = 0
    quiet: bool = False
    fixing: Fixing | None = None
    unsafe_fixes: bool = False
    hidden: int = 0
    root: str = ""
    known: int = 0
