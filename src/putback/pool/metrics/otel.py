"""A pool's numbers for OpenTelemetry: install `putback[otel]`.

observe(lambda: engine, name="shop")

Names and attributes are those of the semantic conventions: db.client.connection.count with `state`, .max, .idle.min,
.pending_requests and .timeouts, all with `db.client.connection.pool.name`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry.metrics import CallbackOptions, Meter, Observation, get_meter

from putback.pool.adapters import stats_of
from putback.pool.stats import PoolStats

POOL = "db.client.connection.pool.name"
Read = Callable[[PoolStats], Iterable[tuple[int | None, dict[str, str]]]]


def observe(get_pool: Callable[[], Any], name: str, meter: Meter | None = None) -> None:
    """From now on the pool is asked whenever metrics are collected."""
    meter = meter or get_meter("putback.pool")

    def asked(read: Read) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observations(_: CallbackOptions) -> Iterable[Observation]:
            for value, attributes in read(stats_of(get_pool())):
                if value is not None:
                    yield Observation(value, {POOL: name, **attributes})

        return observations

    for metric, unit, read in _LEVELS:
        meter.create_observable_up_down_counter(f"db.client.connection.{metric}", [asked(read)], unit)
    timeouts = asked(lambda stats: [(stats.timeouts, {})])
    meter.create_observable_counter("db.client.connection.timeouts", [timeouts], "{timeout}")


_LEVELS: tuple[tuple[str, str, Read], ...] = (
    ("count", "{connection}", lambda stats: [(stats.in_use, {"state": "used"}), (stats.available, {"state": "idle"})]),
    ("max", "{connection}", lambda stats: [(stats.capacity, {})]),
    ("idle.min", "{connection}", lambda stats: [(stats.min, {})]),
    ("pending_requests", "{request}", lambda stats: [(stats.waiters, {})]),
)
