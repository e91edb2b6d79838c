"""What the pool tells of itself: numbers, judgement, log."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from putback.pool import ReferencePool, Settings, SettingsError
from putback.pool.adapters import Identity
from putback.pool.health import Status, Thresholds, judge
from putback.pool.monitor import Monitor
from putback.pool.shapes import connections, database_health, pool_health, pool_status, queue_status
from putback.pool.stats import PoolStats
from putback.pool.testing import PSYCOPG_POOL, SQLALCHEMY, ManualClock


def lending(count: int, high: int = 10, overflow: int = 0) -> tuple[ReferencePool, list[Any]]:
    """A pool that lends so many connections, and these."""
    settings = Settings(overflow=overflow, timeout=0.1)
    pool = ReferencePool(2, high, profile=SQLALCHEMY, settings=settings, clock=ManualClock())
    return pool, [pool.getconn() for _ in range(count)]


@pytest.mark.parametrize(
    ("lent", "overflow", "status"),
    [
        (0, 0, Status.HEALTHY),
        (7, 0, Status.HEALTHY),
        (8, 0, Status.WARNING),
        (9, 0, Status.WARNING),
        (10, 0, Status.CRITICAL),
        (10, 10, Status.HEALTHY),
        (11, 10, Status.WARNING),
        (19, 10, Status.CRITICAL),
    ],
)
def test_the_status_follows_what_is_lent(lent: int, overflow: int, status: Status) -> None:
    pool, _held = lending(lent, overflow=overflow)
    assert judge(pool.stats()).status is status


def test_warnings_say_what_and_how_many() -> None:
    pool, _held = lending(8)
    assert judge(pool.stats()).warnings == ("80% of the connections are in use (8 of 10)",)
    pool, _held = lending(10)
    assert judge(pool.stats()).warnings == ("no connection is available: all 10 are in use",)
    pool, _held = lending(5, high=4, overflow=4)
    assert judge(pool.stats()).warnings == ("1 overflow connections are open beyond the pool's 4",)


def test_advice_begins_at_60_percent_and_names_the_place() -> None:
    pool, held = lending(5)
    assert judge(pool.stats()).recommendations == ()
    held.append(pool.getconn())
    advice = judge(pool.stats()).recommendations
    assert "most are taken at" in advice[0]
    assert "test_pool_health.py" in advice[0]


def test_too_much_overflow_is_advised_against() -> None:
    pool, _held = lending(0, high=5, overflow=10)
    assert "more than half" in judge(pool.stats()).recommendations[0]


def test_thresholds_can_be_chosen() -> None:
    pool, _held = lending(5)
    assert judge(pool.stats(), Thresholds(0.3, 0.5, 0.9)).status is Status.WARNING
    with pytest.raises(SettingsError, match="must rise"):
        Thresholds(0.9, 0.5, 0.95)


def test_lost_and_suspected_connections_are_warned_of() -> None:
    clock = ManualClock()
    pool = ReferencePool(0, 20, settings=Settings(leak_threshold=5), clock=clock)
    held = [pool.getconn(), pool.getconn()]
    clock.advance(6)
    pool.check_leaks()
    held.pop()
    health = judge(pool.stats())
    assert health.status is Status.WARNING
    assert len(health.warnings) == 2
    assert health.recommendations[0] == "find the leak: putback check"


def test_waits_are_measured() -> None:
    clock = ManualClock()
    pool = ReferencePool(1, 1, profile=PSYCOPG_POOL, settings=Settings(timeout=30), clock=clock)
    held = pool.getconn()

    def later() -> None:
        clock.advance(2)
        pool.putconn(held)

    clock.meanwhile = later
    pool.getconn()
    waits = pool.stats().waits
    assert waits is not None
    assert (waits.count, waits.total, waits.longest, waits.median, waits.p95) == (1, 2, 2, 2, 2)


def test_json_for_dashboards() -> None:
    pool, _held = lending(2)
    health = judge(pool.stats())
    numbers = {"min_connections": 2, "max_connections": 10, "available": 8, "in_use": 2, "total": 2}
    assert database_health(health) == {
        "status": "healthy",
        "database": {"status": "connected", "pool": numbers},
    }
    assert pool_health(health) == {
        "status": "healthy",
        "pool_stats": numbers,
        "warnings": [],
        "recommendations": {
            "optimal_range": "60% to 80% in use at peak",
            "current_config": "min=2, max=10",
            "advice": [],
        },
    }
    now = datetime(2024, 1, 1, 12, tzinfo=UTC)
    assert pool_status(health, Identity("psycopg2", "ReferencePool"), now) == {
        "status": "healthy",
        "timestamp": "2024-01-01T12:00:00+00:00",
        "pool": {
            "pool_size": 10,
            "checked_out": 2,
            "checked_in": 0,
            "overflow": 0,
            "available": 8,
            "status": "healthy",
        },
        "warnings": [],
        "details": {"engine": {"driver": "psycopg2", "pool_class": "ReferencePool"}},
    }
    assert queue_status(pool.stats()) == {
        "size": 10,
        "checked_in": 0,
        "checked_out": 2,
        "overflow": 0,
        "total": 2,
    }


def test_what_may_be_out_counts_the_overflow() -> None:
    stats = PoolStats("x", min=0, max=5, max_overflow=2, available=0, in_use=5, total=5, overflow=0, waiters=0)
    numbers = {"min_connections": 0, "max_connections": 7, "available": 2, "in_use": 5, "total": 5}
    assert pool_health(judge(stats))["pool_stats"] == numbers
    found = pool_status(judge(stats), Identity("x", "x"), datetime(2024, 1, 1, tzinfo=UTC))["pool"]
    assert (found["pool_size"], found["checked_out"], found["available"]) == (5, 5, 2)
    unlimited = PoolStats("x", min=0, max=5, max_overflow=None, available=0, in_use=9, total=9, overflow=4, waiters=0)
    assert (connections(unlimited)["max_connections"], connections(unlimited)["available"]) == (None, None)


# The monitor


@pytest.mark.parametrize(("lent", "level"), [(1, "INFO"), (8, "WARNING"), (10, "ERROR")])
def test_the_monitor_is_louder_when_the_pool_is_not_well(lent: int, level: str, caplog: Any) -> None:
    pool, _held = lending(lent)
    with caplog.at_level(logging.INFO, logger="putback.pool.monitor"):
        Monitor(pool).look()
    assert [record.levelname for record in caplog.records] == [level]
    assert f"{lent} in use" in caplog.text


def test_the_monitor_looks_again_and_again_until_it_is_stopped() -> None:
    pool, _held = lending(1)
    waits: list[float] = []
    third = threading.Event()

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) == 3:
            third.set()
        return len(waits) >= 3

    with Monitor(pool, seconds=30, wait=wait):
        assert third.wait(30)
    assert waits == [30, 30, 30]


def test_the_monitor_reports_leaks() -> None:
    clock = ManualClock()
    pool = ReferencePool(0, 2, settings=Settings(leak_threshold=5), clock=clock)
    held = pool.getconn()
    clock.advance(6)
    assert Monitor(pool).look().status is Status.WARNING
    pool.putconn(held)
    assert Monitor(pool).look().status is Status.HEALTHY


def test_the_monitor_survives_a_pool_that_cannot_be_looked_at(caplog: Any) -> None:
    pool: Any = ReferencePool(0, 1)
    waits: list[float] = []
    monitor = Monitor(pool, seconds=1, wait=lambda seconds: waits.append(seconds) or len(waits) > 1)  # type: ignore[func-returns-value]
    monitor.start()
    monitor.pool = object()
    monitor.stop()
    with pytest.raises(SettingsError, match="must be more than 0"):
        Monitor(pool, seconds=0)
