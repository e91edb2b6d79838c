"""What the tables say about the embedded databases is what they do: sqlite3, aiosqlite, duckdb, apsw, libsql, turso.

They have no slots to count. Whether an object is still open shows in the file: an sqlite connection in a write
transaction locks it, an open duckdb connection forbids opening it read-only.
"""

from __future__ import annotations

import gc
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from labs import BRIEF, PATIENT, Lab
from labs_async import AsyncLab
from libraries import import_or_skip, refused

from putback.drivers.catalog import load_catalog
from putback.drivers.schema import Kind
from putback.model.lifecycle import After, Begin, Close, Gc, Twice, With

CATALOG = load_catalog()

pytestmark = pytest.mark.filterwarnings("ignore")  # leaking on purpose makes libraries complain


class Sqlite3(Lab):
    kind = "sqlite3.plain"
    module = "sqlite3"
    release_by = ("sqlite3.Connection", "close")

    def take(self, timeout: float) -> Any:
        return self.library.connect(self.dsn, timeout=timeout)

    def execute(self, obj: Any, sql: str) -> Any:
        row = obj.execute(sql).fetchone()
        return row[0] if row else None

    def probe(self, timeout: float) -> None:
        probe_sqlite(self.dsn, timeout)


class Aiosqlite(AsyncLab):
    kind = "aiosqlite.plain"
    module = "aiosqlite"
    release_by = ("aiosqlite.Connection", "close")

    async def a_take(self) -> Any:
        return await self.library.connect(self.dsn)

    async def a_execute(self, obj: Any, sql: str) -> Any:
        async with obj.execute(sql) as cursor:
            row = await cursor.fetchone()
        return row[0] if row else None

    def probe(self, timeout: float) -> None:
        probe_sqlite(self.dsn, timeout)


class DuckDB(Lab):
    kind = "duckdb.plain"
    module = "duckdb"
    release_by = ("duckdb.DuckDBPyConnection", "close")

    def take(self, timeout: float) -> Any:
        return self.library.connect(self.dsn)

    def execute(self, obj: Any, sql: str) -> Any:
        row = obj.execute(sql).fetchone()
        return row[0] if row else None

    def probe(self, timeout: float) -> None:
        self.library.connect(self.dsn, read_only=True).close()


class Apsw(Lab):
    kind = "apsw.plain"
    module = "apsw"
    release_by = ("apsw.Connection", "close")

    def take(self, timeout: float) -> Any:
        found = self.library.Connection(self.dsn)
        found.set_busy_timeout(int(timeout * 1000))
        return found

    def execute(self, obj: Any, sql: str) -> Any:
        row = next(obj.execute(sql), None)
        return row[0] if row else None

    def probe(self, timeout: float) -> None:
        probe_itself(self, timeout)


class LibSQL(Lab):
    kind = "libsql.plain"
    module = "libsql"
    release_by = ("libsql.Connection", "close")

    def take(self, timeout: float) -> Any:
        return self.library.connect(self.dsn, timeout=timeout)

    def execute(self, obj: Any, sql: str) -> Any:
        try:
            cursor = obj.execute(sql)
        except Exception:
            raise
        except BaseException as panic:  # of its Rust code, when the connection is closed
            raise RuntimeError from panic
        return cursor.fetchone()[0] if cursor.description else None

    def probe(self, timeout: float) -> None:
        probe_itself(self, timeout)


class LibSQLExperimental(LibSQL):
    kind = "libsql.experimental"
    module = "libsql_experimental"
    release_by = ("libsql_experimental.Connection", "close")

    def take(self, timeout: float) -> Any:
        return self.library.connect(self.dsn)


class Turso(Lab):
    kind = "libsql.turso"
    module = "turso"
    release_by = ("turso.Connection", "close")

    def take(self, timeout: float) -> Any:
        found = self.library.connect(self.dsn)
        found.set_query_timeout(int(timeout * 1000))
        return found

    def execute(self, obj: Any, sql: str) -> Any:
        row = obj.execute(sql).fetchone()
        return row[0] if row else None

    def probe(self, timeout: float) -> None:
        probe_itself(self, timeout)


def probe_itself(lab: Lab, timeout: float) -> None:
    """With the library itself: the locks of a file are those of a process, and each library keeps its own account."""
    connection = lab.take(timeout)
    try:
        lab.execute(connection, "begin immediate")
    finally:
        connection.close()


def probe_sqlite(path: str, timeout: float) -> None:
    connection = sqlite3.connect(path, timeout=timeout)
    try:
        connection.execute("begin immediate")
    finally:
        connection.close()


LABS = [Sqlite3, Aiosqlite, DuckDB, Apsw, LibSQL, LibSQLExperimental, Turso]


@pytest.fixture(params=LABS, ids=lambda lab: lab.kind)
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    made: Lab = request.param(str(tmp_path / "base.db"))
    first = made.take(PATIENT)
    made.execute(first, "create table item (n int)")
    made.release(first)
    yield made
    made.shut()


@pytest.fixture
def kind(lab: Lab) -> Kind:
    return CATALOG.kind(lab.kind)


def test_close_destroys(lab: Lab, kind: Kind) -> None:
    assert kind.close is Close.DESTROYS
    obj = lab.take(PATIENT)
    lab.close(obj)
    with refused():
        lab.execute(obj, "select 1")


