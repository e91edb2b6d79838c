"""A dependency yields what it returned, unless somebody relies on the return."""

from __future__ import annotations

from pathlib import Path

import pytest
from pairs import ALONE, Pair, Project, ensure_mended, pairs, reasons

from putback.model.fix import Applicability

HEAD = """\
from fastapi import Depends, FastAPI
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker()
app = FastAPI()


"""
ROUTE = """

@app.get("/a")
def a(db=Depends(get_db)):
    return db.execute("SELECT 1")
"""
GET_DB = "def get_db():\n    db = SessionLocal()\n    return db\n"


@pytest.mark.parametrize("pair", list(pairs("session-dependency-returns")), ids=lambda pair: pair.name)
def test_it_yields(pair: Pair, tmp_path: Path) -> None:
    ensure_mended(pair, "PB301", tmp_path)


def test_the_fix_is_safe_because_only_the_framework_calls_it(tmp_path: Path) -> None:
    (found,) = (f for f in Project(tmp_path, {ALONE: HEAD + GET_DB + ROUTE}).findings() if f.code == "PB301")
    assert found.fix is not None
    assert found.fix.applicability is Applicability.SAFE


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "def get_db(x=0):\n    if x:\n        return None\n    db = SessionLocal()\n    return db\n",
            "it returns in several places",
        ),
        (
            "def get_db():\n    try:\n        db = SessionLocal()\n        return db\n"
            "    except Exception as e:\n        raise ValueError from e\n",
            "an `except` around it would catch what a route raises",
        ),
        ("def get_db(x=0):\n    db = SessionLocal()\n    if x:\n        return db\n", "it returns in a branch"),
        (
            "def get_db(x=0):\n    if x:\n        db = SessionLocal()\n    else:\n        db = None\n    return db\n",
            "it is acquired in a branch",
        ),
        (
            "def get_db(x=0):\n    db = SessionLocal()\n    db.execute('x')\n    db = db or x\n    return db\n",
            "`db` is bound more than once",
        ),
    ],
)  # fmt: skip
def test_it_is_left_alone_where_a_yield_would_do_something_else(text: str, reason: str, tmp_path: Path) -> None:
    assert reasons("PB301", {ALONE: HEAD + text + ROUTE}, tmp_path) == [reason]


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ("from shop import get_db\n\ndb = get_db()\ndb.close()\n", "called directly"),
        ("import shop\n\nshop.get_db().close()\n", "called directly"),
        ("def job():\n    from shop import get_db as make\n    make().close()\n", "called directly"),
        ("import jobs\nfrom shop import get_db\njobs.use(get_db)\n", "used as something else than a dependency"),
    ],
)
def test_it_is_left_alone_where_others_call_it(job: str, reason: str, tmp_path: Path) -> None:
    (found,) = reasons("PB301", {"shop.py": HEAD + GET_DB + ROUTE, "job.py": job}, tmp_path)
    assert found.startswith(f"it is also {reason} (")
    assert found.endswith("job.py:3)")


@pytest.mark.parametrize(
    "other",
    [
        "from shop import get_db\n\n\nclass O:\n    pass\n\n\nO().dependency_overrides[get_db] = 1\n",
        "from shop import get_db\n\n\ndef put(registry):\n    registry.dependency_overrides[get_db] = 1\n",
    ],
)  # fmt: skip
def test_overrides_of_something_else_are_other_uses(other: str, tmp_path: Path) -> None:
    (found,) = reasons("PB301", {"shop.py": HEAD + GET_DB + ROUTE, "other.py": other}, tmp_path)
    assert found.startswith("it is also ")


@pytest.mark.parametrize(
    "other",
    [
        "from shop import app, get_db\n\n\ndef fake():\n    return 1\n\n\napp.dependency_overrides[get_db] = fake\n",
        "import fastapi\nfrom shop import get_db\n\n\ndef test(c):\n    c.app.dependency_overrides[get_db] = 1\n",
        "from fastapi import APIRouter, Depends\nfrom shop import get_db\n\nAPIRouter(dependencies=[Depends(get_db)])",
        "class Repository:\n    def get_db(self):\n        return 1\n\n\nRepository().get_db()\n",
        "def get_db():\n    return 1\n\n\nprint(get_db())\n",
    ],
)  # fmt: skip
def test_overrides_and_namesakes_are_no_calls(other: str, tmp_path: Path) -> None:
    assert reasons("PB301", {"shop.py": HEAD + GET_DB + ROUTE, "other.py": other}, tmp_path) == [""]
