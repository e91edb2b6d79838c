"""Many threads on few connections."""

from __future__ import annotations

import random
import threading

import pytest
from together import run_together

from putback.pool import PoolError, ReferencePool, Settings
from putback.pool.testing import PSYCOPG_POOL

pytestmark = pytest.mark.slow


def test_32_threads_share_8_connections_and_all_come_back() -> None:
    pool = ReferencePool(2, 8, profile=PSYCOPG_POOL, settings=Settings(timeout=60))
    inside, most = 0, 0
    guard = threading.Lock()
    errors: list[Exception] = []

    def work(seed: int) -> None:
        nonlocal inside, most
        chance = random.Random(seed)
        try:
            for _ in range(1500):
                conn = pool.getconn()
                with guard:
                    inside += 1
                    most = max(most, inside)
                conn.execute("select 1")
                with guard:
                    inside -= 1
                pool.putconn(conn, close=chance.random() < 0.01)
        except Exception as error:
            errors.append(error)

    run_together([lambda seed=seed: work(seed) for seed in range(32)])  # type: ignore[misc]
    stats = pool.stats()
    assert errors == []
    assert most <= 8
    assert (stats.in_use, stats.waiters, stats.acquired) == (0, 0, 48_000)
    assert stats.total == stats.available <= 8


def test_threads_that_refuse_to_wait_and_timeouts_lose_nothing() -> None:
    pool = ReferencePool(1, 3)
    served = 0
    guard = threading.Lock()

    def work(seed: int) -> None:
        nonlocal served
        chance = random.Random(seed)
        for _ in range(500):
            try:
                conn = pool.getconn(timeout=chance.choice([0.0, 0.0001, 5.0]))
            except PoolError:
                continue
            with guard:
                served += 1
            conn.execute("select 1")
            pool.putconn(conn)

    run_together([lambda seed=seed: work(seed) for seed in range(12)])  # type: ignore[misc]
    assert (pool.stats().in_use, pool.stats().waiters, pool.stats().acquired) == (0, 0, served)
