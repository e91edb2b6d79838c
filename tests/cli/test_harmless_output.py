"""Nothing that a file, its name or its code says commands a terminal or a page, whatever is printed of it."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from cli_project import Project, new_project

CONTROLS = ("\x1b[2J", "\x1b]0;title\x07", "\x9b1m", "\r", "\b", "\x7f", "\u202e", "\u2028", "\u2066")
NAME = "a" + "".join(CONTROLS) + ".py"
IN_A_ROW = "".join(control for control in CONTROLS if control not in ("\r", "\u2028"))
CODE = f"""from psycopg2.pool import SimpleConnectionPool

pool = SimpleConnectionPool(1, 5)


def rename(number):
    conn = pool.getconn()
    conn.cursor().execute("SELECT '{IN_A_ROW}'", (number,))
    raise ValueError("\\x1b[2J\\x9b1m\\u202e")
    pool.putconn(conn)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """A project whose one file has a name and rows that a terminal would obey."""
    found = new_project(tmp_path, monkeypatch, capsys)
    try:
        found.write(NAME, CODE)
    except OSError:
        pytest.skip("no such name on this file system")
    return found


def assert_harmless(text: str) -> None:
    """Only line ends and what is printed, none of it turning the text around."""
    obeyed = [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert obeyed == []
    assert not set(text) & {"\u202e", "\u2066"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "--show-files"),
        ("check", "--debug"),
        *(("check", "--output-format", f) for f in ("full", "concise", "json", "github", "sarif")),
        ("check", "missing" + NAME),
        ("check", "--select", "PB1\x1b[2J"),
        ("fix", "--diff", "--color", "never", "--show-fixes"),
        ("verify", "--list"),
        ("verify",),
        ("verify", "--output-format", "table"),
        ("verify", "--output-format", "json"),
        ("verify", NAME, "--replay", "rename"),
        ("verify", NAME, "--replay", "gone\x1b[2J"),
    ],
    ids=lambda arguments: ascii(" ".join(arguments)),
)
def test_output_is_harmless(project: Project, arguments: tuple[str, ...]) -> None:
    project.putback(*arguments)
    assert project.out + project.err
    if "--diff" not in arguments:  # a diff that goes to no terminal is exact: `patch` reads it
        assert_harmless(project.out)
    assert_harmless(project.err)


def test_the_page_is_harmless(project: Project) -> None:
    project.putback("verify", "--html", "page.html")
    assert_harmless((project.root / "page.html").read_text(encoding="utf-8"))


def test_a_file_that_does_not_parse_is_reported_harmlessly(project: Project) -> None:
    project.write("b.py", "import psycopg2\nx = '\x1b[2J\n")
    project.putback("check")
    assert_harmless(project.out + project.err)
