"""`putback completion`: a shell completes commands and options."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "src"


def putback(*arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "putback", *arguments],
        env={**os.environ, "PYTHONPATH": str(SOURCES), **environment},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_putback(shell: str) -> None:
    code, script = putback("completion", shell)
    assert code == 0
    assert f"_PUTBACK_COMPLETE={shell}_complete" in script


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("putback bas", ["baseline"]),
        ("putback check --fail", ["--fail-on", "--fail-on-stale"]),
        ("putback nothing", []),
    ],
)
def test_what_it_answers(words: str, found: list[str]) -> None:
    place = str(len(words.split()) - 1)
    code, answer = putback(_PUTBACK_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=place)
    assert code == 0
    assert [line.removeprefix("plain,") for line in answer.split()] == found


def test_another_shell_is_refused() -> None:
    assert putback("completion", "cmd")[0] == 2
