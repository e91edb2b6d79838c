"""The GitHub action: its file is valid, and its step does what its inputs say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LEAK = """\
import psycopg2.pool

pool = psycopg2.pool.ThreadedConnectionPool(1, 9)


def f():
    conn = pool.getconn()
"""


def step() -> str:
    """The shell script of the step that checks."""
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    lines = text.rpartition("      run: |\n")[2].splitlines()
    return "\n".join(line.removeprefix("        ") for line in lines)


def run(folder: Path, paths: str = ".", arguments: str = "", sarif: str = "") -> subprocess.CompletedProcess[str]:
    """Run the step as a runner does, with this interpreter in the place of the installed one."""
    python = folder / "runner" / "putback" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    given = {"GIVEN_PATHS": paths, "GIVEN_ARGUMENTS": arguments, "SARIF_FILE": sarif}
    others = {name: value for name, value in os.environ.items() if not name.startswith("PUTBACK_")}
    variables = {**others, **given, "RUNNER_TEMP": str(folder / "runner"), "PYTHONPATH": str(ROOT / "src")}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step()]
    return subprocess.run(command, cwd=folder / "work", env=variables, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with a leak and a clean file."""
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "leak.py").write_text(LEAK)
    (tmp_path / "work" / "clean.py").write_text("x = 1\n")
    return tmp_path


def test_a_leak_fails_the_job_and_is_annotated(folder: Path) -> None:
    done = run(folder)
    assert done.returncode == 1
    assert "::error title=putback (PB101),file=leak.py,line=7" in done.stdout


def test_paths(folder: Path) -> None:
    assert run(folder, paths="clean.py").returncode == 0
    assert run(folder, paths="clean.py leak.py").returncode == 1


def test_arguments(folder: Path) -> None:
    assert run(folder, arguments="--exit-zero --select PB1").returncode == 0


def test_inputs_are_not_run(folder: Path) -> None:
    run(folder, paths="$(touch run1)", arguments="; touch run2;")
    assert not list((folder / "work").glob("run*"))


def test_sarif_is_written_and_the_job_fails_all_the_same(folder: Path) -> None:
    done = run(folder, sarif="out.sarif")
    assert done.returncode == 1
    assert "::error title=putback (PB101),file=leak.py,line=7" in done.stdout
    assert step().count("putback check") == 1  # the project is looked at once
    written = json.loads((folder / "work" / "out.sarif").read_text(encoding="utf-8"))
    assert [result["ruleId"] for result in written["runs"][0]["results"]] == ["PB101"]


def test_the_file_is_valid() -> None:
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    command = ["--builtin-schema", "vendor.github-actions", str(ROOT / "action.yml")]
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
