"""How generated code uses each library."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one library is used: the imports and globals of a module, the acquire, the release, its error class.

    `name` is the variable of the connection; `fetch` reads with the connection itself, `has_cursor` tells whether
    cursors are used; `commit` is "" where there is nothing to commit.
    """

    title: str
    imports: str
    name: str
    acquire: str
    release: str
    error: str
    execute: str = "{name}.execute({query})"
    fetch: str = "{name}.execute({query}).fetchall()"
    has_cursor: bool = True
    commit: str = "{name}.commit()"
    wrong: str = ""
    is_async: bool = False


_PSYCOPG2 = """\
import psycopg2
import psycopg2.pool

pool = psycopg2.pool.ThreadedConnectionPool(1, 5, "dbname=shop")
"""
_WRAPPED = (
    _PSYCOPG2
    + """

def get_db_connection():
    return pool.getconn()


def release_db_connection(conn):
    pool.putconn(conn)

"""
)
DIALECTS = (
    Dialect(
        "psycopg2 pool",
        _PSYCOPG2,
        "conn",
        "pool.getconn()",
        "pool.putconn(conn)",
        "psycopg2.Error",
        execute="{name}.cursor().execute({query})",
        fetch="{name}.cursor().fetchall({query})",
        wrong="conn.close()",
    ),
    Dialect(
        "wrapped pool",
        _WRAPPED,
        "connection",
        "get_db_connection()",
        "release_db_connection(connection)",
        "psycopg2.Error",
        execute="{name}.cursor().execute({query})",
        fetch="{name}.cursor().fetchall({query})",
    ),
    Dialect("sqlite3", "import sqlite3\n", "db", 'sqlite3.connect("shop.db")', "db.close()", "sqlite3.Error"),
    Dialect(
        "asyncpg pool",
        "import asyncpg\n\npool: asyncpg.Pool = asyncpg.create_pool(dsn='shop')\n",
        "conn",
        "await pool.acquire()",
        "await pool.release(conn)",
        "asyncpg.PostgresError",
        execute="await {name}.execute({query})",
        fetch="await {name}.fetch({query})",
        has_cursor=False,
        commit="",
        is_async=True,
    ),
    Dialect(
        "SQLAlchemy session",
        "from sqlalchemy import create_engine\nfrom sqlalchemy.exc import SQLAlchemyError\n"
        "from sqlalchemy.orm import sessionmaker\n\nengine = create_engine('postgresql://shop', pool_pre_ping=True)\n"
        "SessionLocal = sessionmaker(bind=engine)\n",
        "session",
        "SessionLocal()",
        "session.close()",
        "SQLAlchemyError",
        has_cursor=False,
    ),
)
