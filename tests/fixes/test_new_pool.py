"""PB411: from the pool of psycopg2 to psycopg_pool, as it is written, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from libraries import import_or_skip
from pairs import Pair, Project, pairs

from putback.cli.main import run
from putback.model.config import Config
from putback.pipeline.check import check
from putback.pipeline.gather import gather
from putback.pipeline.verify import Prover
from putback.verify.roles import Bounds
from putback.verify.sandbox import Sandbox
from putback.verify.verdict import Verdict

PB411 = Config(select=("PB411",))
POOL = 'from psycopg2.pool import ThreadedConnectionPool\n\npool = ThreadedConnectionPool(1, 10, "dbname=shop")\n'


@pytest.mark.parametrize("pair", list(pairs("pool-without-waiting")), ids=lambda pair: pair.name)
def test_the_command_writes_what_the_specification_says(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(tmp_path, pair.before)
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nline-length = 120\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    command = ["fix", "--select", "PB411", "--no-cache", "."]
    run([*command, "--unsafe-fixes", "--diff"])
    assert project.files() == pair.before, "a preview writes nothing"
    run(command)
    assert project.files() == pair.before, "no such fix is safe"
    run([*command, "--unsafe-fixes"])
    assert project.files() == pair.after


REFUSED = {
    "shop/errors.py:1": "import psycopg2\n\ntry:\n    ...\nexcept psycopg2.Error:\n    pass\n",
    "shop/rows.py:1": "from psycopg2.extras import execute_values\n",
    "shop/plain.py:2": "def connect():\n    import psycopg2\n",
    "shop/keyed.py:5": "from shop.db import pool\n\n\ndef take(key):\n    return pool.getconn(key)\n",
    "shop/closing.py:5": "from shop.db import pool\n\n\ndef drop(conn):\n    pool.putconn(conn, close=True)\n",
    "shop/copying.py:2": "def load(cursor, file):\n    cursor.copy_from(file, 'line')\n",
    "shop/ending.py:4": "from shop.db import pool\n\n\npool.closeall()\n",
    "shop/rows_of.py:2": "def rows(conn):\n    with conn:\n        conn.cursor().execute('SELECT 1')\n",
    "shop/held.py:3": "class Shop:\n    def rows(self):\n        with self.c, self.c.cursor():\n            pass\n",
    "shop/within.py:2": "def rows(pool):\n    with pool.getconn() as conn:\n        pool.putconn(conn)\n",
    "shop/named.py:1": "import psycopg2.pool as pools\n",
}


@pytest.mark.parametrize("place", REFUSED)
def test_what_only_the_older_library_has_is_named(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path, _, row = place.partition(":")
    Project(tmp_path, {"shop/db.py": POOL, path: REFUSED[place], "tests/test_rows.py": "import psycopg2.extras\n"})
    reason = _reason(tmp_path)
    assert reason.endswith(f" is used ({path}:{row})"), reason


def test_what_only_tests_use_is_no_hindrance(tmp_path: Path) -> None:
    Project(tmp_path, {"shop/db.py": POOL, "tests/test_rows.py": "import psycopg2.extras\n"})
    assert _reason(tmp_path) == ""


def test_a_with_on_a_cursor_is_no_hindrance(tmp_path: Path) -> None:
    rows = "def rows(conn, lock):\n    with lock, conn.cursor() as cur:\n        return cur.fetchall()\n"
    Project(tmp_path, {"shop/db.py": POOL, "shop/rows.py": rows})
    assert _reason(tmp_path) == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (POOL + "\nother = ThreadedConnectionPool(1, 10)\n", "the file makes several pools"),
        (POOL.replace('"dbname=shop"', "**options"), "not all arguments of the call can be seen"),
        (POOL.replace('"dbname=shop"', "cursor_factory=Rows"), "`cursor_factory` has no counterpart"),
        (POOL.replace("(1, 10", "(  # few\n    1, 10"), "there is a comment in the call"),
        (
            POOL + "\n\nclass Pool(ThreadedConnectionPool):\n    pass\n",
            "the class of the pool is used for more than to",
        ),
        (
            POOL.replace("import T", "import AbstractConnectionPool, T"),
            "`psycopg2.pool.AbstractConnectionPool` is used",
        ),
    ],
)
def test_what_cannot_be_said_in_the_words_of_the_other(text: str, reason: str, tmp_path: Path) -> None:
    Project(tmp_path, {"shop/db.py": text})
    assert _reason(tmp_path).startswith(reason)


def test_the_rewritten_project_answers_as_before(
    tmp_path: Path, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_or_skip("psycopg_pool", "psycopg_pool")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "names.py"
    path.write_text(
        "import os\n\nfrom psycopg2.pool import ThreadedConnectionPool\n\n\n"
        'pool = ThreadedConnectionPool(1, 2, os.environ["DSN"])\n\n\n'
        "def name(number):\n    conn = pool.getconn()\n    try:\n        with conn.cursor() as cursor:\n"
        '            cursor.execute("SELECT %s + 1", (number,))\n            return cursor.fetchone()[0]\n'
        "    finally:\n        pool.putconn(conn)\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("DSN", postgres_dsn)
    before = _answers(path, "closeall")
    run(["fix", "--select", "PB411", "--unsafe-fixes", "--no-cache", "."])
    assert "psycopg_pool" in path.read_text(encoding="utf-8")
    assert _answers(path, "close") == before == [1, 2, 3, 4, 5]


def _answers(path: Path, end: str) -> list[int]:
    module: dict[str, object] = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module)
    name, pool = module["name"], module["pool"]
    assert callable(name)
    found = [name(number) for number in range(5)]
    getattr(pool, end)()
    return found


def _reason(root: Path) -> str:
    return check([str(root)], Config(root=str(root), select=("PB411",))).findings[0].no_fix_reason


USERS = """

