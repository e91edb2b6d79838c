"""Small whole projects with what is found in them, fixes aside: `fixtures/projects/*/expected.txt`, the concise output.

PUTBACK_UPDATE=1 rewrites the expected files.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from putback.cli.main import run

FOLDER = Path(__file__).parents[1] / "fixtures" / "projects"
PROJECTS = sorted(path for path in FOLDER.iterdir() if path.is_dir())


def found_in(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    """What `putback check` prints inside of a project."""
    monkeypatch.chdir(project)
    for name in [name for name in os.environ if name.startswith("PUTBACK_")]:
        monkeypatch.delenv(name)
    code = run(["check", "-q", "--show-info", "--unfixable", "ALL", "--output-format", "concise", *arguments])
    out, err = capsys.readouterr()
    assert (code, err) == (1, "")
    return out


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_what_is_found(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    update = os.environ.get("PUTBACK_UPDATE")
    expected = project / "expected.txt"
    if update:
        expected.write_text(found_in(project, monkeypatch, capsys, "--no-gates"), encoding="utf-8")
    assert found_in(project, monkeypatch, capsys) == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_an_analysis_of_everything_finds_the_same(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = found_in(project, monkeypatch, capsys, "--no-gates")
    assert found == (project / "expected.txt").read_text(encoding="utf-8")
