"""How a pool behaves, apart from its sizes and its profile."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from putback.pool.errors import SettingsError


class ResetBy(Enum):
    """What is done to a connection's open transaction when it comes back."""

    ROLLBACK = "rollback"
    COMMIT = "commit"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`None` means: as the profile has it, if nothing else is said."""

    timeout: float | None = None
    """Seconds to wait for a connection; 0: fail at once; `math.inf`: wait for ever."""
    overflow: int | None = 0
    """Connections beyond the maximum, opened under load and closed when they come back; None: any number."""
    max_waiting: int = 0
    """Requests that may wait; 0: any number."""
    pre_ping: bool = False
    """Ask the server before lending a connection, and open a new one if it does not answer."""
    recycle: float | None = None
    """Seconds after which an idle connection is not lent any more but opened anew."""
    reset: ResetBy = ResetBy.ROLLBACK
    leak_threshold: float | None = None
    """Seconds after which a connection that is still lent is reported, once; None: never."""
    stack_depth: int = 8
    """Callers remembered for each lent connection; 0: none."""
    strict: bool = True
    """Use after release and a second release raise, also where the real library stays silent. Otherwise they do what
    they do there, and are reported."""
    reclaim: bool | None = None
    """Whether a lent connection that is garbage-collected goes back to the pool, or its slot is lost."""
    bare: bool = False
    """Lend the driver's own objects instead of proxies, for C functions that insist on them. Use after release and
    garbage-collected connections are then not noticed."""
    name: str = ""
    """The pool's name in messages; made up if empty."""

    def __post_init__(self) -> None:
        for name in ("timeout", "overflow", "max_waiting", "recycle", "leak_threshold", "stack_depth"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise SettingsError(f"{name} is {value!r}; it must be 0 or more")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many connections a pool has: `low` are opened at first, `high` are the most without `overflow`
    (None: no limit)."""

    low: int
    high: int | None
    overflow: int | None = 0

    def __post_init__(self) -> None:
        if self.low < 0:
            raise SettingsError(f"the minimum is {self.low} connections; it must be 0 or more")
        if self.high is not None and self.high < max(self.low, 1):
            raise SettingsError(
                f"the maximum is {self.high} connections; it must be 1 or more and not below the minimum, {self.low}"
            )

    @property
    def limit(self) -> int | None:
        """The most connections there can be at a time; None: no limit."""
        return None if self.high is None or self.overflow is None else self.high + self.overflow
