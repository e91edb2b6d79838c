"""Opening, closing, lateness and strangers: the edges of the pool for asyncio."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections.abc import Coroutine
from typing import Any

import pytest
from libraries import import_or_skip

from putback.pool import InterfaceError, Settings
from putback.pool.aio import AsyncReferencePool
from putback.pool.testing import PSYCOPG2, Fault, FaultPlan, ManualClock, Operation


def run(story: Coroutine[Any, Any, None]) -> None:
    """Run a story to its end; one that hangs fails."""
    asyncio.run(asyncio.wait_for(story, timeout=60))


async def other_tasks_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_opening_twice_opens_once() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(2, 5)
        await pool.open()
        async with pool:
            assert pool.stats().total == 2
        await asyncio.gather(pool.open(), pool.open())
        assert pool.stats().total == 0, "a closed pool stays closed"

    run(story())


def test_opening_again_after_a_failure_opens_what_is_missing() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(3, 5, faults=FaultPlan([Fault(Operation.CONNECT, nth=2)]))
        with pytest.raises(Exception, match="injected"):
            await pool.open()
        assert pool.stats().total == 1
        await pool.open()
        assert pool.stats().total == 3

    run(story())


def test_closing_after_terminating_waits_for_nobody() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(0, 2)
        held = await pool.acquire()
        pool.terminate()
        await pool.close()
        await pool.release(held)
        assert pool.suspects() == []

    run(story())


def test_terminating_ends_a_close_that_waits() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(0, 2)
        held = await pool.acquire()
        closing = asyncio.create_task(pool.close())
        await other_tasks_run()
        assert not closing.done()
        pool.terminate()
        await closing
        await pool.release(held)

    run(story())


def test_terminating_the_last_lent_connection_ends_a_close_that_waits() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(0, 2)
        held = await pool.acquire()
        closing = asyncio.create_task(pool.close())
        await other_tasks_run()
        assert not closing.done()
        held.terminate()
        await closing

    run(story())


def test_two_closes_both_end() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(0, 2)
        held = await pool.acquire()
        closing = [asyncio.create_task(pool.close()) for _ in range(2)]
        await other_tasks_run()
        assert not any(each.done() for each in closing)
        await pool.release(held)
        assert await asyncio.gather(*closing) == [None, None]

    run(story())


def test_what_the_collector_gives_back_goes_to_who_waits() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(1, 1, settings=Settings(reclaim=True))
        held = [await pool.acquire()]
        waiting = asyncio.create_task(pool._acquire(None))
        await other_tasks_run()
        assert not waiting.done()
        held.clear()
        gc.collect()
        assert (await waiting).execute("select 1").fetchone() == (1,)

    run(story())


def test_a_connection_of_another_pool_is_refused() -> None:
    async def story() -> None:
        pool, other = AsyncReferencePool(0, 1), AsyncReferencePool(0, 1)
        theirs = await other.acquire()
        for _ in range(2):
            with pytest.raises(InterfaceError, match="is not a member of this pool"):
                await pool.release(theirs)
            await other.release(theirs)

    run(story())


def test_a_connection_that_was_closed_meanwhile_is_not_lent() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(0, 1)
        conn = await pool.acquire()
        raw = conn._raw
        await pool.release(conn)
        raw.close()
        assert (await pool.acquire()).execute("select 1").fetchone() == (1,)

    run(story())


def test_as_in_psycopg2_it_is_lent_there() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(1, 1, profile=PSYCOPG2)
        conn = await pool.acquire()
        raw = conn._raw
        await pool.release(conn)
        raw.close()
        with pytest.raises(sqlite3.ProgrammingError):
            (await pool.acquire()).execute("select 1")

    run(story())


def test_the_timeout_is_for_the_connect_too_and_what_comes_late_is_for_the_next() -> None:
    async def story() -> None:
        answers = asyncio.Event()

        async def connect() -> sqlite3.Connection:
            await answers.wait()
            return sqlite3.connect(":memory:")

        pool = AsyncReferencePool(0, 1, connect)
        with pytest.raises(TimeoutError):
            await pool.acquire(timeout=0.001)
        assert (pool.stats().timeouts, pool.stats().refused) == (1, 1)
        waiting = asyncio.create_task(pool._acquire(None))
        await other_tasks_run()
        answers.set()
        (await waiting).execute("select 1")
        assert pool.stats().total == 1

    run(story())


def test_a_connect_that_fails_late_leaves_its_place() -> None:
    async def story() -> None:
        attempts: list[asyncio.Event] = []

        async def connect() -> sqlite3.Connection:
            if attempts:
                return sqlite3.connect(":memory:")
            attempts.append(asyncio.Event())
            await attempts[0].wait()
            raise OSError("no route to host")

        pool = AsyncReferencePool(0, 1, connect)
        with pytest.raises(TimeoutError):
            await pool.acquire(timeout=0.001)
        attempts[0].set()
        await other_tasks_run()
        assert pool.stats().total == 0
        (await pool.acquire(timeout=30)).execute("select 1")

    run(story())


def test_cancelled_while_it_connects_in_time() -> None:
    async def story() -> None:
        async def connect() -> sqlite3.Connection:
            await asyncio.Event().wait()
            raise AssertionError

        pool = AsyncReferencePool(0, 1, connect)
        task = asyncio.create_task(pool._acquire(30))
        await other_tasks_run()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pool.stats().total == 0

    run(story())


def test_lent_connections_are_connections_for_asyncpg(postgres_dsn: str) -> None:
    asyncpg = import_or_skip("asyncpg", "asyncpg")

    async def story() -> None:
        pool = AsyncReferencePool(0, 1, lambda: asyncpg.connect(postgres_dsn))
        async with pool.acquire() as conn:
            assert isinstance(conn, asyncpg.Connection)
            assert await conn.fetchval("select 1") == 1
            async with conn.transaction():
                await conn.execute("select 1")
        assert not isinstance(await AsyncReferencePool(0, 1).acquire(), asyncpg.Connection)
        await pool.close()

    run(story())


def test_connections_of_aiopg_are_reset_by_a_statement(postgres_dsn: str) -> None:
    aiopg = import_or_skip("aiopg", "aiopg")

    async def story() -> None:
        pool = AsyncReferencePool(0, 1, lambda: aiopg.connect(postgres_dsn), settings=Settings(pre_ping=True))
        for _ in range(2):
            async with pool.acquire() as conn:
                cursor = await conn.cursor()
                await cursor.execute("begin")
                await cursor.execute("select 1")
                cursor.close()
        creations = pool.stats().creations
        assert creations is not None
        assert (pool.stats().total, creations.count) == (1, 1)
        assert list(pool.stats().unfinished.values()) == [2]
        async with pool.acquire() as conn, conn.cursor() as cursor:
            await cursor.execute("select 1")
        assert list(pool.stats().unfinished.values()) == [2], "aiopg opens no transaction by itself"
        await pool.close()

    run(story())


def test_a_manual_clock_waits_for_no_connect() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(0, 1, clock=ManualClock())
        assert (await pool.acquire(timeout=5)).execute("select 1").fetchone() == (1,)

    run(story())
