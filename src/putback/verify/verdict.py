"""The verdict on a fix, in words that promise no more than was seen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum
from functools import partial
from typing import Any, NamedTuple

from putback.model.errors import SourceError
from putback.model.occupancy import Occupancy
from putback.model.running import Broken
from putback.verify.choices import Schedule
from putback.verify.events import Overlooked
from putback.verify.explore import EVERY, Budget, Clock, Exploration, explore
from putback.verify.extract import Program, extract, statements
from putback.verify.faults import Faults, faults_for
from putback.verify.occupancy import occupancy
from putback.verify.refine import Comparison, Refinement
from putback.verify.roles import Bounds, Case
from putback.verify.run import Run, Runner
from putback.verify.story import rows, tell, tell_difference

_EVERYTHING = "BaseException"
_NOTHING_SHOWN = "no run of the original shows what is to be mended"
_LONGER = "on some path the connection is held longer than before, as the fix says"
_REPLACED = "where the connection is lost, the rollback raises in place of the handler's answer, as the style has it"
_HIGHEST_LEVEL = 2
_LEAST_COVERAGE = 0.5
"""The share of the fixed version's statements that must be reached."""


class Verdict(Enum):
    """PROVED: every run within the bounds. BOUNDED: every run with few deviations. TESTED: some runs.

    LEAKS, BROKEN (another invariant is violated), CLEAN: of a function without a fix.
    """

    PROVED = "proved"
    BOUNDED = "bounded"
    TESTED = "tested"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    LEAKS = "leaks"
    BROKEN = "broken"
    CLEAN = "clean"

    @property
    def is_accepted(self) -> bool:
        """Whether a fix with this verdict may be written unseen."""
        return self in (Verdict.PROVED, Verdict.BOUNDED)


class Counterexample(NamedTuple):
    """A run that shows the leak, or what is wrong with a fix: its decisions, and the story in words.

    `rows` are those of the story's first sentences, 0 for what is about no row.
    """

    broken: str
    schedule: Schedule
    story: tuple[str, ...]
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """The result for one case.

    `coverage` is the share of the original's statements that were reached; `leaked_before` and `leaked_after` count
    the compared runs that leak; `bound` is the number of deviations that was seen completely (None: all).
    """

    case: Case
    verdict: Verdict
    reason: str
    schedules: int
    exhaustive: bool
    bound: int | None
    coverage: float
    compared: int
    leaked_before: int
    leaked_after: int
    leak: Counterexample | None
    counterexample: Counterexample | None
    occupancy: Occupancy | None
    unreached: tuple[int, ...]
    unexplained: tuple[str, ...]
    seconds: float

    @property
    def title(self) -> str:
        """The verdict with its bound: "bounded(2)"."""
        if self.verdict is Verdict.BOUNDED:
            return f"bounded({'all' if self.bound is None else self.bound})"
        return f"tested({self.schedules})" if self.verdict is Verdict.TESTED else self.verdict.value

    @property
    def given(self) -> tuple[str, ...]:
        """The functions of the project that were not run: what `check` says of them is believed."""
        after = self.case.after.roles.believed if self.case.after is not None else frozenset()
        return tuple(sorted(self.case.before.roles.believed | after))

    def as_json(self) -> dict[str, Any]:
        """The entry of the machine-readable report."""
        return {
            "path": self.case.path,
            "function": self.case.before.function,
            "code": self.case.about[0].code,
            "verdict": self.title,
            "reason": self.reason,
            "schedules": self.schedules,
            "exhaustive": self.exhaustive,
            "coverage": round(self.coverage, 4),
            "leaked_before": self.leaked_before,
            "leaked_after": self.leaked_after,
            "counterexample": _as_json(self.counterexample or self.leak),
            "seconds": round(self.seconds, 6),
            "given": list(self.given),
        }


def report(proofs: Iterable[Proof], bounds: Bounds) -> dict[str, Any]:
    """The machine-readable report: one entry for each proof, and the bounds that held for all."""
    return {"functions": [proof.as_json() for proof in proofs], "bounds": asdict(bounds)}


