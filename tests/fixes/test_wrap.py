"""What the fixes that put a connection into a `try` promise, one example each."""

from __future__ import annotations

from pathlib import Path

import pytest
from mending import Mender

from putback.model.fix import Applicability

HEADER = """\
import psycopg2.pool
from shop.tools import work

pool = psycopg2.pool.ThreadedConnectionPool(1, 5, "dbname=shop")


"""
FINALLY = """\
def load():
    conn = pool.getconn()
    try:
        conn.cursor().execute("SELECT 1")
        pool.putconn(conn)
    finally:
        {call}
"""
ELSE = """\
def load():
    conn = pool.getconn()
    try:
        conn.cursor().execute("SELECT 1")
        pool.putconn(conn)
    except ValueError:
        raise
    else:
        {call}
"""


@pytest.mark.parametrize("shape", [FINALLY, ELSE], ids=["finally", "else"])
@pytest.mark.parametrize(("call", "expected"), [("work()", Applicability.UNSAFE), ("print(1)", Applicability.SAFE)])
def test_a_release_that_moves_behind_other_work_is_unsafe(
    shape: str, call: str, expected: Applicability, tmp_path: Path
) -> None:
    (found,) = Mender(str(tmp_path)).findings(HEADER + shape.format(call=call))
    assert found.fix is not None
    assert found.fix.applicability is expected


def test_a_definition_behind_try_has_an_empty_row_before_it(tmp_path: Path) -> None:
    body = """\
def load():
    conn = pool.getconn()

    def one(query):
        return conn.cursor().execute(query)

    one("SELECT 1")
    pool.putconn(conn)
"""
    fixed = Mender(str(tmp_path)).mended(HEADER + body)
    assert "    try:\n\n        def one(query):\n" in fixed


def test_two_empty_rows_at_the_margin_become_one_below_it(tmp_path: Path) -> None:
    body = """\
conn = pool.getconn()
for item in work():
    conn.cursor().execute(item)


conn.commit()
pool.putconn(conn)
"""
    fixed = Mender(str(tmp_path)).mended(HEADER + body)
    assert "        conn.cursor().execute(item)\n\n    conn.commit()\n" in fixed


def test_the_remark_of_a_release_stays_when_another_form_of_it_is_kept(tmp_path: Path) -> None:
    body = """\
def load():
    conn = pool.getconn()
    try:
        work()
    except Exception:
        try:
            pool.putconn(conn)
        except Exception:
            pass
        raise
    pool.putconn(conn)  # it was only lent
"""
    assert "# it was only lent" in Mender(str(tmp_path)).mended(HEADER + body)


def test_no_second_empty_row_stays_where_a_release_was(tmp_path: Path) -> None:
    body = """\
def load(query):
    conn = pool.getconn()
    rows = conn.cursor().execute(query)

    pool.putconn(conn)

    return len("done")
"""
    assert "\n\n\n" not in Mender(str(tmp_path)).mended(HEADER + body).partition("def load")[2]
