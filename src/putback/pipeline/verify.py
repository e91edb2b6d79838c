"""From findings to proofs: each function is run as it is and as its fixes leave it, in the sandbox and nowhere else.

`subjects` says what there is to run, `Prover` runs it, `fix` keeps of all fixes those that are proved.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from putback.model.config import Config
from putback.model.finding import Finding
from putback.model.fixing import FixRun, Scope
from putback.model.packed import Packed, packed, unpacked
from putback.model.report import StdinFile
from putback.model.running import ABOUT_HANDLERS, LEAKING, NO_DEFECT, Broken
from putback.model.verified import Example, Proven
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.site import Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.facts.facts import FunctionFacts
from putback.pipeline.cases import case_of, version_of
from putback.pipeline.check import Checked, at_full_speed
from putback.pipeline.fix import checked_for_fixes, fixed
from putback.pipeline.scoped_cases import neglected, with_calls_of
from putback.pipeline.successions import successions
from putback.rules import ALL
from putback.source.discover import shown
from putback.verify import reply
from putback.verify.roles import ANYTHING, About, Bounds, Case, Lent, Roles, Version
from putback.verify.sandbox import Sandbox
from putback.verify.verdict import Counterexample, Proof, Verdict

Progress = Callable[[int, int], None]
_RUNNING = {rule.code: rule.running for rule in ALL if rule.running is not None}
_SUCCEEDING = frozenset(rule.code for rule in ALL if rule.mending.succeeds)
_NO_REQUESTS = "what is missing is the end of a request: there is no function to run before and after"
_NO_ROLES = Roles()
Connection = tuple[str, str, str, int]
"""A file, a function in it, the text of the callee that acquires, and the row of that call."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be run for some findings of one function, which begins in `row`.

    `obstacle` says why no verdict can be given ("" when one can).
    """

    case: Case
    findings: tuple[Finding, ...]
    row: int
    obstacle: str = ""

    @property
    def scope(self) -> Scope:
        """The function that the findings lie in."""
        return self.findings[0].filename, self.findings[0].function


def subjects(project: Checked, run: FixRun) -> list[Subject]:
    """What there is to run for the findings of `run` and for the fixes that it has applied. Runs none of it."""
    found = [f for f in run.before if f.code in _RUNNING]
    mended = [f for each in run.applied for f in each.findings if f.code in _RUNNING]
    known = set(map(_identity, found))
    found += [f for f in mended if _identity(f) not in known]
    succeeded = tuple(f for each in run.applied for f in each.findings if f.code in _SUCCEEDING)
    if not found and not succeeded:
        return []
    with at_full_speed():
        before = project.analysis.analyzer
        after = project.analysis.changed({change.path: change.after for change in run.changes}).analyzer
        gathered = _Gathering(before, after, run).subjects(found)
        return sorted([*gathered, *_users(before, after, succeeded)], key=place_of)


def _users(before: Analyzer, after: Analyzer, succeeded: tuple[Finding, ...]) -> Iterator[Subject]:
    """The functions that take connections of what another library has succeeded: they have to run as before."""
    for unit, old, new in successions(before, after) if succeeded else ():
        case = Case(old, new, shown(unit.path), (about_rule(succeeded[0].code),))
        yield Subject(case, succeeded, unit.info.def_row if unit.info is not None else 1)


class Prover:
    """Runs subjects in a sandbox; what was run once is not run again."""

    def __init__(self, sandbox: Sandbox, bounds: Bounds, progress: Progress) -> None:
        self.sandbox = sandbox
        self.bounds = bounds
        self.progress = progress
        self._known: dict[bytes, bytes] = {}

    def prove(self, found: Collection[Subject]) -> Packed[Proof]:
        """The proof of each subject."""
        proofs = []
        for number, subject in enumerate(found):
            self.progress(number, len(found))
            proofs.append(self._proof(subject))
        return Packed(proofs)

    def _proof(self, subject: Subject) -> bytes:
        if not subject.case.before.source:
            return packed(reply.unknown(subject.case, subject.obstacle))
        key = hashlib.sha256(pickle.dumps(subject.case)).digest()
        if key not in self._known:
            self._known[key] = packed(self.sandbox.verify(subject.case, self.bounds))
        if not subject.obstacle:
            return self._known[key]
        proof: Proof = unpacked(self._known[key])
        return packed(replace(proof, verdict=Verdict.UNKNOWN, reason=subject.obstacle))


def fix(
    paths: Sequence[str],
    config: Config,
    prover: Prover,
    *,
    stdin: StdinFile | None = None,
    progress: Progress | None = None,
) -> FixRun:
    """As `fix.fix`, without the fixes of functions for which not all of them are proved, within bounds at least."""
    project = checked_for_fixes(paths, config, stdin=stdin, progress=progress)
    vetoes: dict[Scope, str] = {}
    while True:
        run = fixed(project, config, vetoes=vetoes)
        found = [s for s in subjects(project, run) if s.case.after is not None or s.obstacle]
        refused = {
            subject.scope: f"its verification says {proof.title}: {proof.reason}"
            for subject, proof in zip(found, prover.prove(found), strict=True)
            if not proof.verdict.is_accepted and is_fixed(subject, run)
        }
        if refused.keys() <= vetoes.keys():
            return run
        vetoes |= refused


def fix_one(stdin: StdinFile, config: Config, prover: Prover, finding: Finding) -> tuple[FixRun, Proof | None]:
    """The fixes of the one function that `finding` is about, and their proof; None where there is none."""
    project = checked_for_fixes([], config, stdin=stdin)
    scope = (finding.filename, finding.function)
    others = {(f.filename, f.function) for f in project.result.findings} - {scope}
    run = fixed(project, config, vetoes=dict.fromkeys(others, "it was not asked for"))
    found = [s for s in subjects(project, run) if s.scope == scope and is_fixed(s, run)]
    proofs = prover.prove(found)
    return run, min(proofs, key=lambda proof: proof.verdict.is_accepted, default=None)


def entries(subject: Subject, proof: Proof) -> Iterator[Proof]:
    """The proof of each of the findings of a subject."""
    for finding in subject.findings:
        yield replace(proof, case=replace(proof.case, about=(about_rule(finding.code),)))


def proven(subject: Subject, proof: Proof) -> Proven:
    """A proof as reports tell it."""
    after = proof.case.after
    return Proven(
        path=proof.case.path,
        row=subject.row,
        function=proof.case.before.function,
        findings=subject.findings,
        verdict=proof.title,
        accepted=proof.verdict.is_accepted,
        rejected=proof.verdict is Verdict.REJECTED,
        reason=proof.reason,
        schedules=proof.schedules,
        leaked_before=proof.leaked_before,
        leaked_after=proof.leaked_after,
        leak=_example(proof.leak),
        counterexample=_example(proof.counterexample),
        occupancy=proof.occupancy,
        before=proof.case.before.source,
        after=after.source if after is not None else "",
        seconds=proof.seconds,
        given=proof.given,
    )


def _example(found: Counterexample | None) -> Example | None:
    if found is None:
        return None
    return Example(found.broken, tuple(map(str, found.schedule)), found.story, found.rows)


def place_of(subject: Subject) -> tuple[str, int]:
    """Where it stands: subjects are told in this order."""
    return subject.findings[0].path, subject.row


def is_fixed(subject: Subject, run: FixRun) -> bool:
    """Whether a fix of `run` stands in its function."""
    return any((f.filename, f.function) == subject.scope for each in run.applied for f in each.findings)


def _identity(finding: Finding) -> tuple[object, ...]:
    return finding.filename, finding.code, finding.function, finding.span


@dataclass(frozen=True, slots=True)
class _Found:
    """A finding with its function and its case without a fix; None where it cannot be had."""

    finding: Finding
    unit: Unit | None
    case: Case | None

    @property
    def connection(self) -> Connection:
        """Which one it is about."""
        about = self.case.about[0] if self.case is not None else ANYTHING
        return self.finding.filename, self.finding.function, about.acquire, about.row


class _Gathering:
    """Finds the functions of findings, as they were and as they are with all fixes in them."""

    def __init__(self, before: Analyzer, after: Analyzer, run: FixRun) -> None:
        self.before = before
        self.after = after
        self.fixed = {_identity(f) for each in run.applied for f in each.findings}
        every = (f for each in run.applied for f in each.findings)
        fixes = [((f.filename, f.function), f.fix) for f in every if f.fix is not None]
        self.plainly = {scope for scope, fix in fixes if fix.rolls_back_plainly}
        self.longer = {scope for scope, fix in fixes if fix.holds_longer}
        self.reasons = {(f.filename, f.function, f.code): f.no_fix_reason for f in run.findings}

    def subjects(self, findings: Iterable[Finding]) -> list[Subject]:
        """What is to be run, in the order of files and rows: the fixes of one function together, and what has none.

        File by file: of one that is done only its subjects stay.
        """
        files: dict[str, list[Finding]] = {}
        for finding in findings:
            files.setdefault(finding.filename, []).append(finding)
        done: list[Subject] = []
        for each in files.values():
            done += self._of_file(each)
            self.before.forget()
            self.after.forget()
        return sorted(done, key=place_of)

    def _of_file(self, findings: Iterable[Finding]) -> Iterator[Subject]:
        found = list(map(self._found, findings))
        mended: dict[Connection, set[str]] = {}
        for each in found:
            if _identity(each.finding) in self.fixed:
                mended.setdefault(each.connection, set()).add(each.finding.code)
        groups: dict[tuple[object, ...], list[Subject]] = {}
        is_mended = {id(e): self._is_mended(e, mended.get(e.connection, set())) for e in found}
        for each in sorted(found, key=lambda e: (e.finding.path, e.finding.span)):
            subject = self._subject(each, is_mended[id(each)])
            key = (*subject.scope, subject.row, subject.obstacle, subject.case.after is None)
            groups.setdefault(key, []).append(subject)
        return map(self._joined, groups.values())

    def _is_mended(self, found: _Found, codes: set[str]) -> bool:
        """Whether fixes of the rules `codes`, about the same connection, are to have mended a finding.

        It is one of theirs, or has gone with it, or is about nothing that they are not about.
        """
        code = found.finding.code
        if not codes or _identity(found.finding) in self.fixed:
            return bool(codes)
        mended = frozenset[Broken]().union(*(about_rule(each).breaks for each in codes))
        is_among = code not in codes and about_rule(code).breaks <= mended
        return is_among or (*found.connection[:2], code) not in self.reasons

    def _joined(self, group: Sequence[Subject]) -> Subject:
        """Subjects of the same function as one, which is about all that is not to remain."""
        every = tuple(dict.fromkeys(each for s in group for each in s.case.about))
        gone = tuple(each for each in every if (*group[0].scope, each.code) not in self.reasons)
        findings = (f for s in group for f in s.findings)
        handlers = frozenset(f.span.start.row for f in findings if ABOUT_HANDLERS & about_rule(f.code).breaks)
        case = replace(
            group[0].case,
            about=gone or every,
            handlers=handlers,
            rolls_back_plainly=group[0].scope in self.plainly,
            holds_longer=group[0].scope in self.longer,
        )
        return replace(group[0], case=case, findings=tuple(f for s in group for f in s.findings))

    def _found(self, finding: Finding) -> _Found:
        unit = self.before.unit(finding.filename, finding.site.function) if finding.site is not None else None
        return _Found(finding, unit, self._case(finding, unit) if unit is not None else None)

    def _subject(self, found: _Found, is_fixed: bool) -> Subject:
        finding, case = found.finding, found.case
        if case is None:
            return _unrunnable(finding, "it cannot be taken out of its file")
        if finding.site is not None and finding.site.lost_in:
            return _unrunnable(finding, f"an object keeps it, and it is lost in `{finding.site.lost_in}`")
        row = found.unit.info.def_row if found.unit is not None and found.unit.info is not None else 1
        if not is_fixed:
            reason = finding.no_fix_reason or self.reasons.get((*found.connection[:2], finding.code), "")
            obstacle = _NO_REQUESTS if _is_in_requests(finding) else ""
            return Subject(case, (replace(finding, no_fix_reason=reason),), row, obstacle)
        if _is_in_requests(finding):
            return Subject(case, (finding,), row, _NO_REQUESTS)
        version = self._fixed_version(finding)
        if version is not None and found.unit is not None and version.roles.managing - case.before.roles.managing:
            before = version_of(self.before, found.unit, believes=True)
            version, case = self._fixed_version(finding, believes=True), replace(case, before=before or case.before)
        obstacle = _obstacle(case, version)
        after = None if obstacle or version is None else with_calls_of(case.before, _injected(case.before, version))
        return Subject(replace(case, after=after), (finding,), row, obstacle)

    def _case(self, finding: Finding, unit: Unit) -> Case | None:
        about = about_rule(finding.code)
        if _is_in_registry(about):
            about = about._replace(acquire=neglected(self.before, unit))
        else:
            facts = FunctionFacts(self.before, unit, shown)
            site = _site(facts, finding)
            if site is not None:
                return case_of(facts, site, about=about)
        version = version_of(self.before, unit)
        return Case(version, None, finding.path, (about,)) if version is not None else None

    def _fixed_version(self, finding: Finding, *, believes: bool = False) -> Version | None:
        """The same function with its fixes."""
        unit = self.after.unit(finding.filename, finding.site.function) if finding.site is not None else None
        return version_of(self.after, unit, believes=believes) if unit is not None else None


def _site(facts: FunctionFacts, finding: Finding) -> Site | None:
    """The acquire that a finding is about; of one that has come with a fix, the only one that there is."""
    key = finding.site
    if key is None or key.parameter:
        return None
    sites = {each.site.at: each.site for each in facts.sites}
    return sites.get(key.operation, next(iter(sites.values())) if len(sites) == 1 else None)


def _unrunnable(finding: Finding, obstacle: str) -> Subject:
    nowhere = Version("", finding.function, _NO_ROLES)
    return Subject(
        Case(nowhere, None, finding.path, (about_rule(finding.code),)), (finding,), finding.span.start.row, obstacle
    )


def about_rule(code: str) -> About:
    """What is to be verified of a rule, of any connection."""
    return About(code=code, running=NO_DEFECT if code in _SUCCEEDING else _RUNNING.get(code, LEAKING))


def _is_in_registry(about: About) -> bool:
    return about.running is not None and about.running.in_registry


def _is_in_requests(finding: Finding) -> bool:
    running = _RUNNING.get(finding.code)
    return running is not None and running.in_requests


def _obstacle(case: Case, after: Version | None) -> str:
    """Why a function and its fixed version cannot be compared; "" when they can."""
    before = case.before
    if after is None:
        return "the fixed version cannot be taken out of its file"
    if _is_in_registry(case.about[0]):
        return ""
    if not (before.roles.acquires or before.roles.lent):
        return "the connection comes from the caller: the model has none for a parameter"
    if not (after.roles.acquires or after.roles.lent):
        return "with the fix the connection comes from outside of the function"
    if _new_parameters(before, after) and len(before.roles.acquires) != 1:
        return "which of its connections is injected with the fix is not clear"
    return ""


def _new_parameters(before: Version, after: Version) -> tuple[Lent, ...]:
    """The connections that only the fixed version is lent."""
    known = {role.parameter for role in before.roles.lent}
    return tuple(role for role in after.roles.lent if role.parameter not in known)


def _injected(before: Version, after: Version) -> Version:
    """The fixed version, in which a connection that it made itself before is injected instead."""
    new = _new_parameters(before, after)
    others = (role for role in after.roles.lent if role not in new)
    lent = (*others, *(role._replace(is_injected=True) for role in new))
    return after._replace(roles=replace(after.roles, lent=lent))
