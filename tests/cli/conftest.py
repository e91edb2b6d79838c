"""What the tests of the command line share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli_project import Project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """An empty project as the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", *(name for name in os.environ if name.startswith("PUTBACK_"))):
        monkeypatch.delenv(name, raising=False)
    return Project(tmp_path, capsys)
