"""One run, one scan: whatever a command does with a project, it is indexed and looked through once."""

from __future__ import annotations

from pathlib import Path

import pytest

from putback.cli.main import run
from putback.pipeline.scan import Scanner

TWO_LEAKS = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 5)


def fixable():
    conn = pool.getconn()
    conn.cursor().execute("SELECT 1")
    pool.putconn(conn)


def unsafe(early):
    conn = pool.getconn()
    if early:
        return None
    conn.cursor().execute("SELECT 1")
    pool.putconn(conn)
    print("done")
"""


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Scanner]:
    """The scans so far, in a working directory with something to find, fix and verify."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "shop.py").write_text(TWO_LEAKS)
    monkeypatch.chdir(tmp_path)
    made: list[Scanner] = []
    scan = Scanner.run

    def counted(scanner: Scanner, *given: object) -> object:
        made.append(scanner)
        return scan(scanner, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Scanner, "run", counted)
    return made


@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["fix", "--diff"],
        ["fix", "--unsafe-fixes"],
        ["fix", "--verify", "--diff"],
        ["verify", "--list"],
        ["verify"],
        ["check", "--debug"],
        ["verify", "shop.py", "--replay", "fixable"],
    ],
    ids=" ".join,
)
def test_a_command_scans_once(command: list[str], scans: list[Scanner], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command) in (0, 1), capsys.readouterr().err
    assert len(scans) == 1
