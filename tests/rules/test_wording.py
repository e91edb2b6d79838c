"""What a finding advises is in scope where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from putback.model.finding import Confidence
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
        (POOL, "from db import get_db_connection\n" + USE.format("get_db_connection()"),
         "putconn(conn) of its pool, `pool` of db.py"),
        (POOL.replace("return pool.", "here = pool\n    return here."),
         "import db\n" + USE.format("db.get_db_connection()"), "putconn(conn) of its pool"),
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


KEEPER = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


class Shop:
    def __init__(self):
        self.conn = pool.getconn()

    def find(self, n):
        return self.conn.cursor().execute("x", (n,))
"""
OPENED = KEEPER.replace("__init__(self)", "open(self)")
GIVES = "\n    def {}:\n        pool.putconn(self.conn)\n"
HERE = "release it in a `finally`: "


@pytest.mark.parametrize(
    ("db", "use", "expected"),
    [
        (KEEPER + GIVES.format("close(self)"), "shop = db.Shop()\n    shop.find(1)", HERE + "shop.close()"),
        (KEEPER + GIVES.format("away(self)"), "shop = db.Shop()\n    shop.find(1)", HERE + "shop.away()"),
        (KEEPER + GIVES.format("_end(self)") + "\n    def away(self):\n        self._end()\n",
         "shop = db.Shop()\n    shop.find(1)", HERE + "shop.away()"),
        (KEEPER + GIVES.format("away(self)") + "\n    def save(self):\n        print(1)\n        self.away()\n",
         "shop = db.Shop()\n    shop.find(1)", HERE + "shop.away()"),
        (KEEPER + GIVES.format("close(self)") + "\n\nclass Own(Shop):\n    pass\n",
         "shop = db.Own()\n    shop.find(1)", HERE + "shop.close()"),
        (OPENED + GIVES.format("close(self)"), "shop = db.Shop()\n    shop.open()\n    shop.find(1)",
         HERE + "shop.close()"),
        (KEEPER + GIVES.format("close(self)"), "db.Shop().find(1)", "give it a name, and " + HERE + "shop.close()"),
        (KEEPER + GIVES.format("close(self, conn)"), "shop = db.Shop()\n    shop.find(1)",
         HERE + "putconn(shop.conn) of its pool"),
        (KEEPER + "\n    def __enter__(self):\n        return self\n" + GIVES.format("__exit__(self, *error)"),
         "shop = db.Shop()\n    shop.find(1)", "use `with` around the use"),
    ],
)  # fmt: skip
def test_an_object_that_keeps_a_connection_is_ended_by_a_method_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, db: str, use: str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "db.py").write_text(db)
    (tmp_path / "use.py").write_text(f"import db\n\n\ndef view():\n    {use}\n")
    (found,) = check(["use.py"]).findings
    assert found.help == expected


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


LOOP = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def each_order(ids):
    for each in ids:
        conn = pool.getconn()
"""
CHAIN = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def by_kind(kind, rest):
    conn = pool.getconn()
"""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(
            LOOP + "        if each % 2:\n            continue\n        pool.putconn(conn)\n",
            ["10: the round of the loop ends here without pool.putconn(conn)"],
            id="continue",
        ),
        pytest.param(
            LOOP + "        if each % 2:\n            continue\n        pool.putconn(conn)\n    return 3\n",
            ["10: the round of the loop ends here without pool.putconn(conn)"],
            id="continue, and the function returns something",
        ),
        pytest.param(
            LOOP + "        if each % 2:\n            return 0\n        pool.putconn(conn)\n",
            ["10: the function ends here without pool.putconn(conn)"],
            id="return",
        ),
        pytest.param(
            LOOP + "        if each % 2:\n            pool.putconn(conn)\n    print(ids)\n",
            ["9: the round of the loop ends after this without pool.putconn(conn)"],
            id="end of the round",
        ),
        pytest.param(
            LOOP
            + "        for other in ids:\n            if other:\n                continue\n"
            + "        if each % 2:\n            pool.putconn(conn)\n",
            ["12: the round of the loop ends after this without pool.putconn(conn)"],
            id="continue of a loop in it",
        ),
        pytest.param(
            LOOP
            + "        try:\n            conn.cursor().execute('x')\n        except Exception:\n            continue\n"
            + "        pool.putconn(conn)\n",
            ["10: if this raises ...", "12: ... the round of the loop ends here, and `conn` was not given back"],
            id="an exception that a continue swallows",
        ),
        pytest.param(
            LOOP + "        conn.cursor().execute('x')\n        pool.putconn(conn)\n",
            ["9: if this raises, the function ends without pool.putconn(conn)"],
            id="an exception that leaves the function",
        ),
        pytest.param(
            CHAIN + "    for each in rest:\n        if each:\n            continue\n    if kind:\n"
            "        pool.putconn(conn)\n",
            ["11: the function ends after this without pool.putconn(conn)"],
            id="continue of a loop behind the acquire",
        ),
        pytest.param(
            CHAIN
            + "    if kind == 1:\n        pool.putconn(conn)\n    elif kind == 2:\n        print(rest)\n"
            + "    else:\n        pool.putconn(conn)\n",
            ["11: the function ends after this without pool.putconn(conn)"],
            id="a branch in the middle",
        ),
        pytest.param(
            CHAIN + "    if kind == 1:\n        pool.putconn(conn)\n    elif kind == 2:\n        pool.putconn(conn)\n",
            ["10: the function ends after this without pool.putconn(conn)"],
            id="no branch",
        ),
        pytest.param(
            CHAIN
            + "    try:\n        if kind == 1:\n            pool.putconn(conn)\n"
            + "    except Exception:\n        return None\n",
            ["9: the function ends after this without pool.putconn(conn)"],
            id="no branch, in front of a handler",
        ),
    ],
)
def test_the_path_of_a_leak_ends_where_the_connection_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, expected: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "use.py").write_text(source)
    (found,) = (f for f in check(["use.py"]).findings if f.code in ("PB102", "PB103"))
    assert [f"{step.span.start.row}: {step.text}" for step in found.trace[1:]] == expected


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


