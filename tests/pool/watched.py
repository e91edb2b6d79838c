"""The pools that can be watched, each seen through the same two operations, with a server where it needs one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from libraries import import_or_skip

SIZE = 4


@dataclass
class Pool:
    """A pool of at most SIZE connections. `take` and `give` may be coroutine functions; `target` is what is watched."""

    target: Any
    take: Callable[[], Any]
    give: Callable[[Any], Any]
    end: Callable[[], Any]
    loop: asyncio.AbstractEventLoop | None = field(default=None)

    def run(self, result: Any) -> Any:
        """What a call gives, awaited if need be."""
        if not hasattr(result, "__await__"):
            return result
        assert self.loop is not None
        return self.loop.run_until_complete(_awaited(result))


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


def engine(dsn: str, wrap: str = "") -> Pool:
    library = import_or_skip("sqlalchemy", "sqlalchemy")
    orm = import_or_skip("sqlalchemy.orm", "sqlalchemy")
    url = dsn.replace("postgresql://", "postgresql+psycopg2://")
    made = library.create_engine(url, pool_size=SIZE - 1, max_overflow=1, pool_timeout=0.01)
    target: Any = made
    if wrap:
        target = orm.sessionmaker(made)
        target = orm.scoped_session(target) if wrap == "scoped" else target
    return Pool(target, made.connect, lambda conn: conn.close(), made.dispose)


def sessions(dsn: str) -> Pool:
    orm = import_or_skip("sqlalchemy.orm", "sqlalchemy")
    library = import_or_skip("sqlalchemy", "sqlalchemy")
    pool = engine(dsn)
    factory = orm.sessionmaker(pool.target)

    def take() -> Any:
        session = factory()
        session.execute(library.text("select 1"))
        return session

    return Pool(factory, take, lambda session: session.close(), pool.end)


def flask_sqlalchemy(dsn: str) -> Pool:
    flask = import_or_skip("flask", "flask")
    extension = import_or_skip("flask_sqlalchemy", "flask-sqlalchemy")
    app = flask.Flask("shop")
    app.config["SQLALCHEMY_DATABASE_URI"] = dsn.replace("postgresql://", "postgresql+psycopg2://")
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_size": SIZE, "max_overflow": 0, "pool_timeout": 0.01}
    db = extension.SQLAlchemy(app)
    context = app.app_context()
    context.push()
    made = db.engine

    def end() -> None:
        made.dispose()
        context.pop()

    return Pool(db, made.connect, lambda conn: conn.close(), end)


def async_engine(dsn: str) -> Pool:
    aio = import_or_skip("sqlalchemy.ext.asyncio", "sqlalchemy")
    import_or_skip("asyncpg", "asyncpg")
    url = dsn.replace("postgresql://", "postgresql+asyncpg://")
    made = aio.create_async_engine(url, pool_size=SIZE, max_overflow=0, pool_timeout=0.01)

    async def take() -> Any:
        return await made.connect()

    return Pool(made, take, lambda conn: conn.close(), made.dispose, loop=asyncio.new_event_loop())


def psycopg2(dsn: str) -> Pool:
    pool = import_or_skip("psycopg2.pool", "psycopg2").ThreadedConnectionPool(1, SIZE, dsn)
    return Pool(pool, pool_method(pool, "getconn"), pool_method(pool, "putconn"), lambda: pool.closeall())


def psycopg_pool(dsn: str) -> Pool:
    pool = import_or_skip("psycopg_pool", "psycopg_pool").ConnectionPool(
        dsn, min_size=1, max_size=SIZE, timeout=0.5, open=True
    )
    pool.wait(30)
    return Pool(pool, pool_method(pool, "getconn"), pool_method(pool, "putconn"), lambda: pool.close())


def psycopg_async_pool(dsn: str) -> Pool:
    library = import_or_skip("psycopg_pool", "psycopg_pool")
    loop = asyncio.new_event_loop()

    async def opened() -> Any:
        pool = library.AsyncConnectionPool(dsn, min_size=1, max_size=SIZE, timeout=0.5, open=False)
        await pool.open(wait=True)
        return pool

    pool = loop.run_until_complete(opened())
    return Pool(pool, pool_method(pool, "getconn"), pool_method(pool, "putconn"), lambda: pool.close(), loop=loop)


def asyncpg(dsn: str) -> Pool:
    library = import_or_skip("asyncpg", "asyncpg")
    loop = asyncio.new_event_loop()

    async def opened() -> Any:
        return await library.create_pool(dsn, min_size=1, max_size=SIZE)

    pool = loop.run_until_complete(opened())

    async def take() -> Any:
        return await pool.acquire(timeout=0.01 if pool.get_idle_size() == 0 and pool.get_size() == SIZE else 30)

    return Pool(pool, take, pool_method(pool, "release"), lambda: pool.terminate(), loop=loop)


def aiomysql(url: str) -> Pool:
    library = import_or_skip("aiomysql", "aiomysql")
    parts, loop = urlsplit(url), asyncio.new_event_loop()

    async def opened() -> Any:
        return await library.create_pool(
            minsize=1, maxsize=SIZE, host=parts.hostname, port=parts.port, user=parts.username, password=parts.password
        )

    pool = loop.run_until_complete(opened())

    async def take() -> Any:
        return await asyncio.wait_for(pool.acquire(), 0.01 if pool.size == SIZE and not pool.freesize else 30)

    async def end() -> None:
        pool.terminate()
        await pool.wait_closed()

    return Pool(pool, take, pool_method(pool, "release"), end, loop=loop)


def mysql_connector(url: str) -> Pool:
    pooling = import_or_skip("mysql.connector.pooling", "mysql-connector-python")
    parts = urlsplit(url)
    pool = pooling.MySQLConnectionPool(
        pool_name="watched",
        pool_size=SIZE,
        host=parts.hostname,
        port=parts.port,
        user=parts.username,
        password=parts.password,
    )
    return Pool(pool, pool_method(pool, "get_connection"), lambda conn: conn.close(), lambda: None)


def dbutils(url: str) -> Pool:
    parts = urlsplit(url)
    given = {"host": parts.hostname, "port": parts.port, "user": parts.username, "password": parts.password}
    return _of_dbutils(import_or_skip("pymysql", "pymysql"), given)


def dbutils_on_postgres(dsn: str) -> Pool:
    return _of_dbutils(import_or_skip("psycopg2", "psycopg2"), {"dsn": dsn})


def _of_dbutils(driver: Any, given: dict[str, Any]) -> Pool:
    library = import_or_skip("dbutils.pooled_db", "dbutils")
    pool = library.PooledDB(driver, maxconnections=SIZE, **given)
    return Pool(pool, pool_method(pool, "connection"), lambda conn: conn.close(), lambda: pool.close())


def pool_method(pool: Any, name: str) -> Callable[..., Any]:
    """A method as a program calls it: looked up each time."""
    return lambda *args: getattr(pool, name)(*args)


ON_POSTGRES: dict[str, Callable[[str], Pool]] = {
    "engine": engine,
    "sessionmaker": sessions,
    "scoped_session": lambda dsn: engine(dsn, wrap="scoped"),
    "flask-sqlalchemy": flask_sqlalchemy,
    "async engine": async_engine,
    "psycopg2": psycopg2,
    "psycopg_pool": psycopg_pool,
    "psycopg_pool async": psycopg_async_pool,
    "asyncpg": asyncpg,
    "dbutils, psycopg2": dbutils_on_postgres,
}
ON_MYSQL: dict[str, Callable[[str], Pool]] = {
    "aiomysql": aiomysql,
    "mysql-connector": mysql_connector,
    "dbutils": dbutils,
}
