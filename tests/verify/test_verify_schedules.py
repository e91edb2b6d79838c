"""Schedules: stable, replayable, told in words and as a test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fixes import before, leaky_functions, right
from roles_by_hand import proof, version
from shapes import SHAPES

from putback.model.errors import UsageError
from putback.pipeline.cases import replay_file
from putback.verify import replay_here, reply, wire
from putback.verify.choices import Choice, Sort, parse
from putback.verify.explore import Budget, explore
from putback.verify.extract import extract
from putback.verify.faults import faults_for
from putback.verify.reproduce import as_test
from putback.verify.roles import Bounds
from putback.verify.run import Run, Runner

_SOURCES = [s.source for s in SHAPES] + [before(f) for f in list(leaky_functions())[::9]]


def runs(source: str) -> list[Run]:
    """Every run of a function."""
    program = extract(version(source))
    budget = Budget(4_000, 60.0, lambda: 0.0)
    return explore(Runner(program, faults_for(program.handled, {})), Bounds(level=2), budget).runs


@pytest.mark.parametrize("source", _SOURCES)
def test_the_same_schedules_twice(source: str) -> None:
    first, second = runs(source), runs(source)
    assert [r.schedule for r in first] == [r.schedule for r in second]
    assert [r.trace for r in first] == [r.trace for r in second]


@pytest.mark.parametrize("source", _SOURCES)
def test_every_schedule_can_be_replayed(source: str) -> None:
    for run in runs(source):
        if run.cut_off is None:
            again = replay_here(version(source), run.schedule, Bounds(level=2))
            assert (again.outcome, again.trace, again.violations) == (run.outcome, run.trace, run.violations)


def test_other_hashes_give_the_same_schedules() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_verify_schedules import runs, _SOURCES\n"
        "print([[str(c) for c in r.schedule] for s in _SOURCES[:12] for r in runs(s)])\n"
    )
    here = str(Path(__file__).parent)
    found = {
        subprocess.run(
            [sys.executable, "-c", script, here],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_a_choice_is_written_and_read() -> None:
    choice = Choice(Sort.FAULT, "c1.cursor().execute('a = b')#1", "IntegrityError")
    assert str(choice) == "fault c1.cursor().execute('a = b')#1 = IntegrityError"
    assert parse(str(choice)) == choice


@pytest.mark.parametrize("text", ["", "fault", "fault x", "luck x = yes"])
def test_nonsense_is_no_choice(text: str) -> None:
    with pytest.raises(UsageError, match="a choice is written"):
        parse(text)


def test_the_shortest_counterexample_tells_the_story() -> None:
    found = proof(
        """
        def f(order):
            conn = pool.getconn()
            cur = conn.cursor()
            cur.execute("update orders set state = 2 where id = %s", (order,))
            conn.commit()
            pool.putconn(conn)
        """
    )
    assert found.leak is not None
    assert [str(c) for c in found.leak.schedule] == ["fault c1.cursor()#1 = OperationalError"]
    assert found.leak.story == (
        "1. a connection is taken: c1 = pool.getconn()",
        "2. c1.cursor() raises OperationalError",
        "3. the function ends: it raises OperationalError('fault at c1.cursor()')",
        "4. c1 is not given back: leak",
    )


def test_a_proof_survives_the_border() -> None:
    leaky = next(leaky_functions())
    made = proof(before(leaky), right(leaky))
    assert reply.proof(wire.as_bytes(wire.encode(made)), made.case) == made


def test_a_counterexample_becomes_a_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leaky = "import sqlite3\n\n\ndef f(x):\n    conn = sqlite3.connect('shop.db')\n    conn.execute('select 1')\n"
    mended = leaky.replace("    conn.execute('select 1')\n", "    try:\n        conn.execute('select 1')\n")
    mended += "    finally:\n        conn.close()\n"
    (tmp_path / "shop.py").write_text(leaky)
    monkeypatch.chdir(tmp_path)
    found = proof(leaky.replace("import sqlite3\n\n\n", ""))
    text = as_test(found, "shop.py")
    assert text is not None and found.leak is not None
    (tmp_path / "test_shop.py").write_text(text)
    schedule = [str(c) for c in found.leak.schedule]
    assert replay_file("shop.py", "f", schedule).leaks
    (tmp_path / "shop.py").write_text(mended)
    assert not replay_file("shop.py", "f", schedule).violations
    compile(text, "test_shop.py", "exec")


def test_replaying_an_unknown_function_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("import sqlite3\n")
    with pytest.raises(UsageError, match="no function g"):
        replay_file(str(tmp_path / "shop.py"), "g", [])
