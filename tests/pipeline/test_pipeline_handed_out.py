"""A function of the project that hands a connection out is run by `verify`; what it hands out is what it has then."""

from __future__ import annotations

from pathlib import Path

import handing
import pytest

from putback.verify.verdict import Proof, Verdict

SHOP = """\
import psycopg2.pool
import sqlite3

pool = psycopg2.pool.ThreadedConnectionPool(1, 5, "dbname=shop")


def plain():
    return pool.getconn()


def deeper():
    return plain()


def configured():
    conn = pool.getconn()
    conn.cursor().execute("SET search_path TO shop")
    return conn


async def later():
    return pool.getconn()


class Store:
    def own(self):
        if self.conn is not None:
            return self.conn
        return sqlite3.connect("shop.db")

    def own_or_not(self):
        if self.conn is not None:
            return self.conn, False
        return sqlite3.connect("shop.db"), True


store = Store()


{function}
"""
LEAKING = """\
def write(rows):
    conn = {taken}
    conn.cursor().execute("INSERT INTO orders VALUES (%s)", rows)
    pool.putconn(conn)
"""
GUARDED = """\
def write(rows):
    conn = {taken}
    try:
        conn.cursor().execute("INSERT INTO orders VALUES (%s)", rows)
    finally:
        pool.putconn(conn)
"""


def proved(before: str, after: str, acquire: str, root: Path) -> Proof:
    """What is said of a fix of the connection that `acquire` hands out."""
    before, after = (SHOP.replace("{function}", each) for each in (before, after))
    return handing.proved(before, after, acquire, root)


@pytest.mark.parametrize("maker", ["plain", "deeper"])
def test_what_it_hands_out_is_followed_without_an_assumption(maker: str, tmp_path: Path) -> None:
    proof = proved(LEAKING.format(taken=f"{maker}()"), GUARDED.format(taken=f"{maker}()"), maker, tmp_path)
    assert proof.verdict is Verdict.PROVED, proof.reason
    assert proof.given == ()


def test_a_coroutine_hands_out_when_it_is_awaited(tmp_path: Path) -> None:
    before, after = (f"async {each.format(taken='await later()')}" for each in (LEAKING, GUARDED))
    proof = proved(before, after, "later", tmp_path)
    assert proof.verdict is Verdict.PROVED, proof.reason
    assert proof.given == ()


def test_what_it_loses_by_its_own_failure_is_its_own_affair(tmp_path: Path) -> None:
    proof = proved(
        LEAKING.format(taken="configured()"), GUARDED.format(taken="configured()"), "configured", tmp_path
    )
    assert proof.verdict is Verdict.PROVED, proof.reason
    assert "not part of this fix: leak, if `configured()` fails" in proof.reason


FLAGGED = """\
def write(rows):
    conn, is_own = store.own_or_not()
    {rows}
        conn.close()
"""
ASKING = "conn.execute('INSERT INTO orders VALUES (?)', rows)\n    if is_own:"
PROTECTED = """\
try:
        conn.execute('INSERT INTO orders VALUES (?)', rows)
    finally:
        if is_own:
            conn.close()
"""


def test_a_connection_of_others_may_not_be_closed(tmp_path: Path) -> None:
    before = FLAGGED.format(rows=ASKING)
    closing = before.replace("conn.execute", "try:\n        conn.execute").replace("if is_own:", "finally:")
    proof = proved(before, closing, "store.own_or_not", tmp_path)
    assert proof.verdict is Verdict.REJECTED
    assert "the caller's connection released" in proof.reason


def test_the_flag_beside_it_is_what_the_function_says(tmp_path: Path) -> None:
    before = FLAGGED.format(rows=ASKING)
    after = f"def write(rows):\n    conn, is_own = store.own_or_not()\n    {PROTECTED}"
    proof = proved(before, after, "store.own_or_not", tmp_path)
    assert proof.verdict is Verdict.PROVED, proof.reason


def test_who_closes_it_anyway_may_close_it_on_an_error(tmp_path: Path) -> None:
    before = LEAKING.format(taken="store.own()").replace("pool.putconn(conn)", "conn.close()")
    after = GUARDED.format(taken="store.own()").replace("pool.putconn(conn)", "conn.close()")
    assert proved(before, after, "store.own", tmp_path).verdict is Verdict.PROVED
