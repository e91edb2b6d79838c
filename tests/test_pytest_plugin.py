"""The plugin for pytest: a test that ends with a connection out fails, and only such a test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from libraries import import_or_skip

pytestmark = pytest.mark.slow

PROGRAM = """
import pytest
import sqlalchemy as sa

engine = sa.create_engine("sqlite://", poolclass=sa.QueuePool)


def get_connection():
    return engine.connect()


def leak():
    conn = get_connection()
    conn.execute(sa.text("select 1"))
    return None if conn else None


kept = []


@pytest.fixture(scope="session")
def shared():
    with engine.connect() as conn:
        yield conn


@pytest.fixture
def own():
    with engine.connect() as conn:
        yield conn
"""

GOOD = """
def test_gives_back():
    with get_connection() as conn:
        conn.execute(sa.text("select 1"))


def test_with_fixtures(shared, own):
    own.execute(sa.text("select 1"))
    shared.execute(sa.text("select 1"))


def test_again(shared):
    pass
"""

BAD = """
def test_forgets():
    kept.append(get_connection())
"""


def run(root: Path, code: str, *arguments: str, ini: str = "putback_no_leaks = true") -> str:
    """What pytest says about a module of tests, with the plugin alone."""
    (root / "test_shop.py").write_text(PROGRAM + code, encoding="utf-8")
    (root / "pytest.ini").write_text(f"[pytest]\n{ini}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "putback.pytest_plugin", "-p", "no:cacheprovider", *arguments]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True).stdout


@pytest.fixture(autouse=True)
def sqlalchemy() -> None:
    import_or_skip("sqlalchemy", "sqlalchemy")


def test_good_tests_pass_also_with_fixtures_of_wider_scopes(tmp_path: Path) -> None:
    assert "3 passed" in run(tmp_path, GOOD, "-W", "error")


def test_a_test_that_keeps_a_connection_fails_with_the_place(tmp_path: Path) -> None:
    told = run(tmp_path, GOOD + BAD)
    assert "4 passed, 1 error" in told
    assert "ERROR at teardown of test_forgets" in told
    assert "connections are still out at the end of the test:" in told
    place = f"{tmp_path / 'test_shop.py'}:{len((PROGRAM + GOOD + BAD).splitlines())} in test_forgets"
    assert f"taken at {place}, through {tmp_path / 'test_shop.py'}:9 in get_connection" in told


def test_a_finding_of_check_at_the_place_is_named(tmp_path: Path) -> None:
    told = run(
        tmp_path,
        """
def test_forgets():
    conn = engine.connect()
    conn.execute(sa.text("select 1"))
    assert conn
    globals()["hidden"] = sys._getframe()


import sys
""",
    )
    assert "putback check: PB101" in told


def test_it_is_asked_for(tmp_path: Path) -> None:
    assert "1 passed" in run(tmp_path, BAD, ini="")
    by_fixture = BAD.replace("test_forgets()", "test_forgets(no_leaks)")
    assert "1 passed, 1 error" in run(tmp_path, by_fixture, ini="")
    by_marker = BAD.replace("def test", "@pytest.mark.no_leaks\ndef test")
    assert "1 passed, 1 error" in run(tmp_path, by_marker, ini="")
    off = BAD.replace("def test", "@pytest.mark.no_leaks(False)\ndef test")
    assert "1 passed" in run(tmp_path, off)


def test_a_test_that_failed_for_another_reason_is_left_alone(tmp_path: Path) -> None:
    told = run(tmp_path, BAD + "    raise ZeroDivisionError\n")
    assert "1 failed" in told
    assert "error" not in told.splitlines()[-1]


def test_it_goes_with_xdist(tmp_path: Path) -> None:
    import_or_skip("xdist", "pytest-xdist")
    told = run(tmp_path, GOOD + BAD, "-p", "xdist", "-n", "1", "--color=no")
    assert "4 passed, 1 error" in told


@pytest.mark.parametrize(
    ("module", "distribution", "marker"),
    [("pytest_asyncio.plugin", "pytest-asyncio", "asyncio"), ("anyio.pytest_plugin", "anyio", "anyio")],
)
def test_it_goes_with_plugins_for_asyncio(tmp_path: Path, module: str, distribution: str, marker: str) -> None:
    import_or_skip(module, distribution)
    import_or_skip("aiosqlite", "aiosqlite")
    told = run(
        tmp_path,
        f"""
