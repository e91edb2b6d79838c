"""Explores the runs of one function: depth first with replay, with more and more deviations from the defaults.

Simple counterexamples come first, and when the whole space is too large a bound can be stated: every run with at most
so many deviations was seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from putback.model.running import Broken
from putback.verify.choices import Decider, Key, Schedule, next_prefix
from putback.verify.roles import Bounds
from putback.verify.run import Run, Runner

_DEEPENING = (1, 2)
EVERY = 1_000_000
"""The number of deviations that stands for all runs."""

Clock = Callable[[], float]


@dataclass(slots=True)
class Budget:
    """What one function may cost; `clock` is injected."""

    schedules: int
    seconds: float
    clock: Clock = time.perf_counter
    used: int = 0
    started: float = 0.0

    def __post_init__(self) -> None:
        self.started = self.clock()

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return self.clock() - self.started

    def is_left(self) -> bool:
        """Whether another run may be made."""
        return self.used < self.schedules and self.spent < self.seconds


@dataclass(slots=True)
class Exploration:
    """What the runs of a function showed.

    `complete` is the number of deviations up to which every run was seen (0: not even those with one; EVERY: all).
    `first` is the shortest run that violates each invariant; `runs` are kept in the order they were made.
    """

    runs: list[Run] = field(default_factory=list)
    made: int = 0
    complete: int = 0
    first: dict[Broken, Run] = field(default_factory=dict)
    points: set[int] = field(default_factory=set)
    unexplained: set[str] = field(default_factory=set)
    unstable: tuple[str, str] | None = None
    acquired: int = 0
    cut: int = 0

    @property
    def exhaustive(self) -> bool:
        """Whether every run within the bounds was seen."""
        return self.complete == EVERY

    @property
    def seen(self) -> list[Run]:
        """The runs that are complete up to a number of deviations; all of them when not even those with one are."""
        return [r for r in self.runs if len(r.schedule) <= self.complete] if self.complete else self.runs

    @property
    def returns(self) -> bool:
        """Whether some run comes to an end without an error: what stands behind the last row is seen in no other."""
        return any(run.outcome[0] == "returns" for run in self.runs)

    @property
    def leaks(self) -> bool:
        """Whether some run leaks."""
        return any(broken.is_leak for broken in self.first)

    def add(self, run: Run) -> None:
        """Take in one run."""
        self.made += 1
        self.points |= run.points
        self.unexplained.update(run.unexplained)
        self.unstable = self.unstable or run.unstable
        self.acquired = max(self.acquired, run.acquired)
        self.cut += run.cut_off is not None
        for violation in run.violations:
            known = self.first.get(violation.broken)
            if known is None or _length(run) < _length(known):
                self.first[violation.broken] = run


def _length(run: Run) -> tuple[int, int]:
    return len(run.schedule), len(run.trace)


def explore(runner: Runner, bounds: Bounds, budget: Budget) -> Exploration:
    """Every run of a function, as far as the budget reaches; each schedule is kept once."""
    found = Exploration()
    seen: set[Schedule] = set()
    for deviations in (*_DEEPENING, EVERY):
        finished, held_back = _explore(runner, bounds, budget, deviations, found, seen)
        if not finished:
            break
        found.complete = deviations
        if not held_back:
            found.complete = EVERY
            break
    return found


def _explore(
    runner: Runner, bounds: Bounds, budget: Budget, deviations: int, found: Exploration, seen: set[Schedule]
) -> tuple[bool, bool]:
    """All runs with at most so many deviations: whether there was budget for them, and whether the limit was felt."""
    prefix: list[int] = []
    expected: list[Key] = []
    held_back = False
    while True:
        if not budget.is_left():
            return False, held_back
        budget.used += 1
        run = runner.run(bounds, Decider(prefix, expected, deviations=deviations))
        held_back = held_back or run.held_back
        found.add(run)
        if run.schedule not in seen:
            seen.add(run.schedule)
            found.runs.append(run)
        following = next_prefix(run.trail)
        if following is None:
            return True, held_back
        prefix, expected = following


def replay(runner: Runner, bounds: Bounds, schedule: Schedule) -> Run:
    """The run of a stored schedule: its choices, and the default everywhere else."""
    wanted = {(c.sort, c.label): c.option for c in schedule}
    return runner.run(bounds, Decider(wanted=wanted))
