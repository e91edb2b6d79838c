"""`putback fix --interactive` on a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_project import BROKEN, HEAD, SOURCES, mended

pytestmark = pytest.mark.slow

pty = pytest.importorskip("pty")

FIRST, SECOND, THIRD = (BROKEN.format(name) for name in "abc")


def answered(folder: Path, *answers: str) -> tuple[int, str]:
    """The exit code and the output when somebody types these answers."""
    (folder / "app.py").write_text(HEAD + FIRST + SECOND + THIRD)
    master, terminal = pty.openpty()
    os.write(master, "".join(f"{answer}\n" for answer in answers).encode())
    environment = {**os.environ, "PYTHONPATH": SOURCES}
    command = [sys.executable, "-m", "putback", "fix", "--interactive", "--fixable", "PB110"]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdin=terminal, capture_output=True, text=True, check=False
        )
    finally:
        os.close(master)
        os.close(terminal)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("answers", "functions"),
    [
        (["y", "n", "yes"], [mended(FIRST), SECOND, mended(THIRD)]),
        (["n", "a"], [FIRST, mended(SECOND), mended(THIRD)]),
        (["y", "q"], [mended(FIRST), SECOND, THIRD]),
        (["what?", "N", "y", "q"], [FIRST, mended(SECOND), THIRD]),
        (["y", "\x04"], [mended(FIRST), SECOND, THIRD]),
        (["a"], [mended(FIRST), mended(SECOND), mended(THIRD)]),
    ],
)
def test_what_is_wanted_is_fixed(tmp_path: Path, answers: list[str], functions: list[str]) -> None:
    code, out = answered(tmp_path, *answers)
    assert (tmp_path / "app.py").read_text() == "".join([HEAD, *functions])
    count = sum("await pool.release" in function for function in functions)
    assert f"Fixed {count} problem" in out
    assert code == int(count < 3)


def test_each_fix_is_shown(tmp_path: Path) -> None:
    _, out = answered(tmp_path, "n", "n", "n")
    assert "app.py:9:9: PB110 release-not-awaited: " in out
    assert "(safe fix)\n--- app.py\n+++ app.py\n@@ " in out
    assert "\n-        pool.release(conn)\n+        await pool.release(conn)\n" in out
    assert out.count("Apply this fix?") == 3