def test_with(lab: Lab, kind: Kind) -> None:
    """PB109: whether leaving `with obj:` closes it."""
    obj = lab.take(PATIENT)
    if kind.with_ is With.ERROR:
        with pytest.raises((RuntimeError, TypeError)):
            lab.enter_and_exit(obj)
    else:
        lab.enter_and_exit(obj)
    if kind.with_ in (With.CLOSES, With.RELEASES):
        with refused():
            lab.execute(obj, "select 1")
    elif kind.with_ is With.TRANSACTION:
        assert lab.execute(obj, "select 1") == 1
    lab.close(obj)


def test_release_twice(lab: Lab, kind: Kind) -> None:
    """PB105."""
    assert kind.release_twice is Twice.HARMLESS
    obj = lab.take(PATIENT)
    lab.release(obj)
    lab.release(obj)


def test_use_after_release(lab: Lab, kind: Kind) -> None:
    """PB106."""
    assert kind.use_after_release is After.RAISES
    obj = lab.take(PATIENT)
    lab.release(obj)
    with refused():
        lab.execute(obj, "insert into item values (1)")


def test_garbage_collection(lab: Lab, kind: Kind) -> None:
    """What happens to a connection that nobody closed; CPython's sqlite3 keeps a cycle through its statement cache."""
    gc.collect()
    gc.disable()
    try:
        obj = lab.take(PATIENT)
        lab.execute(obj, "begin immediate" if lab.kind != DuckDB.kind else "begin")
        is_taken(lab)
        del obj
        if kind.gc is Gc.CYCLIC:
            is_taken(lab)
            gc.collect()
        lab.probe(PATIENT)
    finally:
        gc.enable()


def is_taken(lab: Lab) -> None:
    with refused():
        lab.probe(BRIEF)


def test_open_transaction_on_release(lab: Lab, kind: Kind) -> None:
    obj = lab.take(PATIENT)
    if kind.autobegin is Begin.NONE:
        lab.execute(obj, "begin")
    lab.execute(obj, "insert into item values (1)")
    lab.release(obj)
    after = lab.take(PATIENT)
    assert lab.execute(after, "select count(*) from item") == 0
    lab.release(after)


@pytest.mark.parametrize("made", [Sqlite3, Aiosqlite])
def test_the_first_word_behind_remarks_tells_whether_it_begins(made: type[Lab], tmp_path: Path) -> None:
    lab = made(str(tmp_path / "base.db"))
    obj = lab.take(PATIENT)
    lab.execute(obj, "/* one */ create table item (n int)")
    lab.execute(obj, "pragma foreign_keys=on")
    lab.execute(obj, "with one as (select 1) insert into item select * from one")
    assert not obj.in_transaction
    lab.execute(obj, "-- one\ninsert into item values (1)")
    assert obj.in_transaction
    lab.release(obj)


def test_a_script_of_sqlite3_ends_the_transaction(tmp_path: Path) -> None:
    conn = Sqlite3(str(tmp_path / "base.db")).take(PATIENT)
    conn.execute("create table item (n int)")
    conn.execute("insert into item values (1)")
    conn.executescript("insert into item values (2)")
    assert not conn.in_transaction
    effect = CATALOG.method("sqlite3.Connection", "executescript")
    assert effect is not None
    assert effect.ends == "commit"
    conn.close()


@pytest.mark.parametrize("made", [Sqlite3, Aiosqlite, LibSQL, LibSQLExperimental, Turso])
def test_only_a_write_begins(made: type[Lab], tmp_path: Path) -> None:
    lab = made(str(tmp_path / "base.db"))
    assert CATALOG.kind(lab.kind).autobegin is Begin.WRITE
    obj = lab.take(PATIENT)
    lab.execute(obj, "create table item (n int)")
    lab.execute(obj, "select count(*) from item")
    assert not obj.in_transaction
    lab.execute(obj, "insert into item values (1)")
    assert obj.in_transaction
    lab.release(obj)
    lab.shut()


def test_duckdb_never_begins(tmp_path: Path) -> None:
    duckdb = import_or_skip("duckdb", "duckdb")
    assert CATALOG.kind("duckdb.plain").autobegin is Begin.NONE
    first = duckdb.connect(str(tmp_path / "base.db"))
    first.execute("create table item (n int)")
    first.execute("insert into item values (1)")
    second = first.cursor()
    assert second.execute("select count(*) from item").fetchone() == (1,)
    second.close()
    first.close()


@pytest.mark.parametrize("made", [Sqlite3, Aiosqlite])
def test_an_open_connection_keeps_the_process_by_a_thread(made: type[Lab], tmp_path: Path) -> None:
    lab = made(str(tmp_path / "base.db"))
    before = set(threading.enumerate())
    obj = lab.take(PATIENT)
    keeping = [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
    lab.release(obj)
    for thread in keeping:
        thread.join(PATIENT)
    lab.shut()
    assert CATALOG.kind(lab.kind).keeps_process is bool(keeping)
    assert not any(thread.is_alive() for thread in keeping)


def test_a_failed_statement_keeps_the_connection_of_aiosqlite_open(tmp_path: Path) -> None:
    lab = Aiosqlite(str(tmp_path / "base.db"))
    before = set(threading.enumerate())
    opened: list[weakref.ref[Any]] = []

    def lose() -> None:
        obj = lab.take(PATIENT)
        opened.append(weakref.ref(obj))
        with pytest.raises(sqlite3.OperationalError):
            lab.execute(obj, "select nothing")

    lose()
    gc.collect()
    obj = opened[0]()
    assert obj is not None
    assert [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
    lab.release(obj)
    lab.shut()
