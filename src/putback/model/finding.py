"""A finding: one report about one place, with the path that leads to the leak."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from putback.model.fix import Fix
from putback.model.span import Span


class Severity(Enum):
    """What the defect costs: `error` loses a connection or corrupts a pool, `info` is advice."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for info, 2 for error: higher is worse."""
        return ("info", "warning", "error").index(self.value)

    def lowered(self) -> Severity:
        """The next milder severity; info stays info."""
        return {Severity.ERROR: Severity.WARNING}.get(self, Severity.INFO)


class Place(Enum):
    """What kind of code a finding is in: what serves again and again, what runs once, what shows or tests."""

    SERVICE = "service"
    SCRIPT = "script"
    EXAMPLE = "example"
    TEST = "test"

    @property
    def rank(self) -> int:
        """0 for what matters most."""
        return list(Place).index(self)


class Confidence(Enum):
    """How sure the analysis is: `high` resolved everything, `medium` rests on one name, `low` on a guess."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for low, 2 for high: higher is surer."""
        return ("low", "medium", "high").index(self.value)


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered station of a leak's path. `path` is relative to the working directory, with `/`.

    `via` are the stations inside of the functions that are called here, in the order of the calls. `cell` counts the
    cells of a notebook, and rows are those of the cell; 0 in other files.
    """

    path: str
    span: Span
    text: str
    via: tuple[Step, ...] = ()
    cell: int = 0


@dataclass(frozen=True, slots=True)
class SiteKey:
    """Which acquire of a file a finding is about, as the analysis numbers it: the key of the function, and in it the
    operation that acquires or the parameter by which a connection is lent; a finding about no acquire has neither.
    `lost_in`: the function that loses it, where that is another one.
    """

    function: str
    operation: int | None = None
    parameter: str = ""
    lost_in: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One report.

    `path` is relative to the working directory with `/`; `filename` is absolute; `function` is the
    dotted name inside the module ("" at module level); `driver` is the driver table's name;
    `trace` holds the path in order; `help` says in one line how to mend it; `fingerprint` has no line
    numbers in it and stays the same when unrelated lines move; `site` leads back into the analysis of the same run;
    `mentions` are the absolute paths of files that its texts may name; `cell` is as in `Step`.
    """

    code: str
    name: str
    message: str
    severity: Severity
    confidence: Confidence
    path: str
    filename: str
    span: Span
    function: str = ""
    driver: str = ""
    trace: tuple[Step, ...] = ()
    help: str = ""
    fix: Fix | None = None
    no_fix_reason: str = ""
    fingerprint: str = ""
    url: str = ""
    place: Place = Place.SERVICE
    site: SiteKey | None = None
    mentions: tuple[str, ...] = ()
    cell: int = 0
