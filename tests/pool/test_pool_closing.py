"""What closing the pool for threads does, also to those who hold a connection or wait for one."""

from __future__ import annotations

import gc
import math
import sqlite3
import threading

import pytest
from together import run_together

from putback.pool import PoolClosedError, PoolError, ReferencePool, Settings
from putback.pool.testing import PSYCOPG2, PSYCOPG_POOL, ManualClock, Profile


@pytest.mark.parametrize("profile", [PSYCOPG2, PSYCOPG_POOL])
def test_closing_the_pool(profile: Profile) -> None:
    pool = ReferencePool(1, 2, profile=profile)
    held = pool.getconn()
    pool.closeall()
    with pytest.raises((PoolClosedError, PoolError), match="closed"):
        pool.getconn()
    if profile is PSYCOPG2:
        with pytest.raises(sqlite3.ProgrammingError):
            held.execute("select 1")
        with pytest.raises(PoolError, match="connection pool is closed"):
            pool.putconn(held)
        with pytest.raises(PoolError, match="connection pool is closed"):
            pool.closeall()
    else:
        held.execute("select 1")
        pool.putconn(held)
        pool.closeall()
    assert pool.stats().total == 0


@pytest.mark.parametrize("profile", [PSYCOPG2, PSYCOPG_POOL])
def test_a_connection_that_is_collected_after_closing_is_no_leak(profile: Profile) -> None:
    pool = ReferencePool(1, 2, profile=profile)
    held = pool.getconn()
    pool.closeall()
    del held
    gc.collect()
    assert pool.stats().total == 0
    assert pool.incidents.counts == {}


class Plain:
    """A connection that may be closed by one thread while another uses it, as those of server drivers may."""

    closed = False

    def rollback(self) -> None:
        if self.closed:
            raise sqlite3.ProgrammingError("Cannot operate on a closed database.")

    def ping(self) -> None:
        self.rollback()

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("pre_ping", [False, True])
@pytest.mark.parametrize("profile", [PSYCOPG2, PSYCOPG_POOL])
def test_threads_that_borrow_while_the_pool_closes_are_told_and_nothing_stays_open(
    profile: Profile, pre_ping: bool
) -> None:
    opened: list[Plain] = []

    def connect() -> Plain:
        opened.append(Plain())
        return opened[-1]

    pool = ReferencePool(1, 4, connect, profile=profile, settings=Settings(timeout=60, pre_ping=pre_ping))
    closing = threading.Event()
    others: list[Exception] = []

    def work() -> None:
        try:
            for turn in range(400):
                conn = pool.getconn()
                closing.set()
                pool.putconn(conn, close=turn % 3 == 0)
        except PoolError as error:
            assert "closed" in str(error)
        except Exception as error:
            others.append(error)

    def close() -> None:
        closing.wait(30)
        pool.closeall()

    run_together([work] * 8 + [close])
    assert [error for error in others if not isinstance(error, sqlite3.ProgrammingError)] == []
    assert pool.stats().total == 0
    assert all(connection.closed for connection in opened)


def test_who_waits_when_the_pool_closes_is_told() -> None:
    clock = ManualClock()
    pool = ReferencePool(1, 1, profile=PSYCOPG_POOL, settings=Settings(timeout=math.inf), clock=clock)
    pool.getconn()
    clock.meanwhile = pool.closeall
    with pytest.raises(PoolClosedError):
        pool.getconn()