def count():
    conn = pool.getconn()
    try:
        with conn.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM users")
            return cursor.fetchone()[0]
    finally:
        pool.putconn(conn)


def leak():
    conn = pool.getconn()
    conn.cursor().execute("DELETE FROM users")
    conn.commit()
    pool.putconn(conn)


def lend():
    return pool.getconn()
"""
CALLER = """from shop.db import lend, pool


def purge():
    conn = lend()
    try:
        conn.cursor().execute("DELETE FROM users")
        conn.commit()
    except Exception:
        conn.rollback()
        raise
    finally:
        pool.putconn(conn)
"""
SHOP = {"shop/__init__.py": "", "shop/db.py": POOL + USERS, "shop/caller.py": CALLER}


def test_each_function_that_takes_a_connection_is_proved_to_run_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Project(tmp_path, SHOP)
    found = gather(["."], PB411, lambda *_: None).subjects
    with Sandbox() as sandbox:
        proofs = Prover(sandbox, Bounds(), lambda *_: None).prove(found)
    shown = {(proof.case.path, proof.case.before.function): proof.verdict for proof in proofs}
    names = [("shop/db.py", "count"), ("shop/db.py", "leak"), ("shop/db.py", "lend"), ("shop/caller.py", "purge")]
    assert shown == dict.fromkeys(names, Verdict.PROVED)


@pytest.mark.parametrize("lost", ["        pool.putconn(conn)", "        conn.commit()", "        raise"])
def test_a_function_that_would_run_differently_is_not_proved(
    lost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Project(tmp_path, SHOP)
    found = gather(["."], PB411, lambda *_: None).subjects
    case = next(each.case for each in found if each.case.before.function == "purge")
    assert case.after is not None
    source = case.after.source.replace(lost, "        pass")
    with Sandbox() as sandbox:
        proof = sandbox.verify(replace(case, after=case.after._replace(source=source)), Bounds())
    assert proof.verdict is Verdict.REJECTED
