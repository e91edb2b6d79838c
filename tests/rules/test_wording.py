"""What a finding advises is in scope where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from putback.pipeline.check import check

POOL = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def get_db_connection():
    return pool.getconn()
"""
GIVE = "\n\ndef release_db_connection(conn):\n    pool.putconn(conn)\n"
USE = "\n\ndef view():\n    conn = {}\n    conn.cursor().execute('x')\n"


@pytest.mark.parametrize(
    ("db", "use", "expected"),
    [
        (POOL + GIVE, "from db import get_db_connection, release_db_connection\n" + USE.format("get_db_connection()"),
         "release_db_connection(conn)"),
        (POOL + GIVE, "from db import get_db_connection\n" + USE.format("get_db_connection()"),
         "release_db_connection(conn)"),
        (POOL + GIVE, "import db\n" + USE.format("db.get_db_connection()"), "db.release_db_connection(conn)"),
        (POOL, "from db import get_db_connection\n" + USE.format("get_db_connection()"), "putconn(conn) of its pool"),
        ("", POOL + USE.format("get_db_connection()"), "pool.putconn(conn)"),
        ("", POOL + USE.format("pool.getconn()"), "pool.putconn(conn)"),
    ],
)  # fmt: skip
def test_the_release_is_named_as_it_can_be_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, db: str, use: str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "db.py").write_text(db)
    (tmp_path / "use.py").write_text(use)
    (found,) = check(["use.py"]).findings
    assert found.help == f"release it in a `finally`: {expected}"
    assert found.trace[-1].text.endswith(f"without {expected}")


ENGINE = """\
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import NullPool

engine = create_engine("postgresql://shop", pool_pre_ping=True{kept})
Factory = sessionmaker(bind=engine)


def view(sql):
    conn = {taken}
    conn.execute(sql)
    conn.close()
"""

MADE_LATER = """\
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import NullPool

engine = None
Factory = None


def start():
    global engine, Factory
    engine = create_engine("postgresql://shop", pool_pre_ping=True{kept})
    Factory = sessionmaker(bind=engine)


def view(sql):
    conn = {taken}
    conn.execute(sql)
    conn.close()
"""


@pytest.mark.parametrize("code", [ENGINE, MADE_LATER])
@pytest.mark.parametrize("taken", ["engine.connect()", "Factory()", "Session(engine)", "Session(bind=engine)"])
@pytest.mark.parametrize("kept, limited", [(", poolclass=NullPool", False), (", pool_size=3", True), ("", True)])
def test_the_limit_of_a_pool_is_said_only_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, taken: str, kept: str, limited: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "shop.py").write_text(code.format(taken=taken, kept=kept))
    (found,) = check(["shop.py"]).findings
    assert ("QueuePool limit" in found.message, "stays open until" in found.message) == (limited, not limited)


HANDLED = (
    POOL
    + """

def view(answer):
    conn = get_db_connection()
    try:
        conn.cursor().execute("x")
        pool.putconn(conn)
    except Exception as error:
        {handling}
"""
)


@pytest.mark.parametrize(
    ("handling", "text"),
    [
        ("return answer(str(error)), 500", "... the function ends here, and `conn` was not given back"),
        ("raise LookupError from error", "... the exception leaves the function here, and `conn` was not given back"),
    ],
)
def test_a_handler_that_answers_ends_the_function(
    handling: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "use.py").write_text(HANDLED.format(handling=handling))
    found = next(f for f in check(["use.py"]).findings if f.code == "PB102")
    last = found.trace[-1]
    assert (last.span.start.row, last.text) == (16, text)
