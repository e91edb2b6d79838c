"""A pool in a process that forks: the child uses nothing of the parent's, and says so."""

from __future__ import annotations

import os
import sqlite3
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from libraries import import_or_skip

from putback.pool import InterfaceError, Kind, PoolError, ReferencePool, Settings

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]


def in_child(story: Callable[[], None]) -> None:
    """Run a story in a forked process; what it raises fails the test."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            story()
        except BaseException:
            os.write(writing, traceback.format_exc().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read().decode()
    os.waitpid(child, 0)
    assert not told, told


class Socket:
    """A connection that knows the process that opened it, and is spoilt by any other."""

    closed = False

    def __init__(self) -> None:
        self.process = os.getpid()

    def _talk(self) -> None:
        assert os.getpid() == self.process, "two processes on one socket"

    rollback = commit = _talk

    def close(self) -> None:
        self._talk()
        self.closed = True


def test_the_child_opens_its_own_connections_and_tells_once() -> None:
    pool = ReferencePool(2, 3, Socket)

    def story() -> None:
        for _ in range(2):
            conn = pool.getconn()
            assert conn.process == os.getpid()
            pool.putconn(conn)
        assert pool.incidents.counts == {Kind.FORKED: 1}
        assert "had 2 connections open: they are left to the parent" in pool.incidents.recent[0].text
        pool.closeall()

    in_child(story)
    pool.putconn(pool.getconn())
    assert pool.stats().available == 2
    assert pool.incidents.counts == {}


def test_a_connection_that_was_taken_before_the_fork_cannot_be_used_in_the_child() -> None:
    pool = ReferencePool(0, 1, Socket, settings=Settings(strict=False))
    conn = pool.getconn()

    def story() -> None:
        for use in (lambda: conn.commit(), conn.close):
            with pytest.raises(InterfaceError, match="taken before the process forked: it is the parent's"):
                use()
        pool.putconn(conn)  # the end of a block that began in the parent
        assert pool.stats().total == 0
        pool.putconn(pool.getconn())

    in_child(story)
    conn.commit()
    pool.putconn(conn)


def test_a_child_that_leaves_the_pool_alone_is_told_nothing() -> None:
    pool = ReferencePool(1, 1, Socket)

    def story() -> None:
        assert pool.incidents.counts == {}

    in_child(story)


def test_a_lock_that_another_thread_held_is_free_in_the_child() -> None:
    pool = ReferencePool(1, 2)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with pool.lock:
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)

    def story() -> None:
        assert pool.getconn(timeout=5).execute("select 1").fetchone() == (1,)

    try:
        in_child(story)
    finally:
        done.set()
        thread.join()


def test_a_pool_that_was_closed_stays_closed() -> None:
    pool = ReferencePool(1, 1, lambda: sqlite3.connect(":memory:"))
    pool.closeall()

    def story() -> None:
        with pytest.raises(PoolError, match="closed"):
            pool.getconn()

    in_child(story)


def test_the_parents_session_on_a_server_survives_the_child(postgres_dsn: str) -> None:
    psycopg2 = import_or_skip("psycopg2", "psycopg2")
    pool = ReferencePool(1, 2, lambda: psycopg2.connect(postgres_dsn))
    held = pool.getconn()

    def session(connection: Any) -> int:
        with connection.cursor() as cursor:
            cursor.execute("select pg_backend_pid()")
            number: int = cursor.fetchone()[0]
            return number

    before = session(held)

    def story() -> None:
        conn = pool.getconn()
        assert session(conn) != before
        pool.putconn(conn)
        pool.closeall()

    in_child(story)
    assert session(held) == before
    pool.putconn(held)
