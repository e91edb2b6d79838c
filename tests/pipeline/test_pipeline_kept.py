"""What is kept of a scan: a run that begins with it finds what a run without it finds, whatever was changed."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from putback.model.config import Config
from putback.model.finding import Finding, Severity
from putback.model.fix import Applicability
from putback.ownership.analysis.analyzer import Analyzer
from putback.pipeline import telling
from putback.pipeline.check import check
from putback.source import cache as store
from putback.source.wrappers import as_driver

DB = """from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "")


class Store:
    def __init__(self, conn):
        self.conn = conn


def take():
    return {taken}


def give(conn):
    {given}
"""
USER = """from shop{home} import take, give


def work_{name}(order):
    conn = take()
    conn.cursor().execute("select 1")
    {release}
    {more}
"""
OTHER = """from shop.{user} import work_{user}


def helper_{user}(conn):
    {body}


def runs(order):
    work_{user}(order)
"""
USERS = ("orders", "customers", "stock", "bills")
FILLING = 450


class Shop:
    """A small project that changes at random: wrappers, who uses them, who passes them on."""

    def __init__(self, root: Path, seed: int, filling: int) -> None:
        self.root = root
        self.random = random.Random(seed)
        for number in range(filling):
            self.write(f"filling/part{number}.py", "x = 1\n")
        self.write("pyproject.toml", "")
        self.write("shop/__init__.py", "")
        self.write("shop/db.py", DB.format(taken="pool.getconn()", given="pool.putconn(conn)"))
        self.write("shop/bills.py", USER.format(name="bills", release="pass", more="pass", home=".db"))
        for name in USERS[:3]:
            self.change_user(name)

    def write(self, name: str, text: str) -> None:
        """Write a file; its time is another each time, as it is when people write."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def change(self) -> str:
        """Change something; what it was."""
        change = self.random.choice(
            (
                self.change_wrapper,
                self.change_user,
                self.change_user,
                self.change_other,
                self.pass_on,
                self.rename,
                self.delete,
                self.add,
                self.touch,
                self.break_off,
                self.move_rows,
            )
        )
        change()
        return change.__name__

    def change_wrapper(self) -> None:
        """The functions that take and give back, for real or not."""
        taken = self.random.choice(("pool.getconn()", "Store(pool.getconn())", "object()", "None"))
        given = self.random.choice(("pool.putconn(conn)", "conn.rollback()", "print(conn)", "pool.putconn(conn.conn)"))
        self.write("shop/db.py", DB.format(taken=taken, given=given))

    def change_user(self, name: str = "") -> None:
        """A function that uses them, by one way or the other."""
        name = name or self.random.choice(USERS)
        release = self.random.choice(("give(conn)", "pass", "print(order)", f"helper_{name}(conn)"))
        more = self.random.choice(("return order", "return conn", "pass"))
        extra = f"from other.{name} import helper_{name}\n" if "helper" in release else ""
        home = self.random.choice(("", ".db", ".db"))
        self.write(f"shop/{name}.py", extra + USER.format(name=name, release=release, more=more, home=home))

    def change_other(self) -> None:
        """A file that passes connections through, beside a package without an `__init__`."""
        name = self.random.choice(USERS)
        body = self.random.choice(("conn.close()", "from shop.db import give\n    give(conn)", "return conn"))
        self.write(f"other/{name}.py", OTHER.format(user=name, body=body))

    def pass_on(self) -> None:
        """What the package passes on."""
        texts = ("", "from shop.db import take, give\n", "from shop.db import *\n", "from .orders import take, give\n")
        self.write("shop/__init__.py", self.random.choice(texts))

    def files(self) -> list[Path]:
        """The files that may come and go."""
        return sorted(each for folder in ("shop", "other") for each in (self.root / folder).glob("*.py"))

    def rename(self) -> None:
        """A file gets another name, maybe that of one that is there."""
        path = self.random.choice(self.files())
        path.rename(path.with_name(f"{self.random.choice((*USERS, 'db'))}.py"))

    def delete(self) -> None:
        """A file goes."""
        if len(self.files()) > 2:
            self.random.choice(self.files()).unlink()

    def add(self) -> None:
        """A file comes that another might have meant all the time."""
        self.write(
            f"{self.random.choice(('', 'shop/', 'lib/shop/'))}db{self.random.choice(('', '2'))}.py", "take = 3\n"
        )

    def touch(self) -> None:
        """A file has another time and nothing else."""
        os.utime(self.random.choice(self.files()), ns=(1, self.random.randrange(1 << 60)))

    def break_off(self) -> None:
        """A file is half written."""
        path = self.random.choice(self.files())
        path.write_text(path.read_text()[: self.random.randrange(60)])

    def move_rows(self) -> None:
        """What a file says stands further down."""
        path = self.random.choice(self.files())
        path.write_text("# moved\n\n" + path.read_text())

    def found(self, cache: str, paths: Sequence[str], drivers: Mapping[str, object] | None = None) -> list[object]:
        """What a run over some paths finds."""
        result = check(paths, Config(root=str(self.root), cache=cache, drivers=drivers or {}))
        return [(each.path, each.span, each.code, each.message, each.trace, each.fix) for each in result.findings]


