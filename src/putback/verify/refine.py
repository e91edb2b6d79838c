"""Equivalence as refinement: under every fate of the original, the fixed function does the same, but for the leak.

For each run of the original the fixed version runs under the same decisions, in lock step. Decisions that only the
fixed version takes are explored on top: whatever it asks of the data, it must do the same; what it adds may fail, and
must violate nothing then.

Where the original goes wrong in a way that changes the rest of the run, and the fix mends that, there is nothing to
compare behind that place. So such runs of the original are made once more, in which it is overlooked: the second
release does nothing, an unbound name is None, a failed transaction is rolled back when the next statement comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from putback.model.running import ABOUT_HANDLERS, ABOUT_NAMES, Broken
from putback.verify.choices import Choice, Decider, Key, next_prefix
from putback.verify.compare import Comparer, fails, is_replaced, loses
from putback.verify.events import Overlooked, Violation
from putback.verify.explore import Budget
from putback.verify.roles import About, Bounds, Case
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
    are violations that the original had under the same decisions and that are not what the fix is about, or that come
    of a failure in functions of the project that give back (`failing`); `cut` runs of the fixed version were abandoned,
    `uncompared` of them where the original was not. `held_longer`: in some, the connection goes back later, `replaced`:
    in some, the error of a rollback has taken the place of a handler's answer, as they may.
    """

    compared: int = 0
    leaky: int = 0
    mended: int = 0
    made: int = 0
    leaked_before: int = 0
    leaked_after: int = 0
    cut: int = 0
    uncompared: int = 0
    replaced: bool = False
    held_longer: bool = False
    finished: bool = True
    points: set[int] = field(default_factory=set)
    unexplained: set[str] = field(default_factory=set)
    unstable: tuple[str, str] | None = None
    difference: Difference | None = None
    remaining: set[Broken] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    pairs: list[tuple[Run, Run]] = field(default_factory=list)


