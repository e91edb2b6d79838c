"""A pool's numbers for the client library of Prometheus: install `putback[prometheus]`.

    REGISTRY.register(PoolCollector(lambda: engine, name="shop"))

The names are OpenTelemetry's as Prometheus spells them: db_client_connection_count{state="used"}, ..._max and so on.
With what `putback.pool.watch` gives, or a pool of ours, `db_client_connection_holders` counts by place in the code, and
there is how long requests waited, connections were held and took to open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from putback.pool.adapters import stats_of
from putback.pool.metrics.numbers import HOLDERS, LEVELS, TIMEOUTS, TIMES, quantiles
from putback.pool.metrics.text import POOL, metric


class PoolCollector(Collector):
    """The numbers at the moment when they are asked for."""

    def __init__(self, get_pool: Callable[[], Any], name: str) -> None:
        self._get_pool = get_pool
        self._name = name

    def collect(self) -> Iterator[Metric]:
        stats = stats_of(self._get_pool())
        for level in (*LEVELS, HOLDERS, TIMEOUTS):
            family = CounterMetricFamily if level is TIMEOUTS else GaugeMetricFamily
            known = [(labels, number) for number, labels in level.values(stats) if number is not None]
            if known:
                found = family(metric(level.name), level.text, labels=[POOL, *known[0][0]])
                for labels, number in known:
                    found.add_metric([self._name, *labels.values()], number)
                yield found
        for time in TIMES:
            times = time.of(stats)
            if times is not None:
                name = f"{metric(time.name)}_seconds"
                summary = SummaryMetricFamily(name, time.text, labels=[POOL])
                summary.add_metric([self._name], count_value=times.count, sum_value=times.total)
                for quantile, seconds in quantiles(times):
                    summary.add_sample(name, {POOL: self._name, "quantile": quantile}, seconds)
                yield summary
