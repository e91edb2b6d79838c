"""What users of the pool for threads rely on."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

from putback import pool as putback_pool
from putback.pool import (
    ForeignConnectionError,
    Incident,
    InterfaceError,
    Kind,
    PoolError,
    PoolTimeout,
    ReferencePool,
    ResetBy,
    Settings,
    SettingsError,
    ThreadedConnectionPool,
    TooManyRequests,
)
from putback.pool.testing import ASYNCPG, PSYCOPG2, PSYCOPG_POOL, SQLALCHEMY, ManualClock, Profile


def test_one_import_changes_a_psycopg2_program() -> None:
    connections = putback_pool.ThreadedConnectionPool(1, 2)
    conn = connections.getconn()
    conn.cursor().execute("create table item (n int)")
    conn.commit()
    connections.putconn(conn=conn, key=None, close=False)
    assert (connections.minconn, connections.maxconn, connections.closed) == (1, 2, False)
    assert (len(connections._pool), len(connections._used)) == (1, 0)
    connections.closeall()
    with pytest.raises(putback_pool.PoolError, match="connection pool is closed"):
        connections.getconn()


def test_arguments_go_to_the_connect_function(tmp_path: Any) -> None:
    connections = putback_pool.SimpleConnectionPool(1, 1, tmp_path / "shop.db", connect=sqlite3.connect, timeout=3)
    connections.getconn().execute("create table item (n int)")
    assert (tmp_path / "shop.db").exists()


def test_connections_of_the_default_share_one_database() -> None:
    pool = ReferencePool(2, 2)
    first, second = pool.getconn(), pool.getconn()
    first.execute("create table item (n int)")
    assert second.execute("select count(*) from item").fetchone() == (0,)


@pytest.mark.parametrize(
    ("profile", "error", "text"),
    [
        (PSYCOPG2, PoolError, "connection pool exhausted"),
        (PSYCOPG_POOL, PoolTimeout, "couldn't get a connection after 0.50 sec"),
        (
            SQLALCHEMY,
            PoolTimeout,
            "QueuePool limit of size 1 overflow 0 reached, connection timed out, timeout 0.50",
        ),
        (ASYNCPG, TimeoutError, ""),
    ],
)
def test_an_exhausted_pool_speaks_as_its_library(profile: Profile, error: type[Exception], text: str) -> None:
    timeout = None if profile is PSYCOPG2 else 0.5
    pool = ReferencePool(1, 1, profile=profile, settings=Settings(timeout=timeout), clock=ManualClock())
    held = pool.getconn()
    with pytest.raises(error) as caught:
        pool.getconn()
    assert str(caught.value).startswith(text)
    pool.putconn(held)
    pool.getconn()


def test_overflow_is_opened_under_load_and_closed_on_return() -> None:
    settings = Settings(overflow=2, timeout=0.1)
    pool = ReferencePool(0, 2, profile=SQLALCHEMY, settings=settings, clock=ManualClock())
    held = [pool.getconn() for _ in range(4)]
    assert (pool.stats().total, pool.stats().overflow) == (4, 2)
    with pytest.raises(PoolTimeout, match="size 2 overflow 2"):
        pool.getconn()
    for connection in held:
        pool.putconn(connection)
    assert (pool.stats().total, pool.stats().available, pool.stats().overflow) == (2, 2, 0)


def test_only_so_many_requests_may_wait() -> None:
    settings = Settings(max_waiting=1, timeout=1, name="shop")
    crowded: list[Exception] = []

    def another() -> None:
        try:
            pool.getconn()
        except TooManyRequests as error:
            crowded.append(error)

    pool = ReferencePool(1, 1, profile=PSYCOPG_POOL, settings=settings, clock=ManualClock(meanwhile=another))
    pool.getconn()
    with pytest.raises(PoolTimeout):
        pool.getconn()
    assert [str(error) for error in crowded] == ["the pool 'shop' has already 1 requests waiting"]


def test_what_comes_back_goes_straight_to_who_waits() -> None:
    clock = ManualClock()
    pool = ReferencePool(1, 1, profile=PSYCOPG_POOL, settings=Settings(timeout=5), clock=clock)
    held = pool.getconn()
    clock.meanwhile = lambda: pool.putconn(held)
    assert pool.getconn()._raw is held._raw
    assert pool.stats().waits is not None
    assert pool.stats().waiters == 0


@pytest.mark.parametrize("reset", [ResetBy.ROLLBACK, ResetBy.COMMIT])
def test_an_open_transaction_is_ended_on_return(reset: ResetBy) -> None:
    pool = ReferencePool(1, 1, settings=Settings(reset=reset))
    conn = pool.getconn()
    conn.execute("create table item (n int)")
    conn.execute("insert into item values (1)")
    pool.putconn(conn)
    rows = pool.getconn().execute("select count(*) from item").fetchone()[0]
    assert rows == (1 if reset is ResetBy.COMMIT else 0)


def test_a_block_commits_or_rolls_back_and_always_gives_back() -> None:
    pool = ReferencePool(1, 1)
    with pool.connection() as conn:
        conn.execute("create table item (n int)")
        conn.execute("insert into item values (1)")
    with pytest.raises(ZeroDivisionError), pool.connection() as conn:
        conn.execute("insert into item values (2)")
        raise ZeroDivisionError
    with pool.connection() as conn:
        assert conn.execute("select n from item").fetchall() == [(1,)]
    assert pool.stats().in_use == 0


def test_a_key_stands_for_one_connection_until_it_is_put() -> None:
    pool = ReferencePool(0, 2)
    first = pool.getconn("a")
    assert pool.getconn("a") is first
    assert pool.getconn("b") is not first
    with pytest.raises(KeyError):
        pool.putconn(first, "b")
    pool.putconn(first, "a")
    with pytest.raises(KeyError):
        pool.putconn(first, "a")
    assert pool.stats().in_use == 1


def test_a_dead_connection_is_replaced_before_it_is_lent() -> None:
    pool = ReferencePool(1, 1, settings=Settings(pre_ping=True))
    dead = pool.getconn()
    pool.putconn(dead)
    dead._raw.close()
    assert pool.getconn().execute("select 1").fetchone() == (1,)


def test_an_old_connection_is_opened_anew() -> None:
    clock = ManualClock()
    pool = ReferencePool(1, 1, settings=Settings(recycle=60), clock=clock)
    conn = pool.getconn()
    pool.putconn(conn)
    clock.advance(60)
    same = pool.getconn()
    assert same._raw is conn._raw
    pool.putconn(same)
    clock.advance(1)
    assert pool.getconn()._raw is not conn._raw


def test_connections_that_come_back_beyond_the_minimum_are_closed_as_psycopg2_does() -> None:
    pool = ReferencePool(1, 3)
    held = [pool.getconn() for _ in range(3)]
    for connection in held:
        pool.putconn(connection)
    assert pool.stats().total == 1


@pytest.mark.parametrize(
    ("profile", "in_use", "total"),
    [(PSYCOPG2, 1, 1), (SQLALCHEMY, 0, 1), (ASYNCPG, 0, 0)],
    ids=lambda each: str(getattr(each, "name", each)),
)
def test_close_means_what_it_means_in_the_library(profile: Profile, in_use: int, total: int) -> None:
    pool = ReferencePool(0, 1, profile=profile)
    pool.getconn().close()
    assert (pool.stats().in_use, pool.stats().total) == (in_use, total)


def test_use_after_release_is_an_error_and_told_with_the_place() -> None:
    heard: list[Incident] = []
    pool = ReferencePool(1, 1, on_incident=heard.append)
    conn = pool.getconn()
    pool.putconn(conn)
    with pytest.raises(InterfaceError, match="used after it was given back to the pool: cursor"):
        conn.cursor()
    with pytest.raises(InterfaceError):
        conn.row_factory = sqlite3.Row
    assert heard[0].kind is Kind.USED_AFTER_RELEASE
    assert "test_use_after_release" in str(heard[0])


def test_without_strictness_misuse_does_what_it_does_in_the_library_and_is_told() -> None:
    pool = ReferencePool(1, 1, settings=Settings(strict=False))
    conn = pool.getconn()
    pool.putconn(conn)
    assert conn.execute("select 1").fetchone() == (1,)
    other = pool.getconn()
    pool.putconn(conn)
    assert pool.stats().in_use == 0, "as in psycopg2, the other's check-out is over"
    assert pool.incidents.counts == {Kind.USED_AFTER_RELEASE: 1, Kind.RELEASED_TWICE: 1}
    with pytest.raises(PoolError, match="unkeyed"):
        pool.putconn(other)


def test_what_is_not_lent_is_refused() -> None:
    pool = ReferencePool(1, 1, profile=PSYCOPG_POOL, settings=Settings(name="a"))
    other = ReferencePool(1, 1, profile=PSYCOPG_POOL, settings=Settings(name="b"))
    with pytest.raises(ForeignConnectionError, match="it comes from pool 'b'"):
        pool.putconn(other.getconn())
    with pytest.raises(ValueError, match="it doesn't come from any pool: None"):
        pool.putconn(None)


def test_bare_connections_are_the_drivers_own() -> None:
    pool = ReferencePool(1, 1, settings=Settings(bare=True))
    conn = pool.getconn()
    assert type(conn) is sqlite3.Connection
    pool.putconn(conn)
    assert pool.stats().in_use == 0


def test_a_lent_connection_looks_like_the_drivers() -> None:
    conn = ReferencePool(1, 1).getconn()
    assert isinstance(conn, sqlite3.Connection)
    with conn:
        conn.execute("create table item (n int)")
    assert not conn.in_transaction


def test_an_interrupted_wait_loses_nothing() -> None:
    clock = ManualClock()
    pool = ReferencePool(1, 1, profile=PSYCOPG_POOL, settings=Settings(timeout=5), clock=clock)
    held = pool.getconn()

    def interrupt() -> None:
        pool.putconn(held)
        raise KeyboardInterrupt

    clock.meanwhile = interrupt
    with pytest.raises(KeyboardInterrupt):
        pool.getconn()
    assert (pool.stats().available, pool.stats().in_use, pool.stats().waiters) == (1, 0, 0)


def test_a_connection_that_cannot_be_opened_leaves_its_place() -> None:
    answers: list[Callable[[], Any]] = []

    def connect() -> Any:
        return answers.pop(0)()

    def refuse() -> Any:
        raise sqlite3.OperationalError("unable to open database file")

    answers += [refuse, lambda: sqlite3.connect(":memory:")]
    pool = ReferencePool(0, 1, connect)
    with pytest.raises(sqlite3.OperationalError):
        pool.getconn()
    pool.getconn()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ReferencePool(-1, 2), "the minimum is -1 connections"),
        (
            lambda: ReferencePool(3, 2),
            "the maximum is 2 connections; it must be 1 or more and not below the minimum, 3",
        ),
        (lambda: ReferencePool(0, 0), "the maximum is 0"),
        (lambda: Settings(timeout=-1), "timeout is -1; it must be 0 or more"),
        (lambda: Settings(leak_threshold=math.nan), "leak_threshold is nan"),
    ],
)
def test_settings_without_sense(make: Callable[[], Any], text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        make()


def test_the_pool_prints_itself() -> None:
    pool = ThreadedConnectionPool(1, 1, settings=Settings(name="shop"))
    pool.getconn()
    assert repr(pool) == "<ThreadedConnectionPool 'shop' [1:leased] waiting []>"


def test_a_connect_that_gives_one_connection_twice_costs_no_slot() -> None:
    shared = sqlite3.connect(":memory:", check_same_thread=False)
    pool = ReferencePool(0, 2, lambda: shared)
    for conn in [pool.getconn(), pool.getconn()]:
        pool.putconn(conn, close=True)
    assert pool.stats().total == 0


def test_a_mock_in_place_of_a_connection_can_be_lent_again() -> None:
    pool = ReferencePool(1, 1, lambda: Mock(closed=False))
    conn = pool.getconn()
    pool.putconn(conn)
    assert pool.getconn()._raw is conn._raw
