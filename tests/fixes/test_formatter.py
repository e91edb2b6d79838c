"""Long rows stay as a fix leaves them, unless the project has a formatter: that lays out what has changed.

Where it cannot, a call that has become too long is put on several rows all the same.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from putback.model.config import Config
from putback.pipeline.fix import fix
from putback.source.formatter import Formatter, formatter

LEAK = """\
import sqlite3


def load(first, second):
    db = sqlite3.connect("shop.db")
    db.execute("UPDATE items SET amount = ? WHERE item_code = ?", (first, second, 1000))
    db.close()
    return first
"""
LONG = '\n        db.execute("UPDATE items SET amount = ? WHERE item_code = ?", (first, second, 1000))\n'
SPLIT = """
        db.execute(
            "UPDATE items SET amount = ? WHERE item_code = ?", (first, second, 1000)
        )
"""
CONFIGURED = "[tool.ruff]\nline-length = 88\n"


def mended(folder: Path, text: str, settings: str) -> str:
    """`text` as the fixes leave it in a project with these settings."""
    (folder / ".git").mkdir()
    (folder / "pyproject.toml").write_text(settings, encoding="utf-8")
    (folder / "code.py").write_text(text, encoding="utf-8")
    (change,) = fix([str(folder)], Config(root=str(folder))).changes
    return change.after.decode()


def test_the_formatter_of_the_project_lays_out_what_a_fix_indents(tmp_path: Path) -> None:
    assert SPLIT in mended(tmp_path, LEAK, CONFIGURED)


def test_a_row_stays_long_without_a_formatter(tmp_path: Path) -> None:
    assert LONG in mended(tmp_path, LEAK, "")


def test_in_a_file_that_nobody_keeps_in_form_only_what_becomes_too_long_is_laid_out(tmp_path: Path) -> None:
    free = f"{LEAK}\n\nprint('quotes that the formatter would have changed')\n"
    done = mended(tmp_path, free, CONFIGURED)
    assert SPLIT in done
    assert done.endswith("print('quotes that the formatter would have changed')\n")


def test_a_formatter_that_is_not_installed_is_not_needed_for_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert SPLIT in mended(tmp_path, LEAK, CONFIGURED)


CALLS = """\
    rows = db.execute("SELECT * FROM items WHERE item_code = ?", (first,)).fetchall()
    if rows:
        db.execute("UPDATE items SET amount = ? WHERE item_code = ?", (first, second))
    db.executemany("UPDATE items SET amount = ? WHERE code = ? AND item = ?", many(db))
"""
CALLS_SPLIT = """\
        rows = db.execute(
            "SELECT * FROM items WHERE item_code = ?", (first,)
        ).fetchall()
        if rows:
            db.execute(
                "UPDATE items SET amount = ? WHERE item_code = ?", (first, second)
            )
        db.executemany(
            "UPDATE items SET amount = ? WHERE code = ? AND item = ?", many(db)
        )
"""
LONG_AT_LAST = """\
    db.execute("UPDATE items SET amount = 1 WHERE item_code = 2 AND item_name = 'someth'")
    other = second + second + second + second + second + second + second + second + secon
    print(first)  # a remark that is longer than the formatter likes to have it at all, so
    print("it was too long before, which is nobody's business but the one of its own author", 1)
"""


@pytest.mark.parametrize("is_installed", [True, False])
def test_calls_are_put_on_rows_as_the_formatter_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_installed: bool
) -> None:
    if not is_installed:
        monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
        monkeypatch.setenv("PATH", str(tmp_path))
    text = LEAK.replace("    db.close()\n", f"{CALLS}    db.close()\n")
    assert CALLS_SPLIT in mended(tmp_path, text, CONFIGURED)


def test_what_is_not_one_call_stays_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    text = LEAK.replace("    db.close()\n", f"{LONG_AT_LAST}    db.execute('x')\n    db.close()\n")
    assert indent(LONG_AT_LAST, "    ") in mended(tmp_path, text, CONFIGURED)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("pyproject.toml", "[tool.ruff]\nline-length = 100\n", Formatter(100, "ruff")),
        ("pyproject.toml", "[tool.black]\nline-length = 79\n[tool.ruff]\n", Formatter(79, "black")),
        ("ruff.toml", "line-length = 120\n", Formatter(120, "ruff")),
        ("pyproject.toml", "[tool.mypy]\n", Formatter(88)),
        ("pyproject.toml", "no toml", Formatter(88)),
    ],
)
def test_the_length_of_rows_comes_from_the_configuration(
    name: str, text: str, expected: Formatter, tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / name).write_text(text, encoding="utf-8")
    below = tmp_path / "package"
    below.mkdir()
    assert formatter(str(below)) == expected
