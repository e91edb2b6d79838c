"""Equivalence as refinement: under every fate of the original, the fixed function does the same, but for the leak.

For each run of the original the fixed version runs under the same decisions. What the fix adds may fail too: those
decisions are explored on top, and must violate nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from putback.verify.choices import Decider, Key, next_prefix
from putback.verify.events import ABOUT_HANDLERS, Broken, Event, Violation, What, mended_by, release_positions, visible
from putback.verify.explore import Budget
from putback.verify.roles import Bounds, Case
from putback.verify.run import Run, Runner

_COMPARABLE = {None, "loop"}


class Difference(NamedTuple):
    """A run under which the two versions differ in a way that no fix may: `why` in words."""

    why: str
    before: Run
    after: Run


@dataclass(slots=True)
class Comparison:
    """The outcome of comparing all runs.

    `compared` runs of the original, of which `leaky` violated an invariant and `mended` do so no more; `remaining`
    are violations that the original had under the same decisions and that are not what the fix is about; `cut` runs of
    the fixed version were abandoned.
    """

    compared: int = 0
    leaky: int = 0
    mended: int = 0
    made: int = 0
    leaked_before: int = 0
    leaked_after: int = 0
    cut: int = 0
    finished: bool = True
    points: set[int] = field(default_factory=set)
    unexplained: set[str] = field(default_factory=set)
    unstable: tuple[str, str] | None = None
    difference: Difference | None = None
    remaining: set[Broken] = field(default_factory=set)
    pairs: list[tuple[Run, Run]] = field(default_factory=list)


class Refinement:
    """Compares a fixed version with the runs of the original.

    `turns_generator`: a provider that returned now yields; what it returned was nobody's to give back. `injects`: what
    the function acquired is injected now, so that nobody sees when.
    """

    def __init__(self, case: Case, after: Runner, bounds: Bounds, budget: Budget, turns_generator: bool) -> None:
        self.after = after
        self.bounds = bounds
        self.budget = budget
        self.about = [(acquire, mended_by(code)) for acquire, code in ((case.acquire, case.code), *case.others)]
        self.handlers = case.handlers
        self.turns_generator = turns_generator
        self.injects = case.injects

    def compare(self, runs: Sequence[Run]) -> Comparison:
        """Compare under each run; the first difference ends the comparison."""
        found = Comparison()
        for before in runs:
            if not self._compare_one(before, found):
                break
        return found

    def _compare_one(self, before: Run, found: Comparison) -> bool:
        """The same fate, then everything that only the fix has to decide."""
        prefix: list[int] = []
        expected: list[Key] = []
        is_first = True
        while True:
            if not self.budget.is_left():
                found.finished = False
                return False
            self.budget.used += 1
            after = self.after.run(self.bounds, Decider(prefix, expected, fixed=before.taken))
            self._count(after, found)
            why = self._new_violation(before, after, found)
            if why is None and is_first and before.cut_off in _COMPARABLE and after.cut_off == before.cut_off:
                why = self._difference(before, after)
                self._tally(before, after, found)
            if why is not None:
                found.difference = Difference(why, before, after)
                return False
            is_first = False
            following = next_prefix(after.trail)
            if following is None:
                return True
            prefix, expected = following

    def _count(self, after: Run, found: Comparison) -> None:
        found.made += 1
        found.points |= after.points
        found.cut += after.cut_off is not None
        found.unexplained.update(after.unexplained)
        found.unstable = found.unstable or after.unstable

    def _tally(self, before: Run, after: Run, found: Comparison) -> None:
        found.compared += 1
        found.pairs.append((before, after))
        broken = [v for v in before.violations if self._is_about(v)]
        returned = (self.turns_generator and before.handed_on) or (self.injects and before.acquired > 0)
        if broken or returned:
            found.leaky += 1
            still = {(v.broken, v.subject) for v in after.violations}
            found.mended += all((v.broken, v.subject) not in still for v in broken)
        found.leaked_before += before.leaks
        found.leaked_after += after.leaks

    def _is_about(self, violation: Violation) -> bool:
        """Whether the fix has to mend this violation; one that names no connection is everybody's."""
        if self.handlers and violation.broken in ABOUT_HANDLERS and violation.handler not in self.handlers:
            return False
        return any(
            violation.broken in mended and (not acquire or not violation.callee or violation.callee == acquire)
            for acquire, mended in self.about
        )

    def _new_violation(self, before: Run, after: Run, found: Comparison) -> str | None:
        """What the fixed version violates, unless the original did and the fix is not about it."""
        had = {(v.broken, v.subject): v for v in before.violations}
        for violation in after.violations:
            if violation.broken.is_remark and not self._must_close(violation):
                continue
            same = had.get((violation.broken, violation.subject))
            if same is not None and not self._is_about(same):
                found.remaining.add(violation.broken)
                continue
            return f"the fixed version still violates: {violation}" if had else f"the fix adds: {violation}"
        return None

    def _must_close(self, violation: Violation) -> bool:
        """Whether it is a session which stays where it is although its connection is back, and that is the matter."""
        return violation.broken is Broken.NOT_CLOSED and self._is_about(violation)

    # -- the comparison of two runs

    def _difference(self, before: Run, after: Run) -> str | None:
        still = {(v.broken, v.subject) for v in after.violations}
        turn = next(
            (v for v in before.violations if v.broken.changes_course and (v.broken, v.subject) not in still), None
        )
        if turn is not None:
            return self._same_until(before, after, turn.after)
        if self.turns_generator:
            return _lends_what_was_returned(before, after)
        if before.outcome != after.outcome:
            return f"before, the function {_outcome(before)}; after, it {_outcome(after)}"
        return self._same_trace(before, after) or self._same_effects(before, after)

    def _visible(self, trace: Sequence[Event]) -> list[Event]:
        return [e for e in visible(trace) if not (self.injects and e.what is What.ACQUIRE)]

    def _same_trace(self, before: Run, after: Run) -> str | None:
        was, now = self._visible(before.trace), self._visible(after.trace)
        return None if was == now else _first_difference(was, now)

    def _same_until(self, before: Run, after: Run, position: int) -> str | None:
        """The original goes wrong at `position`; up to there both must do the same."""
        was, now = self._visible(before.trace[:position]), self._visible(after.trace)
        return None if was == now[: len(was)] else _first_difference(was, now)

    def _same_effects(self, before: Run, after: Run) -> str | None:
        if before.durable != after.durable:
            return f"committed {_changed(before.durable, after.durable)}"
        if before.left != after.left:
            return f"left for the caller to commit {_changed(before.left, after.left)}"
        was, now = release_positions(before.trace), release_positions(after.trace)
        leaked = {v.subject for v in before.violations if v.broken.is_leak}
        for subject, positions in was.items():
            later = now.get(subject, [])
            if subject not in leaked and any(b < a for a, b in zip(positions, later, strict=False)):
                return f"{subject} is released earlier than before"
        if before.handed_on and any(len(now[s]) > len(was.get(s, [])) for s in now if s not in leaked):
            return "a connection is released although it was handed on"
        return None


def _outcome(run: Run) -> str:
    return " ".join(run.outcome)


def _changed(before: list[str], after: list[str]) -> str:
    """The effects that only one of two versions has; all of them when they differ in order alone."""
    lost, added = [e for e in before if e not in after], [e for e in after if e not in before]
    if not (lost or added):
        lost, added = before, after
    return f"before: {', '.join(lost) or 'nothing else'}; after: {', '.join(added) or 'nothing else'}"


def _first_difference(was: list[Event], now: list[Event]) -> str:
    at = next((n for n, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
    return f"before: {_event(was, at)}; after: {_event(now, at)}"


def _event(trace: list[Event], at: int) -> str:
    return trace[at].text if at < len(trace) else "nothing more"


def _lends_what_was_returned(before: Run, after: Run) -> str | None:
    """A provider that returned now yields: it must lend what it returned, before anything else differs."""
    lent = next((e.text for e in after.trace if e.what.value == "yield"), None)
    if before.outcome[0] != "returns" or lent == before.outcome[1]:
        return None
    return f"returned before: {before.outcome[1]}; yielded after: {lent or 'nothing'}"
