"""Decisions of a run. Each has a key made of data provenance, so that two versions of a function can meet one fate.

Option 0 of a decision is its default. A schedule keeps only what differs from the defaults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from putback.model.errors import UsageError

_FORGOTTEN = "unknown"
LOST = " has lost its server"
"""The end of the label of the decision whether a failed statement has cost the connection."""


class Sort(Enum):
    """What is decided: whether an operation fails, which way a condition goes, how a generator is resumed."""

    FAULT = "fault"
    BRANCH = "branch"
    RESUME = "resume"


Key = tuple[Sort, str]


class Choice(NamedTuple):
    """A decision that differs from its default: `fault c1.commit()#1 = OperationalError`."""

    sort: Sort
    label: str
    option: str

    def __str__(self) -> str:
        return f"{self.sort.value} {self.label} = {self.option}"


Schedule = tuple[Choice, ...]


def parse(text: str) -> Choice:
    """The reverse of `str(choice)`. Raises UsageError for anything else."""
    sort, _, rest = text.strip().partition(" ")
    label, equals, option = rest.rpartition(" = ")
    if not equals or sort not in {s.value for s in Sort}:
        raise UsageError(f'a choice is written "fault LABEL = OPTION" or "branch LABEL = OPTION", not "{text.strip()}"')
    return Choice(Sort(sort), label, option)


class Step(NamedTuple):
    """A decision as the explorer sees it."""

    key: Key
    options: int
    picked: int


class Decider:
    """Takes the decisions of one run.

    The first ones are those of `prefix`; `fixed` decides by key before anything else (the fate of another run);
    `wanted` decides by option name (a schedule to replay). All others take the default. More than `deviations`
    decisions never differ from it; `held_back` tells that this limit was felt. `is_fix`: the run is one of the second
    version, and is offered what only that has to decide.
    """

    def __init__(
        self,
        prefix: Sequence[int] = (),
        expected: Sequence[Key] = (),
        fixed: Mapping[Key, int] | None = None,
        wanted: Mapping[Key, str] | None = None,
        deviations: int = 1_000_000,
        is_fix: bool = False,
    ) -> None:
        self.trail: list[Step] = []
        self.taken: dict[Key, int] = {}
        self.schedule: list[Choice] = []
        self.held_back = False
        self.frozen = False
        self.allowance: int | None = None
        self.unstable: tuple[str, str] | None = None
        self._prefix = prefix
        self._expected = expected
        self._fixed = fixed
        self._wanted = wanted
        self._deviations = deviations
        self._is_fix = is_fix
        self._seen: Counter[Key] = Counter()

    def numbered(self, sort: Sort, label: str) -> str:
        """The label with the number of its occurrence in this run."""
        self._seen[sort, label] += 1
        return f"{label}#{self._seen[sort, label]}"

    def pick(self, sort: Sort, label: str, options: Sequence[str]) -> int:
        """The option taken at a decision of this label."""
        key = (sort, label)
        if self._fixed is not None and key in self._fixed:
            return self._keep(key, self._fixed[key], options)
        if self._wanted is not None:
            name = self._wanted.get(key, options[0])
            return self._keep(key, options.index(name) if name in options else 0, options)
        if self._is_held_back():
            return self._keep(key, 0, options)
        at = len(self.trail)
        if at < len(self._expected) and self._expected[at] != key:
            self.unstable = (self._expected[at][1], label)
        picked = self._prefix[at] if at < len(self._prefix) else 0
        self.trail.append(Step(key, len(options), picked))
        if picked:
            self._deviations -= 1
            if self.allowance is not None:
                self.allowance -= 1
        return self._keep(key, picked, options)

    def pick_for_fix(self, sort: Sort, label: str, options: Sequence[str]) -> int:
        """The option taken at a decision that is offered to the second version alone: what both do they do alike."""
        if not self._is_fix and self._wanted is None:
            return self._keep((sort, label), 0, options)
        return self.pick(sort, label, options)

    def _is_held_back(self) -> bool:
        if self.frozen or self.allowance == 0:
            return True
        if self._deviations <= 0:
            self.held_back = True
            return True
        return False

    def _keep(self, key: Key, picked: int, options: Sequence[str]) -> int:
        self.taken[key] = picked
        if picked:
            self.schedule.append(Choice(*key, options[picked] if picked < len(options) else _FORGOTTEN))
        return picked


def next_prefix(trail: Sequence[Step]) -> tuple[list[int], list[Key]] | None:
    """Depth first: the prefix of the next run and the keys that it must meet; None when all have been seen."""
    last = len(trail) - 1
    while last >= 0 and trail[last].picked + 1 >= trail[last].options:
        last -= 1
    if last < 0:
        return None
    return [s.picked for s in trail[:last]] + [trail[last].picked + 1], [s.key for s in trail[: last + 1]]
