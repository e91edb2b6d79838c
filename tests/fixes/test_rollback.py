"""Where a rollback is written into a handler, and how: its own failure must not replace the handler's answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from mending import Mender, with_fix

HEAD = """\
{imports}


def store(connect, rows, flag=None):
"""
LOOP = """\
    conn = psycopg2.connect("dbname=shop")
    try:
        for row in rows:
            try:
                conn.cursor().execute("INSERT INTO t VALUES (%s)", row)
                conn.commit()
            except psycopg2.Error:
{handler}
                print("not stored")
    finally:
        conn.close()
"""


def rolled_back(text: str, folder: Path) -> str:
    """A text with the fix of its missing rollback; the reason where there is none."""
    found = next(f for f in Mender(str(folder)).findings(text) if f.code == "PB201")
    return with_fix(text, found) if found.fix is not None else found.no_fix_reason


@pytest.mark.parametrize(
    ("imports", "added", "suppressed"),
    [
        ("import psycopg2", "from contextlib import suppress\n", "suppress(psycopg2.Error)"),
        ("import contextlib\n\nimport psycopg2", "", "contextlib.suppress(psycopg2.Error)"),
        ("from contextlib import closing, suppress\n\nimport psycopg2", "", "suppress(psycopg2.Error)"),
    ],
)
def test_what_a_lost_connection_raises_is_suppressed(imports: str, added: str, suppressed: str, tmp_path: Path) -> None:
    text = HEAD.format(imports=imports) + LOOP.format(handler="").replace("\n\n  ", "\n  ")
    after = rolled_back(text, tmp_path)
    assert LOOP.format(handler=f"                with {suppressed}:\n                    conn.rollback()") in after
    assert added in after


def test_the_driver_under_another_name(tmp_path: Path) -> None:
    text = HEAD.format(imports="import psycopg2 as pg") + LOOP.format(handler="").replace("psycopg2", "pg")
    assert "with suppress(pg.Error):" in rolled_back(text.replace("\n\n  ", "\n  "), tmp_path)


def test_sqlite3_has_no_server_to_lose(tmp_path: Path) -> None:
    body = LOOP.format(handler="").replace("\n\n  ", "\n  ").replace("psycopg2", "sqlite3")
    body = body.replace("conn.commit()", 'conn.execute("INSERT INTO u VALUES (1)")\n                conn.commit()')
    after = rolled_back(HEAD.format(imports="import sqlite3") + body, tmp_path)
    assert "            except sqlite3.Error:\n                conn.rollback()\n" in after


def test_the_name_is_bound_where_some_way_does_not_pass_the_acquire(tmp_path: Path) -> None:
    text = HEAD.format(imports="import psycopg2") + (
        "    if flag:\n"
        '        conn = psycopg2.connect("dbname=shop")\n'
        "    try:\n"
        '        conn.cursor().execute("INSERT INTO t VALUES (1)")\n'
        "    except psycopg2.Error:\n"
        '        print("not stored")\n'
        '    conn.cursor().execute("SELECT 1")\n'
        "    conn.close()\n"
    )
    after = rolled_back(text, tmp_path)
    assert "    conn = None\n    if flag:\n" in after
    assert (
        "        if conn is not None:\n            with suppress(psycopg2.Error):\n                conn.rollback()\n"
        in after
    )


def test_no_rollback_where_the_release_does_it(tmp_path: Path) -> None:
    text = HEAD.format(imports="import psycopg2") + (
        '    conn = psycopg2.connect("dbname=shop")\n'
        "    try:\n"
        '        conn.cursor().execute("INSERT INTO t VALUES (1)")\n'
        "        conn.commit()\n"
        "    except psycopg2.Error:\n"
        '        return "not stored"\n'
        "    finally:\n"
        "        conn.close()\n"
    )
    assert rolled_back(text, tmp_path) == "the release rolls back by itself"


OBJECT = """\
import psycopg2


class Store:
    def __init__(self):
        self.conn = psycopg2.connect("dbname=shop")

    def get_db_connection(self):
        {gives}

    def save(self, name):
        {takes}
        cur = {named}.cursor()
        try:
            cur.execute("INSERT INTO t VALUES (%s)", (name,))
            cur.execute("INSERT INTO u VALUES (%s)", (name,))
            self.conn.commit()
        except psycopg2.Error:
            return False
        return True
"""


@pytest.mark.parametrize(
    ("gives", "takes", "named"),
    [
        ("return self.conn", "conn = self.get_db_connection()", "conn"),
        ('return psycopg2.connect("x")', "conn = self.get_db_connection() if name else self.conn", "conn"),
        ("return self.conn", "pass", "self.conn"),
    ],
)
def test_it_rolls_back_what_the_function_has(gives: str, takes: str, named: str, tmp_path: Path) -> None:
    """By the name that it works with, and not by an attribute that may be another connection."""
    after = rolled_back(OBJECT.format(gives=gives, takes=takes, named=named), tmp_path)
    assert f"            with suppress(psycopg2.Error):\n                {named}.rollback()\n" in after


def test_no_rollback_by_a_name_that_has_another_connection_too(tmp_path: Path) -> None:
    takes = "conn = self.get_db_connection()\n        if name:\n            conn = self.conn"
    text = OBJECT.format(gives="return psycopg2.connect(name)", takes=takes, named="conn")
    assert rolled_back(text, tmp_path) == "`conn` is bound more than once"
