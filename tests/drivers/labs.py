"""Laboratories: one resource kind each, set up so that exactly one connection can be out at a time.

Pools have size one; plain connections log in as a role that may have one connection. So every kind, pooled or
not, answers the same question: is the slot free or taken? Asynchronous libraries are driven from outside through
one event loop (labs_async).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from libraries import import_or_skip

PATIENT = 30.0
"""Seconds to wait for a slot that must be free: only a wrong table waits that long."""

BRIEF = 0.05
"""Seconds to wait for a slot that must stay taken."""


class Lab:
    """One kind. `errors` are the exceptions that mean "no slot is free"."""

    kind: ClassVar[str]
    module: ClassVar[str]
    release_by: ClassVar[tuple[str, str]]
    errors: tuple[type[BaseException], ...] = ()
    server: ClassVar[str] = "postgres_dsn"
    """The fixture that gives the server's URL."""
    who_am_i: ClassVar[str] = "select pg_backend_pid()"

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.library: Any = import_or_skip(self.module, self.kind.partition(".")[0])
        self.open()

    def open(self) -> None:
        """Make the pool."""

    def take(self, timeout: float) -> Any:
        """Acquire, within a number of seconds."""
        raise NotImplementedError

    def release(self, obj: Any) -> None:
        """The correct release."""
        obj.close()

    def close(self, obj: Any) -> None:
        obj.close()

    def enter_and_exit(self, obj: Any) -> None:
        with obj:
            pass

    def execute(self, obj: Any, sql: str) -> Any:
        """Run a statement and give its first value, None without rows."""
        with obj.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0] if cursor.description else None

    def observe(self, sql: str) -> Any:
        """Run a statement on a connection of its own, committed."""
        connection = import_or_skip("psycopg2", "psycopg2").connect(self.dsn)
        connection.autocommit = True
        try:
            return Lab.execute(self, connection, sql)
        finally:
            connection.close()

    def is_in_transaction(self, obj: Any) -> bool:
        """Whether a SELECT leaves a transaction open."""
        pid = self.execute(obj, self.who_am_i)
        return bool(self.observe(f"select state = 'idle in transaction' from pg_stat_activity where pid = {pid}"))

    def probe(self, timeout: float) -> None:
        """Take a second connection and give it back; raises one of `errors` if none is free."""
        self.release(self.take(timeout))

    def retry(self, timeout: float, work: Callable[[], Any]) -> Any:
        """Do what needs a slot; a server needs a moment to notice that the one before has left."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                return work()
            except self.errors:
                if time.monotonic() > deadline:
                    raise

    def release_without_await(self, obj: Any) -> None:
        """Call the release and throw its result away."""
        self.release(obj)

    def shut(self) -> None:
        """Let go of everything."""


class PlainLab(Lab):
    """A plain connection to PostgreSQL: the server keeps the count."""

    def open(self) -> None:
        self.url = self.dsn.replace("postgres@", "one@")
        self.errors = (self.library.OperationalError,)

    def take(self, timeout: float) -> Any:
        return self.retry(timeout, lambda: self.library.connect(self.url))


class Psycopg2(PlainLab):
    kind = "psycopg2.plain"
    module = "psycopg2"
    release_by = ("psycopg2.extensions.connection", "close")


class Pg8000(PlainLab):
    kind = "pg8000.plain"
    module = "pg8000.dbapi"
    release_by = ("pg8000.dbapi.Connection", "close")

    def open(self) -> None:
        url = urlsplit(self.dsn)
        where = parse_qs(url.query).get("host", [url.hostname])[0] or "localhost"
        socket = f"{where}/.s.PGSQL.{url.port or 5432}" if where.startswith("/") else None
        self.place = {"database": url.path[1:], "host": where, "port": url.port or 5432, "unix_sock": socket}
        self.errors = (self.library.DatabaseError, self.library.InterfaceError)

    def take(self, timeout: float) -> Any:
        return self.retry(timeout, lambda: self.library.connect("one", **self.place))

    def execute(self, obj: Any, sql: str) -> Any:
        cursor = obj.cursor()
        cursor.execute(sql)
        return cursor.fetchone()[0] if cursor.description else None


class Psycopg2Pool(Lab):
    kind = "psycopg2.pooled"
    module = "psycopg2.pool"
    release_by = ("psycopg2.pool.ThreadedConnectionPool", "putconn")

    def open(self) -> None:
        self.pool = self.library.ThreadedConnectionPool(1, 1, self.dsn)
        self.errors = (self.library.PoolError,)

    def take(self, timeout: float) -> Any:
        return self.pool.getconn()

    def release(self, obj: Any) -> None:
        self.pool.putconn(obj)

    def shut(self) -> None:
        self.pool.closeall()


class Psycopg(PlainLab):
    kind = "psycopg.plain"
    module = "psycopg"
    release_by = ("psycopg.Connection", "close")


class PsycopgPool(Lab):
    kind = "psycopg_pool.pooled"
    module = "psycopg_pool"
    release_by = ("psycopg_pool.ConnectionPool", "putconn")
    options: ClassVar[dict[str, Any]] = {}

    def open(self) -> None:
        self.pool = self.library.ConnectionPool(self.dsn, min_size=1, max_size=1, open=True, **self.options)
        self.errors = (self.library.PoolTimeout,)

    def take(self, timeout: float) -> Any:
        return self.pool.getconn(timeout=timeout)

    def release(self, obj: Any) -> None:
        self.pool.putconn(obj)

    def shut(self) -> None:
        self.pool.close()


class PsycopgPoolReturning(PsycopgPool):
    kind = "psycopg_pool.returning"
    options: ClassVar[dict[str, Any]] = {"close_returns": True}


class NullPool(PsycopgPool):
    kind = "psycopg_pool.null"
    release_by = ("psycopg_pool.NullConnectionPool", "putconn")

    def open(self) -> None:
        self.pool = self.library.NullConnectionPool(self.dsn, max_size=1, open=True)
        self.errors = (self.library.PoolTimeout,)


class Engine(Lab):
    """A SQLAlchemy engine with psycopg2 and one connection."""

    kind = "sqlalchemy.connection"
    module = "sqlalchemy"
    release_by = ("sqlalchemy.engine.Connection", "close")

    def open(self) -> None:
        url = self.dsn.replace("postgresql:", "postgresql+psycopg2:")
        self.engine = self.library.create_engine(url, pool_size=1, max_overflow=0, pool_timeout=BRIEF)
        self.errors = (self.library.exc.TimeoutError,)

    def take(self, timeout: float) -> Any:
        connection = self.engine.connect()
        self.execute(connection, "select 1")
        return connection

    def execute(self, obj: Any, sql: str) -> Any:
        result = obj.execute(self.library.text(sql))
        return result.scalar() if result.returns_rows else None

    def shut(self) -> None:
        self.engine.dispose()


class RawConnection(Engine):
    kind = "sqlalchemy.raw"
    release_by = ("sqlalchemy.pool.PoolProxiedConnection", "close")
    execute = Lab.execute

    def take(self, timeout: float) -> Any:
        return self.engine.raw_connection()


class Session(Engine):
    kind = "sqlalchemy.session"
    module = "sqlalchemy.orm"
    release_by = ("sqlalchemy.orm.Session", "close")

    def open(self) -> None:
        self.orm, self.library = self.library, import_or_skip("sqlalchemy", "sqlalchemy")
        super().open()

    def take(self, timeout: float) -> Any:
        session = self.make()
        self.execute(session, "select 1")
        return session

    def make(self) -> Any:
        return self.orm.sessionmaker(self.engine)()


class SQLModelSession(Session):
    def make(self) -> Any:
        return import_or_skip("sqlmodel", "sqlmodel").Session(self.engine)


class ScopedSession(Session):
    """The thread's session; the probe looks from another one."""

    kind = "sqlalchemy.scoped"
    release_by = ("sqlalchemy.orm.scoped_session", "remove")

    def open(self) -> None:
        super().open()
        self.registry = self.orm.scoped_session(self.orm.sessionmaker(self.engine))

    def make(self) -> Any:
        return self.registry()

    def release(self, obj: Any) -> None:
        self.registry.remove()

    def probe(self, timeout: float) -> None:
        in_thread(lambda: self.release(self.take(timeout)))

    def shut(self) -> None:
        self.registry.remove()
        super().shut()