LENDER = """\
from sqlalchemy import create_engine, text
from sqlalchemy.pool import AssertionPool, NullPool, QueuePool

engine = create_engine("postgresql://shop"{given})


def view():
    conn = engine.connect()
    conn.execute(text("SELECT 1"))
    conn.close()
"""
LENT = "the pool's connection stays checked out until the garbage collector runs"
USUAL = "QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("", f'{LENT} ("{USUAL}")', id="the usual pool"),
        pytest.param(", echo=True", f'{LENT} ("{USUAL}")', id="what has nothing to do with it"),
        pytest.param(", pool_size=20", f'{LENT} ("QueuePool limit of size ...")', id="another size"),
        pytest.param(", pool_size=5, max_overflow=10", f'{LENT} ("{USUAL}")', id="the usual size"),
        pytest.param(", poolclass=QueuePool", f'{LENT} ("{USUAL}")', id="the usual class"),
        pytest.param(", poolclass=AssertionPool", LENT, id="another class"),
        pytest.param(", poolclass=NullPool", "the connection stays open until the garbage collector runs", id="none"),
    ],
)
def test_the_error_that_users_see_is_that_of_this_pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "use.py").write_text(LENDER.format(given=given))
    (found,) = (each for each in check(["use.py"]).findings if each.code == "PB102")
    assert found.message.endswith(f": {expected}")


UNBOUND = """\
import psycopg2


def view(rows):
    {loop}
        try:
            conn = psycopg2.connect("dbname=shop")
            conn.cursor().execute("SELECT 1")
        finally:
            conn.close()
"""


@pytest.mark.parametrize(
    ("loop", "expected"),
    [
        ("if rows:", "`conn` is not bound and the clean-up that reads it raises UnboundLocalError"),
        ("for row in rows:", "`conn` is not bound in the first round of the loop and the clean-up that reads it raises "
         "UnboundLocalError; in a later one that of the round before is released again"),
    ],
)  # fmt: skip
def test_what_an_unbound_name_means_in_a_later_round_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "use.py").write_text(UNBOUND.format(loop=loop))
    (found,) = (each for each in check(["use.py"]).findings if each.code == "PB111")
    assert found.message == f"if this acquire fails, {expected}"


ENTERED = """\
import psycopg2


def view(rows):
    try:
        with psycopg2.connect("dbname=shop") as conn:
            conn.cursor().execute("SELECT 1")
    finally:
        conn.close()
"""


def test_a_with_is_no_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "use.py").write_text(ENTERED)
    (found,) = (each for each in check(["use.py"]).findings if each.code == "PB111")
    assert "round" not in found.message


ASSERTED = """\
import psycopg2


def view(rows):
    conn = psycopg2.connect("dbname=shop")
    {statement}
    assert rows
    conn.close()
"""


@pytest.mark.parametrize(
    ("statement", "cause", "last"),
    [
        ("pass", "`assert rows` fails", "if this does not hold, AssertionError is raised"),
        ("conn.cursor().execute(rows)", "`conn.cursor().execute(rows)` raises", "if this raises"),
    ],
)
def test_an_assert_is_told_as_one_and_behind_what_fails_sooner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str, cause: str, last: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "use.py").write_text(ASSERTED.format(statement=statement))
    (found,) = check(["use.py"]).findings
    assert found.code == "PB102"
    assert found.message.startswith(f"`conn` is not given back if {cause}: ")
    assert found.trace[-1].text.startswith(last)


HINTED = """\
import sqlite3


def view(rows):
    conn = sqlite3.connect("shop.db")
    conn.execute("SELECT 1")
    conn.close()
"""


def test_a_hint_does_not_gainsay_what_its_message_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "use.py").write_text(HINTED)
    (found,) = check(["use.py"]).findings
    assert "until the garbage collector runs (a hint: " in found.message
    assert "closed" not in found.message


