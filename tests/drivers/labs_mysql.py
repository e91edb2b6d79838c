"""Laboratories of the MySQL libraries; the server comes from outside (see the fixture `mysql_url`)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from labs import Lab, PlainLab
from labs_async import AsyncLab, AsyncPlainLab
from libraries import import_or_skip


class MySQL(Lab):
    """Where the server is and how to ask it."""

    server = "mysql_url"
    who_am_i = "select connection_id()"

    def login(self, user: str, password: str = "password", database: str = "database") -> dict[str, Any]:
        """Arguments of `connect`, for a user who may have one connection or the one of the URL."""
        url = urlsplit(self.dsn)
        account = {"user": user, password: "one"} if user == "one" else {"user": url.username, password: url.password}
        return {"host": url.hostname, "port": url.port or 3306, database: url.path.strip("/"), **account}

    def observe(self, sql: str) -> Any:
        connection = import_or_skip("pymysql", "pymysql").connect(**self.login("many"), autocommit=True)
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            row = cursor.fetchone()
        return row[0] if row else None

    def is_in_transaction(self, obj: Any) -> bool:
        self.execute(obj, "select count(*) from item")
        return bool(self.execute(obj, "select @@in_transaction"))

    def execute(self, obj: Any, sql: str) -> Any:
        cursor = obj.cursor()
        cursor.execute(sql)
        value = cursor.fetchone()[0] if cursor.description else None
        cursor.close()
        return value


class PyMySQL(MySQL, PlainLab):
    kind = "pymysql.plain"
    module = "pymysql"
    release_by = ("pymysql.connections.Connection", "close")

    def open(self) -> None:
        self.errors = (self.library.OperationalError,)

    def take(self, timeout: float) -> Any:
        return self.retry(timeout, lambda: self.library.connect(**self.login("one")))


class MySQLClient(PyMySQL):
    kind = "mysqlclient.plain"
    module = "MySQLdb"
    release_by = ("MySQLdb.connections.Connection", "close")


class MySQLConnector(MySQL, PlainLab):
    kind = "mysql_connector.plain"
    module = "mysql.connector"
    release_by = ("mysql.connector.connection.MySQLConnection", "close")

    def open(self) -> None:
        self.errors = (self.library.Error,)

    def take(self, timeout: float) -> Any:
        return self.retry(timeout, lambda: self.library.connect(use_pure=True, **self.login("one")))


class MySQLConnectorPool(MySQL):
    kind = "mysql_connector.pooled"
    module = "mysql.connector.pooling"
    release_by = ("mysql.connector.pooling.PooledMySQLConnection", "close")

    def open(self) -> None:
        self.pool = self.library.MySQLConnectionPool(pool_size=1, use_pure=True, **self.login("many"))
        self.errors = (self.library.PoolError,)

    def take(self, timeout: float) -> Any:
        return self.pool.get_connection()


class AsyncMySQL(MySQL, AsyncLab):
    """An asynchronous cursor, asked once."""

    execute = AsyncLab.execute

    async def a_execute(self, obj: Any, sql: str) -> Any:
        async with obj.cursor() as cursor:
            await cursor.execute(sql)
            return (await cursor.fetchone())[0] if cursor.description else None


class Aiomysql(AsyncMySQL, AsyncPlainLab):
    kind = "aiomysql.plain"
    module = "aiomysql"
    release_by = ("aiomysql.Connection", "close")

    def open(self) -> None:
        self.errors = (import_or_skip("pymysql", "pymysql").OperationalError,)

    async def a_take(self) -> Any:
        return await self.library.connect(**self.login("one", database="db"))


class Asyncmy(Aiomysql):
    kind = "asyncmy.plain"
    module = "asyncmy"
    release_by = ("asyncmy.connection.Connection", "close")

    def open(self) -> None:
        self.errors = (import_or_skip("asyncmy.errors", "asyncmy").OperationalError,)


class AiomysqlPool(AsyncMySQL):
    kind = "aiomysql.pooled"
    module = "aiomysql"
    release_by = ("aiomysql.Pool", "release")
    errors = (TimeoutError,)

    def open(self) -> None:
        self.run(self.a_open())

    async def a_open(self) -> None:
        self.pool = await self.library.create_pool(minsize=1, maxsize=1, **self.login("many", database="db"))

    async def a_take(self) -> Any:
        return await self.pool.acquire()

    def a_release(self, obj: Any) -> Any:
        return self.pool.release(obj)

    async def a_shut(self) -> None:
        self.pool.terminate()


class AsyncmyPool(AiomysqlPool):
    kind = "asyncmy.pooled"
    module = "asyncmy"
    release_by = ("asyncmy.pool.Pool", "release")


MYSQL: tuple[type[Lab], ...] = (
    PyMySQL,
    MySQLClient,
    MySQLConnector,
    MySQLConnectorPool,
    Aiomysql,
    Asyncmy,
    AiomysqlPool,
    AsyncmyPool,
)
