"""A pool's numbers for Prometheus: install `putback[prometheus]`.

REGISTRY.register(PoolCollector(lambda: engine, name="shop"))

The names are OpenTelemetry's as Prometheus spells them: db_client_connection_count{state="used"}, ..._max and so on.
With what `putback.pool.watch` gives, or a pool of ours, `db_client_connection_holders` counts by place in the code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from putback.pool.adapters import stats_of
from putback.pool.stats import PoolStats

POOL = "db_client_connection_pool_name"


class PoolCollector(Collector):
    """The numbers at the moment when they are asked for."""

    def __init__(self, get_pool: Callable[[], Any], name: str) -> None:
        self._get_pool = get_pool
        self._name = name

    def collect(self) -> Iterator[Metric]:
        stats = stats_of(self._get_pool())
        count = GaugeMetricFamily("db_client_connection_count", "Open connections.", labels=[POOL, "state"])
        count.add_metric([self._name, "used"], stats.in_use)
        count.add_metric([self._name, "idle"], stats.available)
        yield count
        for metric, help_text, value in _gauges(stats):
            if value is not None:
                gauge = GaugeMetricFamily(metric, help_text, labels=[POOL])
                gauge.add_metric([self._name], value)
                yield gauge
        if stats.timeouts is not None:
            timeouts = CounterMetricFamily("db_client_connection_timeouts", "Requests in vain.", labels=[POOL])
            timeouts.add_metric([self._name], stats.timeouts)
            yield timeouts
        holders = GaugeMetricFamily("db_client_connection_holders", "Lent connections.", labels=[POOL, "code_place"])
        for site, number in stats.sites.items():
            holders.add_metric([self._name, site], number)
        yield holders


def _gauges(stats: PoolStats) -> tuple[tuple[str, str, int | None], ...]:
    return (
        ("db_client_connection_max", "The most connections that can be lent.", stats.capacity),
        ("db_client_connection_idle_min", "Connections that are kept.", stats.min),
        ("db_client_connection_pending_requests", "Requests that wait.", stats.waiters),
    )
