"""No lock of the pool's, or of a watch's, is held while somebody else's code runs: such code may hand work to a thread
that uses the pool, and wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from libraries import import_or_skip

from putback.pool import Incident, InterfaceError, Kind, PoolError, ReferencePool, Settings, watch
from putback.pool.aio import AsyncReferencePool
from putback.pool.testing import ASYNCPG, PSYCOPG2, PSYCOPG_POOL, SQLALCHEMY, ManualClock, Profile


class Visitors:
    """Lets another thread use the pool wherever code that is not ours is called, and remembers where that was."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.stuck: set[str] = set()
        self.use: Callable[[], object] = lambda: None
        self._visiting = False

    def come(self, where: str) -> None:
        if self._visiting:  # what the other thread calls
            return
        self._visiting = True
        self.seen.add(where)
        other = threading.Thread(target=self._use, daemon=True)
        other.start()
        other.join(20)
        self._visiting = False
        if other.is_alive():
            self.stuck.add(where)

    def _use(self) -> None:
        with contextlib.suppress(PoolError, sqlite3.Error):
            self.use()


class Log(logging.Handler):
    def __init__(self, visitors: Visitors) -> None:
        super().__init__()
        self._visitors = visitors

    def handle(self, record: logging.LogRecord) -> bool:
        """In place of `emit`, which logging calls while it holds the handler's own lock."""
        self._visitors.come("log handler")
        return True


@pytest.fixture
def visitors() -> Iterator[Visitors]:
    made = Visitors()
    handler, log = Log(made), logging.getLogger("putback.pool")
    log.addHandler(handler)
    yield made
    log.removeHandler(handler)
    assert made.stuck == set()


def connection(visitors: Visitors) -> Any:
    """A connection of a driver in Python: what is called and what is only read of it can be anybody's code."""
    fails = [sqlite3.OperationalError()]

    class Connection:
        closed = False
        isolation_level = autocommit = readonly = deferrable = cursor_factory = None

        def __getattribute__(self, name: str) -> Any:
            visitors.come(name)
            return object.__getattribute__(self, name)

        def __eq__(self, other: object) -> bool:
            visitors.come("==")
            return self is other

        def __hash__(self) -> int:
            visitors.come("hash")
            return 1

        def __repr__(self) -> str:
            visitors.come("repr")
            return "a connection"

        def __del__(self) -> None:
            visitors.come("del")

        def get_transaction_status(self) -> int:
            return 2  # in a transaction

        def rollback(self) -> None:
            if fails:
                raise fails.pop()

        def commit(self) -> None: ...

        ping = close = commit

    Connection.__module__ = "psycopg2.extensions"
    return Connection()


def put_back(pool: ReferencePool, conn: Any) -> None:
    try:
        pool.putconn(conn)
    except sqlite3.Error:  # as in psycopg2 it is still lent
        pool.putconn(conn, close=True)


def everything(pool: ReferencePool, clock: ManualClock) -> None:
    """All that a pool tells or asks others about."""
    refused = contextlib.suppress(PoolError, InterfaceError, sqlite3.Error)
    conn = pool.getconn()
    clock.advance(100)
    pool.check_leaks()
    with refused:
        pool.getconn(timeout=0)
    for _ in range(3):
        with refused:
            pool.putconn(conn)
    with refused:
        conn.commit()
    for _ in range(2):  # its idle connection is too old at first, and is asked whether it lives then
        clock.advance(40)
        conn = pool.getconn()
        conn.autocommit = True
        put_back(pool, conn)
    conn = pool.getconn()
    del conn
    gc.collect()
    pool.check_leaks()
    with refused:
        pool.putconn(connection(Visitors()))
    pool.getconn().close()
    repr(pool)
    pool.closeall()


class Key:
    """What a program may have for `getconn(key)`: to hash and to compare it is code of its own."""

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors

    def __hash__(self) -> int:
        self._visitors.come("hash of a key")
        return 1

    def __eq__(self, other: object) -> bool:
        self._visitors.come("comparison of a key")
        return isinstance(other, Key)


