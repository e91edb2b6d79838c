"""A fix does not make a release run where it did not run before, if it does more than give back: run on sqlite3."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_shapes import mended, text_after

_BEGIN = """import sqlite3


def finish(conn):
    conn.commit()
    conn.close()


def give(conn, error=None):
    if error is None:
        conn.commit()
    conn.close()


def save_and_close(conn):
    with conn:
        pass
    close(conn)


def close(conn):
    conn.close()


class Finishing:
    def __init__(self, conn):
        self.conn = conn

    def __enter__(self):
        return self.conn

    def __exit__(self, *error):
        self.conn.commit()
        self.conn.close()


def by_manager(conn):
    with Finishing(conn):
        pass


"""
_INSERT = 'conn.execute("INSERT INTO items VALUES (?)", (row,))'
_LOOP = f"""def load(path, rows):
    conn = sqlite3.connect(path)
    for row in rows:
        {_INSERT}
    %s(conn)
"""
_METHOD = f"""class Store:
    def done(self, conn):
        finish(conn)

    def load(self, path, rows):
        conn = sqlite3.connect(path)
        for row in rows:
            {_INSERT}
        self.done(conn)


def load(path, rows):
    Store().load(path, rows)
"""
_CLOSURE = f"""def load(path, rows):
    conn = sqlite3.connect(path)

    def done():
        conn.commit()
        conn.close()

    for row in rows:
        {_INSERT}
    done()
"""
_CAUGHT = f"""def load(path, rows):
    conn = sqlite3.connect(path)
    try:
        for row in rows:
            {_INSERT}
        finish(conn)
    except sqlite3.Error:
        print("not loaded")
"""
_LENT = f"""from contextlib import contextmanager


@contextmanager
def lent(path):
    conn = sqlite3.connect(path)
    yield conn
    finish(conn)


def load(path, rows):
    with lent(path) as conn:
        for row in rows:
            {_INSERT}
"""
_COMMITTED = f"""def load(path, rows):
    conn = sqlite3.connect(path)
    for row in rows:
        {_INSERT}
    conn.commit()
    close(conn)
"""
_CODES = {
    "function": _LOOP % "finish",
    "parameter": _LOOP % "give",
    "with": _LOOP % "save_and_close",
    "manager": _LOOP % "by_manager",
    "method": _METHOD,
    "closure": _CLOSURE,
    "caught": _CAUGHT,
    "lent": _LENT,
    "committed before": _COMMITTED,
}


@pytest.mark.parametrize("rows", [[1, 2, 3], [1, 2, object()]], ids=["all go in", "the third fails"])
@pytest.mark.parametrize("code", _CODES.values(), ids=_CODES)
def test_the_table_holds_what_it_held_without_the_fix(code: str, rows: list[object], tmp_path: Path) -> None:
    before = _BEGIN + code
    run = mended(before, tmp_path)
    assert [a.finding.code for a in run.applied], "there is nothing to compare"
    after = text_after(run, before)
    assert _table_after(after, rows, tmp_path / "after.db") == _table_after(before, rows, tmp_path / "before.db")


def test_an_early_return_commits_nothing(tmp_path: Path) -> None:
    code = f"""def load(path, row):
    conn = sqlite3.connect(path)
    {_INSERT}
    if row < 0:
        return
    finish(conn)
"""
    before = _BEGIN + code
    after = text_after(mended(before, tmp_path), before)
    assert _table_after(after, -1, tmp_path / "after.db") == []


def _table_after(text: str, rows: object, path: Path) -> list[tuple[Any, ...]]:
    """What is in the table when the code has run, with an error or without."""
    made = sqlite3.connect(path)
    made.execute("CREATE TABLE items (number)")
    made.close()
    names: dict[str, Any] = {}
    exec(compile(text, "example.py", "exec"), names)
    load: Callable[[str, object], None] = names["load"]
    try:
        load(str(path), rows)
    except sqlite3.Error as error:
        error.__traceback__ = None
    read = sqlite3.connect(path)
    try:
        return read.execute("SELECT number FROM items").fetchall()
    finally:
        read.close()