from sqlalchemy.ext.asyncio import create_async_engine

pytestmark = pytest.mark.{marker}
later = create_async_engine("sqlite+aiosqlite://", poolclass=sa.AsyncAdaptedQueuePool)


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def test_gives_back():
    async with later.connect() as conn:
        await conn.execute(sa.text("select 1"))


async def take():
    return await later.connect()


async def test_forgets():
    kept.append(await take())
""",
        "-p",
        module,
    )
    assert "2 passed, 1 error" in told, told
    assert "in test_forgets, through" in told


@pytest.mark.parametrize("late", [False, True])
def test_pools_of_psycopg2_are_found_whenever_they_are_built(tmp_path: Path, late: bool, postgres_dsn: str) -> None:
    import_or_skip("psycopg2.pool", "psycopg2")
    make = f'pool = ThreadedConnectionPool(1, 3, "{postgres_dsn}")'
    early, inside = ("", f"    {make}\n") if late else (f"{make}\n", "")
    told = run(
        tmp_path,
        f"""
from psycopg2.pool import ThreadedConnectionPool

{early}

def test_leaks():
{inside}    kept.append((pool.getconn(), pool))
""",
    )
    assert "1 passed, 1 error" in told
    assert "in test_leaks" in told


def test_a_connection_that_all_share_is_kept_by_one(tmp_path: Path) -> None:
    """SQLAlchemy's StaticPool, which most programs have for their tests: others take and give back the same one."""
    shares = "\n\nengine = sa.create_engine('sqlite://', poolclass=sa.StaticPool)\n"
    assert "3 passed" in run(tmp_path, shares + GOOD, "-W", "error")
    told = run(tmp_path, shares + GOOD + BAD + "    engine.connect().close()\n" + GOOD.replace("test_", "test_later_"))
    assert "7 passed, 1 error" in told
    assert "ERROR at teardown of test_forgets" in told


def test_a_pool_of_another_kind_that_has_the_same_name_is_left_alone(tmp_path: Path) -> None:
    """DBUtils has a PooledDB for drivers that are not thread-safe, which lends in another way."""
    import_or_skip("dbutils.simple_pooled_db", "dbutils")
    told = run(
        tmp_path,
        """
from dbutils import pooled_db, simple_pooled_db


class driver:
    threadsafety = 1
    Error = apilevel = paramstyle = None

    @staticmethod
    def connect(*arguments):
        import sqlite3

        return sqlite3.connect(":memory:")


def test_simple():
    pool = simple_pooled_db.PooledDB(driver, 2)
    pool.connection().close()
""",
    )
    assert "1 passed" in told, told


