"""`putback fix` as users type it: what is changed, what is printed where, and the exit codes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cli_project import BROKEN, HEAD, SOURCES, Project, mended, new_project, stdin

import putback
from putback.model.config import Config

pytestmark = pytest.mark.slow

LEAK = """

async def leak(pool: asyncpg.Pool):
    conn = await pool.acquire()  # putback cannot know what is meant here
    conn.reset()
"""
WRONG = HEAD + BROKEN.format("")
RIGHT = mended(WRONG)
FIXED = "Fixed app.py:9:9: PB110: await the release (safe)\n"
UNSAFE = ("--config", 'extend-unsafe-fixes = ["PB110"]')


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """A project that fixes only PB110: the fixes of other rules have tests of their own."""
    project = new_project(tmp_path, monkeypatch, capsys)
    project.write("putback.toml", 'fixable = ["PB110"]\n')
    return project


def content(project: Project, name: str = "app.py") -> str:
    """What a file holds now."""
    return (project.root / name).read_bytes().decode()


@pytest.mark.parametrize("command", [("fix",), ("check", "--fix"), ("fix", "app.py"), ("check", "--fix", ".")])
def test_what_can_be_fixed_is_fixed(project: Project, command: tuple[str, ...]) -> None:
    project.write("app.py", WRONG)
    assert project.putback(*command) == 0
    assert content(project) == RIGHT
    assert (project.out, project.err) == (FIXED + "Fixed 1 problem in 1 file.\n", "")
    assert project.putback(*command) == 0
    assert project.out == "No connection leaks found in 1 file.\n"


def test_check_alone_changes_nothing_and_says_what_can_be_fixed(project: Project) -> None:
    project.write("app.py", WRONG)
    assert project.putback("check") == 1
    assert content(project) == WRONG
    assert "(safe fix: putback fix app.py)" in project.out
    assert "\n1 fixable with `putback fix`.\n" in project.out
    assert project.putback("check", "--output-format", "concise") == 1
    assert project.out.startswith("app.py:9:9: PB110 [*] release-not-awaited")


def test_the_rest_is_reported(project: Project) -> None:
    project.write("app.py", WRONG + LEAK)
    assert project.putback("fix") == 1
    assert content(project) == RIGHT + LEAK
    assert "app.py:13:18: PB101" in project.out
    assert "PB110 " not in project.out
    assert project.out.endswith(FIXED + "Fixed 1 problem in 1 file.\n1 problem remains (1 error) in 1 file.\n")
    assert project.putback("fix") == 1
    assert "Fixed" not in project.out and "Found 1 problem" in project.out


def test_fix_only(project: Project) -> None:
    project.write("app.py", WRONG + LEAK)
    assert project.putback("fix", "--fix-only") == 0
    assert project.out == FIXED + "Fixed 1 problem in 1 file.\n"
    assert project.putback("check", "--fix-only") == 0
    assert project.out == "Nothing was fixed.\n"
    assert project.putback("fix", "--fix-only", "-q") == 0
    assert project.out == ""


def test_exit_codes(project: Project) -> None:
    project.write("app.py", WRONG)
    assert project.putback("fix", "--exit-non-zero-on-fix") == 1
    assert project.putback("fix", "--exit-non-zero-on-fix") == 0
    project.write("app.py", WRONG)
    assert project.putback("fix", "--fix-only", "--exit-non-zero-on-fix") == 1
    project.write("app.py", WRONG + LEAK)
    assert project.putback("fix", "--exit-zero") == 0
    assert project.putback("fix", "gone.py") == 2
    project.write("bad.py", "import asyncpg\ndef f(:\n")
    assert project.putback("fix", "bad.py") == 1
    assert "PB001" in project.out


def test_show_fixes(project: Project) -> None:
    project.write("app.py", WRONG + BROKEN.format("_all"))
    assert project.putback("fix", "--show-fixes") == 0
    first, second, last = project.out.splitlines()
    assert first.startswith("Fixed app.py:9:9: PB110: ") and first.endswith(" (safe)")
    assert second.startswith("Fixed app.py:17:9: PB110: ")
    assert last == "Fixed 2 problems in 1 file."


@pytest.mark.parametrize("form", ["json", "sarif", "github"])
def test_machines_are_told_what_remains(project: Project, form: str) -> None:
    project.write("app.py", WRONG + LEAK)
    assert project.putback("fix", "--show-fixes", "--output-format", form) == 1
    assert "Fixed" not in project.out
    fixed = project.out
    assert project.putback("check", "--output-format", form) == 1
    assert project.out == fixed


def test_a_diff(project: Project) -> None:
    project.write("shop/app.py", WRONG + LEAK)
    for options in (["fix", "--diff"], ["check", "--diff"], ["check", "--fix", "--diff"]):
        assert project.putback(*options) == 1
        assert project.out == (
            "--- shop/app.py\n+++ shop/app.py\n@@ -6,7 +6,7 @@\n     try:\n"
            '         await conn.execute("UPDATE users SET name = $1", name)\n     finally:\n'
            "-        pool.release(conn)\n+        await pool.release(conn)\n \n \n"
            " async def leak(pool: asyncpg.Pool):\n"
        )
        assert project.err == "Would fix 1 problem.\n"
    assert content(project, "shop/app.py") == WRONG + LEAK
    assert project.putback("fix") == 1
    assert project.putback("fix", "--diff") == 0
    assert (project.out, project.err) == ("", "")


def test_a_diff_can_be_patched(project: Project) -> None:
    texts = {
        "crlf.py": WRONG.replace("\n", "\r\n"),
        "open.py": WRONG.rstrip("\n"),
        "bom.py": "\ufeff" + WRONG,
        "wide.py": WRONG.replace("conn", "połączenie"),
    }
    for name, text in texts.items():
        project.write(name, text)
    assert project.putback("fix", "--diff") == 1
    patch = project.out.encode()
    done = subprocess.run(["git", "apply", "-p0", "-"], input=patch, cwd=project.root, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    patched = {name: content(project, name) for name in texts}
    for name, text in texts.items():
        project.write(name, text)
    assert project.putback("fix") == 0
    assert {name: content(project, name) for name in texts} == patched


def test_unsafe_fixes_need_to_be_asked_for(project: Project) -> None:
    project.write("app.py", WRONG)
    assert project.putback("fix", *UNSAFE) == 1
    assert content(project) == WRONG
    assert "(unsafe fix: putback fix --unsafe-fixes app.py)" in project.out
    assert project.out.endswith("1 fixable with `putback fix --unsafe-fixes`.\n")
    assert project.putback("fix", "--unsafe-fixes", *UNSAFE) == 0
    assert content(project) == RIGHT


def test_unsafe_fixes_by_configuration(project: Project) -> None:
    project.write("putback.toml", 'extend-unsafe-fixes = ["PB110"]\nunsafe-fixes = true\n')
    project.write("app.py", WRONG)
    assert project.putback("fix", "--no-unsafe-fixes") == 1
    assert project.putback("fix") == 0
    assert content(project) == RIGHT


@pytest.mark.parametrize(
    "options",
    [("--unfixable", "PB110"), ("--unfixable", "release-not-awaited"), ("--fixable", "PB104"), ("--ignore", "PB110")],
)
def test_rules_that_must_not_be_fixed(project: Project, options: tuple[str, ...]) -> None:
    project.write("app.py", WRONG)
    assert project.putback("fix", *options) == (0 if "--ignore" in options else 1)
    assert content(project) == WRONG
    assert ("no fix: the configuration leaves PB110 unfixed" in project.out) == ("--ignore" not in options)


def test_suppressed_and_excluded_code_is_left_alone(project: Project) -> None:
    texts = {
        "quiet.py": WRONG.replace("release(conn)", "release(conn)  # putback: ignore[PB110] on purpose"),
        "gen/a.py": WRONG,
        "build/b.py": WRONG,
        "other/c.py": WRONG,
    }
    for name, text in texts.items():
        project.write(name, text)
    assert project.putback("fix", ".", "build/b.py", "--force-exclude", "--extend-exclude", "gen,other") == 0
    assert {name: content(project, name) for name in texts} == texts
    assert project.putback("fix", "other") == 0
    assert {name for name in texts if content(project, name) != texts[name]} == {"other/c.py"}


def test_what_a_file_is_like_stays(project: Project) -> None:
    texts = {
        "crlf.py": WRONG.replace("\n", "\r\n").encode(),
        "cr.py": WRONG.replace("\n", "\r").encode(),
        "mixed.py": WRONG.replace(")\n    try:\n", ")\r\n    try:\r").encode(),
        "bom.py": b"\xef\xbb\xbf" + WRONG.encode(),
        "latin.py": b"# coding: latin-1\n# \xe9\x85\x0b\n" + WRONG.encode(),
        "open.py": WRONG.rstrip("\n").encode(),
        "tabs.py": WRONG.replace("    ", "\t").encode(),
        "odd.py": (WRONG + "# \x0c \u2028 \x85 trailing  \n\n\n").encode(),
    }
    for name, text in texts.items():
        project.write(name, text)
    (project.root / "crlf.py").chmod(0o751)
    (project.root / "link.py").symlink_to("bom.py")
    assert project.putback("fix", ".", "link.py") == 0, project.out
    for name, text in texts.items():
        expected = text.replace(b"pool.release", b"await pool.release")
        assert (project.root / name).read_bytes() == expected, name
    assert stat.S_IMODE((project.root / "crlf.py").stat().st_mode) == 0o751
    assert (project.root / "link.py").is_symlink()


def test_a_link_given_by_name_is_followed(project: Project) -> None:
    project.write("real/app.py", WRONG)
    (project.root / "app.py").symlink_to("real/app.py")
    assert project.putback("fix", "app.py") == 0
    assert content(project, "real/app.py") == RIGHT
    assert (project.root / "app.py").is_symlink()


def test_a_link_that_leads_out_of_the_paths_is_not_followed(project: Project) -> None:
    project.write("elsewhere/app.py", WRONG)
    project.write("shop/__init__.py")
    (project.root / "shop" / "app.py").symlink_to("../elsewhere/app.py")
    assert project.putback("fix", "shop") == 1
    assert content(project, "elsewhere/app.py") == WRONG
    assert "no fix: the file is a link to one that was not asked for" in project.out
    assert project.putback("fix", "shop", "elsewhere") == 0
    assert content(project, "elsewhere/app.py") == RIGHT


def test_a_file_that_cannot_be_written_does_not_stop_the_others(project: Project) -> None:
    for name in ("a.py", "b.py", "c.py"):
        project.write(name, WRONG)
    (project.root / "b.py").chmod(0o444)
    assert project.putback("fix", "--show-fixes") == 2
    assert project.err == "putback: error: b.py cannot be written: it is read-only\n"
    assert [content(project, name) for name in ("a.py", "b.py", "c.py")] == [RIGHT, WRONG, RIGHT]
    assert "b.py:9:9: PB110" in project.out
    assert "Fixed 2 problems in 2 files." in project.out
    assert "Fixed b.py" not in project.out


def test_standard_input(project: Project) -> None:
    environment = {**os.environ, "PYTHONPATH": SOURCES}

    def fixed(data: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "putback", "fix", "-", *options]
        return subprocess.run(command, input=data, env=environment, capture_output=True, check=False)

    data = b"\xef\xbb\xbf" + (WRONG + LEAK).replace("\n", "\r\n").encode()
    done = fixed(data, "--stdin-filename", "shop/new.py")
    assert done.stdout == data.replace(b"   pool.release", b"   await pool.release")
    assert done.returncode == 1
    assert done.stderr.startswith(b"shop/new.py:13:18: PB101")
    assert done.stderr.endswith(b"Fixed 1 problem in 1 file.\n1 problem remains (1 error) in 1 file.\n")
    assert not (project.root / "shop").exists()
    broken = b"def f(:\n\xff"
    assert (fixed(broken).stdout, fixed(broken).returncode) == (broken, 1)
    excluded = fixed(data, "--stdin-filename", "build/new.py", "--force-exclude")
    assert (excluded.stdout, excluded.returncode) == (data, 0)
    diff = fixed(WRONG.encode(), "--diff", "--stdin-filename", "shop/new.py")
    assert diff.stdout.startswith(b"--- shop/new.py\n+++ shop/new.py\n")
    assert (diff.returncode, diff.stderr) == (1, b"Would fix 1 problem.\n")


def test_statistics_and_an_output_file(project: Project) -> None:
    project.write("app.py", WRONG + LEAK)
    assert project.putback("fix", "--statistics", "-o", "report") == 1
    assert project.out == ""
    assert content(project, "report").startswith("1  PB101  connection-never-released\nFixed 1 problem")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--interactive"], "standard input must be a terminal"),
        (["--interactive", "--diff"], "goes neither with --diff"),
        (["--interactive", "-"], "goes neither with --diff nor with standard input"),
        (["--fixable", "PB9x"], "`fixable` names no rule"),
        (["--unfixable", "PB1O1"], "did you mean PB101?"),
        (["--config", 'fix-style = "for"'], '"fix-style" must be "try-finally" or "with"'),
    ],
)
def test_wrong_usage(project: Project, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str) -> None:
    stdin(monkeypatch, "")
    project.write("app.py", WRONG)
    assert project.putback("fix", *arguments) == 2
    assert says in project.err
    assert content(project) == WRONG


def test_the_library() -> None:
    result = putback.fix(WRONG + LEAK, config=Config(fixable=("PB110",)))
    assert result.source == RIGHT + LEAK
    assert [each.finding.code for each in result.applied] == ["PB110"]
    assert [finding.code for finding in result.findings] == ["PB101"]
    assert result.declined == ()
    assert putback.fix(result.source, config=Config(fixable=("PB110",))).source == result.source
    assert putback.fix("def f(:\n").source == "def f(:\n"
    assert putback.fix("x = '\ud800'\n").source == "x = '\ud800'\n"


def test_the_library_finds(project: Project) -> None:
    project.write("app.py", WRONG)
    assert [finding.code for finding in putback.check(["app.py"])] == ["PB110"]
