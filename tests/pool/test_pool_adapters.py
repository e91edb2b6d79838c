"""The same report for real pools, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from libraries import import_or_skip

from putback.pool import ReferencePool, SettingsError
from putback.pool.adapters import borrowed, health_of, identity_of, stats_of
from putback.pool.aio import AsyncReferencePool
from putback.pool.health import Status


def numbers(pool: Any) -> tuple[str, int, int | None, int, int, int, int]:
    stats = stats_of(pool)
    return stats.library, stats.min, stats.max, stats.available, stats.in_use, stats.total, stats.overflow


def test_ours() -> None:
    pool = ReferencePool(1, 2)
    with pool.connection():
        assert numbers(pool) == ("psycopg2.pool", 1, 2, 0, 1, 1, 0)
    assert identity_of(pool).pool_class == "ReferencePool"


def test_psycopg2(postgres_dsn: str) -> None:
    pool = import_or_skip("psycopg2.pool", "psycopg2").ThreadedConnectionPool(1, 3, postgres_dsn)
    held = [pool.getconn() for _ in range(2)]
    assert numbers(pool) == ("psycopg2.pool", 1, 3, 0, 2, 2, 0)
    pool.putconn(held.pop())
    assert numbers(pool) == ("psycopg2.pool", 1, 3, 1, 1, 2, 0)
    assert health_of(pool).status is Status.HEALTHY
    held += [pool.getconn(), pool.getconn()]
    assert health_of(pool).status is Status.CRITICAL
    pool.putconn(held.pop())
    with borrowed(pool) as conn, conn.cursor() as cursor:
        cursor.execute("select 1")
    assert stats_of(pool).in_use == 2
    pool.closeall()


def test_psycopg_pool(postgres_dsn: str) -> None:
    library = import_or_skip("psycopg_pool", "psycopg_pool")
    with library.ConnectionPool(postgres_dsn, min_size=2, max_size=2, open=True) as pool:
        pool.wait(30)
        with pool.connection():
            assert numbers(pool) == ("psycopg_pool", 2, 2, 1, 1, 2, 0)
        with borrowed(pool) as conn:
            conn.execute("select 1")
        assert stats_of(pool).in_use == 0
        assert stats_of(pool).acquired == 2


def test_sqlalchemy(postgres_dsn: str) -> None:
    library = import_or_skip("sqlalchemy", "sqlalchemy")
    url = postgres_dsn.replace("postgresql:", "postgresql+psycopg2:")
    engine = library.create_engine(url, pool_size=1, max_overflow=3)
    with engine.connect(), engine.connect():
        expected = ("sqlalchemy.pool.QueuePool", 0, 1, 0, 2, 2, 1)
        assert numbers(engine) == numbers(engine.pool) == expected
        assert health_of(engine).status is Status.WARNING
    assert numbers(engine) == ("sqlalchemy.pool.QueuePool", 0, 1, 1, 0, 1, 0)
    assert (identity_of(engine).driver, identity_of(engine).pool_class) == ("psycopg2", "QueuePool")
    with borrowed(engine) as conn:
        conn.cursor().execute("select 1")
    assert stats_of(engine).in_use == 0


def test_sqlalchemy_without_a_limit(postgres_dsn: str) -> None:
    library = import_or_skip("sqlalchemy", "sqlalchemy")
    url = postgres_dsn.replace("postgresql:", "postgresql+psycopg2:")
    engine = library.create_engine(url, pool_size=1, max_overflow=-1)
    with engine.connect(), engine.connect():
        stats = stats_of(engine)
        assert (stats.capacity, stats.free, stats.utilization) == (None, None, 0)
    engine.dispose()


def test_asyncpg_and_async_engines(postgres_dsn: str) -> None:
    asyncpg = import_or_skip("asyncpg", "asyncpg")
    aio = import_or_skip("sqlalchemy.ext.asyncio", "sqlalchemy")

    async def story() -> None:
        async with asyncpg.create_pool(postgres_dsn, min_size=1, max_size=3) as pool, pool.acquire():
            assert numbers(pool) == ("asyncpg", 1, 3, 0, 1, 1, 0)
            with pytest.raises(SettingsError, match="no pool for threads"), borrowed(pool):
                pass
        engine = aio.create_async_engine(postgres_dsn.replace("postgresql:", "postgresql+asyncpg:"))
        async with engine.connect():
            assert numbers(engine) == ("sqlalchemy.pool.QueuePool", 0, 5, 0, 1, 1, 0)
            assert identity_of(engine).driver == "asyncpg"
        await engine.dispose()
        ours = AsyncReferencePool(0, 2)
        async with ours.acquire():
            assert numbers(ours) == ("asyncpg", 0, 2, 0, 1, 1, 0)

    asyncio.run(story())


def test_an_asynchronous_psycopg_pool_is_no_pool_for_threads(postgres_dsn: str) -> None:
    library = import_or_skip("psycopg_pool", "psycopg_pool")

    async def story() -> None:
        async with library.AsyncConnectionPool(postgres_dsn, min_size=1, max_size=1, open=False) as pool:
            await pool.wait(30)
            async with pool.connection():
                assert numbers(pool) == ("psycopg_pool", 1, 1, 0, 1, 1, 0)
            with pytest.raises(SettingsError, match="no pool for threads"), borrowed(pool):
                pass

    asyncio.run(story())


def test_what_is_no_pool_is_refused_with_what_is_known() -> None:
    with pytest.raises(SettingsError, match=r"builtins\.dict is not a pool that is known; known: putback\.pool, psyc"):
        stats_of({})
