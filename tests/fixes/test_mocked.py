"""In a test, a mock may stand in the place of a connection: a release that is awaited is not safe there."""

from __future__ import annotations

from pathlib import Path

import pytest

from putback.model.config import Config
from putback.model.finding import Severity
from putback.model.fix import Applicability
from putback.pipeline.fix import fix

ASYNC = """\
import asyncpg
{imports}

async def test_orders({given}):
    conn = await asyncpg.connect("postgresql://shop")
    await conn.execute("SELECT 1")
"""
SYNC = """\
import psycopg2
from unittest.mock import patch


def test_orders():
    conn = psycopg2.connect("dbname=shop")
    conn.cursor().execute("SELECT 1")
"""


def offered(text: str, name: str, root: Path) -> list[Applicability]:
    """How safe the fixes are for a file of this name."""
    path = root / name
    path.write_text(text, encoding="utf-8")
    run = fix([str(path)], Config(root=str(root), unsafe_fixes=True))
    return [f.fix.applicability for f in run.before if f.fix is not None]


@pytest.mark.parametrize(
    ("imports", "given", "name"),
    [
        ("from unittest.mock import patch", "", "test_orders.py"),
        ("", "mocker", "test_orders.py"),
        ("", "monkeypatch", "test_orders.py"),
    ],
)
def test_an_awaited_release_beside_mocks_is_not_safe(imports: str, given: str, name: str, tmp_path: Path) -> None:
    assert offered(ASYNC.format(imports=imports, given=given), name, tmp_path) == [Applicability.UNSAFE]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (ASYNC.format(imports="", given="client"), "test_orders.py"),
        (ASYNC.format(imports="from unittest.mock import patch", given=""), "orders.py"),
        (SYNC, "test_orders.py"),
    ],
)
def test_every_other_one_is(text: str, name: str, tmp_path: Path) -> None:
    assert offered(text, name, tmp_path) == [Applicability.SAFE]


LOADED = """\
import sqlite3


def load(path):
    with sqlite3.connect(path) as conn:
        conn.execute("INSERT INTO orders VALUES (1)")
"""
TESTED = """\
from unittest.mock import MagicMock, patch

import {module}


def test_load():
    with patch("{patched}") as connect:
        entered = MagicMock()
        connect.return_value.{entered} = entered
        loading.load("shop.db")
    entered.execute.assert_called_once()
"""


KEEPING = "with closing(sqlite3.connect(path)) as conn, conn"


@pytest.mark.parametrize(
    ("module", "patched", "entered", "header"),
    [
        ("loading", "loading.sqlite3.connect", "__enter__.return_value", f"{KEEPING} as conn:"),
        ("service", "sqlite3.connect", "__enter__.return_value", f"{KEEPING} as conn:"),
        ("loading", "loading.sqlite3.connect", "cursor.return_value", f"{KEEPING}:"),
        ("others", "others.read", "__enter__.return_value", f"{KEEPING}:"),
    ],
)
def test_a_with_goes_on_to_mean_what_a_mock_answers(
    module: str, patched: str, entered: str, header: str, tmp_path: Path
) -> None:
    tested = TESTED.format(module=module, patched=patched, entered=entered)
    (tmp_path / "loading.py").write_text(LOADED, encoding="utf-8")
    (tmp_path / "test_loading.py").write_text(tested, encoding="utf-8")
    (change,) = fix([str(tmp_path)], Config(root=str(tmp_path))).changes
    assert header in change.after.decode()


def test_the_same_where_a_function_of_the_project_stands_between(tmp_path: Path) -> None:
    tested = TESTED.format(module="service", patched="loading.opened", entered="__enter__.return_value")
    opened = "\n\ndef opened(path):\n    return sqlite3.connect(path)\n"
    text = LOADED.replace("with sqlite3.connect", "with opened") + opened
    (tmp_path / "loading.py").write_text(text, encoding="utf-8")
    (tmp_path / "test_service.py").write_text(tested, encoding="utf-8")
    (change,) = fix([str(tmp_path)], Config(root=str(tmp_path))).changes
    assert "with closing(opened(path)) as conn, conn as conn:" in change.after.decode()


CONNECTING = """\
import sqlite3


def get_connection():
    return sqlite3.connect("shop.db")
"""
ORDERS = """\
from connecting import get_connection


def orders():
    conn = get_connection()
    return conn.execute("SELECT name FROM orders").fetchall()
"""
REPLACING = """\
import sqlite3
import unittest
from unittest.mock import MagicMock, patch

import connecting
import orders


class Stub:
    def execute(self, sql):
        return sqlite3.connect("test.db").execute(sql)


class Closable(Stub):
    def close(self):
        pass


class OrdersTest(unittest.TestCase):
    def setUp(self):
        self.conn = sqlite3.connect(":memory:")

    def test_orders(self, monkeypatch, given):
        {replacing}
"""


def offered_beside(replacing: str, root: Path, orders: str = ORDERS) -> list[Applicability]:
    """How safe the fix of `orders` is where a test of it does this."""
    (root / "connecting.py").write_text(CONNECTING, encoding="utf-8")
    (root / "orders.py").write_text(orders, encoding="utf-8")
    (root / "test_orders.py").write_text(REPLACING.format(replacing=replacing), encoding="utf-8")
    run = fix([str(root / "orders.py")], Config(root=str(root), unsafe_fixes=True, min_severity=Severity.INFO))
    return [f.fix.applicability for f in run.before if f.fix is not None]


@pytest.mark.parametrize(
    "replacing",
    [
        'patch.object(orders, "get_connection", return_value=self.conn).start()',
        'patch("orders.get_connection", return_value=self.conn).start()',
        'patch("orders.get_connection").start().return_value = self.conn',
        'monkeypatch.setattr(orders, "get_connection", lambda: Stub())',
        'monkeypatch.setattr("orders.get_connection", lambda: given)',
        'monkeypatch.setattr("orders.get_connection", given)',
        'patch("orders.get_connection").start().return_value = Stub()',
    ],
)
def test_a_release_of_what_a_test_goes_on_with_is_not_safe(replacing: str, tmp_path: Path) -> None:
    assert offered_beside(replacing, tmp_path) == [Applicability.UNSAFE]


@pytest.mark.parametrize(
    "replacing",
    [
        'patch("orders.get_connection").start()',
        'patch("orders.get_connection", return_value=MagicMock()).start()',
        'patch("orders.get_connection").start().return_value = MagicMock()',
        'patch("orders.get_connection").start().return_value = Closable()',
        'patch("orders.get_connection").start().return_value.execute.return_value = [self.conn]',
        'monkeypatch.setattr(orders, "get_connection", lambda: Closable())',
        'monkeypatch.setattr(orders, "get_connection", lambda: sqlite3.connect("test.db"))',
        'monkeypatch.setattr("others.get_connection", given)',
        'monkeypatch.setattr(connecting, "get_connection", given)',
        'monkeypatch.setattr(orders, "orders", given)',
    ],
)
def test_a_release_of_a_mock_or_of_what_is_made_anew_is(replacing: str, tmp_path: Path) -> None:
    assert offered_beside(replacing, tmp_path) == [Applicability.SAFE]


def test_an_acquire_that_is_read_from_its_module_is_replaced_there(tmp_path: Path) -> None:
    text = ORDERS.replace("from connecting import get_connection", "import connecting")
    text = text.replace("= get_connection", "= connecting.get_connection")
    replacing = 'monkeypatch.setattr(connecting, "get_connection", given)'
    assert offered_beside(replacing, tmp_path, text) == [Applicability.UNSAFE]