@pytest.mark.parametrize("filling", [0, pytest.param(FILLING, marks=pytest.mark.slow)])
@pytest.mark.parametrize("seed", range(4))
def test_a_changed_project_is_found_as_without_what_is_kept(
    seed: int, filling: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path / "project", seed, filling)
    monkeypatch.chdir(shop.root)
    cache = str(tmp_path / "cache")
    done = ["nothing"]
    leaks = 0
    for _ in range(12):
        one = str(shop.random.choice(shop.files()))
        for paths in ([str(shop.root)], [one]):
            assert shop.found(cache, paths) == shop.found("", paths), (done, paths)
            leaks += len(shop.found(cache, paths))
        done = [shop.change() for _ in range(shop.random.choice((1, 1, 2)))]
    assert leaks


def test_a_leak_by_a_wrapper_of_another_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path / "project", 0, FILLING)
    monkeypatch.chdir(shop.root)
    shop.write("shop/db.py", DB.format(taken="pool.getconn()", given="pool.putconn(conn)"))
    shop.write("shop/stock.py", "x = 1\n")
    path = str(shop.root / "shop/stock.py")
    assert shop.found(str(tmp_path / "cache"), [path]) == []
    shop.write("shop/stock.py", USER.format(name="stock", release="pass", more="pass", home=".db"))
    assert "PB101" in str(shop.found(str(tmp_path / "cache"), [path]))


def test_another_driver_table_is_another_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path / "project", 0, 0)
    monkeypatch.chdir(shop.root)
    shop.write("shop/stock.py", USER.format(name="stock", release="pass", more="pass", home=".acme"))
    shop.write("shop/acme.py", "import acme\n\n\ndef take():\n    return acme.lend()\n\n\ndef give(conn):\n    pass\n")
    table = {"acme": as_driver(["acme.lend"], ["acme.take_back"])}
    where, paths = str(tmp_path / "cache"), [str(shop.root / "shop/stock.py")]
    for drivers in ({}, table, {}, table):
        assert bool(shop.found(where, paths, drivers)) == bool(drivers)


def test_what_another_putback_kept_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path / "project", 0, 0)
    monkeypatch.chdir(shop.root)
    where = tmp_path / "cache"
    shop.found(str(where), [str(shop.root)])
    (entry,) = where.glob("scan-*")
    assert store.read(str(where), entry.name) is not None
    shutil.copytree(where, tmp_path / "copied")
    assert store.read(str(tmp_path / "copied"), entry.name) is None
    monkeypatch.setattr(store, "_stamp", [b"a version to come"])
    assert store.read(str(where), entry.name) is None
    assert shop.found(str(where), [str(shop.root)]) == shop.found("", [str(shop.root)])