LASTING = {
    "a session of the module": """
session = Session(engine)

def test_asks():
    session.execute(sa.text("select 1"))

def test_asks_again():
    session.execute(sa.text("select 2"))
""",
    "a session of the module, used by setUp": """
session = Session(engine)

class TestShop(unittest.TestCase):
    def setUp(self):
        session.execute(sa.text("select 1"))

    def test_asks(self):
        session.execute(sa.text("select 2"))

    def test_commits(self):
        session.commit()
""",
    "a session of setUpClass": """
class TestShop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.session = Session(engine)

    def test_asks(self):
        self.session.execute(sa.text("select 1"))

    def test_asks_again(self):
        self.session.execute(sa.text("select 2"))
""",
    "a session of setup_module": """
def setup_module(module):
    kept.append(Session(engine))

def test_asks():
    kept[-1].execute(sa.text("select 1"))

def test_asks_again():
    kept[-1].execute(sa.text("select 2"))
""",
    "a session of a fixture of the module": """
@pytest.fixture(scope="module")
def session():
    with Session(engine) as made:
        yield made

def test_asks(session):
    session.execute(sa.text("select 1"))

def test_asks_again(session):
    session.execute(sa.text("select 2"))
""",
    "what the module's own object keeps": """
class Database:
    conn = None

    def ask(self):
        self.conn = self.conn or engine.connect()
        return self.conn.execute(sa.text("select 1"))

database = Database()

def test_asks():
    database.ask()

def test_asks_again():
    database.ask()
""",
    "what the object of a fixture keeps": """
class Database:
    __slots__ = ("session",)

    def ask(self):
        self.session = Session(engine)
        return self.session.execute(sa.text("select 1"))

@pytest.fixture(scope="session")
def database():
    return Database()

def test_asks(database):
    database.ask()

def test_asks_not(database):
    pass
""",
    "a variable of the module": """
first = None

def test_asks():
    global first
    first = engine.connect()
    first.execute(sa.text("select 1"))

def test_asks_again():
    first.execute(sa.text("select 1"))
""",
    "a module that the test imports": """
import pathlib
shop = "import sys\\nfrom sqlalchemy.orm import Session\\nsessions = [Session(sys.modules['test_shop'].engine)]\\n"
pathlib.Path(__file__).with_name("shop_of_the_test.py").write_text(shop)

def test_asks():
    import shop_of_the_test
    shop_of_the_test.sessions[0].execute(sa.text("select 1"))

def test_asks_not():
    pass
""",
}
OF_THE_TEST = {
    "a session that a list keeps": """
def test_asks():
    kept.append(Session(engine))
    kept[-1].execute(sa.text("select 1"))
""",
    "a connection beside a session of the module": """
session = Session(engine)

def test_asks():
    session.execute(sa.text("select 1"))
    kept.append(engine.connect())
""",
    "a session of setUp that a list keeps": """
class TestShop(unittest.TestCase):
    def setUp(self):
        self.session = Session(engine)
        kept.append(self.session)

    def test_asks(self):
        self.session.execute(sa.text("select 1"))
""",
    "a session of a fixture for one test": """
@pytest.fixture
def session():
    kept.append(Session(engine))
    return kept[-1]

def test_asks(session):
    session.execute(sa.text("select 1"))
""",
    "a session of a registry": """
registry = scoped_session(sessionmaker(engine))

def test_asks():
    registry.execute(sa.text("select 1"))
""",
    "a session of the module on a connection of the test": """
session = Session()

def test_asks():
    kept.append(engine.connect())
    session.execute(sa.text("select 1"), bind_arguments={"bind": kept[-1]})
""",
}
IMPORTS = "import unittest\nfrom sqlalchemy.orm import Session, scoped_session, sessionmaker\n"


@pytest.mark.parametrize("what", LASTING)
def test_what_lasts_longer_than_the_test_is_told_apart(tmp_path: Path, what: str) -> None:
    told = run(tmp_path, IMPORTS + LASTING[what], "-W", "error::pytest.PytestUnraisableExceptionWarning")
    assert "2 passed" in told.splitlines()[-1], told
    assert "error" not in told.splitlines()[-1]
    assert "connections kept by what lasts longer than the test that took them" in told
    assert "1 x taken at" in told


@pytest.mark.parametrize("what", OF_THE_TEST)
def test_what_is_the_tests_own_is_named_whatever_else_there_is(tmp_path: Path, what: str) -> None:
    told = run(tmp_path, IMPORTS + OF_THE_TEST[what])
    assert "1 passed, 1 error" in told.splitlines()[-1], told
    assert "connections are still out at the end of the test:" in told
