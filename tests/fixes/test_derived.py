"""What a function returns is read after its fix, on a real database: it must be what it was before."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mending import Mender, with_fix

HEAD = """\
import csv
import functools
import itertools
import json
import sqlite3


class Reader:
    def __init__(self, conn):
        self.conn = conn

    def names(self):
        return [row[0] for row in self.conn.execute("SELECT name FROM t")]

    def rows(self):
        return self.conn.execute("SELECT name FROM t")


def texts(cur):
    return map(str, cur)


def read(path):
    conn = sqlite3.connect(path)
"""

BODIES = (
    "    return conn.iterdump()",
    "    return conn.execute('SELECT name FROM t').fetchone",
    "    return iter(conn.execute('SELECT name FROM t').fetchone, None)",
    "    return map(str, conn.execute('SELECT name FROM t'))",
    "    return (row[0] for row in conn.execute('SELECT name FROM t'))",
    "    return itertools.chain(conn.execute('SELECT name FROM t'), [1])",
    "    return csv.reader(row[0] for row in conn.execute('SELECT name FROM t'))",
    "    return functools.partial(conn.execute, 'SELECT name FROM t')",
    "    cur = conn.cursor()\n    return lambda: cur.execute('SELECT name FROM t')",
    "    return [conn.execute('SELECT name FROM t')]",
    "    return {'rows': texts(conn.execute('SELECT name FROM t'))}['rows']",
    "    reader = Reader(conn)\n    return reader.rows()",
    "    found = []\n    found.append(conn.execute('SELECT name FROM t'))\n    return found",
    "    yield from conn.execute('SELECT name FROM t')",
)

READ = (
    "    cur = conn.execute('SELECT name FROM t')\n    rows = cur.fetchall()\n    return rows",
    "    return list(map(str, conn.execute('SELECT name FROM t')))",
    "    return [list(row) for row in conn.execute('SELECT name FROM t')]",
    "    return conn.execute('SELECT name FROM t').fetchone()[0]",
    "    return json.dumps(conn.execute('SELECT name FROM t').fetchall())",
    "    return (row[0] for row in conn.execute('SELECT name FROM t').fetchall())",
    "    return list(texts(conn.execute('SELECT name FROM t')))",
    "    reader = Reader(conn)\n    return reader.names()",
    "    found = []\n    found.extend(conn.execute('SELECT name FROM t'))\n    return found",
    "    return conn.execute('SELECT name FROM t').description",
    "    return conn.total_changes",
    "    yield from conn.execute('SELECT name FROM t')",
)


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = str(tmp_path / "shop.db")
    conn = sqlite3.connect(path)
    conn.executescript("CREATE TABLE t (name TEXT); INSERT INTO t VALUES ('one'), ('two');")
    conn.close()
    return path


def fixed(body: str, folder: Path) -> tuple[str, str]:
    """The text, and what its fixes make of it, the unsafe ones as well."""
    text = f"{HEAD}{body}\n"
    after = text
    while (found := next((f for f in Mender(str(folder)).findings(after) if f.fix is not None), None)) is not None:
        after = with_fix(after, found)
    return text, after


def answer(text: str, path: str) -> Any:
    names: dict[str, Any] = {}
    exec(compile(text, "read.py", "exec"), names)
    read: Callable[[str], Any] = names["read"]
    return drained(read(path))


def drained(value: Any) -> Any:
    """What somebody gets who reads all of it."""
    if callable(value):
        return drained(value())
    if isinstance(value, list):
        return [drained(each) for each in value]
    return list(value) if isinstance(value, Iterator) else value


@pytest.mark.parametrize("body", [*BODIES, *READ])
def test_what_is_returned_can_be_read(body: str, database: str, tmp_path: Path) -> None:
    before, after = fixed(body, tmp_path)
    assert answer(after, database) == answer(before, database)


@pytest.mark.parametrize("body", READ)
def test_what_was_read_is_given_back(body: str, tmp_path: Path) -> None:
    assert "finally:\n        conn.close()" in fixed(body, tmp_path)[1]
