"""What running a function before and after its fix has shown, as reports tell it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from putback.model.finding import Finding
from putback.model.occupancy import Occupancy


@dataclass(frozen=True, slots=True)
class Example:
    """One run: what it violates, the decisions that lead to it (to be replayed), and its story in sentences.

    `rows` are the rows of the file that the first sentences are about, 0 for those about none.
    """

    broken: str
    schedule: tuple[str, ...]
    story: tuple[str, ...]
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Proven:
    """The outcome for one function and the findings in it that one fix, or one leak, is about.

    `path` is as findings spell it, `row` that of the function. `verdict` is the word with its bound ("bounded(2)");
    `accepted`: it is good enough for a fix to be written unseen; `rejected`: a run shows that the fix is wrong.
    `given` are the functions of the project that were not run: the verdict rests on what the check says of them.
    `schedules` counts runs, `leaked_before` and `leaked_after` those that leak. `before` and `after` are the rows
    of the function (`after` "" without a fix). `seconds` is the time it took.
    """

    path: str
    row: int
    function: str
    findings: tuple[Finding, ...]
    verdict: str
    accepted: bool
    rejected: bool
    reason: str
    schedules: int
    leaked_before: int
    leaked_after: int
    leak: Example | None
    counterexample: Example | None
    occupancy: Occupancy | None
    before: str
    after: str
    seconds: float
    given: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The file with the row of the function; in a notebook with the cell of what was found there."""
        cell = self.findings[0].cell if self.findings else 0
        return f"{self.path}:cell {cell}" if cell else f"{self.path}:{self.row}"

    @property
    def codes(self) -> tuple[str, ...]:
        """The rules of the findings, each once."""
        return tuple(dict.fromkeys(f.code for f in self.findings))


@dataclass(frozen=True, slots=True)
class ProofReport:
    """All outcomes, and how to print them: `bounds` in words; `colour` and `width` as in `Report`.

    `project` names what was looked at, `state` the commit or version of it ("" where there is none), `date` the day.
    """

    proven: Collection[Proven]
    bounds: str
    colour: bool = False
    width: int = 0
    version: str = ""
    project: str = ""
    state: str = ""
    date: str = ""
    level: int = 1
