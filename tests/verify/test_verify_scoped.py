"""Scoped sessions: a run is one thread, whose session stays in the registry until something removes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from putback.model.config import Config
from putback.pipeline.cases import replay_file, version_in
from putback.pipeline.fix import checked_for_fixes, fixed
from putback.pipeline.verify import Prover, about_rule, subjects
from putback.verify import Bounds, Case, Proof, Version, replay_here, verify_here
from putback.verify.roles import Registry, Use
from putback.verify.sandbox import Sandbox
from putback.verify.verdict import Verdict

PATIENT = Bounds(seconds=60.0)

STORE = """\
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker

db_session = scoped_session(sessionmaker(bind=create_engine("postgresql://shop")))
db = SQLAlchemy()


class Order(db.Model):
    pass


def mark(number):
    db_session.execute(text("UPDATE orders SET seen = true WHERE id = :id"), {"id": number})


def mark_and_commit(number):
    mark(number)
    db_session.commit()
"""

HEAD = """\
import threading

from flask import Flask
from sqlalchemy import text

from store import Order, db, db_session, mark, mark_and_commit

app = Flask(__name__)


def start(number):
    threading.Thread(target=work, args=(number,)).start()


"""

PLAIN = """\
def work(number):
    db_session.execute(text("UPDATE orders SET paid = true"))
    db_session.commit()
    print("done")
"""

MANAGED = """\
def work(number):
    for order in Order.query.filter_by(paid=False).all():
        print(order)
    db.session.commit()
"""

TEARDOWN = """\
@app.teardown_appcontext
def work(exception=None):
    if exception:
        db_session.rollback()
    else:
        db_session.remove()
"""


def _version(folder: Path, body: str) -> tuple[Path, Version]:
    folder.mkdir()
    (folder / "store.py").write_text(STORE, encoding="utf-8")
    path = folder / "jobs.py"
    path.write_text(HEAD + body, encoding="utf-8")
    return path, version_in(str(path), "work", Config(root=str(folder)))


def _verified(tmp_path: Path, before: str, after: str | None, name: str, code: str = "PB307") -> Proof:
    _, was = _version(tmp_path / "before", before)
    now = _version(tmp_path / "after", after)[1] if after is not None else None
    return verify_here(Case(was, now, "jobs.py", (about_rule(code)._replace(acquire=name),)), PATIENT)


def _indented(body: str) -> tuple[str, str]:
    """The head of a function and its rows, a step further in."""
    head, _, rows = body.partition("\n")
    return head, "".join(f"    {row}\n" for row in rows.splitlines())


def _finally(body: str, removal: str) -> str:
    head, rows = _indented(body)
    return f"{head}\n    try:\n{rows}    finally:\n        {removal}\n"


GOOD = {
    "removed in a finally": _finally(PLAIN, "db_session.remove()"),
    "closed in a finally": _finally(PLAIN, "db_session.close()"),
    "removed where it ends, and on every error": _indented(PLAIN)[0]
    + "\n    try:\n"
    + _indented(PLAIN)[1]
    + "    except BaseException:\n        db_session.remove()\n        raise\n    db_session.remove()\n",
    "rolled back first": _finally(PLAIN, "db_session.rollback()\n        db_session.remove()"),
}

WRONG = {
    "rolled back and kept": _finally(PLAIN, "db_session.rollback()"),
    "removed on the way that ends well": PLAIN + "    db_session.remove()\n",
    "removed on errors": _indented(PLAIN)[0]
    + "\n    try:\n"
    + _indented(PLAIN)[1]
    + "    except BaseException:\n        db_session.remove()\n        raise\n",
    "removed before the commit": PLAIN.replace(
        "    db_session.commit()", "    db_session.remove()\n    db_session.commit()"
    ),
    "removed before the work": "def work(number):\n    db_session.remove()\n" + PLAIN.partition("\n")[2],
    "swallows the error": _finally(PLAIN, "db_session.remove()\n        return"),
    "an empty context": "def work(number):\n    with app.app_context():\n        pass\n" + PLAIN.partition("\n")[2],
    "commits what failed": _finally(PLAIN, "db_session.commit()\n        db_session.remove()"),
}


@pytest.mark.parametrize("after", GOOD.values(), ids=GOOD.keys())
def test_a_fix_that_removes_the_session_is_proved(tmp_path: Path, after: str) -> None:
    proof = _verified(tmp_path, PLAIN, after, "db_session")
    assert (proof.verdict, proof.leaked_after) == (Verdict.PROVED, 0), proof.reason
    assert proof.leaked_before > 0


@pytest.mark.parametrize("after", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_fix_is_not_accepted(tmp_path: Path, after: str) -> None:
    proof = _verified(tmp_path, PLAIN, after, "db_session")
    assert not proof.verdict.is_accepted, proof.title


def test_a_context_removes_what_the_extension_manages(tmp_path: Path) -> None:
    head, rows = _indented(MANAGED)
    proof = _verified(tmp_path, MANAGED, f"{head}\n    with app.app_context():\n{rows}", "db.session")
    assert proof.verdict is Verdict.PROVED, proof.reason
    assert proof.leak is not None
    assert "s1 is not given back: leak" in proof.leak.story[-1]


def test_a_context_does_not_remove_a_registry_of_ones_own(tmp_path: Path) -> None:
    head, rows = _indented(PLAIN)
    proof = _verified(tmp_path, PLAIN, f"{head}\n    with app.app_context():\n{rows}", "db_session")
    assert not proof.verdict.is_accepted


@pytest.mark.parametrize("call", ["mark", "mark_and_commit"])
def test_a_session_that_is_used_in_another_module_is_followed(tmp_path: Path, call: str) -> None:
    body = f"def work(number):\n    {call}(number)\n"
    roles = _version(tmp_path / "project", body)[1].roles
    assert [r.name for r in roles.registries] == ["db_session"]
    ends = (0,) if call == "mark_and_commit" else ()
    assert roles.uses == (Use(call, (0,), ends),)
    proof = _verified(tmp_path, body, _finally(body, "db_session.remove()"), "db_session")
    assert proof.verdict is Verdict.PROVED, proof.reason


def test_a_job_that_uses_a_session_of_another_module_can_be_replayed(tmp_path: Path) -> None:
    path, _ = _version(tmp_path / "project", "def work(number):\n    mark(number)\n")
    assert [str(v) for v in replay_file(str(path), "work", []).violations] == ["leak: s1"]


def test_a_registry_says_how_it_is_named_and_what_it_is(tmp_path: Path) -> None:
    _, version = _version(tmp_path / "project", MANAGED)
    assert version.roles.registries == (
        Registry(
            "db.session",
            ("db.session",),
            "sqlalchemy.scoped",
            "flask_sqlalchemy.SQLAlchemy.session",
            ("Order.query",),
            "flask_sqlalchemy.query.Query",
            is_managed=True,
        ),
    )


def test_a_teardown_begins_with_the_session_of_its_request(tmp_path: Path) -> None:
    proof = _verified(tmp_path, TEARDOWN, None, "db_session", "PB305")
    assert proof.verdict is Verdict.LEAKS
    assert proof.leak is not None
    assert [choice.option for choice in proof.leak.schedule] == ["OperationalError"]


def test_a_teardown_that_always_removes_is_proved(tmp_path: Path) -> None:
    after = """\
