"""Jobs and threads get an end for their sessions, and where that is not sure the reason is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from pairs import ALONE, Pair, Project, ensure_mended, pairs, reasons

from putback.model.fix import Applicability

HEAD = """\
from threading import Thread

from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker

db_session = scoped_session(sessionmaker(bind=create_engine("postgresql://shop")))
other_session = scoped_session(sessionmaker(bind=create_engine("postgresql://other")))


"""
START = "\n\nThread(target=work).start()\n"
JOBS = list(pairs("job-without-session-cleanup"))
TEARDOWNS = list(pairs("teardown-skips-remove"))
UNREMOVED = list(pairs("scoped-session-never-removed"))
THREADS = list(pairs("thread-without-session-cleanup"))


@pytest.mark.parametrize("pair", JOBS, ids=lambda pair: pair.name)
def test_jobs_are_mended_as_specified(pair: Pair, tmp_path: Path) -> None:
    ensure_mended(pair, "PB306", tmp_path)


@pytest.mark.parametrize("pair", THREADS, ids=lambda pair: pair.name)
def test_threads_are_mended_as_specified(pair: Pair, tmp_path: Path) -> None:
    ensure_mended(pair, "PB307", tmp_path)


@pytest.mark.parametrize("pair", TEARDOWNS, ids=lambda pair: pair.name)
def test_teardowns_are_mended_as_specified(pair: Pair, tmp_path: Path) -> None:
    ensure_mended(pair, "PB305", tmp_path)


@pytest.mark.parametrize("pair", UNREMOVED, ids=lambda pair: pair.name)
def test_a_teardown_is_added_as_specified(pair: Pair, tmp_path: Path) -> None:
    ensure_mended(pair, "PB304", tmp_path)


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (
            'def work():\n    db_session.execute(text("SELECT 1"))\n\n\nwork()',
            "it is also called directly (example.py:14)",
        ),
        (
            'def work():\n    db_session.execute(text("SELECT 1"))\n    other_session.execute(text("SELECT 1"))',
            "it uses several scoped sessions",
        ),
        (
            'def work(): db_session.execute(text("SELECT 1"))',
            "its body shares a line with its header",
        ),
    ],
)
def test_no_fix(work: str, reason: str, tmp_path: Path) -> None:
    (found,) = reasons("PB307", {ALONE: HEAD + work + START}, tmp_path)
    assert found.endswith(reason) if "directly" not in reason else "it is also called directly" in found


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        ('def work():\n    db_session.execute(text("SELECT 1"))', Applicability.SAFE),
        ('def work():\n    return db_session.execute(text("SELECT 1")).all()', Applicability.UNSAFE),
    ],
)
def test_what_is_returned_may_need_the_session(work: str, expected: Applicability, tmp_path: Path) -> None:
    (found,) = (f for f in Project(tmp_path, {ALONE: HEAD + work + START}).findings() if f.code == "PB307")
    assert found.fix is not None
    assert found.fix.applicability is expected


def test_an_application_context_ends_the_session_of_whoever_runs_the_task_in_place(tmp_path: Path) -> None:
    task = """
from celery import Celery
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

web = Flask(__name__)
db = SQLAlchemy(web)
app = Celery("shop")


@app.task
def send():
    db.session.execute(text("UPDATE orders SET sent = true"))
"""
    (found,) = (f for f in Project(tmp_path, {ALONE: task}).findings() if f.code == "PB306")
    assert found.help == "do the work in `with web.app_context():`"
    assert found.fix is not None
    assert found.fix.applicability is Applicability.UNSAFE
