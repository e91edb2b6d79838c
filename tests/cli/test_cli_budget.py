"""`putback budget` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from putback.cli.budget import command

MADE = """
from sqlalchemy import create_engine

engine = create_engine("postgresql://shop", pool_size=10, max_overflow=5)
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "db.py").write_text(MADE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("workers", "code"), [(6, 0), (7, 1)])
def test_the_exit_code_says_whether_it_fits(shop: Path, workers: int, code: int) -> None:
    done = CliRunner().invoke(command, ["--workers", str(workers)])
    assert done.exit_code == code, done.output
    assert f"{workers} × 15 = {15 * workers} at most" in done.output


def test_the_configuration_says_how_it_is_deployed(shop: Path) -> None:
    (shop / "pyproject.toml").write_text("[tool.putback.deployment]\nworkers = 2\nmax-connections = 20\n")
    done = CliRunner().invoke(command, ["--output-format", "json"])
    assert done.exit_code == 1
    found = json.loads(done.output)
    assert (found["total"], found["available"], found["workers"][0]["by"]) == (30, 20, "[tool.putback.deployment]")


def test_a_project_without_pools_fits(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [str(tmp_path), "--isolated"])
    assert done.exit_code == 0
    assert "No engine or pool" in done.output


def test_a_terminal_obeys_our_colours_and_no_name(shop: Path) -> None:
    (shop / "db.py").rename(shop / "d\x1b[31mb.py")
    done = CliRunner().invoke(command, ["--color", "always"])
    rows = done.output.splitlines()
    assert rows[0].startswith("\x1b[1mpool"), "the names of the columns are bold"
    assert not any("\x1b[31m" in row for row in rows)
