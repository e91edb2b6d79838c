"""The explorer's model of connections beside the libraries, in lock step, on a real PostgreSQL and SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from libraries import import_or_skip
from lockstep import Lockstep, Model, Planned, Side, State, Weights

from putback.drivers.catalog import load_catalog
from putback.model.lifecycle import On
from putback.verify.roles import Acquire, Does, Pass

pytestmark = pytest.mark.slow

CATALOG = load_catalog(names=["psycopg2", "psycopg", "psycopg_pool", "sqlalchemy", "asyncpg", "sqlite3", "dbapi"])
STATEMENTS = {
    "insert": "insert into row_of_test values ({value})",
    "read": "select n from row_of_test",
    "fail": "select 1/0",
    "doom": "insert into doomed values (0)",
    "savepoint": "savepoint one",
    "to_savepoint": "rollback to savepoint one",
    "release": "release savepoint one",
    "use_after": "select n from row_of_test",
}
COMMON = {"take": 20, "put": 12, "insert": 20, "read": 8, "fail": 8, "doom": 4, "commit": 12, "roll_back": 6}
SAVEPOINTS = {"savepoint": 6, "to_savepoint": 5, "release": 3}
BLOCKS = {"enter": 6, "enter_fail": 4}
STEPS = 40


@pytest.fixture
def observer(postgres_dsn: str) -> Iterator[Any]:
    """A connection that looks at the tables."""
    connection = import_or_skip("psycopg2", "psycopg2").connect(postgres_dsn)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("drop table if exists row_of_test; create table row_of_test (n int primary key)")
        cursor.execute("drop table if exists doomed")
        cursor.execute(
            "create table doomed (n int unique deferrable initially deferred); insert into doomed values (0)"
        )
    yield connection
    connection.close()


def committed(observer: Any) -> tuple[int, ...]:
    with observer.cursor() as cursor:
        cursor.execute("select n from row_of_test order by n")
        return tuple(n for (n,) in cursor.fetchall())


class OnPostgres(Side):
    def __init__(self, dsn: str, observer: Any) -> None:
        super().__init__()
        self.dsn = dsn
        self.observer = observer
        self.open()

    def open(self) -> None:
        """Make the pool."""

    def lent(self) -> int | None:
        """How many connections the pool counts as taken."""
        return None

    def is_closed(self, handle: Any) -> bool:
        return bool(handle.closed)

    def transaction(self, handle: Any) -> str:
        return {0: "idle", 1: "open", 2: "open", 3: "failed"}[int(handle.info.transaction_status)]

    def state(self) -> State:
        ended = tuple(map(self.is_closed, self.handles))
        transactions = tuple(self.transaction(h) for h in self.handles if not self.is_closed(h))
        return State(self.lent(), ended, transactions, committed(self.observer))

    def end(self) -> None:
        for handle in (*self.handles, *self.former):
            with suppress(Exception):
                handle.close()


class Psycopg2Plain(OnPostgres):
    def open(self) -> None:
        self.library = import_or_skip("psycopg2", "psycopg2")

    def take(self) -> Any:
        return self.library.connect(self.dsn)

    def give_back(self, handle: Any) -> None:
        handle.close()


class Psycopg2Pool(OnPostgres):
    def open(self) -> None:
        self.pool = import_or_skip("psycopg2.pool", "psycopg2").ThreadedConnectionPool(0, 4, self.dsn)

    def take(self) -> Any:
        return self.pool.getconn()

    def give_back(self, handle: Any) -> None:
        self.pool.putconn(handle)

    def lent(self) -> int | None:
        return len(self.pool._used)


class PsycopgPlain(OnPostgres):
    def open(self) -> None:
        self.library = import_or_skip("psycopg", "psycopg")

    def take(self) -> Any:
        return self.library.connect(self.dsn)

    def give_back(self, handle: Any) -> None:
        handle.close()

    def nest(self, handle: Any, sql: str, fails: bool) -> None:
        with handle.transaction():
            self.execute(handle, sql)
            if fails:
                raise Planned


class PsycopgPool(PsycopgPlain):
    def open(self) -> None:
        import_or_skip("psycopg", "psycopg")
        self.pool = import_or_skip("psycopg_pool", "psycopg_pool").ConnectionPool(
            self.dsn, min_size=0, max_size=4, open=True
        )

    def take(self) -> Any:
        return self.pool.getconn(timeout=30.0)

    def give_back(self, handle: Any) -> None:
        self.pool.putconn(handle)

    def lend(self, sql: str, fails: bool) -> None:
        with self.pool.connection(timeout=30.0) as handle:
            self.execute(handle, sql)
            if fails:
                raise Planned

    def end(self) -> None:
        super().end()
        self.pool.close()


class Engine(OnPostgres):
    def open(self) -> None:
        self.library = import_or_skip("sqlalchemy", "sqlalchemy")
        driver = import_or_skip("psycopg2", "psycopg2")
        self.engine = self.library.create_engine(
            "postgresql+psycopg2://", creator=lambda: driver.connect(self.dsn), pool_size=4, max_overflow=0
        )

    def take(self) -> Any:
        return self.engine.connect()

    def give_back(self, handle: Any) -> None:
        handle.close()

    def execute(self, handle: Any, sql: str) -> None:
        handle.execute(self.library.text(sql))

    def nest(self, handle: Any, sql: str, fails: bool) -> None:
        with handle.begin_nested():
            self.execute(handle, sql)
            if fails:
                raise Planned

    def lend(self, sql: str, fails: bool) -> None:
        with self.engine.begin() as handle:
            self.execute(handle, sql)
            if fails:
                raise Planned

    def lent(self) -> int | None:
        count: int = self.engine.pool.checkedout()
        return count

    def transaction(self, handle: Any) -> str:
        if not handle.in_transaction():
            return "idle" if handle.get_transaction() is None else "failed"
        status = handle.connection.dbapi_connection.info.transaction_status
        return "failed" if status == 3 else "open"

    def end(self) -> None:
        super().end()
        self.engine.dispose()


class Sessions(Engine):
    def open(self) -> None:
        super().open()
        orm = import_or_skip("sqlalchemy.orm", "sqlalchemy")
        base = orm.declarative_base()
        column = self.library.Column(self.library.Integer, primary_key=True)
        self.row: Any = type("Row", (base,), {"__tablename__": "row_of_test", "n": column})

    def take(self) -> Any:
        return import_or_skip("sqlalchemy.orm", "sqlalchemy").Session(self.engine)

    def add(self, handle: Any, value: int) -> None:
        handle.add(self.row(n=value))

    def state(self) -> State:
        return State(self.lent(), None, None, committed(self.observer))


class AsyncpgPool(OnPostgres):
    """Each operation runs the loop until it is done."""

    def open(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.library = import_or_skip("asyncpg", "asyncpg")

        async def opened() -> Any:
            return await self.library.create_pool(self.dsn, min_size=0, max_size=4)

        self.pool = self.loop.run_until_complete(opened())

    def take(self) -> Any:
        return self.loop.run_until_complete(_awaited(self.pool.acquire()))

    def give_back(self, handle: Any) -> None:
        self.loop.run_until_complete(self.pool.release(handle))

    def shut(self, handle: Any) -> None:
        self.loop.run_until_complete(handle.close())

    def execute(self, handle: Any, sql: str) -> None:
        self.loop.run_until_complete(handle.execute(sql))

    def nest(self, handle: Any, sql: str, fails: bool) -> None:
        self.loop.run_until_complete(_in_block(handle.transaction(), handle, sql, fails))

    def lend(self, sql: str, fails: bool) -> None:
        self.loop.run_until_complete(_in_block(self.pool.acquire(), None, sql, fails))

    def lent(self) -> int | None:
        return sum(holder._in_use is not None for holder in self.pool._holders)

    def is_closed(self, handle: Any) -> bool:
        try:
            return bool(handle.is_closed())
        except self.library.InterfaceError:  # its own close has given it back
            return True

    def transaction(self, handle: Any) -> str:
        return "open" if handle.is_in_transaction() else "idle"

    def end(self) -> None:
        self.pool.terminate()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()


async def _awaited(value: Any) -> Any:
    return await value


async def _in_block(manager: Any, handle: Any, sql: str, fails: bool) -> None:
    async with manager as made:
        await (handle or made).execute(sql)
        if fails:
            raise Planned


class Sqlite(Side):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.library = import_or_skip("sqlite3", "sqlite3")
        self.path = path
        with closing(self.library.connect(path)) as connection:
            connection.executescript(
                "create table row_of_test (n int primary key); create table parent (n int primary key);"
                "create table doomed (n int references parent deferrable initially deferred)"
            )

    def take(self) -> Any:
        connection = self.library.connect(self.path, timeout=0.0)
        connection.execute("pragma foreign_keys = on")
        return connection

    def give_back(self, handle: Any) -> None:
        handle.close()

    def state(self) -> State:
        transactions = []
        for handle in self.handles:
            with suppress(self.library.ProgrammingError):
                handle.total_changes  # noqa: B018 - raises when it is closed
                transactions.append("open" if handle.in_transaction else "idle")
        with closing(self.library.connect(self.path)) as connection:
            rows = connection.execute("select n from row_of_test order by n").fetchall()
        ended = None
        return State(None, ended, tuple(transactions), tuple(n for (n,) in rows))

    def end(self) -> None:
        for handle in (*self.handles, *self.former):
            handle.close()


def run(real: Side, model: Model, weights: Weights, seed: int, most: int = 2, **statements: str) -> None:
    try:
        Lockstep(real, model, weights, STATEMENTS | statements, seed, most).run(STEPS)
    finally:
        real.end()


PUTCONN = Pass("pool.putconn", Does.RELEASES, 0, "conn")


@pytest.mark.parametrize("seed", range(20))
def test_psycopg2(postgres_dsn: str, observer: Any, seed: int) -> None:
    model = Model(CATALOG, "psycopg2.plain", Acquire("psycopg2.connect", "psycopg2.plain"))
    weights = COMMON | SAVEPOINTS | BLOCKS | {"put_again": 4, "use_after": 4, "close": 3}
    run(Psycopg2Plain(postgres_dsn, observer), model, weights, seed)


@pytest.mark.parametrize("seed", range(20))
def test_psycopg2_pool(postgres_dsn: str, observer: Any, seed: int) -> None:
    model = Model(CATALOG, "psycopg2.pooled", Acquire("pool.getconn", "psycopg2.pooled"), PUTCONN)
    weights = COMMON | SAVEPOINTS | BLOCKS | {"put_again": 4, "close": 3}
    run(Psycopg2Pool(postgres_dsn, observer), model, weights, seed)


@pytest.mark.parametrize("seed", range(20))
def test_psycopg(postgres_dsn: str, observer: Any, seed: int) -> None:
    model = Model(CATALOG, "psycopg.plain", Acquire("psycopg.connect", "psycopg.plain"))
    weights = COMMON | SAVEPOINTS | {"nest": 8, "nest_fail": 6, "put_again": 4, "use_after": 4, "close": 3}
    run(PsycopgPlain(postgres_dsn, observer), model, weights, seed)


@pytest.mark.parametrize("seed", range(10))
def test_psycopg_pool(postgres_dsn: str, observer: Any, seed: int) -> None:
    lending = Acquire("pool.connection", "psycopg_pool.pooled", (On.ENTER,), commits=True)
    model = Model(CATALOG, "psycopg_pool.pooled", Acquire("pool.getconn", "psycopg_pool.pooled"), PUTCONN, lending)
    weights = COMMON | SAVEPOINTS | {"nest": 6, "nest_fail": 4, "lend": 6, "lend_fail": 4, "put_again": 3}
    run(PsycopgPool(postgres_dsn, observer), model, weights, seed)


@pytest.mark.parametrize("seed", range(20))
def test_sqlalchemy_connection(postgres_dsn: str, observer: Any, seed: int) -> None:
    lending = Acquire("engine.begin", "sqlalchemy.connection", (On.ENTER,), commits=True)
    model = Model(CATALOG, "sqlalchemy.connection", Acquire("engine.connect", "sqlalchemy.connection"), None, lending)
    more = {"nest": 6, "nest_fail": 4, "lend": 6, "lend_fail": 4, "put_again": 4, "use_after": 4}
    run(Engine(postgres_dsn, observer), model, COMMON | more, seed)


@pytest.mark.parametrize("seed", range(20))
def test_sqlalchemy_session(postgres_dsn: str, observer: Any, seed: int) -> None:
    acquire = Acquire("Session", "sqlalchemy.session", raises=False)
    model = Model(CATALOG, "sqlalchemy.session", acquire)
    more = {"nest": 6, "nest_fail": 4, "add": 6, "put_again": 4, "use_after": 4}
    run(Sessions(postgres_dsn, observer), model, COMMON | more, seed, add="{value}")


@pytest.mark.parametrize("seed", range(20))
def test_asyncpg_pool(postgres_dsn: str, observer: Any, seed: int) -> None:
    on = (On.AWAIT, On.ENTER)
    release = Pass("pool.release", Does.RELEASES, 0, "connection", awaited=True)
    acquire = Acquire("pool.acquire", "asyncpg.pooled", on)
    model = Model(CATALOG, "asyncpg.pooled", acquire, release, acquire)
    weights = {n: w for n, w in COMMON.items() if n not in ("doom", "commit", "roll_back")}
    more = {"nest": 8, "nest_fail": 6, "lend": 6, "lend_fail": 4, "put_again": 4, "use_after": 4, "close": 3}
    run(AsyncpgPool(postgres_dsn, observer), model, weights | more, seed)


@pytest.mark.parametrize("seed", range(20))
def test_sqlite(tmp_path: Path, seed: int) -> None:
    model = Model(CATALOG, "sqlite3.plain", Acquire("sqlite3.connect", "sqlite3.plain"))
    weights = COMMON | SAVEPOINTS | BLOCKS | {"put_again": 4, "use_after": 4, "close": 3}
    real = Sqlite(tmp_path / "shop.db")
    run(real, model, weights, seed, most=1, fail="select n from missing", doom="insert into doomed values (1)")
