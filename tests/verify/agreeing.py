"""Compares what the check reports of a function with what the explorer finds when it runs it.

The check counts some second faults and leaves out others, so what it must report is what the explorer shows with one
fault, and what it may report is what the explorer shows with several, those of releases and rollbacks among them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from holders import Holder, modules_of

from putback.model.config import Config
from putback.model.finding import Finding
from putback.model.running import Broken
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.site_facts import SiteFacts
from putback.pipeline.cases import case_of
from putback.pipeline.check import at_full_speed, check, scanned
from putback.source.discover import shown
from putback.verify.choices import Schedule
from putback.verify.events import Violation, What
from putback.verify.explore import Budget, Exploration, explore
from putback.verify.extract import Program, extract
from putback.verify.faults import faults_for
from putback.verify.roles import Bounds
from putback.verify.run import Run, Runner
from putback.verify.story import tell

_TOGETHER = 25
_MOST_FAULTS = 3
_SORTS = {
    "PB101": "leak", "PB102": "leak", "PB103": "leak", "PB107": "leak", "PB109": "leak", "PB110": "leak",
    "PB104": "closed", "PB105": "released twice", "PB106": "used after release", "PB111": "unbound",
}  # fmt: skip
"""What a rule is about; those that are left out have no invariant of their own."""
_INVARIANTS = {
    Broken.LEAK: "leak",
    Broken.LEAK_IN_LOOP: "leak",
    Broken.CLOSED: "closed",
    Broken.RELEASED_TWICE: "released twice",
    Broken.USED_AFTER_RELEASE: "used after release",
    Broken.UNBOUND: "unbound",
}

Claim = tuple[str, str]
"""What is wrong, and the text of the callee that has acquired the connection."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A claim that only one side makes; `story` tells the finding, or the run that shows it."""

    claim: Claim
    by_check: bool
    story: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """A function, what both sides say of it, and why it could not be explored ("" when it could)."""

    holder: Holder
    claims: frozenset[Claim]
    disagreements: tuple[Disagreement, ...]
    faults: int
    schedules: int
    obstacle: str = ""


def compared(holders: Sequence[Holder], folder: Path) -> Iterator[Compared]:
    """Compare the check with the explorer on each function; `folder` is empty and there to be used."""
    named = {}
    for number, (text, functions) in enumerate(modules_of(holders, _TOGETHER)):
        path = folder / f"module{number}.py"
        path.write_text(text, encoding="utf-8")
        named[str(path)] = functions
    config = Config(root=str(folder))
    findings = check([str(folder)], config).findings
    with at_full_speed():
        project = scanned([str(folder)], config)
        analyzer, tasks = project.analysis.analyzer, project.tasks()
        for task in tasks:
            holder = named[task.path].get(task.key)
            unit = analyzer.unit(task.path, task.key) if holder is not None else None
            if holder is not None and unit is not None:
                own = [f for f in findings if (f.filename, f.function) == (task.path, task.key)]
                yield _compare(holder, FunctionFacts(analyzer, unit, shown), own)
            analyzer.forget()


def _compare(holder: Holder, facts: FunctionFacts, findings: Iterable[Finding]) -> Compared:
    reported = dict(_reported(facts, findings))
    case = next(c for site in facts.sites if (c := case_of(facts, site.site)) is not None)
    program = extract(case.before)
    found = _explored(program, 1, 2)
    must = _claims(found.runs, strict=True)
    may = _claims(found.runs, strict=False)
    made, faults = found.made, 1
    while found.exhaustive and reported.keys() - may.keys() and faults < _MOST_FAULTS:
        faults += 1
        found = _explored(program, faults, 3)
        may |= _claims(found.runs, strict=False)
        made += found.made
    missing = [Disagreement(c, False, tell(run)) for c, run in must.items() if c not in reported]
    alarms = [Disagreement(c, True, _path(f)) for c, f in reported.items() if c not in may]
    claims = frozenset(reported.keys() | must.keys())
    return Compared(holder, claims, (*missing, *alarms), faults, made, _obstacle(found))


def _explored(program: Program, faults: int, level: int) -> Exploration:
    bounds = Bounds(faults=faults, level=level, items=2, schedules=20_000, seconds=20.0)
    runner = Runner(program, faults_for(program.handled, program.version.roles.errors))
    return explore(runner, bounds, Budget(bounds.schedules, bounds.seconds, time.process_time))


def _obstacle(found: Exploration) -> str:
    if found.unstable is not None:
        return "the same decisions led to another question"
    if found.unexplained:
        return f"a run ends in an error that the model cannot explain: {min(found.unexplained)}"
    return "" if found.exhaustive else "there are too many runs"


# -- the check


def _reported(facts: FunctionFacts, findings: Iterable[Finding]) -> Iterator[tuple[Claim, Finding]]:
    for finding in findings:
        site = _site(facts, finding)
        case = case_of(facts, site.site) if site is not None else None
        if case is not None and finding.code in _SORTS:
            yield (_SORTS[finding.code], case.about[0].acquire), finding


def _site(facts: FunctionFacts, finding: Finding) -> SiteFacts | None:
    """The acquire that a finding is about: the one at its place, or on its path."""
    places = [finding.span, *(step.span for step in finding.trace)]
    return next((site for place in places for site in facts.sites if site.span == place), None)


def _path(finding: Finding) -> tuple[str, ...]:
    return (f"{finding.code}: {finding.message}", *(f"{s.span.start.row}: {s.text}" for s in finding.trace))


# -- the explorer


def _claims(runs: Iterable[Run], strict: bool) -> dict[Claim, Run]:
    """What the runs show, each with the first that shows it; `strict`: without those that the check need not count."""
    found: dict[Claim, Run] = {}
    for run in runs:
        if not _is_counted(run.schedule, strict):
            continue
        for violation in run.violations:
            sort = _INVARIANTS.get(violation.broken)
            if sort is not None and not _is_after_close(violation, run):
                found.setdefault((sort, violation.callee), run)
    return found


def _is_counted(schedule: Schedule, strict: bool) -> bool:
    """Whether the check counts what fails in a run: never the close of a cursor, a rollback at will."""
    failing = [choice.label.partition("#")[0] for choice in schedule]
    if any(label.endswith((".close()", "closed by the server")) for label in failing):
        return False
    return not strict or not any(label.endswith(".rollback()") for label in failing)


def _is_after_close(violation: Violation, run: Run) -> bool:
    """Whether it is a use after a wrong close and not after a release: part of what "closed" says."""
    if violation.broken is not Broken.USED_AFTER_RELEASE:
        return False
    return not any(e.what is What.RELEASE and e.subject == violation.subject for e in run.trace[: violation.after])
