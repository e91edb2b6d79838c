"""`putback.debug`: what the analysis thinks, as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from putback.model.config import Config
from putback.pipeline.debug import debug

POOL = """\
import psycopg2.pool

pool = psycopg2.pool.ThreadedConnectionPool(1, 10, "")


def take():
    return pool.getconn()
"""
USE = """\
from contextlib import contextmanager

from db import pool, take


def unrelated(path):
    return open(path)


def use(flag):
    conn = take()
    conn.cursor().execute("x")
    if flag:
        return
    pool.putconn(conn)


@contextmanager
def provide():
    conn = take()
    yield conn
    pool.putconn(conn)
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wrapper in one file, its users in another."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "db.py").write_text(POOL)
    (tmp_path / "use.py").write_text(USE)
    return tmp_path


def lines(project: Path, name: str) -> list[str]:
    """The printed lines, without indentation."""
    return [line.strip() for line in debug(name, Config(root=str(project))).splitlines()]


def test_blocks_states_and_wrappers_are_printed(project: Path) -> None:
    found = lines(project, "use.py")
    assert found[0] == "== use.py =="
    assert "def use(flag)" in found
    assert "site 1: row 11: take()" in found
    assert "kind: psycopg2.pooled, acquired on call" in found
    assert f"through: take (row 6 of {project / 'db.py'})" in found
    assert any(line.startswith("ending: return at row 14: held conn") for line in found)


def test_roles_are_printed(project: Path) -> None:
    assert "roles: provider" in lines(project, "use.py")


def test_functions_without_connections_are_left_out(project: Path) -> None:
    assert not any("unrelated" in line for line in lines(project, "use.py"))


def test_a_file_without_connections(project: Path) -> None:
    (project / "plain.py").write_text("import os\n")
    assert lines(project, "plain.py")[-1] == "nothing in this file can take a connection"


def test_a_broken_file_is_a_note(project: Path) -> None:
    (project / "broken.py").write_text("import psycopg2\npsycopg2.connect(\n")
    notes = [line for line in lines(project, "broken.py") if line.startswith("note: ")]
    assert len(notes) == 1
    assert "broken.py is not analysed" in notes[0]


def test_too_many_paths_are_a_note(project: Path) -> None:
    asked = "".join(f"    if a{n}:\n        conn.cursor()\n" for n in range(12))
    branches = "".join(f"    if a{n}:\n        pool.putconn(conn)\n" for n in range(12))
    parameters = ", ".join(f"a{n}" for n in range(12))
    (project / "many.py").write_text(
        f"from db import pool\n\ndef f({parameters}):\n    conn = pool.getconn()\n{asked}{branches}"
    )
    found = lines(project, "many.py")
    assert "too many paths: some conditions were forgotten" in found
    assert any(line.startswith("note: ") and "too many paths" in line for line in found)


UNKNOWN = """\
import acme.db
import psycopg2


def handed_in(conn, log):
    try:
        conn.execute("SELECT 1")
    except psycopg2.Error:
        log.exception("failed")


def from_outside(log):
    conn = acme.db.get()
    try:
        conn.commit()
    except psycopg2.Error:
        log.exception("failed")


class Shop:
    def attribute(self, log):
        try:
            self.conn.commit()
        except psycopg2.Error:
            log.exception("failed")


def known(log):
    conn = psycopg2.connect("dbname=shop")
    try:
        conn.commit()
    except psycopg2.Error:
        log.exception("failed")
    finally:
        conn.close()
"""


def test_what_is_not_known_is_said_and_counted(project: Path) -> None:
    (project / "shop.py").write_text(UNKNOWN)
    found = lines(project, "shop.py")
    said = [line.removeprefix("not known: ").partition(" is ")[0] for line in found if line.startswith("not known: ")]
    assert said == ["row 7: conn", "row 15: conn", "row 23: self.conn"]
    assert any(line.startswith("not known: row 15") and "acme.db.get" in line for line in found)
    assert sum(line.startswith("note: 1 call is on") for line in found) == 3