class DBUtilsPool(Lab):
    kind = "dbutils.pooled"
    module = "dbutils.pooled_db"
    release_by = ("dbutils.pooled_db.PooledDedicatedDBConnection", "close")

    def open(self) -> None:
        creator = import_or_skip("psycopg2", "psycopg2")
        self.pool = self.library.PooledDB(creator, maxconnections=1, dsn=self.dsn)
        self.errors = (self.library.TooManyConnectionsError,)

    def take(self, timeout: float) -> Any:
        return self.pool.connection()

    def shut(self) -> None:
        self.pool.close()


class DBUtilsSteady(PlainLab):
    kind = "dbutils.steady"
    module = "dbutils.steady_db"
    release_by = ("dbutils.steady_db.SteadyDBConnection", "close")

    def open(self) -> None:
        self.url = self.dsn.replace("postgres@", "one@")
        self.creator = import_or_skip("psycopg2", "psycopg2")
        # When no slot is free for reopening, the error that made it reopen is raised again.
        self.errors = (self.creator.OperationalError, self.creator.InterfaceError)

    def take(self, timeout: float) -> Any:
        return self.retry(timeout, lambda: self.library.connect(self.creator, closeable=True, dsn=self.url))


class PeeweePool(Lab):
    """The database object is what a thread holds; the probe is another thread."""

    kind = "peewee.pooled"
    module = "playhouse.pool"
    release_by = ("playhouse.pool.PooledPostgresqlDatabase", "close")

    def open(self) -> None:
        host = self.dsn.rpartition("=")[2]
        self.database = self.library.PooledPostgresqlDatabase("postgres", max_connections=1, host=host, user="postgres")
        self.errors = (self.library.MaxConnectionsExceeded,)

    def take(self, timeout: float) -> Any:
        self.database.connect()
        return self.database

    def execute(self, obj: Any, sql: str) -> Any:
        cursor = obj.execute_sql(sql)
        return cursor.fetchone()[0] if cursor.description else None

    def probe(self, timeout: float) -> None:
        in_thread(lambda: self.release(self.take(timeout)))

    def shut(self) -> None:
        self.database.close_all()


def in_thread(work: Callable[[], Any]) -> None:
    """Run in a thread that has ended afterwards; its exception is raised here."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = Thread(target=run)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


SYNC: tuple[type[Lab], ...] = (
    Psycopg2,
    Pg8000,
    Psycopg2Pool,
    Psycopg,
    PsycopgPool,
    PsycopgPoolReturning,
    NullPool,
    Engine,
    RawConnection,
    Session,
    SQLModelSession,
    ScopedSession,
    DBUtilsPool,
    DBUtilsSteady,
    PeeweePool,
)