class Refinement:
    """Compares a fixed version with the runs of the original.

    `turns_generator`: a provider that returned now yields; what it returned was nobody's to give back. `ideal` makes
    the runs of the original in which something is overlooked.
    """

    def __init__(
        self,
        case: Case,
        after: Runner,
        bounds: Bounds,
        budget: Budget,
        turns_generator: bool,
        ideal: Callable[[Overlooked], Sequence[Run]],
    ) -> None:
        self.after = after
        self.bounds = bounds
        self.budget = budget
        self.about = case.about
        self.handlers = case.handlers
        self.turns_generator = turns_generator
        self.injects = case.injects
        self.replaces = case.rolls_back_plainly
        self.holds_longer = case.holds_longer
        self.ideal = ideal
        self.mended: list[Violation] = []
        self.handling: frozenset[str] = frozenset()
        self.given_back: frozenset[str] = frozenset()

    def compare(self, runs: Sequence[Run]) -> Comparison:
        """Compare under each run; the first difference ends the comparison."""
        found = Comparison()
        self.handling = frozenset[str]().union(*(run.handling for run in runs))
        others = (v for run in runs for v in run.violations if v.broken is Broken.CALLERS_RELEASED)
        self.given_back = frozenset(v.callee for v in others) - {""}
        comparer = Comparer(runs, self.injects, replaces=self.replaces, holds_longer=self.holds_longer)
        is_same = all(self._compare_one(before, found, comparer) for before in runs)
        found.held_longer = comparer.has_held_longer
        if is_same and self.mended:
            ideal = self._ideal_runs()
            comparer = Comparer(ideal, self.injects, runs, replaces=self.replaces)
            all(self._compare_one(run, found, comparer, is_ideal=True) for run in ideal)
        return found

    def _ideal_runs(self) -> list[Run]:
        """The runs in which what the fix mends is overlooked, and whatever else is unbound then."""
        overlooked = _overlooked(self.mended)
        while True:
            runs = self.ideal(overlooked)
            unbound = {v.subject for run in runs for v in run.violations if v.broken in ABOUT_NAMES}
            if unbound <= overlooked.names or not overlooked.names:
                return [run for run in runs if run.has_overlooked]
            overlooked = overlooked._replace(names=overlooked.names | unbound)

    def _compare_one(self, before: Run, found: Comparison, comparer: Comparer, *, is_ideal: bool = False) -> bool:
        """The same fate, then everything that only the fix has to decide."""
        prefix: list[int] = []
        expected: list[Key] = []
        is_first = True
        while True:
            if not self.budget.is_left():
                found.finished = False
                return False
            self.budget.used += 1
            after = self.after.run(self.bounds, Decider(prefix, expected, before.taken, is_fix=not is_ideal))
            self._count(after, found)
            why = None if is_ideal else self._new_violation(before, after, found)
            if why is None:
                why = self._difference(before, after, found, comparer, is_ideal)
            if is_first and not is_ideal and before.cut_off == after.cut_off and before.cut_off in _COMPARABLE:
                self._tally(before, after, found)
            if why is not None:
                found.difference = Difference(why, before, after)
                return False
            is_first = False
            following = next_prefix(after.trail)
            if following is None:
                return True
            prefix, expected = following

    def _difference(self, before: Run, after: Run, found: Comparison, comparer: Comparer, is_ideal: bool) -> str | None:
        """What differs in two runs; `before` met none of the decisions that only `after` has met."""
        if after.cut_off != before.cut_off:
            found.uncompared += before.cut_off is None
            return None if is_ideal else comparer.cut(before, after) if not fails(_new(before, after)) else None
        if before.cut_off not in _COMPARABLE:
            return comparer.cut(before, after)
        turn = None if is_ideal else self._turn(before, after)
        if turn is not None:
            return comparer.until(before, after, turn.after) if not _new(before, after) else None
        if loses(_new(before, after)):
            found.replaced = found.replaced or is_replaced(before, after)
            return comparer.after_loss(before, after)
        if fails(_new(before, after)):
            return comparer.after_fault(before, after)
        if self.turns_generator:
            return comparer.lends(before, after)
        if is_ideal:
            return comparer.course(before, after) or comparer.asks_more(after)
        return comparer.difference(before, after)

    def _turn(self, before: Run, after: Run) -> Violation | None:
        """The first violation of the original that changes the rest of the run, and that is mended."""
        still = {(v.broken, v.subject) for v in after.violations}
        gone = [v for v in before.violations if v.broken.changes_course and (v.broken, v.subject) not in still]
        self.mended += gone
        return gone[0] if gone else None

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
        return any(violation.broken in each.breaks and _is_of(violation, each) for each in self.about)

    def _new_violation(self, before: Run, after: Run, found: Comparison) -> str | None:
        """What the fixed version violates, unless the original did and the fix is not about it: what a function of the
        project that gives back loses by its own failure is that one's affair."""
        had = {(v.broken, v.subject): v for v in before.violations}
        for violation in after.violations:
            if violation.broken.is_remark and not self._must_close(violation):
                continue
            if violation.broken is Broken.CALLERS_RELEASED and violation.callee in self.given_back:
                found.remaining.add(violation.broken)  # the original gives it back on other ways
                continue
            same = had.get((violation.broken, violation.subject))
            others = after.failed_inside & self.handling
            if same is not None and (others or not self._is_about(same)):
                found.failing |= others if self._is_about(same) else set()
                found.remaining.add(violation.broken)
                continue
            return f"the fixed version still violates: {violation}" if had else f"the fix adds: {violation}"
        return None

    def _must_close(self, violation: Violation) -> bool:
        """Whether it is a session which stays where it is although its connection is back, and that is the matter."""
        return violation.broken is Broken.NOT_CLOSED and self._is_about(violation)


def _is_of(violation: Violation, about: About) -> bool:
    """Whether a violation is about the connection of this acquire, as far as both say which one that is."""
    is_callee = not about.acquire or not violation.callee or violation.callee == about.acquire
    return is_callee and (not about.row or not violation.row or violation.row == about.row)


def _new(before: Run, after: Run) -> list[Choice]:
    """The decisions of a run, other than the defaults, that the run of the original did not have to take."""
    return [choice for choice in after.schedule if (choice.sort, choice.label) not in before.taken]


def _overlooked(mended: Sequence[Violation]) -> Overlooked:
    return Overlooked(
        frozenset(v.broken for v in mended),
        frozenset(v.subject for v in mended if v.broken in ABOUT_NAMES),
        frozenset(v.handler for v in mended if v.broken in ABOUT_HANDLERS),
    )
