"""Laboratories of the asynchronous libraries, driven from outside through one event loop each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar

from labs import BRIEF, Lab, PlainLab, PsycopgPool
from libraries import import_or_skip


class AsyncLab(Lab):
    """Methods are as outside; `a_` methods run inside the loop."""

    def __init__(self, dsn: str) -> None:
        self.loop = asyncio.new_event_loop()
        super().__init__(dsn)

    def run(self, work: Awaitable[Any]) -> Any:
        async def main() -> Any:
            return await work

        return self.loop.run_until_complete(main())

    async def a_take(self) -> Any:
        raise NotImplementedError

    def a_release(self, obj: Any) -> Any:
        """The release as a program writes it; its result may have to be awaited."""
        return obj.close()

    def take(self, timeout: float) -> Any:
        return self.run(asyncio.wait_for(self.a_take(), timeout))

    def release(self, obj: Any) -> None:
        self.call(lambda: self.a_release(obj))

    def close(self, obj: Any) -> None:
        self.call(obj.close)

    def call(self, function: Callable[[], Any]) -> None:
        """Call inside the loop and await the result if it is one to be awaited."""

        async def main() -> None:
            result = function()
            if isinstance(result, Awaitable):
                await result

        self.loop.run_until_complete(main())

    def release_without_await(self, obj: Any) -> None:
        async def main() -> None:
            result = self.a_release(obj)
            if isinstance(result, Coroutine):
                result.close()

        self.loop.run_until_complete(main())

    def enter_and_exit(self, obj: Any) -> None:
        async def main() -> None:
            async with obj:
                pass

        self.loop.run_until_complete(main())

    def execute(self, obj: Any, sql: str) -> Any:
        return self.run(self.a_execute(obj, sql))

    async def a_execute(self, obj: Any, sql: str) -> Any:
        raise NotImplementedError

    def shut(self) -> None:
        self.loop.run_until_complete(self.a_shut())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    async def a_shut(self) -> None:
        """Let go of everything."""


class AsyncPlainLab(AsyncLab, PlainLab):
    def take(self, timeout: float) -> Any:
        return self.retry(timeout, lambda: self.run(self.a_take()))


class PsycopgAsync(AsyncPlainLab):
    kind = "psycopg.async_plain"
    module = "psycopg"
    release_by = ("psycopg.AsyncConnection", "close")

    async def a_take(self) -> Any:
        return await self.library.AsyncConnection.connect(self.url)

    async def a_execute(self, obj: Any, sql: str) -> Any:
        cursor = await obj.execute(sql)
        return (await cursor.fetchone())[0] if cursor.description else None


class PsycopgAsyncPool(AsyncLab):
    kind = "psycopg_pool.async_pooled"
    module = "psycopg_pool"
    release_by = ("psycopg_pool.AsyncConnectionPool", "putconn")
    options: ClassVar[dict[str, Any]] = PsycopgPool.options
    a_execute = PsycopgAsync.a_execute

    def open(self) -> None:
        self.errors = (self.library.PoolTimeout,)
        self.run(self.a_open())

    async def a_open(self) -> None:
        self.pool = self.library.AsyncConnectionPool(self.dsn, min_size=1, max_size=1, open=False, **self.options)
        await self.pool.open()

    def take(self, timeout: float) -> Any:
        return self.run(self.pool.getconn(timeout=timeout))

    def a_release(self, obj: Any) -> Any:
        return self.pool.putconn(obj)

    async def a_shut(self) -> None:
        await self.pool.close()


class PsycopgAsyncPoolReturning(PsycopgAsyncPool):
    kind = "psycopg_pool.async_returning"
    options: ClassVar[dict[str, Any]] = {"close_returns": True}


class Asyncpg(AsyncPlainLab):
    kind = "asyncpg.plain"
    module = "asyncpg"
    release_by = ("asyncpg.Connection", "close")

    def open(self) -> None:
        self.url = self.dsn.replace("postgres@", "one@")
        self.errors = (self.library.TooManyConnectionsError,)

    async def a_take(self) -> Any:
        return await self.library.connect(self.url)

    async def a_execute(self, obj: Any, sql: str) -> Any:
        return await obj.fetchval(sql)


class AsyncpgPool(AsyncLab):
    kind = "asyncpg.pooled"
    module = "asyncpg"
    release_by = ("asyncpg.Pool", "release")
    errors = (TimeoutError,)
    a_execute = Asyncpg.a_execute

    def open(self) -> None:
        self.run(self.a_open())

    async def a_open(self) -> None:
        self.pool = await self.library.create_pool(self.dsn, min_size=1, max_size=1)

    async def a_take(self) -> Any:
        return await self.pool.acquire()

    def a_release(self, obj: Any) -> Any:
        return self.pool.release(obj)

    async def a_shut(self) -> None:
        self.pool.terminate()


class Aiopg(AsyncPlainLab):
    kind = "aiopg.plain"
    module = "aiopg"
    release_by = ("aiopg.Connection", "close")

    def open(self) -> None:
        self.url = self.dsn.replace("postgres@", "one@")
        self.errors = (import_or_skip("psycopg2", "psycopg2").OperationalError,)

    async def a_take(self) -> Any:
        return await self.library.connect(self.url)

    async def a_execute(self, obj: Any, sql: str) -> Any:
        async with obj.cursor() as cursor:
            await cursor.execute(sql)
            return (await cursor.fetchone())[0] if cursor.description else None


class AiopgPool(AsyncLab):
    kind = "aiopg.pooled"
    module = "aiopg"
    release_by = ("aiopg.Pool", "release")
    errors = (TimeoutError,)
    a_execute = Aiopg.a_execute

    def open(self) -> None:
        self.pool = self.run(self.library.create_pool(self.dsn, minsize=1, maxsize=1))

    async def a_take(self) -> Any:
        return await self.pool.acquire()

    def a_release(self, obj: Any) -> Any:
        return self.pool.release(obj)

    async def a_shut(self) -> None:
        self.pool.terminate()
        await self.pool.wait_closed()


class AsyncEngine(AsyncLab):
    """A SQLAlchemy engine with asyncpg and one connection."""

    kind = "sqlalchemy.async_connection"
    module = "sqlalchemy.ext.asyncio"
    release_by = ("sqlalchemy.ext.asyncio.AsyncConnection", "close")

    def open(self) -> None:
        import_or_skip("asyncpg", "asyncpg")
        self.sqlalchemy = import_or_skip("sqlalchemy", "sqlalchemy")
        url = self.dsn.replace("postgresql:", "postgresql+asyncpg:")
        self.engine = self.library.create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=BRIEF)
        self.errors = (self.sqlalchemy.exc.TimeoutError,)

    def take(self, timeout: float) -> Any:
        return self.run(self.a_take())  # the pool has its own, brief timeout

    async def a_take(self) -> Any:
        connection = await self.engine.connect()
        await self.a_execute(connection, "select 1")
        return connection

    async def a_execute(self, obj: Any, sql: str) -> Any:
        result = await obj.execute(self.sqlalchemy.text(sql))
        return result.scalar() if result.returns_rows else None

    async def a_shut(self) -> None:
        await self.engine.dispose()


class AsyncSession(AsyncEngine):
    kind = "sqlalchemy.async_session"
    release_by = ("sqlalchemy.ext.asyncio.AsyncSession", "close")

    async def a_take(self) -> Any:
        session = self.library.async_sessionmaker(self.engine)()
        await self.a_execute(session, "select 1")
        return session


class AsyncScopedSession(AsyncEngine):
    """The registry is keyed by a name that the probe changes, as a new task would."""

    kind = "sqlalchemy.async_scoped"
    release_by = ("sqlalchemy.ext.asyncio.async_scoped_session", "remove")

    def open(self) -> None:
        super().open()
        self.scope = "program"
        factory = self.library.async_sessionmaker(self.engine)
        self.registry = self.library.async_scoped_session(factory, scopefunc=lambda: self.scope)

    async def a_take(self) -> Any:
        session = self.registry()
        await self.a_execute(session, "select 1")
        return session

    def a_release(self, obj: Any) -> Any:
        return self.registry.remove()

    def probe(self, timeout: float) -> None:
        self.scope = "probe"
        try:
            super().probe(timeout)
        finally:
            self.run(self.registry.remove())
            self.scope = "program"

    async def a_shut(self) -> None:
        await self.registry.remove()
        await super().a_shut()


ASYNC: tuple[type[Lab], ...] = (
    PsycopgAsync,
    PsycopgAsyncPool,
    PsycopgAsyncPoolReturning,
    Asyncpg,
    AsyncpgPool,
    Aiopg,
    AiopgPool,
    AsyncEngine,
    AsyncSession,
    AsyncScopedSession,
)