WAITED = """\
import sqlite3

import requests


def view(statement):
    conn = sqlite3.connect("shop.db")
    try:
        conn.execute({statement})
        requests.get("https://example.com")
        conn.commit()
    finally:
        conn.close()
"""


@pytest.mark.parametrize(
    ("statement", "confidence", "text"),
    [
        ("statement", Confidence.MEDIUM, "if this writes, it begins the transaction"),
        ("'DELETE FROM shop'", Confidence.HIGH, "the first statement begins the transaction here"),
    ],
)
def test_a_statement_that_is_not_shown_begins_a_transaction_if_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str, confidence: Confidence, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "use.py").write_text(WAITED.format(statement=statement))
    (found,) = (each for each in check(["use.py"]).findings if each.code == "PB202")
    assert (found.confidence, found.trace[1].text) == (confidence, text)


WORKED_ON = """\
import psycopg2


def view(rows):
    conn = psycopg2.connect("dbname=shop")
    try:
        for row in rows:
            try:
                conn.cursor().execute("SELECT 1")
            except Exception:
                {handled}
            {after}
    finally:
        conn.close()
"""


@pytest.mark.parametrize(
    ("handled", "after", "expected"),
    [
        ("continue", "print(row)", "used here in the next round of the loop, with the transaction still open"),
        ("print(row)", 'conn.cursor().execute("SELECT 2")', "used here with the transaction still open"),
    ],
)
def test_a_use_in_front_of_its_handler_is_one_of_the_next_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handled: str, after: str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "use.py").write_text(WORKED_ON.format(handled=handled, after=after))
    found = next(each for each in check(["use.py"]).findings if each.code == "PB201")
    assert found.trace[-1].text == expected


ENGINES = """\
from flask import Flask
from sqlalchemy import create_engine

app = Flask(__name__)


def opened():
    return create_engine("postgresql://shop", pool_pre_ping=True)


@app.get("/orders")
def orders():
    with opened().connect() as conn:
        return str(conn.exec_driver_sql("SELECT 1").scalar())


@app.get("/lines")
def lines():
    with opened().connect() as conn:
        return str(conn.exec_driver_sql("SELECT 2").scalar())


def never():
    with opened().connect() as conn:
        return str(conn.exec_driver_sql("SELECT 3").scalar())
"""


def test_everybody_is_named_who_makes_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(ENGINES)
    (found,) = (f for f in check(["app.py"]).findings if f.code == "PB402")
    assert "for every request of orders and of 1 other" in found.message
    assert [step.text.partition(" ")[0] for step in found.trace] == ["orders", "uses", "the", "lines"]
    assert found.trace[-1].span.start.row == ENGINES[: ENGINES.index("def lines")].count("\n") + 1


LENT_SESSION = """\
from typing import Annotated

import requests
from fastapi import Depends, FastAPI
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

SessionLocal = sessionmaker(bind=create_engine("postgresql://shop", pool_pre_ping=True))
app = FastAPI()


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


@app.post("/parcels")
def parcels(db: Annotated[Session, Depends(get_db)]):
    db.execute("SELECT 1")
    requests.post("https://carrier.example", timeout=9)
    db.commit()


def called():
    own = SessionLocal()
    try:
        below(own)
    finally:
        own.close()


def below(db: Session):
    try:
        db.execute("INSERT INTO orders VALUES (1)")
    except Exception:
        pass
    db.execute("SELECT 1")


def by_nobody(db: Session):
    try:
        db.execute("INSERT INTO orders VALUES (1)")
    except Exception:
        pass
    db.execute("SELECT 1")
"""


@pytest.mark.parametrize(
    ("code", "function", "first"),
    [
        ("PB202", "parcels", "    db = SessionLocal()"),
        ("PB201", "below", "    own = SessionLocal()"),
        ("PB201", "by_nobody", "def by_nobody(db: Session):"),
    ],
)
def test_the_path_begins_where_the_connection_is_acquired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, function: str, first: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(LENT_SESSION)
    (found,) = (f for f in check(["app.py"]).findings if f.code == code and f.function == function)
    assert LENT_SESSION.splitlines()[found.trace[0].span.start.row - 1] == first


RAISES = """\
import psycopg2.pool

pool = psycopg2.pool.ThreadedConnectionPool(1, 10, "dbname=shop")


def rename(name):
    conn = pool.getconn()
    conn.cursor().execute("UPDATE users SET name = %s", (name,))
    if not name:
        {}
    conn.cursor().execute("UPDATE users SET name = %s", (name,))
    {}
"""


@pytest.mark.parametrize(
    ("early", "last", "row"),
    [
        ("raise ValueError(name)", "raise RuntimeError(name)", 10),
        ("name = 'nobody'", "raise RuntimeError(name)", 12),
        ("raise ValueError(name)", "return name", 12),
    ],
)
def test_a_statement_that_leaves_is_cited_before_what_may_raise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, early: str, last: str, row: int
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "use.py").write_text(RAISES.format(early, last))
    (found,) = check(["use.py"]).findings
    assert (found.code, found.trace[-1].span.start.row) == ("PB101", row)
