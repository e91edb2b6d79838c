"""`putback fix --style with`: what is given back by hand is held in a `with`, proved function by function."""

from __future__ import annotations

from pathlib import Path

import pytest
from pairs import Pair, Project, pairs

from putback.cli.main import run

PAIRS = list(pairs("released-by-hand"))


@pytest.mark.parametrize("verified", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["alone", "proved"])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_command_writes_what_the_specification_says(
    pair: Pair, verified: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(tmp_path, pair.before)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    run(["fix", "--style", "with", "--select", "PB114", *(["--verify"] if verified else []), "."])
    assert project.files() == pair.after