@app.teardown_appcontext
def work(exception=None):
    try:
        if exception:
            db_session.rollback()
    finally:
        db_session.remove()
"""
    proof = _verified(tmp_path, TEARDOWN, after, "db_session", "PB305")
    assert proof.verdict is Verdict.PROVED, proof.reason
    assert "level 2" in proof.reason


def test_what_somebody_else_removes_later_is_not_judged(tmp_path: Path) -> None:
    """A function that no thread or job begins with: whoever calls it removes the session."""
    path, _ = _version(
        tmp_path / "project", PLAIN + "\n\ndef view(number):\n    mark(number)\n    db_session.rollback()\n"
    )
    version = version_in(str(path), "view", Config(root=str(path.parent)))
    assert [r.outlives for r in version.roles.registries] == [True]
    run = replay_here(version, ())
    assert (run.acquired, run.violations) == (1, [])


def test_removing_where_nothing_was_used_does_nothing(tmp_path: Path) -> None:
    _, version = _version(tmp_path / "project", "def work(number):\n    db_session.remove()\n    db_session.close()\n")
    run = replay_here(version, ())
    assert (run.trace, run.acquired) == ([], 0)


def test_the_session_itself_can_be_asked_for(tmp_path: Path) -> None:
    body = "def work(number):\n    session = db_session()\n    session.add(number)\n    db_session.remove()\n"
    run = replay_here(_version(tmp_path / "project", body)[1], ())
    assert (run.acquired, run.violations) == (1, [])


def test_fixes_of_what_is_called_do_not_count_as_differences(tmp_path: Path) -> None:
    """Both functions run in threads and are mended at once; the one calls the other."""
    body = """\
def work(number):
    db_session.execute(text("SELECT 1"))


def other():
    work(1)
    print("done")


def start_other():
    threading.Thread(target=other).start()
"""
    path, _ = _version(tmp_path / "project", body.replace("work(1)", "mark(1)"))
    config = Config(root=str(path.parent))
    project = checked_for_fixes([str(path)], config)
    wanted = subjects(project, fixed(project, config))
    with Sandbox() as sandbox:
        proofs = Prover(sandbox, PATIENT, lambda done, total: None).prove(wanted)
    assert {(p.case.before.function, p.title) for p in proofs} == {("work", "proved"), ("other", "proved")}


def test_a_request_without_an_end_is_not_run(tmp_path: Path) -> None:
    text = HEAD.partition("def start")[0] + '@app.route("/")\ndef work():\n    mark(1)\n    return ""\n'
    (tmp_path / "store.py").write_text(STORE, encoding="utf-8")
    (tmp_path / "jobs.py").write_text(text, encoding="utf-8")
    config = Config(root=str(tmp_path))
    project = checked_for_fixes([str(tmp_path)], config)
    found = [s for s in subjects(project, fixed(project, config)) if s.findings[0].code == "PB304"]
    assert [s.obstacle for s in found] == [
        "what is missing is the end of a request: there is no function to run before and after"
    ]
