"""A second look is as good as a first one, and looks only at what a change concerns."""

from __future__ import annotations

from pathlib import Path

import pytest

from putback.flow.ir import MODULE
from putback.model.config import Config
from putback.ownership.analysis.analyzer import Analyzer
from putback.pipeline import telling
from putback.pipeline.check import Checked, checked
from putback.rules import ALL

EVERY = frozenset(rule.code for rule in ALL)
POOL = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 5)

"""
FUNCTIONS = {
    "take": "def take():\n    return pool.getconn()\n",
    "give": "def give(conn):\n    pool.putconn(conn)\n",
    "user": 'def user():\n    conn = take()\n    print("busy")\n    give(conn)\n',
    "caller": "def caller():\n    return user()\n",
    "lonely": 'def lonely():\n    conn = pool.getconn()\n    conn.cursor().execute("SELECT 1")\n',
    "silent": "def silent():\n    conn = pool.getconn()\n    pool.putconn(conn)\n",
    "Held": "class Held:\n    def __init__(self):\n        self.conn = pool.getconn()\n\n"
    "    def close(self):\n        pool.putconn(self.conn)\n",
    "holder": "def holder():\n    held = Held()\n    held.close()\n",
}
CHANGES = {
    "take": "def take():\n    return object()\n",
    "give": "def give(conn):\n    print(conn)\n",
    "user": "def user():\n    return take()\n",
    "lonely": "def lonely():\n    conn = pool.getconn()\n    print(1)\n    pool.putconn(conn)\n",
    "silent": "def silent():\n\n    return pool.getconn()\n",
    "Held": "class Held:\n    def __init__(self):\n        self.conn = pool.getconn()\n",
}
SEEN = {
    "take": {"take", "user", "caller"},
    "give": {"give", "user", "caller"},
    "user": {"user", "caller", "give"},
    "lonely": {"lonely"},
    "silent": {"silent"},
    "Held": {"Held.__init__", "holder", MODULE},  # the top level makes a pool, and has the class in it
}
"""The functions that the second look may look at, those that have only moved left out."""


def text(**changed: str) -> bytes:
    """The file, some of its definitions changed."""
    return (POOL + "\n\n".join({**FUNCTIONS, **changed}.values())).encode()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A file with all of them."""
    (tmp_path / "pyproject.toml").write_text("")
    path = tmp_path / "shop.py"
    path.write_bytes(text())
    return path


def look(path: Path) -> Checked:
    """A first look."""
    return checked([str(path)], Config(root=str(path.parent)), EVERY)


@pytest.mark.parametrize("name", CHANGES)
def test_a_second_look_finds_what_a_first_one_would(name: str, shop: Path) -> None:
    new = text(**{name: CHANGES[name]})
    again = look(shop).again({str(shop): new})[str(shop)]
    shop.write_bytes(new)
    assert again == look(shop).result.findings


@pytest.mark.parametrize("name", CHANGES)
def test_a_second_look_leaves_out_what_a_change_does_not_concern(
    name: str, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()
    real = telling.findings_of

    def noted(analyzer: Analyzer, task: telling.Task, *rest: object) -> object:
        seen.add(task.key)
        return real(analyzer, task, *rest)  # type: ignore[arg-type]

    first = look(shop)
    with_findings = {f.function or MODULE for f in first.result.findings}
    monkeypatch.setattr(telling, "findings_of", noted)
    first.again({str(shop): text(**{name: CHANGES[name]})})
    assert seen - with_findings <= SEEN[name]


def test_what_a_parameter_is_given_concerns_who_is_called(shop: Path) -> None:
    callee = "def work(source):\n    conn = source.getconn()\n    conn.cursor()\n"
    before = text(caller="def caller():\n    work(print)\n", silent=callee)
    after = text(caller="def caller():\n    work(pool)\n", silent=callee)
    shop.write_bytes(before)
    again = look(shop).again({str(shop): after})[str(shop)]
    shop.write_bytes(after)
    assert again == look(shop).result.findings
    assert "work" in {f.function for f in again}


def test_a_comment_at_the_end_of_a_function_is_part_of_its_fix(shop: Path) -> None:
    before, after = (text(lonely=f"{FUNCTIONS['lonely']}    # {word}\n") for word in ("old", "new"))
    shop.write_bytes(before)
    again = look(shop).again({str(shop): after})[str(shop)]
    fixes = [edit.content for f in again if f.function == "lonely" and f.fix is not None for edit in f.fix.edits]
    assert "# new" in "".join(fixes)
    assert "# old" not in "".join(fixes)
