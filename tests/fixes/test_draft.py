"""What becomes of comments when statements of a function move or go."""

from __future__ import annotations

from pathlib import Path

import pytest

from putback.model.config import Config, FixStyle
from putback.model.report import StdinFile
from putback.pipeline.fix import fix

BEHIND_THE_ACQUIRE = """\
import sqlite3
from contextlib import closing


def load(path):
    # read it
    conn = sqlite3.connect(path)  # the shop
    rows = conn.execute("SELECT 1").fetchall()
    conn.close()
    return rows
"""
BEHIND_THE_ACQUIRE_AFTER = """\
import sqlite3
from contextlib import closing


def load(path):
    # read it
    with closing(sqlite3.connect(path)) as conn:  # the shop
        rows = conn.execute("SELECT 1").fetchall()
    return rows
"""
IN_A_BRANCH = """\
import sqlite3


def store(path, sql):
    conn = sqlite3.connect(path)
    if sql:
        conn.execute(sql)
        conn.close()
    else:
        conn.close()  # nothing to do
"""
IN_A_BRANCH_AFTER = """\
import sqlite3


def store(path, sql):
    conn = sqlite3.connect(path)
    try:
        if sql:
            conn.execute(sql)
        # nothing to do
    finally:
        conn.close()
"""

OF_A_WRONG_CLOSE = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def store(sql, log):
    conn = pool.getconn()
    conn.cursor().execute(sql)
    # nothing is open behind this
    conn.close()  # closes it
    # told at last
    log.info("stored")
"""
OF_A_WRONG_CLOSE_AFTER = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def store(sql, log):
    conn = pool.getconn()
    try:
        conn.cursor().execute(sql)
    finally:
        # nothing is open behind this
        pool.putconn(conn)
    # told at last
    log.info("stored")
"""


@pytest.mark.parametrize(
    ("before", "after", "style"),
    [
        (BEHIND_THE_ACQUIRE, BEHIND_THE_ACQUIRE_AFTER, FixStyle.WITH),
        (IN_A_BRANCH, IN_A_BRANCH_AFTER, FixStyle.TRY_FINALLY),
    ],
    ids=["behind the acquire", "in a branch that goes"],
)
def test_no_comment_is_lost(before: str, after: str, style: FixStyle, tmp_path: Path) -> None:
    config = Config(root=str(tmp_path), fix_style=style)
    (change,) = fix([], config, stdin=StdinFile(str(tmp_path / "code.py"), before.encode())).changes
    assert change.after.decode() == after


def test_what_was_said_beside_a_wrong_close_goes_with_it(tmp_path: Path) -> None:
    config = Config(root=str(tmp_path))
    (change,) = fix([], config, stdin=StdinFile(str(tmp_path / "code.py"), OF_A_WRONG_CLOSE.encode())).changes
    assert change.after.decode() == OF_A_WRONG_CLOSE_AFTER


UNREACHED = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def store(sql, log):
    conn = pool.getconn()
    conn.cursor().execute(sql)
    with log:
        return sql
    conn.commit()
    pool.putconn(conn)  # never
"""


def test_what_is_said_beside_a_release_that_nothing_reaches_stays(tmp_path: Path) -> None:
    config = Config(root=str(tmp_path))
    (change,) = fix([], config, stdin=StdinFile(str(tmp_path / "code.py"), UNREACHED.encode())).changes
    assert change.after.decode().count("pool.putconn(conn)") == 1
    assert "# never" in change.after.decode()


HEAD = "import sqlite3\n\n\ndef store(path, some):\n    conn = sqlite3.connect(path)\n    \n"
BLANK = (
    f"{HEAD}    conn.execute('a')\n    \n\n    if some:\n        conn.execute(\n            'b',\n            \n"
    "        )\n        \n  \n        conn.execute('c')\n    conn.close()\n"
)
BLANK_AFTER = (
    f"{HEAD}    try:\n        conn.execute('a')\n        \n\n        if some:\n            conn.execute(\n"
    "                'b',\n                \n            )\n            \n  \n            conn.execute('c')\n"
    "    finally:\n        conn.close()\n"
)


def test_rows_of_white_space_move_with_their_block_and_empty_ones_stay_empty(tmp_path: Path) -> None:
    config = Config(root=str(tmp_path))
    (change,) = fix([], config, stdin=StdinFile(str(tmp_path / "code.py"), BLANK.encode())).changes
    assert change.after.decode() == BLANK_AFTER
