"""What the tables call detached is good when its connection is closed, and what they do not is not: acted out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from libraries import import_or_skip, refused

from putback.drivers.catalog import load_catalog

CATALOG = load_catalog()

SELECT = "SELECT 1 AS one"

ROWS: dict[str, Callable[[Any], Any]] = {
    "fetchone": lambda cursor: cursor.fetchone(),
    "fetchmany": lambda cursor: cursor.fetchmany(1),
    "fetchall": lambda cursor: cursor.fetchall(),
}
DATA = ("rowcount", "description", "arraysize")

PSYCOPG2: dict[str, Callable[[Any], Any]] = {
    "get_transaction_status": lambda conn: conn.get_transaction_status(),
    "get_backend_pid": lambda conn: conn.get_backend_pid(),
    "get_parameter_status": lambda conn: conn.get_parameter_status("server_version"),
    "get_dsn_parameters": lambda conn: conn.get_dsn_parameters(),
}
SQLITE3: dict[str, Callable[[Any], Any]] = {
    "getlimit": lambda conn: conn.getlimit(sqlite3.SQLITE_LIMIT_LENGTH),
}


def opened(library: str, request: pytest.FixtureRequest) -> Any:
    """A connection to a database of its own, or to the server."""
    module = import_or_skip(library, library)
    if library in ("sqlite3", "duckdb"):
        return module.connect(":memory:")
    dsn = request.getfixturevalue("postgres_dsn")
    return module.connect(dsn)


CURSORS = {
    "sqlite3": "sqlite3.Cursor",
    "duckdb": "duckdb.DuckDBPyConnection",
    "psycopg2": "psycopg2.extensions.cursor",
    "psycopg": "psycopg.Cursor",
}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("library", CURSORS)
def test_rows_are_there_when_the_connection_is_closed(library: str, name: str, request: pytest.FixtureRequest) -> None:
    assert CATALOG.is_detached(CURSORS[library], name)
    conn = opened(library, request)
    cursor = conn.cursor()
    cursor.execute(SELECT)
    rows = ROWS[name](cursor)
    conn.close()
    assert list(rows) in ([1], [(1,)])


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("library", ["sqlite3", "psycopg2", "psycopg"])
def test_data_is_there_when_the_connection_is_closed(library: str, name: str, request: pytest.FixtureRequest) -> None:
    assert CATALOG.is_data(CURSORS[library], name)
    conn = opened(library, request)
    cursor = conn.cursor()
    cursor.execute(SELECT)
    value = getattr(cursor, name)
    before = repr(value)
    conn.close()
    assert repr(value) == before


@pytest.mark.parametrize(
    ("library", "type_name", "name", "act"),
    [
        *(("psycopg2", "psycopg2.extensions.connection", name, act) for name, act in PSYCOPG2.items()),
        *(("sqlite3", "sqlite3.Connection", name, act) for name, act in SQLITE3.items()),
    ],
)
def test_what_a_connection_says_stays(
    library: str, type_name: str, name: str, act: Callable[[Any], Any], request: pytest.FixtureRequest
) -> None:
    assert CATALOG.is_detached(type_name, name)
    conn = opened(library, request)
    value = act(conn)
    before = repr(value)
    conn.close()
    assert repr(value) == before


def rows_of_a_database(conn: Any) -> None:
    conn.execute("CREATE TABLE t (c BLOB)")
    conn.execute("INSERT INTO t VALUES (zeroblob(4))")


def blob(conn: Any) -> Any:
    rows_of_a_database(conn)
    return conn.blobopen("t", "c", 1)


def streamed(conn: Any) -> Any:
    return conn.cursor().stream(SELECT)


def dumped(conn: Any) -> Any:
    rows_of_a_database(conn)
    return conn.iterdump()


READ_ON: list[tuple[str, str, str, Callable[[Any], Any], Callable[[Any], Any]]] = [
    ("sqlite3", "sqlite3.Connection", "iterdump", dumped, list),
    ("sqlite3", "sqlite3.Connection", "blobopen", blob, lambda value: value.read()),
    ("sqlite3", "sqlite3.Connection", "cursor", lambda conn: conn.cursor(), lambda value: value.execute(SELECT)),
    ("psycopg2", "psycopg2.extensions.connection", "lobject", lambda conn: conn.lobject(), lambda value: value.read()),
    ("psycopg", "psycopg.Cursor", "stream", streamed, list),
    ("psycopg", "psycopg.Connection", "notifies", lambda conn: conn.notifies(timeout=0), list),
    ("duckdb", "duckdb.DuckDBPyConnection", "sql", lambda conn: conn.sql(SELECT), lambda value: value.fetchall()),
]


@pytest.mark.parametrize(
    ("library", "type_name", "name", "make", "read"), READ_ON, ids=lambda v: v if isinstance(v, str) else ""
)
def test_what_reads_on_does_not(
    library: str,
    type_name: str,
    name: str,
    make: Callable[[Any], Any],
    read: Callable[[Any], Any],
    request: pytest.FixtureRequest,
) -> None:
    assert not CATALOG.is_detached(type_name, name)
    conn = opened(library, request)
    value = make(conn)
    conn.close()
    with refused():
        read(value)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Any]:
    sqlalchemy = import_or_skip("sqlalchemy", "sqlalchemy")
    made = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    yield made
    made.dispose()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("all", [(1,)]), ("fetchall", [(1,)]), ("first", (1,)), ("one", (1,)), ("scalar", 1), ("scalar_one", 1)],
)
def test_results_of_sqlalchemy_are_there(name: str, expected: Any, engine: Any) -> None:
    assert CATALOG.is_detached("sqlalchemy.engine.CursorResult", name)
    conn = engine.connect()
    value = getattr(conn.execute(import_or_skip("sqlalchemy", "sqlalchemy").text(SELECT)), name)()
    conn.close()
    assert value == expected
