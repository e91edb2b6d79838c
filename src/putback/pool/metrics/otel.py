"""A pool's numbers for OpenTelemetry: install `putback[otel]`.

    observe(lambda: engine, name="shop")

Names and attributes are those of the semantic conventions: db.client.connection.count with `state`, .max, .idle.min,
.pending_requests and .timeouts, all with `db.client.connection.pool.name`; and, of what `putback.pool.watch` gives and
of pools of ours, the histograms .wait_time, .use_time and .create_time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from opentelemetry.metrics import CallbackOptions, Histogram, Meter, Observation, get_meter

from putback.pool.adapters import stats_of, timings_of
from putback.pool.metrics.numbers import LEVELS, TIMEOUTS, TIMES, Level

PREFIX = "db.client.connection."
POOL = "db.client.connection.pool.name"


def observe(get_pool: Callable[[], Any], name: str, meter: Meter | None = None) -> None:
    """From now on the pool is asked whenever metrics are collected."""
    meter = meter or get_meter("putback.pool")
    listeners = {
        time.attribute: _recorder(meter.create_histogram(PREFIX + time.name, "s", time.text), name) for time in TIMES
    }

    def asked(level: Level) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observations(_: CallbackOptions) -> Iterable[Observation]:
            pool = get_pool()
            for attribute, timings in timings_of(pool).items():
                if listeners[attribute] not in timings.listeners:
                    timings.listeners.append(listeners[attribute])
            for value, attributes in level.values(stats_of(pool)):  # to ask adds up, and who listens hears of it
                if value is not None:
                    yield Observation(value, {POOL: name, **attributes})

        return observations

    for level in LEVELS:
        meter.create_observable_up_down_counter(PREFIX + level.name, [asked(level)], level.unit, level.text)
    meter.create_observable_counter(PREFIX + TIMEOUTS.name, [asked(TIMEOUTS)], TIMEOUTS.unit, TIMEOUTS.text)


def _recorder(histogram: Histogram, name: str) -> Callable[[Sequence[float]], None]:
    def record(durations: Sequence[float]) -> None:
        for seconds in durations:
            histogram.record(seconds, {POOL: name})

    return record
