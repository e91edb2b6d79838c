"""What a reference runtime tells beyond leaks: transactions and sessions left behind, refusals and durations."""

from __future__ import annotations

import gc
import math
import sqlite3
import threading
from typing import Any

import pytest
from libraries import import_or_skip

from putback.pool import Kind, PoolError, PoolTimeout, ReferencePool, Settings
from putback.pool.testing import PSYCOPG2, PSYCOPG_POOL, SQLALCHEMY, ManualClock, Profile


def test_connections_given_back_inside_a_transaction_are_counted_by_place() -> None:
    pool = ReferencePool(1, 1)
    with pool.connection() as conn:
        conn.execute("create table item (n int)")
    assert pool.stats().unfinished == {}

    def forgets_to_commit() -> None:
        conn = pool.getconn()
        conn.execute("insert into item values (1)")
        pool.putconn(conn)

    forgets_to_commit()
    forgets_to_commit()
    ((site, number),) = pool.stats().unfinished.items()
    assert site.endswith("forgets_to_commit")
    assert number == 2


def test_a_session_left_changed_is_told_once() -> None:
    pool = ReferencePool(1, 1)
    for _ in range(2):
        conn = pool.getconn()
        conn.isolation_level = None
        pool.putconn(conn)
    told = list(pool.incidents.recent)
    assert [incident.kind for incident in told] == [Kind.SESSION_CHANGED]
    assert "isolation_level = None (it was ''): its next borrower gets it so" in told[0].text
    conn = pool.getconn()
    conn.isolation_level = "IMMEDIATE"
    pool.putconn(conn)
    assert pool.incidents.counts == {Kind.SESSION_CHANGED: 2}


def test_a_session_that_was_put_right_is_no_news() -> None:
    pool = ReferencePool(1, 1)
    conn = pool.getconn()
    conn.isolation_level = None
    conn.isolation_level = ""
    pool.putconn(conn)
    pool.putconn(pool.getconn(), close=True)
    assert pool.incidents.counts == {}


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg"])
def test_autocommit_left_on_a_connection_to_a_server_is_told(driver: str, postgres_dsn: str) -> None:
    library = import_or_skip(driver, driver)
    pool = ReferencePool(1, 1, lambda: library.connect(postgres_dsn))
    conn = pool.getconn()
    conn.autocommit = True
    pool.putconn(conn)
    assert "autocommit = True (it was False)" in pool.incidents.recent[0].text
    pool.closeall()


def test_refusals_are_counted() -> None:
    pool = ReferencePool(1, 1)
    pool.getconn()
    for _ in range(3):
        with pytest.raises(PoolError):
            pool.getconn()
    pool.closeall()
    with pytest.raises(PoolError):
        pool.getconn()
    assert (pool.stats().refused, pool.stats().timeouts) == (4, 0)


def test_how_long_connections_are_used_and_take_to_open() -> None:
    clock = ManualClock()

    def connect() -> Any:
        clock.advance(2)
        return sqlite3.connect(":memory:")

    pool = ReferencePool(0, 1, connect, clock=clock)
    conn = pool.getconn()
    clock.advance(7)
    pool.putconn(conn)
    stats = pool.stats()
    assert stats.uses is not None
    assert stats.creations is not None
    assert (stats.uses.count, stats.uses.longest) == (1, 7)
    assert (stats.creations.count, stats.creations.longest) == (1, 2)


def test_what_the_collector_gives_back_goes_to_who_waits() -> None:
    clock = ManualClock()
    pool = ReferencePool(1, 1, profile=SQLALCHEMY, settings=Settings(timeout=math.inf), clock=clock)
    held = [pool.getconn()]

    def forget() -> None:
        held.clear()
        gc.collect()

    clock.meanwhile = forget
    pool.getconn().execute("select 1")
    assert pool.incidents.counts == {Kind.COLLECTED: 1}


def test_what_the_collector_found_before_the_wait_began_is_seen_too() -> None:
    pool = ReferencePool(1, 1, profile=SQLALCHEMY, clock=ManualClock())
    conn = pool.getconn()
    pool._look_for_leaks = lambda: pool.lost.append(conn._lease)  # type: ignore[method-assign]
    assert pool.getconn(timeout=5) is not conn


def test_as_in_psycopg_pool_the_timeout_is_for_the_connect_too() -> None:
    clock = ManualClock()
    slow = [True]

    def connect() -> Any:
        clock.advance(40 if slow.pop() else 1)
        slow.append(False)
        return sqlite3.connect(":memory:")

    pool = ReferencePool(0, 1, connect, profile=PSYCOPG_POOL, clock=clock)
    with pytest.raises(PoolTimeout, match=r"couldn't get a connection after 30\.00 sec"):
        pool.getconn()
    assert (pool.stats().available, pool.stats().in_use) == (1, 0), "what came late is for the next"
    pool.getconn()
    assert clock.now() == 40


def test_with_the_real_clock_a_connect_that_does_not_end_is_left_behind() -> None:
    answers = threading.Event()

    def connect() -> Any:
        answers.wait(60)
        return sqlite3.connect(":memory:", check_same_thread=False)

    pool = ReferencePool(0, 1, connect, profile=PSYCOPG_POOL)
    with pytest.raises(PoolTimeout):
        pool.getconn(timeout=0.001)
    answers.set()
    pool.getconn(timeout=60).execute("select 1")
    assert pool.stats().total == 1


def test_a_connect_that_fails_in_time_raises_what_the_driver_raised() -> None:
    def connect() -> Any:
        raise sqlite3.OperationalError("unable to open database file")

    pool = ReferencePool(0, 1, connect, profile=PSYCOPG_POOL)
    with pytest.raises(sqlite3.OperationalError):
        pool.getconn(timeout=60)
    assert pool.stats().total == 0


@pytest.mark.parametrize(("profile", "silent"), [(PSYCOPG_POOL, True), (PSYCOPG2, False)])
def test_a_block_that_closes_its_connection(profile: Profile, silent: bool) -> None:
    pool = ReferencePool(0, 1, profile=profile)

    def story() -> None:
        with pool.connection() as conn:
            conn.close()

    if silent:
        story()
    else:
        with pytest.raises(sqlite3.ProgrammingError):
            story()
    assert pool.stats().total == 0


def test_functions_in_c_get_the_drivers_own_object(postgres_dsn: str) -> None:
    psycopg2 = import_or_skip("psycopg2", "psycopg2")
    extensions = import_or_skip("psycopg2.extensions", "psycopg2")
    pool = ReferencePool(1, 1, lambda: psycopg2.connect(postgres_dsn))
    conn = pool.getconn()
    assert extensions.quote_ident("a b", conn.driver_connection) == '"a b"'
    pool.putconn(conn)
    with pytest.raises(PoolError, match="driver_connection"):
        _ = conn.driver_connection
    pool.closeall()
