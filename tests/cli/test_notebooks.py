"""Notebooks: cells in their order, places as cell and row in every format, magics tolerated, nothing written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cli_project import Project, new_project, stdin
from strict import STRICT

from putback.report import FORMATS
from putback.source.notebook import NotebookError, notebook

SETUP = "%pip install psycopg2\nfrom psycopg2.pool import ThreadedConnectionPool\n\npool = ThreadedConnectionPool(1, 9)"
LEAK = "!ls\ndef total(day):\n    conn = pool.getconn()\n    if not day:\n        return 0\n    pool.putconn(conn)"
GOOD = "def fine():\n    c = pool.getconn()\n    try:\n        %time c.commit()\n    finally:\n        pool.putconn(c)"


def cells(*sources: str, language: str = "python") -> bytes:
    """A notebook with a heading and these cells of code."""
    code = [{"cell_type": "code", "source": each.splitlines(keepends=True), "outputs": []} for each in sources]
    heading: dict[str, Any] = {"cell_type": "markdown", "source": "# Sales\nconn = pool.getconn()"}
    return json.dumps({"cells": [heading, *code], "metadata": {"language_info": {"name": language}}}).encode()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """A directory with one notebook that leaks in its fourth cell."""
    new = new_project(tmp_path, monkeypatch, capsys)
    new.write("sales.ipynb", cells(SETUP, GOOD, LEAK))
    return new


def test_a_leak_is_found_with_its_cell(project: Project) -> None:
    assert project.putback("check", "--output-format", "json") == 1
    [found] = json.loads(project.out)
    assert (found["code"], found["path"], found["cell"]) == ("PB103", "sales.ipynb", 4)
    assert (found["location"], found["end_location"]) == ({"row": 3, "column": 12}, {"row": 3, "column": 26})
    assert "the function ends at line 5 of cell 4" in found["message"]
    assert [(each["cell"], each["location"]["row"]) for each in found["trace"]] == [(4, 3), (4, 5)]


def test_a_cell_may_be_indented_as_a_whole(project: Project) -> None:
    indented = "\n".join(f"    {row}" if row else "" for row in f"# joined\n\n{LEAK}".split("\n"))
    project.write("sales.ipynb", cells(SETUP, indented, "x = 1\n  # lower\n"))
    assert project.putback("check", "--output-format", "json") == 1
    [found] = json.loads(project.out)
    assert (found["code"], found["cell"]) == ("PB103", 3)
    assert (found["location"], found["end_location"]) == ({"row": 5, "column": 16}, {"row": 5, "column": 30})
    project.putback("check")
    assert "5 |         conn = pool.getconn()\n    |                ^^^^^^^^^^^^^^" in project.out


def test_a_cell_with_a_row_too_far_in_is_broken(project: Project) -> None:
    project.write("sales.ipynb", cells(SETUP, "x = 1\n    y = 2", LEAK))
    assert project.found() == [("PB001", "sales.ipynb")]


def test_a_wrapper_in_another_cell(project: Project) -> None:
    wrapper = "\ndef take():\n    return pool.getconn()"
    project.write("sales.ipynb", cells(SETUP + wrapper, "conn = take()\nconn.close()"))
    project.putback("check", "--show-info", "--output-format", "json")
    found = json.loads(project.out)
    assert [(each["code"], each["cell"], each["location"]["row"]) for each in found] == [("PB104", 3, 2)]
    texts = [each["text"] for each in found[0]["trace"]]
    assert "through take at sales.ipynb:cell 2:5" in texts[0]
    assert [(each["cell"], each["location"]["row"]) for each in found[0]["trace"][0]["via"]] == [(2, 6)]


def test_cells_are_run_by_hand(project: Project) -> None:
    engine = 'from sqlalchemy import create_engine\n\nengine = create_engine("postgresql:///shop")'
    project.write("sales.ipynb", cells(SETUP, engine, LEAK))
    project.write("shop.py", engine.encode())
    project.putback("check", "--output-format", "json")
    found = [(each["code"], each["path"], each["severity"]) for each in json.loads(project.out)]
    assert found == [("PB103", "sales.ipynb", "warning"), ("PB403", "shop.py", "info")]


def test_every_format_names_cell_and_row(project: Project) -> None:
    project.putback("check", *(f"--output={name}:out.{name}" for name in FORMATS))
    for name in FORMATS:
        text = Path(f"out.{name}").read_text(encoding="utf-8")
        STRICT[name](text)
        assert '"cell": 4' in text if name.startswith("json") else "cell 4" in text, name
    drawn = "\n  3 |     conn = pool.getconn()\n    |            ^^^^^^^^^^^^^^ 1. taken"
    assert drawn in Path("out.full").read_text(encoding="utf-8")


def test_nothing_is_written_and_the_reason_is_told(project: Project) -> None:
    before = Path("sales.ipynb").read_bytes()
    assert project.putback("fix") == 1
    assert "no fix: putback does not write notebooks: mend the cell by hand" in project.out
    assert Path("sales.ipynb").read_bytes() == before
    assert project.putback("fix", "--diff", "--unsafe-fixes") == 0
    assert project.out == ""


def test_no_comment_is_added(project: Project) -> None:
    before = Path("sales.ipynb").read_bytes()
    project.putback("check", "--add-ignore")
    assert "sales.ipynb is left as it is: putback does not write notebooks" in project.err
    assert Path("sales.ipynb").read_bytes() == before


def test_a_fingerprint_stays_when_cells_are_added(project: Project) -> None:
    def mark() -> str:
        project.putback("check", "--output-format", "json")
        [found] = json.loads(project.out)
        return str(found["fingerprint"])

    before = mark()
    project.write("sales.ipynb", cells(SETUP, "x = 1\n" * 50, GOOD, "\n" * 50 + LEAK))
    assert mark() == before


def test_comments_suppress(project: Project) -> None:
    project.write("sales.ipynb", cells(SETUP, LEAK.replace("getconn()", "getconn()  # putback: ignore[PB103] demo")))
    assert project.putback("check") == 0


def test_a_module_beside_the_notebook_is_followed(project: Project) -> None:
    project.write("db.py", SETUP.partition("\n")[2] + "\n\ndef take():\n    return pool.getconn()\n")
    project.write("sales.ipynb", cells("import db", "def f():\n    conn = db.take()\n    conn.commit()"))
    assert project.found() == [("PB101", "sales.ipynb")]


def test_what_is_no_notebook_is_told(project: Project) -> None:
    project.write("sales.ipynb", "import psycopg2\n")
    assert project.found() == [("PB001", "sales.ipynb")]
    project.write("sales.ipynb", cells(SETUP, LEAK, language="R"))
    assert project.found() == []


def test_a_broken_cell_is_told_with_its_place(project: Project) -> None:
    project.write("sales.ipynb", cells(SETUP, "x = (", LEAK))
    project.putback("check", "--output-format", "json")
    [found] = json.loads(project.out)
    assert (found["code"], found["cell"], found["location"]["row"]) == ("PB001", 3, 1)


def test_standard_input(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, cells(SETUP, LEAK))
    assert project.putback("check", "-", "--stdin-filename", "new.ipynb", "--output-format", "concise") == 1
    assert project.out.startswith("new.ipynb:cell 3:3:12: PB103 ")


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("!pip install \\\n  psycopg2\nx", "pass\n\nx"),
        ("if x:\n    !ls\n    %cd ..", "if x:\n    pass\n    pass"),
        ("files = !ls\nrows = %sql SELECT 1", "files = ...\nrows = ..."),
        ("conn?\npool.getconn??\nx", "pass\npass\nx"),
        ("%%bash\nconn = pool.getconn()", "\n"),
        ("%%time\nconn = pool.getconn()", "\nconn = pool.getconn()"),
        ("\n%%sql\nSELECT 1", "\n\n"),
        ('x = """\n%s\n!\n"""', 'x = """\n%s\n!\n"""'),
        ("x = (a\n  % b)", "x = (a\n  % b)"),
        ("await pool.acquire()", "await pool.acquire()"),
        ("", ""),
    ],
)
def test_magics_become_rows_that_do_nothing(cell: str, code: str) -> None:
    assert notebook(cells(cell)).text == code + "\n"


def test_rows_and_cells() -> None:
    found = notebook(cells("a\nb", "", "c"))
    assert [found.place(row) for row in (1, 2, 3, 4)] == [(2, 1), (2, 2), (3, 1), (4, 1)]
    assert (found.rows(2), found.rows(3), found.rows(4), found.rows(1)) == (("a", "b"), ("",), ("c",), ())
    for text in (b"[]", b"{}", b"\xff", b'{"cells": 1}', b"[" * 100_000):
        with pytest.raises(NotebookError):
            notebook(text)


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_file_has_no_cells(project: Project, content: str) -> None:
    project.write("empty.ipynb", content)
    assert project.putback("check", "empty.ipynb") == 0
    assert "PB001" not in project.out + project.err


def test_stubs_are_skipped_silently(project: Project) -> None:
    project.write("db.pyi", SETUP.partition("\n")[2] + "\n" + LEAK.partition("\n")[2] + "\nx = (")
    assert project.putback("check", "db.pyi") == 0
    assert project.err == ""
    assert {path for _, path in project.found()} == {"sales.ipynb"}


def test_a_verdict_names_the_cell_and_not_a_row_of_all_cells_together(project: Project) -> None:
    project.putback("verify", "sales.ipynb")
    assert "sales.ipynb:cell 4 total (PB103)\n" in project.out
    assert not re.search(r"sales\.ipynb:\d", project.out)
