"""Fixing whole projects: the second look agrees with a fresh run, and what is promised of the outcome holds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from putback.model.config import Config
from putback.model.finding import Finding
from putback.pipeline.check import check, checked
from putback.pipeline.fix import fix, written
from putback.rules import ALL

PROJECTS = sorted(path for path in (Path(__file__).parents[2] / "fixtures" / "projects").iterdir() if path.is_dir())
EVERY = frozenset(rule.code for rule in ALL)


@pytest.fixture(params=PROJECTS, ids=lambda path: path.name)
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a project of the fixtures, as the working directory."""
    folder = Path(shutil.copytree(request.param, tmp_path / "project"))
    monkeypatch.chdir(folder)
    return folder


def places(findings: Iterable[Finding]) -> list[tuple[str, int, str, str]]:
    """What findings say, without what they say of fixes."""
    return [(f.path, f.span.start.row, f.code, f.fingerprint) for f in findings]


def test_looking_again_at_the_same_finds_the_same(project: Path) -> None:
    found = checked(["."], Config(root=str(project)), EVERY)
    first = found.result.findings
    texts = {finding.filename: Path(finding.filename).read_bytes() for finding in first}
    again = found.again(texts)
    assert again == found.findings_in(texts)
    assert sorted((f for path in texts for f in again[path]), key=lambda f: (f.path, f.span, f.code)) == list(first)


_POOL = "from psycopg2.pool import ThreadedConnectionPool\n\npool = ThreadedConnectionPool(1, 5)\n\n\n"
_HANDS_OUT = f"{_POOL}def take():\n    return pool.getconn()\n"
_KEEPS = f"{_POOL}def take():\n    return None\n"


@pytest.mark.parametrize(
    "code",
    [
        "from app.db import take\n\n\ndef f():\n    take()\n",
        "from app import db\n\n\ndef f():\n    db.take()\n",
        "def f():\n    from app.db import take\n\n    take()\n",
        "def f():\n    from . import db\n\n    db.take()\n",
    ],
)
def test_files_that_import_a_changed_one_are_looked_at_again(code: str, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    wrapper, user = str(folder / "db.py"), str(folder / "user.py")
    for path, text in ((str(folder / "__init__.py"), ""), (wrapper, _HANDS_OUT), (user, code)):
        Path(path).write_text(text)
    leaks = frozenset(code for code in EVERY if code.startswith("PB1"))
    found = checked([str(tmp_path)], Config(root=str(tmp_path)), leaks)
    assert [f.filename for f in found.result.findings] == [user]
    kept = {wrapper: _KEEPS.encode()}
    assert found.again(kept) == {wrapper: (), user: ()}
    assert found.again({user: code.encode()}, kept) == {user: ()}
    assert [f.filename for f in found.again({user: code.encode()})[user]] == [user]


def test_what_a_fix_says_of_a_file_is_what_a_fresh_run_says(project: Path) -> None:
    config = Config(root=str(project), unsafe_fixes=True)
    done = written(fix(["."], config))
    assert places(done.findings) == places(check(["."], config).findings)
    assert fix(["."], config).changes == ()
    for change in done.changes:
        assert Path(change.path).read_bytes() == change.after != change.before


def test_files_outside_of_the_paths_are_not_touched(project: Path) -> None:
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    config = Config(root=str(project), unsafe_fixes=True)
    wanted = sorted({f.path for f in check(["."], config).findings if f.fix is not None})[:1]
    written(fix(wanted or ["."], config))
    changed = {os.path.relpath(path) for path, data in before.items() if path.read_bytes() != data}
    assert changed <= set(wanted)


def test_a_file_that_changes_meanwhile_is_left_and_not_counted(project: Path) -> None:
    done = fix(["."], Config(root=str(project)))
    for change in done.changes[:1]:
        Path(change.path).write_bytes(b"# changed by somebody else\n" + change.before)
    after = written(done)
    assert len(after.overtaken) == len(done.changes[:1])
    for change in done.changes[:1]:
        assert Path(change.path).read_bytes().startswith(b"# changed")
        assert change.path not in {each.path for each in after.changes}
        assert change.path not in {each.finding.filename for each in after.applied}
