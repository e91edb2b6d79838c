"""`fix-style = "with"`: a plain connection is held in `with closing(...)` where its own `with` does not close it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from putback.model.config import Config, FixStyle
from putback.model.report import StdinFile
from putback.pipeline.fix import fix

LITE = """\
import sqlite3
from contextlib import closing


def load(path):
    conn = sqlite3.connect(path)
    conn.row_factory = sqlite3.Row
    rows = conn.execute("SELECT 1").fetchall()
    conn.close()
    return rows
"""
LITE_AFTER = """\
import sqlite3
from contextlib import closing


def load(path):
    with closing(sqlite3.connect(path)) as conn:
        conn.row_factory = sqlite3.Row
        rows = conn.execute("SELECT 1").fetchall()
    return rows
"""
POSTGRES = """\
import contextlib

import psycopg2


def store(sql):
    conn = psycopg2.connect("dbname=shop")
    with conn.cursor() as cur:
        cur.execute(sql)
    conn.commit()
    conn.close()
"""
POSTGRES_AFTER = """\
import contextlib

import psycopg2


def store(sql):
    with contextlib.closing(psycopg2.connect("dbname=shop")) as conn:
        with conn.cursor() as cur:
            cur.execute(sql)
        conn.commit()
"""
POOLED = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 5, "dbname=shop")


def store(sql):
    conn = pool.getconn()
    conn.cursor().execute(sql)
    pool.putconn(conn)
"""
POOLED_AFTER = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 5, "dbname=shop")


def store(sql):
    conn = pool.getconn()
    try:
        conn.cursor().execute(sql)
    finally:
        pool.putconn(conn)
"""


@pytest.mark.parametrize(("before", "after"), [(LITE, LITE_AFTER), (POSTGRES, POSTGRES_AFTER), (POOLED, POOLED_AFTER)])
def test_closing(before: str, after: str, tmp_path: Path) -> None:
    config = replace(Config(root=str(tmp_path)), fix_style=FixStyle.WITH)
    run = fix([], config, stdin=StdinFile(str(tmp_path / "example.py"), before.encode()))
    assert run.changes[0].after.decode() == after
