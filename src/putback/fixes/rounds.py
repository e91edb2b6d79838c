"""Fixes in rounds: apply what goes together, look again, take back what does not hold, until nothing is left to try.

A fix holds when the file still parses, its finding is gone and no other has come. When what was tried together does not
hold, the fixes of the functions where that shows are tried one by one. Touches no file: it is handed contents and the
way to look again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from putback.fixes.acquires import Acquires
from putback.fixes.apply import Candidate, plan, spliced
from putback.fixes.compiles import syntax_fault
from putback.model.errors import SpliceError
from putback.model.finding import Finding, SiteKey
from putback.model.fix import Edit
from putback.model.fixing import Answer, Applied, Approve, Change, Declined, Proposal
from putback.model.mending import Mending
from putback.source.text import decode

MOST_ROUNDS = 100
Texts = Mapping[str, bytes]
Findings = Mapping[str, tuple[Finding, ...]]
Again = Callable[[Texts, Texts], Findings]
LayOut = Callable[[str, bytes, bytes], bytes]
Wanted = Callable[[Finding], bool]
Identity = tuple[str, str, str, str, int]
"""What stays the same of a finding when other lines change: its file, rule, function, expression, and where fixes leave
the acquire as it is, which one of the equal expressions of the function it is."""
Faults = dict[tuple[str, str], str]
"""What does not hold, by file and function."""
Attempt = tuple[object, ...]
"""A fix of a finding, told from other fixes of it wherever the finding has moved to."""


@dataclass(slots=True)
class Round:
    """The contents that the fixes of a round were made for, and the fixes accepted so far."""

    texts: Texts
    accepted: list[Candidate]
    lay_out: LayOut

    def with_fixes(self, part: Sequence[Candidate]) -> dict[str, bytes]:
        """The new contents of the files that `part` changes. Raises SpliceError when they cannot be had."""
        done = {}
        for path in {each.path for each in part}:
            together = (each for each in (*self.accepted, *part) if each.path == path)
            edited = self._edited(path, [edit for each in together for edit in each.fix.edits])
            done[path] = self.lay_out(path, self.texts[path], edited)
        return done

    def unfit(self, part: Sequence[Candidate]) -> Faults:
        """The fixes of `part` that cannot be applied even alone."""
        faults: Faults = {}
        for each in part:
            try:
                self._edited(each.path, each.fix.edits)
            except SpliceError as error:
                faults[each.scope] = str(error)
        return faults

    def _edited(self, path: str, edits: Sequence[Edit]) -> bytes:
        """A file with edits. Raises SpliceError, also when Python cannot read it, before them or behind."""
        if fault := syntax_fault(self.texts[path]):
            raise SpliceError(f"the file does not parse: {fault}")
        done = spliced(decode(self.texts[path], path), edits)
        if fault := syntax_fault(done):
            raise SpliceError(f"the file would not parse any more: {fault}")
        return done


class Rounds:
    """One run over the files `texts`, all by absolute path, in which and in those that depend on them `found` is found.

    `again` tells the findings if some files had other contents: in these files and in those whose findings can
    depend on them; its second argument are the new contents of other files, changed before and not in question. `read`
    gives the content of files that depend on them. `wanted` tells which findings are to be fixed, `mendings` what is to
    be known of each rule, by its code; `lay_out` is given path, old and new content of a file that is changed.
    """

    def __init__(
        self,
        texts: Texts,
        found: Findings,
        read: Callable[[str], bytes],
        again: Again,
        wanted: Wanted,
        mendings: Mapping[str, Mending],
        approve: Approve | None = None,
        lay_out: LayOut = lambda path, before, after: after,
    ) -> None:
        self.original = texts
        self.texts = dict(texts)
        self.read = read
        self.again = again
        self.wanted = wanted
        self.mendings = mendings
        self.approve = approve
        self.lay_out = lay_out
        self.identities: dict[int, Identity] = {}  # by the id() of findings: equal ones stand in several rounds
        self.findings = dict(self._identified(found, texts))
        self.first = self._by_identity(self._every())
        self.applied: list[Applied] = []
        self.reasons: dict[Attempt, str] = {}
        self.refused: set[Attempt] = set()
        self.stopped = False
        self.asked = 0
        self.behind = 0  # how many more there are to ask about in this round

    def run(self) -> None:
        """Fix until there is nothing left to try, or nobody wants more."""
        for _ in range(MOST_ROUNDS):
            chosen = plan(finding for finding in self._every() if self._is_open(finding)).chosen
            if not chosen or self.stopped:
                return
            current = Round(dict(self.texts), [], self.lay_out)
            parts = [chosen] if self.approve is None else [[each] for each in chosen]
            for at, part in enumerate(parts):
                self.behind = len(parts) - at - 1
                if not self.stopped:
                    self._settle(part, current)

    # -- the outcome

    def changes(self) -> tuple[Change, ...]:
        """The files that have another content now."""
        shown = {each.finding.filename: each.finding.path for each in self.applied}
        return tuple(Change(path, shown[path], self.original[path], self.texts[path]) for path in sorted(shown))

    def declined(self) -> tuple[Declined, ...]:
        """The fixes that were taken back, of findings that are still there."""
        tried = ((finding, self.reasons.get(attempt(finding))) for finding in self._every())
        return tuple(Declined(finding, reason) for finding, reason in tried if reason)

    # -- one round

    def _every(self) -> list[Finding]:
        return [finding for findings in self.findings.values() for finding in findings]

    def _is_open(self, finding: Finding) -> bool:
        tried = attempt(finding)
        offered = finding.fix is not None and finding.filename in self.original and self.wanted(finding)
        return offered and tried not in self.reasons and tried not in self.refused

    def _settle(self, part: Sequence[Candidate], current: Round) -> None:
        """Apply the fixes of `part` that hold, note why the others do not."""
        faults = self._try(part, current)
        if not faults:
            return
        if len(part) == 1:
            self.reasons.update(dict.fromkeys(map(attempt, part[0].findings), next(iter(faults.values()))))
            return
        suspects = [each for each in part if each.scope in faults]
        others = [each for each in part if each.scope not in faults]
        if suspects and others:
            self._settle(others, current)
            for each in suspects:
                self._settle([each], current)
        else:
            middle = len(part) // 2
            self._settle(part[:middle], current)
            self._settle(part[middle:], current)

    def _try(self, part: Sequence[Candidate], current: Round) -> Faults:
        """Apply `part` if it holds as a whole; otherwise say what does not."""
        try:
            texts = current.with_fixes(part)
        except SpliceError as error:
            return current.unfit(part) or {("", ""): str(error)}
        found = self._look(texts)
        faults = self._gone(part, texts) or self._faults(part, found)
        if not faults and self._is_approved(part, texts):
            current.accepted += part
            once = self._as_they_were([finding for each in part for finding in each.findings])
            self.applied += [Applied(tuple(once[attempt(f)] for f in each.findings)) for each in part]
            self.texts.update(texts)
            self.findings.update(found)
        return faults

    def _faults(self, part: Sequence[Candidate], found: Findings) -> Faults:
        """What is wrong with the findings after `part`: some have come, some are still there."""
        mended = Counter(self._identity(finding) for each in part for finding in each.findings)
        faults: Faults = {}
        for path, findings in found.items():
            left = Counter(map(self._identity, self.findings.get(path, ())))
            for finding in findings:
                left[self._identity(finding)] -= 1
                if left[self._identity(finding)] < 0 and not self.mendings[finding.code].may_come(finding):
                    faults[path, finding.function] = gained(finding)
            for identity, count in mended.items():
                if identity[0] == path and left[identity] < count:
                    faults.setdefault((path, identity[2]), "the finding would still be there")
        return faults

    def _gone(self, part: Sequence[Candidate], texts: Texts) -> Faults:
        """The fixes after which there is nothing left to give back: no proof that it is given back."""
        before, after = ({p: Acquires(t[p]) for p in texts} for t in (self.texts, texts))
        return {
            each.scope: "the acquire would be gone"
            for each in part
            for finding in each.findings
            if self.mendings[finding.code].keeps_acquire
            and after[each.path].count(self._identity(finding)[3]) < before[each.path].count(self._identity(finding)[3])
        }

    def _is_approved(self, part: Sequence[Candidate], texts: Texts) -> bool:
        if self.approve is None:
            return True
        findings = part[0].findings
        change = Change(part[0].path, findings[0].path, self.texts[part[0].path], texts[part[0].path])
        self.asked += 1
        answer = self.approve(Proposal(findings, change, self.asked, self.asked + self.behind))
        self.stopped = answer is Answer.STOP
        if answer is Answer.NO:
            self.refused.update(map(attempt, findings))
        return answer is Answer.YES

    # -- findings across rounds

    def _look(self, texts: Texts) -> Findings:
        """The findings with `texts`, their identities noted."""
        changed = {p: data for p, data in self.texts.items() if p not in texts and data is not self.original[p]}
        return self._identified(self.again(texts, changed), texts)

    def _identified(self, found: Findings, texts: Texts) -> Findings:
        """These findings, with `texts` as the content of these files, their identities noted."""
        for path, findings in found.items():
            acquires = Acquires((texts[path] if path in texts else self._current(path)) if findings else b"")
            for each in findings:
                mending = self.mendings[each.code]
                expression, place = acquires.place(each.span)
                expression = expression.partition("(")[0] if mending.about_making else expression
                which = place if mending.keeps_acquire else 0
                self.identities[id(each)] = (path, mending.matter or each.code, each.function, expression, which)
        return found

    def _current(self, path: str) -> bytes:
        """The content of a file, also of one that is not to be fixed."""
        return self.texts[path] if path in self.texts else self.read(path)

    def _identity(self, finding: Finding) -> Identity:
        return self.identities[id(finding)]

    def _by_identity(self, findings: Iterable[Finding]) -> dict[Identity, list[Finding]]:
        grouped: dict[Identity, list[Finding]] = {}
        for finding in findings:
            grouped.setdefault(self._identity(finding), []).append(finding)
        return grouped

    def _as_they_were(self, mended: Sequence[Finding]) -> dict[Attempt, Finding]:
        """What is being mended, by its fix, as it stood before any fix: of findings that are alike, by their order."""
        found: dict[Attempt, Finding] = {}
        for finding in sorted(mended, key=lambda f: f.span.start, reverse=True):
            identity = self._identity(finding)
            alike = [f for f in self.findings[finding.filename] if self._identity(f) == identity]
            first = self.first.get(identity, [])
            place = alike.index(finding)
            found[attempt(finding)] = (
                replace(first.pop(place), fix=finding.fix) if place < len(first) else _new(finding)
            )
        return found


def _new(finding: Finding) -> Finding:
    """A finding that has come with a fix: its acquire has no number as things were before."""
    return replace(finding, site=SiteKey(finding.site.function)) if finding.site is not None else finding


def attempt(finding: Finding) -> Attempt:
    """The fix of `finding`, by what it puts where, counted from the finding."""
    row = finding.span.start.row
    edits = finding.fix.edits if finding.fix is not None else ()
    places = ((e.span.start.row - row, e.span.start.column, e.span.end.row - row, e.span.end.column) for e in edits)
    return (finding.fingerprint, *zip(places, (edit.content for edit in edits), strict=True))


def gained(finding: Finding) -> str:
    """Why a fix is taken back that brings `finding`."""
    row = finding.span.start.row
    if finding.code == "PB001":
        return f"the file would not parse any more: {finding.message}"
    return f"it would bring {finding.code} {finding.name} in line {row} of {finding.path}"
