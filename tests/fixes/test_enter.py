"""A context manager is entered around all that needs its connection, or left alone with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from pairs import ALONE, Pair, ensure_mended, pairs, reasons

HEAD = """\
from contextlib import asynccontextmanager

from psycopg_pool import AsyncConnectionPool, ConnectionPool

pool = ConnectionPool("dbname=shop")
apool = AsyncConnectionPool("dbname=shop")


"""


@pytest.mark.parametrize("pair", list(pairs("context-manager-never-entered")), ids=lambda pair: pair.name)
def test_the_manager_is_entered(pair: Pair, tmp_path: Path) -> None:
    ensure_mended(pair, "PB113", tmp_path)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("    conn = pool.connection()\n    return conn.cursor()", "what it returns still needs the connection"),
        ("    return pool.connection().cursor()", "what it returns still needs the connection"),
        (
            "    conn = pool.connection()\n    conn.execute('x')\n    return conn",
            "what it returns still needs the connection",
        ),
        ("    conn = pool.connection()\n    conn.execute('x')\n    conn = 3", "`conn` is bound more than once"),
        (
            "    if x:\n        conn = pool.connection()\n        conn.execute('x')\n    conn.execute('y')",
            "`conn` is used outside of the block that makes it",
        ),
        (
            "    conn = apool.connection()\n    conn.execute('x')",
            "it has to be entered with `async with`, and the function is not async",
        ),
        (
            "    conn = pool.connection()\n    conn.execute('x')\n    x.append(lambda: conn.execute('y'))",
            "what needs the connection is kept for later",
        ),
        (
            "    conn = pool.connection()\n    conn.execute('x')\n    x.conn = conn",
            "what needs the connection is kept for later",
        ),
        (
            "    rows = pool.connection(\n        timeout=5\n    ).execute('x').fetchall()\n    return rows",
            "the call that makes it spans several rows",
        ),
    ],
)  # fmt: skip
def test_it_is_left_alone_where_it_escapes(body: str, reason: str, tmp_path: Path) -> None:
    assert reasons("PB113", {ALONE: f"{HEAD}def work(x):\n{body}\n"}, tmp_path) == [reason]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param("conn.cursor()", "what it returns still needs the connection", id="a cursor"),
        pytest.param("(r for r in conn.execute('x'))", "what it returns still needs the connection", id="it reads on"),
        pytest.param("conn.execute('x').fetchall()", "", id="rows that are read"),
    ],
)
def test_what_a_function_makes_with_it_may_need_it(made: str, expected: str, tmp_path: Path) -> None:
    work = "def work():\n    conn = pool.connection()\n    conn.execute('z')\n    return answer(conn)\n"
    text = f"{HEAD}def answer(conn):\n    return {made}\n\n\n{work}"
    assert reasons("PB113", {ALONE: text}, tmp_path) == [expected]
