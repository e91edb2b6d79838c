"""`putback check --add-ignore[=REASON]`: comments at every finding, and nothing found afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_project import Project, new_project

HEAD = 'from psycopg2.pool import ThreadedConnectionPool\n\npool = ThreadedConnectionPool(1, 10, "dbname=shop")\n'
LEAK = '\n\ndef cancel():\n    conn = pool.getconn(){}\n    conn.cursor().execute("UPDATE orders SET open = false")\n'
SPREAD = "\n\ndef close():\n    conn = pool.getconn(\n        key=1,\n    ){}\n    conn.cursor().execute('x')\n"
JOINED = "\n\ndef join():\n    conn = \\\n        pool.getconn(){}\n    conn.cursor().execute('x')\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    return new_project(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize("code", [LEAK, SPREAD, JOINED])
@pytest.mark.parametrize(
    ("option", "comment"),
    [
        ("--add-ignore", "  # putback: ignore[PB101]"),
        ("--add-ignore=before 2026", "  # putback: ignore[PB101] before 2026"),
    ],
)
def test_a_comment_is_put_where_it_takes_effect(project: Project, code: str, option: str, comment: str) -> None:
    project.write("shop.py", HEAD + code.format(""))
    assert project.putback("check", option, "shop.py") == 0
    assert project.out == "Added 1 comment for 1 problem.\n"
    assert (project.root / "shop.py").read_text() == HEAD + code.format(comment)
    assert project.putback("check", "shop.py") == 0


def test_the_option_takes_no_path(project: Project) -> None:
    project.write("shop.py", HEAD + LEAK.format(""))
    assert project.putback("check", "--add-ignore", ".") == 0
    assert project.out == "Added 1 comment for 1 problem.\n"


def test_a_comment_that_is_there_is_extended(project: Project) -> None:
    project.write("shop.py", HEAD + LEAK.format("  # putback: ignore[PB104] why"))
    assert project.putback("check", "--add-ignore", "shop.py") == 0
    assert "# putback: ignore[PB104, PB101] why" in (project.root / "shop.py").read_text()


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_line_ends_and_marks_stay(project: Project, newline: str) -> None:
    code = "\ufeff" + HEAD + "word = 'ä'\n" + LEAK
    project.write("shop.py", code.format("").replace("\n", newline).encode())
    assert project.putback("check", "--add-ignore", "shop.py") == 0
    expected = code.format("  # putback: ignore[PB101]").replace("\n", newline).encode()
    assert (project.root / "shop.py").read_bytes() == expected


def test_hints_are_left_alone(project: Project) -> None:
    project.write("tests/test_shop.py", HEAD + LEAK.format(""))
    project.putback("check", "--add-ignore", ".")
    assert "Added 0 comments" in project.out


@pytest.mark.parametrize("arguments", [["-", "--add-ignore"], [".", "--add-ignore", "--fix"], [".", "--add-ignore=#"]])
def test_what_makes_no_sense(project: Project, arguments: list[str]) -> None:
    project.write("shop.py", HEAD)
    assert project.putback("check", *arguments) == 2
