"""`putback fix --interactive` on a terminal."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from cli_project import BROKEN, HEAD, SOURCES, mended

pytestmark = pytest.mark.slow

pty = pytest.importorskip("pty")

FIRST, SECOND, THIRD = (BROKEN.format(name) for name in "abc")


def answered(folder: Path, *answers: str | bytes, files: int = 1) -> tuple[int, str]:
    """The exit code and the output when somebody types these answers."""
    (folder / "app.py").write_text(HEAD + FIRST + SECOND + THIRD)
    if files > 1:
        (folder / "later.py").write_text(HEAD + FIRST + SECOND)
    master, terminal = pty.openpty()
    os.write(master, b"".join((each.encode() if isinstance(each, str) else each) + b"\n" for each in answers))
    environment = {**os.environ, "PYTHONPATH": SOURCES, "PYTHONIOENCODING": "utf-8:strict"}
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
        (["y", "d"], [mended(FIRST), SECOND, THIRD]),
        (["?", "d"], [FIRST, SECOND, THIRD]),
        (["n", "", "y", "n"], [FIRST, mended(SECOND), THIRD]),
    ],
)
def test_what_is_wanted_is_fixed(tmp_path: Path, answers: list[str], functions: list[str]) -> None:
    code, out = answered(tmp_path, *answers)
    assert (tmp_path / "app.py").read_text() == "".join([HEAD, *functions])
    count = sum("await pool.release" in function for function in functions)
    assert (f"Fixed {count} problem" in out) == bool(count)
    assert code == int(count < 3)


def test_each_fix_is_shown(tmp_path: Path) -> None:
    _, out = answered(tmp_path, "n", "n", "n")
    assert "app.py:9:9: PB110 release-not-awaited: " in out
    assert "(safe fix)\n--- app.py\n+++ app.py\n@@ " in out
    assert "\n-        pool.release(conn)\n+        await pool.release(conn)\n" in out
    for number in (1, 2, 3):
        assert out.count(f"({number}/3) Apply this fix [y,n,q,a,d,?]? ") == 1


def test_a_question_mark_explains(tmp_path: Path) -> None:
    _, out = answered(tmp_path, "?", "x", "q")
    assert out.count("d - apply neither this fix nor any later one in the file\n") == 2
    assert out.count("(1/3) Apply this fix") == 3


@pytest.mark.parametrize(
    ("answers", "left"), [(["q"], "3 fixes"), (["y", "n", "q"], "1 fix"), (["n", "\x04"], "2 fixes")]
)
def test_what_is_left_is_counted(tmp_path: Path, answers: list[str], left: str) -> None:
    _, out = answered(tmp_path, *answers)
    assert f"\n{left} left.\n" in out or f"? {left} left.\n" in out


@pytest.mark.parametrize(
    ("answers", "first", "second"),
    [
        (["a", "n", "y"], [mended(FIRST), mended(SECOND), mended(THIRD)], [FIRST, mended(SECOND)]),
        (["d", "a"], [FIRST, SECOND, THIRD], [mended(FIRST), mended(SECOND)]),
        (["n", "d", "d"], [FIRST, SECOND, THIRD], [FIRST, SECOND]),
        (["a", "q"], [mended(FIRST), mended(SECOND), mended(THIRD)], [FIRST, SECOND]),
    ],
)
def test_all_and_none_are_those_of_a_file(
    tmp_path: Path, answers: list[str], first: list[str], second: list[str]
) -> None:
    answered(tmp_path, *answers, files=2)
    assert (tmp_path / "app.py").read_text() == "".join([HEAD, *first])
    assert (tmp_path / "later.py").read_text() == "".join([HEAD, *second])


TYPED: list[str | bytes] = [
    "y",
    "n",
    "a",
    "d",
    "q",
    "?",
    "",
    "Yes",
    "no\x7f",
    "yy",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\0",
    "\t",
    "\x1b[A",
]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_typed_only_what_is_wanted_is_fixed(tmp_path: Path, seed: int) -> None:
    """Answers at random, what is no text among them: a file holds the accepted fixes and nothing else of the others."""
    drawn = random.Random(seed).choices(TYPED, k=20)
    code, out = answered(tmp_path, *drawn, "\x04\x04", files=2)
    letters = (letter for each in drawn if (letter := wanted(each)))
    files = {"app.py": [FIRST, SECOND, THIRD], "later.py": [FIRST, SECOND]}
    stopped, fixed = False, 0
    for name, functions in files.items():
        settled, after = "", [HEAD]
        for function in functions:
            letter = "q" if stopped else settled or next(letters, "q")
            stopped, settled = letter == "q", letter if letter in "ad" else ""
            fixed += letter in "ya"
            after.append(mended(function) if letter in "ya" else function)
        assert (tmp_path / name).read_text() == "".join(after)
    assert code == int(fixed < 5)
    assert (f"Fixed {fixed} problem" in out) == bool(fixed)
    assert {each.name for each in tmp_path.iterdir()} <= {*files, ".putback_cache"}, "nothing is left beside them"


def wanted(typed: str | bytes) -> str:
    """The letter that an answer means, "" for one that is answered with the help; a character may be rubbed out."""
    text = "" if isinstance(typed, bytes) else typed
    text = text[:-2] if text.endswith("\x7f") else text
    return text.lower()[:1] if text.lower() in ("y", "n", "a", "d", "q", "yes") else ""
