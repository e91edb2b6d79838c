"""The hook file that pre-commit reads."""

from __future__ import annotations

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


def test_the_hooks_are_those_of_the_documentation() -> None:
    clientlib = pytest.importorskip("pre_commit.clientlib")
    hooks = {hook["id"]: hook for hook in clientlib.load_manifest(ROOT / ".pre-commit-hooks.yaml")}
    assert hooks["putback"]["entry"] == "putback check --force-exclude"
    assert hooks["putback-fix"]["entry"] == "putback check --fix --force-exclude"
    assert hooks["putback"]["types_or"] == ["python", "pyi"]
    assert hooks["putback-full"]["pass_filenames"] is False
    assert hooks["putback-full"]["stages"] == ["pre-push", "manual"]
    assert all(hook["require_serial"] for hook in hooks.values())
