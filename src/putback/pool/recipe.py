"""The database module that many applications write, done once and right.

    from putback.pool import recipe

    recipe.configure(psycopg2.connect, dsn=os.environ["DATABASE_URL"])
    rows = recipe.execute_query("SELECT id, name FROM users WHERE active = %s", (True,))

The pool is built at the first use, once however many threads begin, sized by DB_POOL_MIN_CONNECTIONS and
DB_POOL_MAX_CONNECTIONS, and closed when the process ends. Helpers give their connection back on every path; who takes
one by hand does as `_executed` does.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

from putback.pool.driver import Connect, connector, sqlite_memory
from putback.pool.environment import from_environment
from putback.pool.errors import PoolError
from putback.pool.threaded import ReferencePool

Row = dict[str, Any]
Parameters = Sequence[Any] | Mapping[str, Any]


class Database:
    """One database and its pool. `connect` opens a connection; `environ` is where the sizes come from."""

    def __init__(self, connect: Connect | None = None, environ: Mapping[str, str] | None = None) -> None:
        self._connect = connect or sqlite_memory()
        self._environ = environ
        self._pool: ReferencePool | None = None
        self._lock = Lock()

    def get_connection_pool(self) -> ReferencePool:
        """The pool, built at the first call. Raises SettingsError for wrong variables, the driver's error if the
        first connections cannot be opened; the next call then tries again."""
        if self._pool is None:
            with self._lock:  # two threads that begin at once must not build two pools
                if self._pool is None:
                    found = from_environment(self._environ)
                    self._pool = ReferencePool(found.low, found.high, self._connect, settings=found.settings)
                    atexit.register(self.close_connection_pool)
        return self._pool

    def close_connection_pool(self) -> None:
        """Close every connection. The next use builds a new pool. Closing twice is fine."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            atexit.unregister(self.close_connection_pool)
            with suppress(PoolError):
                pool.closeall()

    def get_db_connection(self) -> Any:
        """A connection, to be given to `release_db_connection` in a `finally`."""
        return self.get_connection_pool().getconn()

    def release_db_connection(self, connection: Any) -> None:
        """Give a connection back. Its open transaction is rolled back; if even that fails it is closed, so that its
        slot is not lost."""
        pool = self.get_connection_pool()
        try:
            pool.putconn(connection)
        except PoolError:
            raise
        except Exception:
            pool.putconn(connection, close=True)

    def execute_query(self, query: str, params: Parameters = (), fetch: bool = True) -> list[Row] | None:
        """Run a query and give its rows. With `fetch=False` it is a statement: commit, and give None."""
        if not fetch:
            self.execute_write(query, params)
            return None
        with self._executed(query, params) as (_, cursor):
            return _rows(cursor, cursor.fetchall())

    def execute_query_one(self, query: str, params: Parameters = ()) -> Row | None:
        """The first row of a query; None without rows."""
        with self._executed(query, params) as (_, cursor):
            row = cursor.fetchone()
            return None if row is None else _rows(cursor, [row])[0]

    def execute_write(self, query: str, params: Parameters = ()) -> int:
        """Run a statement and commit; gives how many rows it changed."""
        with self._executed(query, params) as (connection, cursor):
            count: int = cursor.rowcount
            connection.commit()
            return count

    @contextmanager
    def _executed(self, query: str, params: Parameters) -> Iterator[tuple[Any, Any]]:
        """A connection and its cursor after a statement; both are given back on every path, the cursor first."""
        connection = self.get_db_connection()
        try:
            cursor = connection.cursor()
            try:
                cursor.execute(query, params)
                yield connection, cursor
            finally:
                cursor.close()
        finally:
            self.release_db_connection(connection)


def _rows(cursor: Any, rows: Sequence[Any]) -> list[Row]:
    """Rows as dictionaries, also from drivers that give tuples."""
    names = [column[0] for column in cursor.description or ()]
    return [dict(row) if isinstance(row, Mapping) else dict(zip(names, row, strict=True)) for row in rows]


_database = Database()


def configure(connect: Callable[..., Any] | None = None, *args: Any, **kwargs: Any) -> None:
    """Say how connections are opened, before the first use: `connect` and its arguments."""
    global _database
    _database.close_connection_pool()
    _database = Database(connector(connect, args, kwargs))


def get_connection_pool() -> ReferencePool:
    """As of Database."""
    return _database.get_connection_pool()


def close_connection_pool() -> None:
    """As of Database."""
    _database.close_connection_pool()


def get_db_connection() -> Any:
    """As of Database."""
    return _database.get_db_connection()


def release_db_connection(connection: Any) -> None:
    """As of Database."""
    _database.release_db_connection(connection)


def execute_query(query: str, params: Parameters = (), fetch: bool = True) -> list[Row] | None:
    """As of Database."""
    return _database.execute_query(query, params, fetch)


def execute_query_one(query: str, params: Parameters = ()) -> Row | None:
    """As of Database."""
    return _database.execute_query_one(query, params)


def execute_write(query: str, params: Parameters = ()) -> int:
    """As of Database."""
    return _database.execute_write(query, params)
