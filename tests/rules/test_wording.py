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
