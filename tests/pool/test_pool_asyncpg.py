"""Beside asyncpg's own pool: what was made from a connection and outlives its release, listeners, closing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from libraries import import_or_skip

from putback.pool import Settings
from putback.pool.aio import AsyncReferencePool

Story = Callable[[Any], Awaitable[None]]


def in_both(dsn: str, story: Story, **settings: Any) -> None:
    """Run a story on asyncpg's pool, then on ours."""
    asyncpg = import_or_skip("asyncpg", "asyncpg")

    async def run() -> None:
        real = await asyncpg.create_pool(dsn, min_size=1, max_size=1)
        ours = AsyncReferencePool(1, 1, lambda: asyncpg.connect(dsn), settings=Settings(**settings))
        for pool in (real, ours):
            await asyncio.wait_for(story(pool), 60)
            await asyncio.wait_for(pool.close(), 60)

    asyncio.run(run())


@pytest.mark.parametrize("strict", [True, False])
def test_what_was_made_from_a_connection_is_refused_after_its_release(postgres_dsn: str, strict: bool) -> None:
    asyncpg = import_or_skip("asyncpg", "asyncpg")
    refused = "underlying connection has been released back to the pool"

    async def story(pool: Any) -> None:
        async with pool.acquire() as conn:
            statement = await conn.prepare("SELECT 1")
            transaction = conn.transaction()
            async with conn.transaction():
                cursor = await conn.cursor("SELECT 1")
                of_statement = await statement.cursor()
            assert await statement.fetchval() == 1
        async with pool.acquire() as other:  # the same connection, in other hands
            for call in (
                statement.fetch,
                statement.fetchval,
                statement.get_query,
                cursor.fetch,
                cursor.fetchrow,
                of_statement.fetch,
                transaction.start,
                transaction.commit,
                transaction.rollback,
            ):
                with pytest.raises(asyncpg.InterfaceError, match=refused):
                    await call()
            with pytest.raises(asyncpg.InterfaceError, match=refused):
                async with transaction:
                    pass
            async with other.transaction():
                assert await other.fetchval("SELECT 2") == 2

    in_both(postgres_dsn, story, strict=strict)


def test_a_listener_that_is_left_on_a_connection_is_warned_of(postgres_dsn: str) -> None:
    asyncpg = import_or_skip("asyncpg", "asyncpg")

    async def story(pool: Any) -> None:
        conn = await pool.acquire()
        await conn.add_listener("news", lambda *_: None)
        with pytest.warns(asyncpg.InterfaceWarning, match="active notification listener"):
            await pool.release(conn)
        conn = await pool.acquire()
        await pool.release(conn)

    in_both(postgres_dsn, story)


def test_the_connection_inside_is_there_while_it_is_lent(postgres_dsn: str) -> None:
    asyncpg = import_or_skip("asyncpg", "asyncpg")

    async def story(pool: Any) -> None:
        conn = await pool.acquire()
        inside = conn._con
        assert type(inside) is asyncpg.Connection
        with pytest.raises(asyncpg.InterfaceError, match="is not a member"):
            await pool.release(inside)
        await pool.release(conn)
        assert conn._con is None

    in_both(postgres_dsn, story)


def test_whoever_gives_back_goes_on_before_closing_ends(postgres_dsn: str) -> None:
    async def story(pool: Any) -> None:
        taken = asyncio.Event()
        told = []

        async def work() -> None:
            async with pool.acquire():
                taken.set()
                await asyncio.sleep(0)
            told.append("given back")

        worker = asyncio.create_task(work())
        await taken.wait()
        await pool.close()
        assert told == ["given back"]
        await worker

    in_both(postgres_dsn, story)