@pytest.mark.slow
def test_two_processes_at_once_find_the_same(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "project", 2, 0)
    command = [sys.executable, "-m", "putback", "check", ".", "--output-format", "json"]
    for _ in range(3):
        shop.change_user("bills")
        both = [subprocess.Popen(command, cwd=shop.root, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        outputs = [each.communicate(timeout=120)[0] for each in both]
        alone = subprocess.run([*command, "--no-cache"], cwd=shop.root, capture_output=True, text=True, timeout=120)
        assert outputs == [alone.stdout, alone.stdout]
    assert list((shop.root / store.FOLDER).glob("scan-*"))


@pytest.mark.parametrize("content", [b"", b"not ours", b"\x00" * 2000])
def test_what_is_kept_is_not_trusted_when_it_is_broken(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path / "project", 1, 0)
    monkeypatch.chdir(shop.root)
    cache = tmp_path / "cache"
    expected = shop.found(str(cache), [str(shop.root)])
    (entry,) = cache.glob("scan-*")
    for data in (content, entry.read_bytes()[:-1] + b"x", entry.read_bytes()[: len(entry.read_bytes()) // 2]):
        entry.write_bytes(data)
        assert shop.found(str(cache), [str(shop.root)]) == expected


def test_a_folder_that_cannot_be_written_to_is_no_reason_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path / "project", 1, 0)
    monkeypatch.chdir(shop.root)
    (tmp_path / "file").write_text("")
    assert shop.found(str(tmp_path / "file" / "cache"), [str(shop.root)]) == shop.found("", [str(shop.root)])


def test_a_change_has_those_looked_at_that_it_concerns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []
    real = telling.findings_of

    def noted(analyzer: Analyzer, task: telling.Task, *rest: Any) -> list[Finding]:
        looked_at.append(Path(task.path).name)
        return real(analyzer, task, *rest)

    monkeypatch.setattr(telling, "findings_of", noted)
    shop = {
        "db.py": DB.format(taken="pool.getconn()", given="pool.putconn(conn)"),
        "orders.py": "from db import take, give\n\n\ndef work():\n    conn = take()\n    give(conn)\n",
        "stock.py": "from db import take\n\n\ndef count():\n    conn = take()\n    conn.cursor()\n",
        "jobs.py": "import orders\nfrom db import pool\n\n\ndef run():\n    pool.getconn()\n    orders.work()\n",
        "app.py": "import flask\n\napp = flask.Flask(__name__)\n",  # where nothing serves, all rests on all files
    }
    for name, text in shop.items():
        (tmp_path / name).write_text(text)
    config = Config(root=str(tmp_path), jobs=1, cache=str(tmp_path / "cache"))

    def after(name: str, text: str) -> set[str]:
        (tmp_path / name).write_text(text)
        looked_at.clear()
        check([str(tmp_path)], config)
        return set(looked_at)

    for _ in range(2):  # findings are kept from the second run on
        check([str(tmp_path)], config)
    others = {"orders.py", "jobs.py"}  # what is said of a pool in db.py rests on all files
    seen = after("stock.py", shop["stock.py"] + "\n\ndef more():\n    return take()\n")
    assert "stock.py" in seen
    assert others.isdisjoint(seen)
    assert {*others, "stock.py"}.isdisjoint(after("readme.py", "print()\n"))
    changed = (tmp_path / "db.py").read_text().replace("pool.putconn(conn)", "print(conn)")
    assert {"db.py", "orders.py"} <= after("db.py", changed)


def test_a_test_that_replaces_an_acquire_changes_how_safe_a_fix_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []
    real = telling.findings_of

    def noted(analyzer: Analyzer, task: telling.Task, *rest: Any) -> list[Finding]:
        looked_at.append(Path(task.path).name)
        return real(analyzer, task, *rest)

    monkeypatch.setattr(telling, "findings_of", noted)
    shop = {
        "db.py": DB.format(taken="pool.getconn()", given="pool.putconn(conn)"),
        "orders.py": "from db import pool\n\n\ndef work():\n    conn = pool.getconn()\n    conn.cursor()\n",
        "app.py": "import flask\n\napp = flask.Flask(__name__)\n",  # where nothing serves, all rests on all files
        "test_orders.py": "",
    }
    for name, text in shop.items():
        (tmp_path / name).write_text(text)
    config = Config(root=str(tmp_path), jobs=1, cache=str(tmp_path / "cache"), min_severity=Severity.INFO)

    def safe(text: str) -> list[bool]:
        (tmp_path / "test_orders.py").write_text(text)
        looked_at.clear()
        found = [each for each in check([str(tmp_path)], config).findings if each.function == "work"]
        return [each.fix is not None and each.fix.applicability is Applicability.SAFE for each in found]

    for _ in range(2):  # findings are kept from the second run on
        assert safe("") == [True]
    assert safe("# nothing of that\n") == [True]
    assert "orders.py" not in looked_at
    assert safe("# 'pool.getconn'\n") == [True]
    assert "orders.py" in looked_at
    patching = "    patch('orders.pool.getconn', return_value=conn)\n"
    patched = f"from unittest.mock import patch\n\n\ndef test_work(conn):\n{patching}"
    assert safe(patched) == [False]
    assert safe(patched.replace("orders.", "others.")) == [True]
