"""`putback verify --tests`: what the written tests are called, and that nothing but the function gets into them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_project import SOURCES, Project, new_project

pytestmark = pytest.mark.slow

HEAD = "from psycopg2.pool import SimpleConnectionPool\n\npool = SimpleConnectionPool(1, 5)\n"
LEAK = """

def {name}(number):
    conn = pool.getconn()
    conn.cursor().execute("SELECT 1", (number,))
    pool.putconn(conn)
"""
RENAME = HEAD + LEAK.format(name="rename")

HOSTILE = {
    "three quotes": 'a""" + open("trap", "w").write("x") + """.py',
    "a quote at the end": 'a".py',
    "a backslash": "a\\.py",
    "a backslash before quotes": 'a\\""";open("trap","w");""".py',
    "an escape": "a\\x22\\x22\\x22;open('trap','w')#.py",
    "a row of its own": "a\nopen('trap', 'w')\nb.py",
    "a row behind a comment": "a\ropen('trap', 'w')\r.py",
    "a page": "a\x0copen('trap', 'w').py",
    "a terminal's command": "a\x1b[2J.py",
    "a separator of lines": "a\u2028open('trap', 'w').py",
    "right to left": "a\u202eyp.py",
    "braces": "a{trap}{0}{place!r}.py",
    "single quotes": "a'''+open('trap','w').write('x')+'''.py",
    "no text": os.fsdecode(b"a\xff\xfe.py"),
    "a long name": "a" * 240 + ".py",
    "many bytes": "ä" * 120 + ".py",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """An empty project."""
    return new_project(tmp_path, monkeypatch, capsys)


def written_in(project: Project, directory: str = "leaks") -> list[Path]:
    """The tests that were written."""
    return sorted((project.root / directory).iterdir())


def outcome(test: Path, cwd: Path) -> str:
    """How a written test ends: "" when it passes, else the last line of the traceback."""
    code = (
        f"import runpy; names = runpy.run_path({str(test)!r})\n[f() for n, f in names.items() if n.startswith('test_')]"
    )
    environment = os.environ | {"PYTHONPATH": SOURCES}
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True)
    return done.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_file_name_stays_a_name(project: Project, name: str) -> None:
    try:
        (project.root / name).write_text(RENAME)
    except OSError:
        pytest.skip("no such name on this file system")
    project.putback("verify", "--tests", "leaks", "--budget", "60")
    (test,) = written_in(project)
    text = test.read_text(encoding="utf-8")
    assert all(line.isprintable() for line in text.split("\n"))
    assert outcome(test, project.root) == "AssertionError"
    assert not (project.root / "trap").exists()
    assert "\x1b" not in project.out + project.err


def test_the_story_of_a_leak_stays_a_story(project: Project) -> None:
    quotes = '\'\\"""; open("trap", "w"); """\''
    project.write("app.py", RENAME.replace('"SELECT 1"', quotes))
    project.putback("verify", "--tests", "leaks", "--budget", "60")
    (test,) = written_in(project)
    assert outcome(test, project.root) == "AssertionError"
    assert not (project.root / "trap").exists()


def test_each_function_has_a_file_of_its_own(project: Project) -> None:
    project.write("a_b.py", HEAD + LEAK.format(name="c") + LEAK.format(name="C"))
    project.write("a/b.py", HEAD + LEAK.format(name="c"))
    project.write("a.b.py", HEAD + LEAK.format(name="c"))
    project.putback("verify", "--tests", "leaks", "--budget", "60")
    names = [test.name for test in written_in(project)]
    assert len({name.casefold() for name in names}) == 4
    assert "test_a_b_c.py" in names and "test_a_b_C_4.py" in names
    written = {test.name: test.read_text() for test in written_in(project)}
    project.putback("verify", "--tests", "leaks", "--budget", "60")
    assert {test.name: test.read_text() for test in written_in(project)} == written
    project.putback("verify", "a_b.py", "--tests", "leaks", "--budget", "60")
    assert {test.name: test.read_text() for test in written_in(project)} == written


def test_a_file_of_the_user_is_left_alone(project: Project) -> None:
    project.write("app.py", RENAME)
    project.write("leaks/test_app_rename.py", "mine = 1\n")
    (project.root / "elsewhere.py").write_text("")
    (project.root / "leaks" / "test_app_rename_2.py").symlink_to(project.root / "elsewhere.py")
    (project.root / "leaks" / "test_app_rename_3.py").mkdir()
    project.putback("verify", "app.py", "--tests", "leaks", "--budget", "60")
    assert (project.root / "leaks" / "test_app_rename.py").read_text() == "mine = 1\n"
    assert (project.root / "elsewhere.py").read_text() == ""
    assert outcome(project.root / "leaks" / "test_app_rename_4.py", project.root) == "AssertionError"


def test_a_test_runs_from_every_directory(project: Project) -> None:
    project.write("shop/app.py", RENAME)
    project.write("pyproject.toml", "")
    project.putback("verify", "--tests", "checks/leaks", "--budget", "60")
    (test,) = written_in(project, "checks/leaks")
    assert str(project.root) not in test.read_text()
    for directory in (project.root, project.root / "shop", test.parent, Path("/")):
        assert outcome(test, directory) == "AssertionError"
    project.putback("fix")
    for directory in (project.root, Path("/")):
        assert outcome(test, directory) == ""
