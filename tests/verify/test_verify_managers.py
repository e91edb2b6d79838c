"""Context managers of a project that are given a connection: what they do to it, they do when they are left."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_verify_pairs import facts_of

from putback.pipeline.cases import version_of
from putback.verify import verify_here
from putback.verify.roles import Bounds, Case
from putback.verify.verdict import Proof, Verdict

MODULE = """
import contextlib
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


@contextlib.contextmanager
def giving(conn):
    try:
        yield conn
    finally:
        pool.putconn(conn)


@contextlib.asynccontextmanager
async def giving_late(conn):
    try:
        yield conn
    finally:
        pool.putconn(conn)


"""
USED = """
def f(shop):
    conn = pool.getconn()
    with giving(conn):
        conn.cursor().execute("select 1 from shops")
"""
LENT = USED.replace("giving(conn):", "giving(conn) as own:").replace("conn.cursor", "own.cursor")
LATE = USED.replace("with giving", "async with giving_late").replace("def f", "async def f")
NEVER_LEFT = """
def f(shop):
    conn = pool.getconn()
    giving(conn)
    conn.cursor().execute("select 1 from shops")
"""
AFTER = f"""{USED}    conn.cursor().execute("select 2 from shops")
"""


def _proof(function: str, folder: Path) -> Proof:
    facts = facts_of(folder / "shop.py", MODULE + function.lstrip(), "f")
    version = version_of(facts.analyzer, facts.unit)
    assert version is not None
    return verify_here(Case(version), Bounds(faults=0, seconds=60.0), lambda: 0.0)


@pytest.mark.parametrize("function", [USED, LENT, LATE], ids=["used", "lent", "late"])
def test_nothing_is_used_after_its_release(function: str, tmp_path: Path) -> None:
    assert _proof(function, tmp_path).verdict is Verdict.CLEAN


def test_what_is_never_entered_gives_nothing_back(tmp_path: Path) -> None:
    assert _proof(NEVER_LEFT, tmp_path).verdict is Verdict.LEAKS


def test_what_comes_behind_it_is_too_late(tmp_path: Path) -> None:
    found = _proof(AFTER, tmp_path)
    assert found.verdict is Verdict.BROKEN
    assert found.leak is not None and found.leak.broken == "used after release"