def _as_json(found: Counterexample | None) -> Mapping[str, Any] | None:
    if found is None:
        return None
    return {"broken": found.broken, "schedule": [str(c) for c in found.schedule], "story": list(found.story)}


def verify(case: Case, bounds: Bounds, clock: Clock) -> Proof:
    """The proof of a case.

    Where there are too many runs, it is tried with one item of what is iterated, and the verdict is no more than
    bounded; where no run shows what is to be mended, with faults of a higher level, and at last with one more fault.
    """
    started = clock()
    proof = Verifier(case, bounds, clock).verify()
    if proof.verdict is Verdict.TESTED and not proof.exhaustive and bounds.items > 1:
        proof = _with_fewer_items(proof, replace(bounds, items=1), clock)
    wider = [replace(bounds, level=level) for level in range(bounds.level + 1, _HIGHEST_LEVEL + 1)]
    wider += [replace(bounds, faults=bounds.faults + 1)]
    for each in wider:
        if proof.reason == _NOTHING_SHOWN and clock() - started < bounds.seconds:
            proof = Verifier(case, each, clock).verify()
    return replace(proof, seconds=clock() - started)


def _with_fewer_items(tested: Proof, bounds: Bounds, clock: Clock) -> Proof:
    proof = Verifier(tested.case, bounds, clock).verify()
    if proof.verdict is Verdict.PROVED:
        return replace(proof, verdict=Verdict.BOUNDED)
    return proof if proof.verdict in (Verdict.BOUNDED, Verdict.REJECTED) else tested


