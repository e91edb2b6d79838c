"""The functions of the project that a connection is handed to are run by `verify`; nothing is believed of them."""

from __future__ import annotations

from pathlib import Path

import handing
import pytest

from putback.verify.verdict import Proof, Verdict

SHOP = """\
import logging

import psycopg2.pool

pool = psycopg2.pool.ThreadedConnectionPool(1, 5, "dbname=shop")
log = logging.getLogger(__name__)


def give_back(conn):
    log.debug("given back")
    pool.putconn(conn)


def finish(conn):
    conn.commit()
    pool.putconn(conn)


def give(conn, really=False):
    if really:
        pool.putconn(conn)


def tell(conn, send):
    send("given back")
    pool.putconn(conn)


def further(conn, left):
    if left:
        further(conn, left - 1)
    else:
        pool.putconn(conn)


async def later(conn):
    pool.putconn(conn)


class Store:
    def release(self, conn):
        self.out -= 1
        pool.putconn(conn)

    @staticmethod
    def plainly(conn):
        pool.putconn(conn)


store = Store()


def again(function):
    return function


@again
def taken():
    return pool.getconn()


{function}
"""
LEAKING = """\
def write(rows, send):
    conn = pool.getconn()
    for row in rows:
        conn.cursor().execute("INSERT INTO orders VALUES (%s)", row)
    {released}
"""
GUARDED = """\
def write(rows, send):
    conn = pool.getconn()
    try:
        for row in rows:
            conn.cursor().execute("INSERT INTO orders VALUES (%s)", row)
    finally:
        {released}
"""


def proved(before: str, after: str, root: Path) -> Proof:
    """What is said of a fix."""
    before, after = (SHOP.replace("{function}", each) for each in (before, after))
    return handing.proved(before, after, "pool.getconn", root)


RIGHT = [
    "give_back(conn)",
    "give(conn, True)",
    "give(conn, really=True)",
    "further(conn, 10)",
    "store.release(conn)",
    "Store.plainly(conn)",
]


@pytest.mark.parametrize("released", RIGHT)
def test_a_release_through_functions_of_the_project_is_proved(released: str, tmp_path: Path) -> None:
    proof = proved(LEAKING.format(released=released), GUARDED.format(released=released), tmp_path)
    assert proof.verdict is Verdict.PROVED, proof.reason
    assert proof.given == ()


def test_a_fix_may_do_itself_what_a_function_of_the_project_does(tmp_path: Path) -> None:
    fixed = GUARDED.format(released="pool.putconn(conn)")
    assert proved(LEAKING.format(released="further(conn, 10)"), fixed, tmp_path).verdict is Verdict.PROVED


@pytest.mark.parametrize(
    ("released", "why"),
    [
        ("finish(conn)", "commit"),
        ("give(conn)", "leak"),
        ("tell(conn, send)", "send"),
        ("conn.close()", "pooled connection closed"),
        ("store.release(conn)", "store.out -= 1"),
        ("further(conn, 10)\n        pool.putconn(conn)", "released twice"),
    ],
)
def test_a_wrong_fix_shows_when_they_run(released: str, why: str, tmp_path: Path) -> None:
    before = {"finish(conn)": "finish(conn)", "give(conn)": "give(conn)", "tell(conn, send)": "tell(conn, send)"}
    was = before.get(released, "further(conn, 10)")
    proof = proved(LEAKING.format(released=was), GUARDED.format(released=released), tmp_path)
    assert proof.verdict is Verdict.REJECTED
    assert why in proof.reason


def test_what_a_release_loses_by_its_own_failure_is_its_own_affair(tmp_path: Path) -> None:
    fixed = """\
def write(rows, send):
    conn = pool.getconn()
    try:
        for row in rows:
            conn.cursor().execute("INSERT INTO orders VALUES (%s)", row)
    except BaseException:
        pool.putconn(conn)
        raise
    finish(conn)
"""
    proof = proved(LEAKING.format(released="finish(conn)"), fixed, tmp_path)
    assert proof.verdict is Verdict.PROVED
    assert "not part of this fix: leak" in proof.reason


def test_a_check_that_is_left_outside_is_not(tmp_path: Path) -> None:
    """What fails in a function that only uses the connection is what the fix is there for."""
    looks = "def look(conn):\n    conn.cursor().execute('SELECT 1')\n\n\n"
    checked = looks + LEAKING.replace("    for", "    look(conn)\n    for", 1)
    outside = looks + GUARDED.replace("    try", "    look(conn)\n    try", 1)
    proof = proved(checked.format(released="give_back(conn)"), outside.format(released="give_back(conn)"), tmp_path)
    assert proof.verdict is Verdict.REJECTED


def test_a_coroutine_is_run_where_it_is_awaited(tmp_path: Path) -> None:
    before = LEAKING.format(released="await later(conn)").replace("def write", "async def write")
    after = GUARDED.format(released="await later(conn)").replace("def write", "async def write")
    assert proved(before, after, tmp_path).verdict is Verdict.PROVED


def test_what_is_not_run_is_named(tmp_path: Path) -> None:
    before, after = (each.replace("pool.getconn()", "taken()") for each in (LEAKING, GUARDED))
    proof = proved(before.format(released="give_back(conn)"), after.format(released="give_back(conn)"), tmp_path)
    assert proof.given == ("taken",)
