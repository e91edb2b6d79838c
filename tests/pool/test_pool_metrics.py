"""A pool's numbers under OpenTelemetry's names, and a table of holders on a signal."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from libraries import import_or_skip

from putback.pool import ReferencePool, Settings, watch
from putback.pool.adapters import health_of, stats_of
from putback.pool.metrics.text import exposition
from putback.pool.shapes import pool_health


def test_prometheus() -> None:
    client = import_or_skip("prometheus_client", "prometheus-client")
    from putback.pool.metrics.prometheus import PoolCollector

    pool = ReferencePool(1, 4, settings=Settings(overflow=1))
    kept = pool.getconn()
    registry = client.CollectorRegistry()
    registry.register(PoolCollector(lambda: pool, name="shop"))
    text = client.generate_latest(registry).decode()
    label = 'db_client_connection_pool_name="shop"'
    assert f'db_client_connection_count{{{label},state="used"}} 1.0' in text
    assert f"db_client_connection_max{{{label}}} 5.0" in text
    assert f"db_client_connection_pending_requests{{{label}}} 0.0" in text
    assert "db_client_connection_timeouts_total" in text
    assert "in test_prometheus" in text
    pool.putconn(kept)


def test_opentelemetry() -> None:
    metrics = import_or_skip("opentelemetry.sdk.metrics", "opentelemetry-sdk")
    export = import_or_skip("opentelemetry.sdk.metrics.export", "opentelemetry-sdk")
    from putback.pool.metrics.otel import observe

    pool = ReferencePool(2, 4)
    kept = pool.getconn()
    reader = export.InMemoryMetricReader()
    observe(lambda: pool, "shop", metrics.MeterProvider([reader]).get_meter("shop"))
    found: dict[tuple[str, Any], Any] = {
        (metric.name, point.attributes.get("state")): getattr(point, "value", None) or getattr(point, "count", 0)
        for resource in reader.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    }
    assert found == {
        ("db.client.connection.count", "used"): 1,
        ("db.client.connection.count", "idle"): 1,
        ("db.client.connection.max", None): 4,
        ("db.client.connection.idle.min", None): 2,
        ("db.client.connection.pending_requests", None): 0,
        ("db.client.connection.timeouts", None): 0,
        ("db.client.connection.create_time", None): 2,
    }, "histograms that nothing was recorded in are not sent"
    pool.putconn(kept)


def exhaust(engine: Any, sqlalchemy: Any) -> None:
    """One connection comes back, another stays out, and a third request gets nothing."""
    engine.connect().close()
    kept.append(engine.connect())
    with pytest.raises(sqlalchemy.exc.TimeoutError):
        engine.connect()


kept: list[Any] = []


@pytest.fixture
def exhausted() -> Iterator[Any]:
    """What watches an engine whose only connection is out."""
    sqlalchemy = import_or_skip("sqlalchemy", "sqlalchemy")
    options = {"poolclass": sqlalchemy.QueuePool, "pool_size": 1, "max_overflow": 0, "pool_timeout": 0}
    with watch(sqlalchemy.create_engine("sqlite://", **options)) as watching:
        exhaust(watching.target, sqlalchemy)
        yield watching
        kept.pop().close()


def test_the_numbers_of_a_watched_pool_as_text(exhausted: Any) -> None:
    lines = exposition({"shop": exhausted, "other": ReferencePool(1, 4)}).splitlines()
    label = 'db_client_connection_pool_name="shop"'
    assert f'db_client_connection_count{{{label},state="used"}} 1' in lines
    assert f"db_client_connection_pending_requests{{{label}}} 0" in lines
    assert f"db_client_connection_timeouts_total{{{label}}} 1" in lines
    assert f"db_client_connection_wait_time_seconds_count{{{label}}} 2" in lines
    assert f"db_client_connection_use_time_seconds_count{{{label}}} 1" in lines
    assert f"db_client_connection_create_time_seconds_count{{{label}}} 1" in lines
    assert 'db_client_connection_max{db_client_connection_pool_name="other"} 4' in lines
    (holder,) = (line for line in lines if line.startswith("db_client_connection_holders{"))
    assert "in exhaust" in holder
    assert lines.count("# TYPE db_client_connection_count gauge") == 1, "each family is said once for all pools"


def test_the_text_is_what_the_client_library_reads_and_writes(exhausted: Any) -> None:
    client = import_or_skip("prometheus_client", "prometheus-client")
    parser = import_or_skip("prometheus_client.parser", "prometheus-client")
    from putback.pool.metrics.prometheus import PoolCollector

    registry = client.CollectorRegistry()
    registry.register(PoolCollector(lambda: exhausted, name='a "shop"\\'))

    def samples(text: str) -> dict[tuple[str, Any], float]:
        families = parser.text_string_to_metric_families(text)
        return {(each.name, tuple(sorted(each.labels.items()))): each.value for f in families for each in f.samples}

    assert samples(exposition({'a "shop"\\': exhausted})) == samples(client.generate_latest(registry).decode())


def test_times_of_a_watched_pool_are_histograms_in_opentelemetry(exhausted: Any) -> None:
    metrics = import_or_skip("opentelemetry.sdk.metrics", "opentelemetry-sdk")
    export = import_or_skip("opentelemetry.sdk.metrics.export", "opentelemetry-sdk")
    from putback.pool.metrics.otel import observe

    reader = export.InMemoryMetricReader()
    observe(lambda: exhausted, "shop", metrics.MeterProvider([reader]).get_meter("shop"))

    def counts() -> dict[str, int]:
        (resource,) = reader.get_metrics_data().resource_metrics
        (scope,) = resource.scope_metrics
        points = {metric.name: metric.data.data_points[0] for metric in scope.metrics}
        return {name: point.count for name, point in points.items() if hasattr(point, "count")}

    prefix = "db.client.connection."
    assert counts() == {f"{prefix}wait_time": 2, f"{prefix}use_time": 1, f"{prefix}create_time": 1}
    kept.pop().close()
    kept.append(exhausted.target.connect())
    assert counts() == {f"{prefix}wait_time": 3, f"{prefix}use_time": 2, f"{prefix}create_time": 1}


def test_who_waits_is_counted_while_he_waits() -> None:
    sqlalchemy = import_or_skip("sqlalchemy", "sqlalchemy")
    engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.QueuePool, pool_size=1, max_overflow=0)
    with watch(engine) as watching:
        seen: list[int | None] = []

        class Asking(sqlalchemy.pool.impl.sqla_queue.Queue):  # type: ignore[misc, name-defined]
            def get(self, *args: Any, **kwargs: Any) -> Any:
                seen.append(stats_of(watching).waiters)
                return super().get(*args, **kwargs)

        engine.pool._pool.__class__ = Asking
        engine.connect().close()
        assert seen == [1]
        assert stats_of(watching).waiters == 0


def test_health_of_a_watched_pool_has_its_holders() -> None:
    sqlalchemy = import_or_skip("sqlalchemy", "sqlalchemy")
    engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.QueuePool, pool_size=1, max_overflow=0)
    with watch(engine) as watching:
        conn = engine.connect()
        assert stats_of(watching).in_use == stats_of(engine).in_use == 1
        shown = pool_health(health_of(watching))
        assert shown["status"] == "critical"
        (place,) = shown["holders"]
        assert "in test_health_of_a_watched_pool_has_its_holders" in place
        conn.close()
        assert "holders" not in pool_health(health_of(engine)), "nobody knows"


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal here")
def test_a_signal_logs_the_table(caplog: pytest.LogCaptureFixture) -> None:
    sqlalchemy = import_or_skip("sqlalchemy", "sqlalchemy")
    engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.QueuePool)
    before = signal.getsignal(signal.SIGUSR1)
    with watch(engine) as watching, caplog.at_level(logging.INFO, logger="putback.pool"):
        watching.on_signal()
        conn = engine.connect()
        os.kill(os.getpid(), signal.SIGUSR1)
        assert "1 of 15 connections are out" in caplog.text
        assert "in test_a_signal_logs_the_table" in caplog.text
        conn.close()
    assert signal.getsignal(signal.SIGUSR1) == before