class Verifier:
    """Verifies one case. `clock` counts seconds and is injected."""

    def __init__(self, case: Case, bounds: Bounds, clock: Clock) -> None:
        self.case = case
        self.bounds = replace(bounds, level=max(bounds.level, *(each.level for each in case.about)))
        self.budget = Budget(bounds.schedules, bounds.seconds, clock)
        self.ideal_budget: Budget | None = None

    def verify(self) -> Proof:
        """Run the function before and after; never raises for what the code is or does."""
        try:
            before = extract(self.case.before)
            after = extract(self.case.after) if self.case.after is not None else None
        except SourceError as error:
            return self._without_runs(Verdict.UNKNOWN, str(error))
        handled = (*before.handled, *(after.handled if after is not None else ()))
        faults = faults_for(
            handled,
            self.case.before.roles.errors,
            interrupts=_catch_others(before, after),
            distinct=_distinct(before, after) if after is not None else (),
            cancels=after is not None and bool(handled or before.asked or after.asked),
        )
        differs = _other_header(before, after, self.case) if after is not None else None
        if differs is not None:
            return self._without_runs(Verdict.REJECTED, differs)
        found = explore(Runner(before, faults), self.bounds, self.budget)
        if after is None:
            return self._shown(before, found)
        budget = Budget(4 * self.bounds.schedules, self.bounds.seconds, self.budget.clock)
        turns = after.is_generator and not before.is_generator
        ideal = partial(self._ideal, faults)
        refinement = Refinement(self.case, Runner(after, faults), self.bounds, budget, turns, ideal)
        return self._judged(before, after, found, refinement.compare(found.seen))

    def _ideal(self, faults: Faults, overlooked: Overlooked) -> Sequence[Run]:
        """The runs of the original in which some violations are overlooked."""
        program = extract(self.case.before, overlooked.names)
        if self.ideal_budget is None:
            self.ideal_budget = Budget(self.bounds.schedules, self.bounds.seconds, self.budget.clock)
        return explore(Runner(program, faults, overlooked), self.bounds, self.ideal_budget).seen

    # -- verdicts

    def _without_runs(self, verdict: Verdict, reason: str) -> Proof:
        return self._proof(verdict, reason, Exploration(), Comparison(), 0.0, ())

    def _shown(self, program: Program, found: Exploration) -> Proof:
        """The verdict on a function alone."""
        shown = sorted(filter(self._counts, found.first), key=lambda b: _rank(b, found.first[b]))
        if shown and shown[0].is_leak:
            verdict, reason = Verdict.LEAKS, "a schedule leaks a connection"
        elif shown:
            verdict, reason = Verdict.BROKEN, f"a schedule shows: {shown[0].value}"
        elif found.acquired == 0:
            verdict, reason = Verdict.UNKNOWN, "no run acquired a connection"
        else:
            verdict, reason = Verdict.CLEAN, f"{found.made} schedules show nothing of the kind"
        comparison = Comparison(leaked_before=sum(r.leaks for r in found.runs))
        return self._proof(verdict, reason, found, comparison, *_coverage(program, found.points))

    def _judged(self, before: Program, after: Program, found: Exploration, compared: Comparison) -> Proof:
        coverage, unreached = _coverage(before, found.points)
        coverage_after, unreached_after = _coverage(after, compared.points)
        is_new = coverage_after < _LEAST_COVERAGE
        if unreached_after and not is_new:
            is_new = not statements(after.version, unreached_after) <= statements(before.version, unreached)
        beyond = (n for n in (after.numbers - before.numbers) if n >= self.bounds.items)
        number = min(beyond, default=None)
        verdict, reason = self._verdict(found, compared, unreached, unreached_after, is_new=is_new, number=number)
        return self._proof(verdict, reason, found, compared, coverage, unreached or unreached_after)

    def _verdict(
        self,
        found: Exploration,
        compared: Comparison,
        unreached: tuple[int, ...],
        unreached_after: tuple[int, ...],
        *,
        is_new: bool,
        number: float | None,
    ) -> tuple[Verdict, str]:
        """`is_new`: what is never reached of the fixed version is reached in the original, not in it, or too much.

        `number`: one that only the fixed version counts to, further than any run has items.
        """
        if compared.difference is not None:
            return Verdict.REJECTED, compared.difference.why
        unstable = found.unstable or compared.unstable
        if unstable is not None:
            return Verdict.UNKNOWN, f"the same decisions led to another question: {unstable[0]}, then {unstable[1]}"
        if compared.compared == 0:
            return Verdict.UNKNOWN, "no run could be compared"
        mends = any(each.breaks for each in self.case.about)
        if mends and compared.leaky == 0:
            return Verdict.UNKNOWN, _NOTHING_SHOWN
        if mends and compared.mended == 0:
            return Verdict.UNKNOWN, "no run is mended"
        if number is not None:
            return Verdict.TESTED, f"only the fixed version has the number {number}, beyond the items of the bounds"
        unexplained = sorted(found.unexplained | compared.unexplained)
        if unexplained:
            return Verdict.TESTED, f"some runs end in an error that the model cannot explain: {unexplained[0]}"
        if not compared.finished or found.complete == 0:
            return Verdict.TESTED, f"{found.made + compared.made} schedules of more; no counterexample among them"
        if compared.uncompared:
            return Verdict.TESTED, f"{_runs(compared.uncompared)} of the fixed version went on beyond the bounds"
        outcome = f"{compared.mended} of them mended" if mends else "all as before"
        runs = f"{_runs(compared.compared)}, {outcome}; within {self.bounds.text()}"
        if compared.remaining:
            failing = " or ".join(f"`{name}()`" for name in sorted(compared.failing))
            runs += f"; not part of this fix: {', '.join(sorted(b.value for b in compared.remaining))}"
            runs += f", if {failing} fails" if failing else ""
        if unreached or unreached_after:
            is_fixed = is_new or not unreached
            row = (unreached_after if is_fixed else unreached)[0]
            missing = f"row {row} of the {'fixed version' if is_fixed else 'original'} is never reached"
            is_partial = found.complete != EVERY or found.cut or compared.cut or is_new or not found.returns
            return (Verdict.TESTED, missing) if is_partial else (Verdict.BOUNDED, f"{runs}; {missing}")
        if self.case.injects:
            return Verdict.BOUNDED, f"{runs}; the dependency is taken to lend the session and close it, no more"
        if compared.held_longer:
            return Verdict.BOUNDED, f"{runs}; {_LONGER}"
        if compared.replaced:
            return Verdict.BOUNDED, f"{runs}; {_REPLACED}"
        if found.complete != EVERY:
            return Verdict.BOUNDED, f"every run with at most {found.complete} deviations: {runs}"
        return Verdict.PROVED, runs

    def _proof(
        self,
        verdict: Verdict,
        reason: str,
        found: Exploration,
        compared: Comparison,
        coverage: float,
        unreached: tuple[int, ...],
    ) -> Proof:
        return Proof(
            case=self.case,
            verdict=verdict,
            reason=reason,
            schedules=found.made + compared.made,
            exhaustive=found.exhaustive and compared.finished,
            bound=None if found.exhaustive else found.complete,
            coverage=coverage,
            compared=compared.compared,
            leaked_before=compared.leaked_before,
            leaked_after=compared.leaked_after,
            leak=self._shortest_leak(found),
            counterexample=_difference(compared),
            occupancy=occupancy(compared.pairs),
            unreached=unreached,
            unexplained=tuple(sorted(found.unexplained | compared.unexplained)),
            seconds=self.budget.spent,
        )

    def _counts(self, broken: Broken) -> bool:
        """Whether a violation is worth showing: what the case is about, or all but remarks if that is not known."""
        return any(each.shows(broken) for each in self.case.about)

    def _shortest_leak(self, found: Exploration) -> Counterexample | None:
        """The run with the fewest decisions that violates an invariant, a leak before anything else."""
        broken = sorted(filter(self._counts, found.first), key=lambda b: _rank(b, found.first[b]))
        if not broken:
            return None
        run = found.first[broken[0]]
        return Counterexample(broken[0].value, run.schedule, tell(run), rows(run))


