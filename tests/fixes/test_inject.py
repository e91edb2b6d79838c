"""A route gets its session from the project's own dependency, asked for as its neighbours ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from pairs import ALONE, Pair, Project, ensure_mended, pairs, reasons

from putback.model.fix import Applicability

HEAD = """\
from fastapi import BackgroundTasks, Depends, FastAPI
from sqlalchemy.orm import Session, sessionmaker

SessionLocal = sessionmaker()
Other = sessionmaker()
app = FastAPI()


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


@app.get("/a")
def a(db: Session = Depends(get_db)):
    return db.execute("SELECT 1")


"""


def route(body: str, parameters: str = "x") -> str:
    """A module with a route of this body."""
    return f'{HEAD}@app.get("/b")\ndef b({parameters}):\n{body}\n'


@pytest.mark.parametrize("pair", list(pairs("manual-session-in-route")), ids=lambda pair: pair.name)
def test_the_session_is_injected(pair: Pair, tmp_path: Path) -> None:
    ensure_mended(pair, "PB302", tmp_path)


def test_the_fix_is_unsafe_because_the_signature_changes(tmp_path: Path) -> None:
    text = route("    db = SessionLocal()\n    return db.execute(x).all()")
    (found,) = (f for f in Project(tmp_path, {ALONE: text}).findings() if f.code == "PB302")
    assert found.fix is not None
    assert found.fix.applicability is Applicability.UNSAFE


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("    db = Other()\n    return db.execute(x).all()", "the project has no dependency that yields this session"),
        (
            "    db = SessionLocal(expire_on_commit=False)\n    return db.execute(x).all()",
            "the project has no dependency that yields this session",
        ),
        ("    return SessionLocal().execute(x).all()", "the session has no name"),
        (
            "    for y in x:\n        db = SessionLocal()\n        db.execute(y)\n        db.close()",
            "it is made in a loop",
        ),
        (
            "    db = SessionLocal()\n    rows = db.execute(x).all()\n    db.close()\n    send(rows)\n    return rows",
            "the route goes on working after it has closed the session",
        ),
        (
            "    db = SessionLocal()\n\n    def rows():\n        return db.execute(x).all()\n\n    return rows()",
            "`db` is used in a nested function",
        ),
        (
            "    with SessionLocal() as db, open(x) as f:\n        return db.execute(f.read()).all()",
            "its `with` does more than to enter the session",
        ),
    ],
)  # fmt: skip
def test_it_is_left_alone_with_the_reason(body: str, reason: str, tmp_path: Path) -> None:
    assert reasons("PB302", {ALONE: route(body)}, tmp_path) == [reason]


def test_a_session_given_to_a_background_task_stays(tmp_path: Path) -> None:
    body = "    db = SessionLocal()\n    tasks.add_task(print, db)\n    return 1"
    found = reasons("PB302", {ALONE: route(body, "tasks: BackgroundTasks")}, tmp_path)
    assert found == ["`db` is handed on"]


def test_a_parameter_of_the_same_name_stays(tmp_path: Path) -> None:
    body = "    db = SessionLocal()\n    return db.execute('x').all()"
    assert reasons("PB302", {ALONE: route(body, "db")}, tmp_path) == ["`db` may be the caller's connection"]


def test_several_dependencies_for_one_session_are_named(tmp_path: Path) -> None:
    second = HEAD.replace("def get_db", "def get_session").replace("get_db)", "get_session)").partition("def get_s")
    text = (
        route("    db = SessionLocal()\n    return db.execute(x).all()")
        + "\n\n"
        + second[1]
        + second[2].rstrip()
        + "\n"
    )
    found = reasons("PB302", {ALONE: text}, tmp_path)
    assert found == ["several dependencies yield this session: get_db, get_session"]
