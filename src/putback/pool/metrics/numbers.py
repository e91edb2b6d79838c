"""What is told to a monitoring system of a pool, once for all of them: names, units and where the numbers are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from putback.pool.stats import Durations, PoolStats

Labels = Mapping[str, str]
Values = Sequence[tuple[int | None, Labels]]


@dataclass(frozen=True, slots=True)
class Level:
    """A number that rises and falls. None: the pool does not say."""

    name: str
    unit: str
    text: str
    values: Callable[[PoolStats], Values]


@dataclass(frozen=True, slots=True)
class Time:
    """Durations; they are named as in `PoolStats`."""

    name: str
    attribute: str
    text: str

    def of(self, stats: PoolStats) -> Durations | None:
        found: Durations | None = getattr(stats, self.attribute)
        return found


LEVELS = (
    Level(
        "count",
        "{connection}",
        "Open connections.",
        lambda stats: [(stats.in_use, {"state": "used"}), (stats.available, {"state": "idle"})],
    ),
    Level("max", "{connection}", "The most connections that can be lent.", lambda stats: [(stats.capacity, {})]),
    Level("idle.min", "{connection}", "Connections that are kept.", lambda stats: [(stats.min, {})]),
    Level("pending_requests", "{request}", "Requests that wait.", lambda stats: [(stats.waiters, {})]),
)
HOLDERS = Level(
    "holders",
    "{connection}",
    "Lent connections, by the place that took them.",
    lambda stats: [(number, {"code_place": site}) for site, number in stats.sites.items()],
)
"""Of a pool of ours, and of one that is watched."""
TIMEOUTS = Level("timeouts", "{timeout}", "Requests in vain.", lambda stats: [(stats.timeouts, {})])
"""It only rises."""
TIMES = (
    Time("wait_time", "waits", "How long requests waited for a connection."),
    Time("use_time", "uses", "How long connections were held that came back."),
    Time("create_time", "creations", "How long it took to open connections."),
)


def quantiles(times: Durations) -> list[tuple[str, float]]:
    """Those that are known, of what was measured last."""
    return [("0.5", times.median), ("0.95", times.p95)] if times.longest else []