def _distinct(before: Program, after: Program) -> Sequence[str]:
    """The exception classes that one version handles, or asks for, more often than the other."""
    was, now = Counter((*before.handled, *before.asked)), Counter((*after.handled, *after.asked))
    return [name for name in dict.fromkeys((*was, *now)) if was[name] != now[name]]


def _catch_others(before: Program, after: Program | None) -> bool:
    """Whether one version has more handlers that catch everything."""
    return after is not None and before.handled.count(_EVERYTHING) != after.handled.count(_EVERYTHING)


def _other_header(before: Program, after: Program, case: Case) -> str | None:
    """What callers see of a function without calling it must stay, but for parameters injected with the fix."""
    was, now = before.header, after.header
    new = {role.parameter for role in case.after.roles.lent if role.is_injected} if case.after is not None else set()
    parameters = tuple(p for p in now.parameters if re.split(r"[:= ]", p, maxsplit=1)[0] not in new)
    if was.parameters != parameters:
        return f"its parameters were ({', '.join(was.parameters)}) and are ({', '.join(now.parameters)})"
    if was.decorators != now.decorators:
        return f"its decorators were ({', '.join(was.decorators)}) and are ({', '.join(now.decorators)})"
    if was.is_async != now.is_async:
        return f"it was {'a coroutine' if was.is_async else 'no coroutine'} before"
    return "it was a generator before" if before.is_generator and not after.is_generator else None


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _coverage(program: Program, points: set[int]) -> tuple[float, tuple[int, ...]]:
    """The share of statements reached, and the rows that were not."""
    own = {number: row for number, row in program.rows.items() if number > program.along}
    missing = [row for number, row in own.items() if number not in points]
    return (1 - len(missing) / len(own) if own else 1.0), tuple(sorted(set(missing)))


def _rank(broken: Broken, run: Run) -> tuple[bool, bool, int, int]:
    return not broken.is_leak, broken.is_remark, len(run.schedule), len(run.trace)


def _difference(compared: Comparison) -> Counterexample | None:
    found = compared.difference
    if found is None:
        return None
    story = tell_difference(found.why, found.before, found.after)
    return Counterexample(found.why, found.after.schedule, story, rows(found.after))
