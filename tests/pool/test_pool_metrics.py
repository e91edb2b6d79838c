"""A pool's numbers under OpenTelemetry's names, and a table of holders on a signal."""

from __future__ import annotations

import logging
import os
import signal
from typing import Any

import pytest
from libraries import import_or_skip

from putback.pool import ReferencePool, Settings, watch
from putback.pool.adapters import health_of, stats_of
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
        (metric.name, point.attributes.get("state")): point.value
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
    }
    pool.putconn(kept)


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