def test_keys_are_compared_without_the_lock(visitors: Visitors) -> None:
    pool = ReferencePool(1, 3, lambda: connection(Visitors()), profile=PSYCOPG2)
    visitors.use = lambda: put_back(pool, pool.getconn())
    conn = pool.getconn(Key(visitors))
    assert pool.getconn(Key(visitors)) is conn
    with pytest.raises(KeyError):
        pool.putconn(conn, "another")
    with pytest.raises(sqlite3.Error):  # its first reset fails: it is still lent, by its key
        pool.putconn(conn, Key(visitors))
    assert pool.getconn(Key(visitors)) is conn
    pool.putconn(conn, Key(visitors))
    other = pool.getconn(Key(visitors))
    assert pool.stats().in_use == 1
    pool.putconn(other)
    assert {"hash of a key", "comparison of a key"} <= visitors.seen
    pool.closeall()


@pytest.mark.parametrize("profile", [PSYCOPG2, PSYCOPG_POOL, SQLALCHEMY], ids=lambda profile: profile.name)
def test_a_pools_lock(profile: Profile, visitors: Visitors) -> None:
    clock = ManualClock()

    def connect() -> Any:
        visitors.come("connect")
        return connection(visitors)

    def hear(incident: Incident) -> None:
        visitors.come(incident.kind.value)

    settings = Settings(leak_threshold=30, pre_ping=True, recycle=50, strict=False, reclaim=True)
    pool = ReferencePool(1, 1, connect, profile=profile, settings=settings, clock=clock, on_incident=hear)

    def use() -> None:
        pool.stats()
        put_back(pool, pool.getconn(timeout=0.001))

    visitors.use = use
    everything(pool, clock)
    called = {"connect", "log handler", "ping", "rollback", "close", "closed", "autocommit", "del"}
    told = {Kind.EXHAUSTED, Kind.HELD_TOO_LONG, Kind.RESET_FAILED, Kind.SESSION_CHANGED}
    assert called | {kind.value for kind in told} <= visitors.seen


def test_the_lock_of_a_pool_for_tasks(visitors: Visitors) -> None:
    async def connect() -> Any:
        visitors.come("connect")
        return sqlite3.connect(":memory:", check_same_thread=False)

    async def story() -> None:
        pool = AsyncReferencePool(
            0, 1, connect, profile=ASYNCPG, on_incident=lambda incident: visitors.come("on_incident")
        )
        visitors.use = pool.stats
        async with pool.acquire():
            with contextlib.suppress(PoolError, asyncio.TimeoutError):
                await pool.acquire(timeout=0.001)
        await pool.acquire()
        gc.collect()
        pool.stats()
        pool.terminate()

    asyncio.run(story())
    assert {"connect", "on_incident", "log handler"} <= visitors.seen


def test_a_watch_has_no_lock(visitors: Visitors) -> None:
    """Nor is the other library's held: what a watch tells, it tells before or after that library's methods."""
    library = import_or_skip("sqlalchemy", "sqlalchemy")
    clock = ManualClock()

    def connect() -> Any:
        visitors.come("creator")
        return sqlite3.connect(":memory:", check_same_thread=False)

    engine = library.create_engine(
        "sqlite://", creator=connect, poolclass=library.QueuePool, pool_size=1, max_overflow=1, pool_timeout=0.001
    )
    with watch(engine, clock=clock, on_incident=lambda incident: visitors.come("on_incident")) as watching:
        watching.leaks.threshold = 30

        def use() -> None:
            watching.check()
            watching.table()
            with contextlib.suppress(library.exc.TimeoutError):
                engine.connect().close()

        visitors.use = use
        kept = [engine.connect(), engine.connect()]
        clock.advance(31)
        watching.check()
        with pytest.raises(library.exc.TimeoutError):
            engine.connect()
        kept.pop().close()
        kept.pop()
        gc.collect()
        assert {"creator", "on_incident", "log handler"} <= visitors.seen
    engine.dispose()
