"""The database module: one pool however many threads begin, and every connection given back on every path."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from libraries import import_or_skip

from putback.pool import PoolError, SettingsError, recipe
from putback.pool.recipe import Database

SOURCES = Path(__file__).parents[2] / "src"


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database(environ={"DB_POOL_MIN_CONNECTIONS": "1", "DB_POOL_MAX_CONNECTIONS": "2"})
    database.execute_write("create table users (id int, name text)")
    database.execute_write("insert into users values (?, ?)", (1, "Ada"))
    yield database
    database.close_connection_pool()


def test_the_pool_is_built_once_also_when_many_threads_begin_together() -> None:
    opened: list[int] = []

    def connect() -> sqlite3.Connection:
        opened.append(1)
        return sqlite3.connect(":memory:", check_same_thread=False)

    database = Database(connect, environ={"DB_POOL_MIN_CONNECTIONS": "1"})
    start = threading.Barrier(16)
    pools = []

    def begin() -> None:
        start.wait()
        pools.append(database.get_connection_pool())

    threads = [threading.Thread(target=begin) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(pool) for pool in pools}) == len(opened) == 1
    database.close_connection_pool()


def test_queries_give_rows_as_dictionaries(database: Database) -> None:
    assert database.execute_query("select id, name from users") == [{"id": 1, "name": "Ada"}]
    assert database.execute_query_one("select name from users where id = ?", (1,)) == {"name": "Ada"}
    assert database.execute_query_one("select name from users where id = ?", (2,)) is None


def test_writes_are_committed_and_counted(database: Database) -> None:
    assert database.execute_write("update users set name = ?", ("Grace",)) == 1
    assert database.execute_query("insert into users values (2, 'Alan')", fetch=False) is None
    assert database.execute_query_one("select count(*) as n from users") == {"n": 2}


@pytest.mark.parametrize("sql", ["select * from nowhere", "select 1 where ?"])
def test_a_failed_statement_gives_the_connection_back(database: Database, sql: str) -> None:
    for call in (database.execute_query, database.execute_query_one, database.execute_write):
        with pytest.raises(sqlite3.Error):
            call(sql)
    assert database.get_connection_pool().stats().in_use == 0


def test_what_a_failed_write_did_is_undone(database: Database) -> None:
    conn = database.get_db_connection()
    try:
        conn.execute("delete from users")
    finally:
        database.release_db_connection(conn)
    assert database.execute_query_one("select count(*) as n from users") == {"n": 1}


def test_an_exhausted_pool_is_an_error(database: Database) -> None:
    held = [database.get_db_connection() for _ in range(2)]
    with pytest.raises(PoolError, match="connection pool exhausted"):
        database.execute_query("select 1")
    for conn in held:
        database.release_db_connection(conn)
    with pytest.raises(PoolError, match="unkeyed"):
        database.release_db_connection(held[0])


def test_after_closing_a_new_pool_is_built() -> None:
    database = Database()
    first = database.get_connection_pool()
    database.close_connection_pool()
    database.close_connection_pool()
    assert first.closed
    assert database.get_connection_pool() is not first
    database.close_connection_pool()


def test_wrong_settings_are_said_at_the_first_use() -> None:
    with pytest.raises(SettingsError, match="DB_POOL_MAX_CONNECTIONS is 'x'"):
        Database(environ={"DB_POOL_MAX_CONNECTIONS": "x"}).get_connection_pool()


def test_the_module_itself(tmp_path: Path) -> None:
    recipe.configure(sqlite3.connect, tmp_path / "shop.db", check_same_thread=False)
    recipe.execute_write("create table item (n int)")
    assert recipe.execute_write("insert into item values (?)", (7,)) == 1
    assert recipe.execute_query("select n from item") == [{"n": 7}]
    assert recipe.execute_query_one("select n from item") == {"n": 7}
    conn = recipe.get_db_connection()
    recipe.release_db_connection(conn)
    assert recipe.get_connection_pool().stats().in_use == 0
    recipe.close_connection_pool()


def test_the_pool_is_closed_when_the_process_ends() -> None:
    program = """
from putback.pool import recipe
recipe.execute_query("select 1")
pool = recipe.get_connection_pool()
import atexit
class Last:
    def __del__(self): print("closed:", pool.closed)
last = Last()
"""
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "closed: True\n"


def test_on_a_real_server_with_dictionary_rows(postgres_dsn: str) -> None:
    psycopg2 = import_or_skip("psycopg2", "psycopg2")
    extras: Any = import_or_skip("psycopg2.extras", "psycopg2")
    for options in ({}, {"cursor_factory": extras.RealDictCursor}):
        database = Database(lambda options=options: psycopg2.connect(postgres_dsn, **options))  # type: ignore[misc]
        assert database.execute_query("select n from item where n = %s", (1,)) == []
        assert database.execute_query_one("select 1 as one") == {"one": 1}
        database.close_connection_pool()


def test_five_queries_at_once_share_two_connections(postgres_dsn: str) -> None:
    psycopg2 = import_or_skip("psycopg2", "psycopg2")
    environ = {"DB_POOL_MIN_CONNECTIONS": "2", "DB_POOL_MAX_CONNECTIONS": "2", "DB_POOL_TIMEOUT": "60"}
    database = Database(lambda: psycopg2.connect(postgres_dsn), environ)
    start = threading.Barrier(5)
    found = []

    def ask() -> None:
        start.wait()
        found.append(database.execute_query_one("select count(*) as n from generate_series(1, 7)"))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stats = database.get_connection_pool().stats()
    assert found == [{"n": 7}] * 5
    assert (stats.available, stats.in_use, stats.total) == (2, 0, 2)
    database.close_connection_pool()
