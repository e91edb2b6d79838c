"""Pools' numbers as the text that Prometheus reads, without its client library.

exposition({"shop": engine})      # or what `watch` gives; serve it as text/plain at /metrics
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from putback.pool.adapters import stats_of
from putback.pool.metrics.numbers import HOLDERS, LEVELS, TIMEOUTS, TIMES, quantiles
from putback.pool.stats import PoolStats

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "db_client_connection_"
POOL = "db_client_connection_pool_name"


def exposition(pools: Mapping[str, Any]) -> str:
    """The numbers of this moment, of each pool under its name."""
    found = {name: stats_of(pool) for name, pool in pools.items()}
    lines: list[str] = []
    for level in (*LEVELS, HOLDERS, TIMEOUTS):
        name = metric(level.name)
        kind, name = ("counter", f"{name}_total") if level is TIMEOUTS else ("gauge", name)
        samples = [
            _sample(name, pool, labels, number)
            for pool, stats in found.items()
            for number, labels in level.values(stats)
            if number is not None
        ]
        if samples:
            lines += [f"# HELP {name} {level.text}", f"# TYPE {name} {kind}", *samples]
    for time in TIMES:
        name = f"{metric(time.name)}_seconds"
        samples = list(_summary(name, found, time.attribute))
        if samples:
            lines += [f"# HELP {name} {time.text}", f"# TYPE {name} summary", *samples]
    return "".join(f"{line}\n" for line in lines)


def metric(name: str) -> str:
    """OpenTelemetry's name as Prometheus spells it."""
    return PREFIX + name.replace(".", "_")


def _summary(name: str, found: Mapping[str, PoolStats], attribute: str) -> Iterator[str]:
    for pool, stats in found.items():
        times = getattr(stats, attribute)
        if times is not None:
            for quantile, seconds in quantiles(times):
                yield _sample(name, pool, {"quantile": quantile}, seconds)
            yield _sample(f"{name}_sum", pool, {}, times.total)
            yield _sample(f"{name}_count", pool, {}, times.count)


def _sample(name: str, pool: str, labels: Mapping[str, str], value: float) -> str:
    shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in {POOL: pool, **labels}.items())
    return f"{name}{{{shown}}} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
