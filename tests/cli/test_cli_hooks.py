"""The hook file that pre-commit reads."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_hook_file_is_valid() -> None:
    pytest.importorskip("pre_commit")
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("page", ["README.md", "docs/pages/guides/pre-commit.md"])
def test_the_configuration_that_the_documentation_shows_is_valid(page: str, tmp_path: Path) -> None:
    clientlib = pytest.importorskip("pre_commit.clientlib")
    text = (ROOT / page).read_text(encoding="utf-8")
    shown = re.search(r"^```yaml\n(repos:.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert shown is not None
    (tmp_path / "config.yaml").write_text(shown[1], encoding="utf-8")
    (found,) = clientlib.load_config(tmp_path / "config.yaml")["repos"]
    assert found["repo"] == "local"
    assert all(hook["additional_dependencies"] == ["putback"] for hook in found["hooks"])


def test_the_hooks_are_those_of_the_documentation() -> None:
    clientlib = pytest.importorskip("pre_commit.clientlib")
    hooks = {hook["id"]: hook for hook in clientlib.load_manifest(ROOT / ".pre-commit-hooks.yaml")}
    assert hooks["putback"]["entry"] == "putback check --force-exclude"
    assert hooks["putback-fix"]["entry"] == "putback check --fix --force-exclude"
    assert hooks["putback"]["types_or"] == ["python", "pyi"]
    assert hooks["putback-full"]["pass_filenames"] is False
    assert hooks["putback-full"]["stages"] == ["pre-push", "manual"]
    assert all(hook["require_serial"] for hook in hooks.values())
