"""Is a pool well? One answer for ours and for real pools, from their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from putback.pool.errors import SettingsError
from putback.pool.stats import PoolStats


class Status(Enum):
    """How a pool is."""

    HEALTHY = "healthy"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Parts of the capacity (maximum and overflow) that are lent, from 0 to 1."""

    advice: float = 0.60
    """From here on there is advice; below it all is well."""
    warning: float = 0.80
    critical: float = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.advice <= self.warning <= self.critical <= 1:
            raise SettingsError(
                f"the thresholds are advice {self.advice}, warning {self.warning}, critical {self.critical}; "
                "they must rise and lie between 0 and 1"
            )


@dataclass(frozen=True, slots=True)
class Health:
    """The judgement. `recommendations` say what to do, the most urgent first."""

    status: Status
    warnings: tuple[str, ...]
    recommendations: tuple[str, ...]
    stats: PoolStats
    thresholds: Thresholds


def judge(stats: PoolStats, thresholds: Thresholds | None = None) -> Health:
    """Judge a pool by its numbers."""
    thresholds = thresholds or Thresholds()
    warnings = tuple(_warnings(stats, thresholds))
    return Health(_status(stats, thresholds, warnings), warnings, tuple(_advice(stats, thresholds)), stats, thresholds)


def _status(stats: PoolStats, thresholds: Thresholds, warnings: tuple[str, ...]) -> Status:
    if stats.utilization >= thresholds.critical or stats.free == 0:
        return Status.CRITICAL
    return Status.WARNING if warnings else Status.HEALTHY


def _warnings(stats: PoolStats, thresholds: Thresholds) -> list[str]:
    found = []
    if stats.free == 0:
        found.append(f"no connection is available: all {stats.capacity} are in use")
    elif stats.utilization >= thresholds.warning:
        found.append(f"{stats.utilization:.0%} of the connections are in use ({stats.in_use} of {stats.capacity})")
    if stats.overflow:
        found.append(f"{stats.overflow} overflow connections are open beyond the pool's {stats.max}")
    if stats.waiters:
        found.append(f"{stats.waiters} requests wait for a connection")
    if stats.leaked:
        found.append(f"{stats.leaked} connections were garbage-collected while lent: their slots are lost")
    if stats.suspected:
        found.append(f"{stats.suspected} connections are held longer than the leak threshold")
    return found


def _advice(stats: PoolStats, thresholds: Thresholds) -> list[str]:
    found = []
    if stats.leaked or stats.suspected:
        found.append("find the leak: putback check")
    if stats.utilization >= thresholds.advice:
        place = next(iter(stats.sites), None)
        most = f"; most are taken at {place} ({stats.sites[place]})" if place else ""
        found.append(f"look for slow statements and for connections that are held too long{most}")
        found.append("only then raise the maximum: processes x maximum must stay below the server's max_connections")
    if stats.max and stats.max_overflow and stats.max_overflow * 2 > stats.max:
        found.append(
            f"the overflow of {stats.max_overflow} is more than half of the pool's {stats.max}: connections are "
            "opened and closed all the time under load; a larger pool with less overflow is faster"
        )
    return found
