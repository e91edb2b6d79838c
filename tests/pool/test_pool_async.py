"""What users of the pool for asyncio rely on."""

from __future__ import annotations

import asyncio
import gc
import random
import sqlite3
from collections.abc import Coroutine
from typing import Any

import pytest

from putback.pool import InterfaceError, Kind, PoolTimeout, Settings
from putback.pool.aio import AsyncReferencePool
from putback.pool.testing import PSYCOPG_POOL, Fault, FaultPlan, InjectedError, ManualClock, Operation


def run(story: Coroutine[Any, Any, None]) -> None:
    """Run a story to its end; one that hangs fails."""
    asyncio.run(asyncio.wait_for(story, timeout=60))


class SlowConnection:
    """A connection whose every operation lets other tasks run, as one to a server does."""

    def __init__(self) -> None:
        self.real = sqlite3.connect(":memory:")

    async def execute(self, sql: str) -> Any:
        await asyncio.sleep(0)
        return self.real.execute(sql)

    async def rollback(self) -> None:
        await asyncio.sleep(0)
        self.real.rollback()

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.real.close()


async def connect_slowly() -> SlowConnection:
    await asyncio.sleep(0)
    return SlowConnection()


def test_acquire_by_await_and_by_with() -> None:
    async def story() -> None:
        async with AsyncReferencePool(1, 2) as pool:
            assert pool.stats().available == 1
            async with pool.acquire() as conn:
                conn.execute("select 1")
            conn = await pool.acquire()
            await pool.release(conn)
            assert pool.stats().in_use == 0
        with pytest.raises(InterfaceError, match="pool is closed"):
            await pool.acquire()

    run(story())


def test_300_tasks_on_3_connections_with_120_cancellations_lose_nothing() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(0, 3, connect_slowly)
        chance = random.Random(7)
        inside = most = done = 0

        async def job() -> None:
            nonlocal inside, most, done
            async with pool.acquire(timeout=30) as conn:
                inside += 1
                most = max(most, inside)
                try:
                    for _ in range(chance.randrange(6)):
                        await conn.execute("select 1")
                    done += 1
                finally:
                    inside -= 1

        tasks = [asyncio.create_task(job()) for _ in range(300)]
        cancelled = 0
        while cancelled < 120:
            await asyncio.sleep(0)
            task = chance.choice(tasks)
            cancelled += task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await pool.close()
        assert most <= 3
        assert done + sum(task.cancelled() for task in tasks) >= 300
        stats = pool.stats()
        assert (stats.in_use, stats.waiters, stats.total) == (0, 0, 0)

    run(story())


def test_a_task_cancelled_at_the_moment_it_is_served_passes_it_on() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(1, 1)
        held = await pool.acquire()
        first = asyncio.create_task(wait_for_connection(pool))
        second = asyncio.create_task(wait_for_connection(pool))
        await asyncio.sleep(0)
        await pool.release(held)  # the first is served, but has not run yet
        first.cancel()
        assert await second == "served"
        assert pool.stats().in_use == 0

    run(story())


async def wait_for_connection(pool: AsyncReferencePool) -> str:
    async with pool.acquire():
        return "served"


def test_a_release_goes_on_when_its_task_is_cancelled() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(0, 1, connect_slowly)
        conn = await pool.acquire()
        release = asyncio.create_task(give_back(pool, conn))
        await asyncio.sleep(0)
        release.cancel()
        with pytest.raises(asyncio.CancelledError):
            await release
        async with pool.acquire(timeout=30) as again:
            await again.execute("select 1")
        assert pool.stats().in_use == 0

    run(story())


async def give_back(pool: AsyncReferencePool, conn: Any) -> None:
    await pool.release(conn)


def test_a_cancelled_connect_leaves_its_place() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(0, 1, connect_slowly)
        task = asyncio.create_task(wait_for_connection(pool))
        await asyncio.sleep(0)
        assert pool.stats().total == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await wait_for_connection(pool) == "served"

    run(story())


def test_an_exhausted_pool_raises_at_once_or_in_time() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(0, 1)
        await pool.acquire()
        for timeout in (0, 0.001):
            with pytest.raises(TimeoutError):
                await pool.acquire(timeout=timeout)
        text = AsyncReferencePool(0, 1, profile=PSYCOPG_POOL, settings=Settings(timeout=0.001))
        await text.acquire()
        with pytest.raises(PoolTimeout, match=r"couldn't get a connection after 0\.00 sec"):
            await text.acquire()

    run(story())


def test_misuse_is_answered_as_asyncpg_does() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(0, 1)
        conn = await pool.acquire()
        await pool.release(conn)
        await pool.release(conn)  # a second release does nothing
        with pytest.raises(InterfaceError, match=r"cannot call Connection\.execute\(\): connection has been released"):
            conn.execute("select 1")
        with pytest.raises(InterfaceError, match="received invalid connection: None is not a member of this pool"):
            await pool.release(None)
        with pytest.raises(TypeError):
            async with await pool.acquire():
                pass

    run(story())


def test_close_frees_the_slot() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(0, 1)
        await (await pool.acquire()).close()
        (await pool.acquire()).terminate()
        assert pool.stats().total == 0

    run(story())


def test_closing_waits_for_what_is_lent() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(0, 1, connect_slowly)
        conn = await pool.acquire()
        closing = asyncio.create_task(pool.close())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not closing.done()
        await pool.release(conn)
        await closing
        assert pool.stats().total == 0

    run(story())


def test_terminating_waits_for_nobody() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(0, 2)
        held = await pool.acquire()
        pool.terminate()
        assert pool.stats().total == 0
        await pool.release(held)

    run(story())


def test_leaks_name_the_task() -> None:
    async def story() -> None:
        clock = ManualClock()
        pool = AsyncReferencePool(0, 1, settings=Settings(leak_threshold=10), clock=clock)
        conn = await pool.acquire()
        clock.advance(11)
        pool.check_leaks()
        assert "by task " in pool.incidents.recent[0].text
        del conn
        gc.collect()
        assert pool.stats().leaked == 1
        assert pool.incidents.counts[Kind.COLLECTED] == 1

    run(story())


def test_a_dead_connection_is_replaced_before_it_is_lent() -> None:
    async def story() -> None:
        pool = AsyncReferencePool(0, 1, connect_slowly, settings=Settings(pre_ping=True))
        conn = await pool.acquire()
        await pool.release(conn)
        dead = conn._raw
        dead.real.close()
        async with pool.acquire() as fresh:
            await fresh.execute("select 1")
            assert fresh._raw is not dead

    run(story())


def test_a_connection_that_cannot_be_reset_is_closed_and_its_slot_is_free() -> None:
    async def story() -> None:
        faults = FaultPlan([Fault(Operation.ROLLBACK)])
        pool = AsyncReferencePool(0, 1, connect_slowly, faults=faults)
        conn = await pool.acquire()
        with pytest.raises(InjectedError):
            await pool.release(conn)
        assert (pool.stats().in_use, pool.stats().total) == (0, 0)

    run(story())
