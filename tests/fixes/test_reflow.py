"""Rows that a fix makes too long are split as the formatters split them."""

from __future__ import annotations

from pathlib import Path

import pytest
from mending import Mender

from putback.fixes.reflow import Style, reflowed, width
from putback.source.formatter import Formatter, formatter

STYLE = Style(60, "    ")
SPLIT = {
    "arguments share a row": """\
    result = some_function(first_argument, second_argument_x)
---
    result = some_function(
        first_argument, second_argument_x
    )""",
    "arguments that do not fit have a row each": """\
    some_function(first_argument_is_long, second_argument_is_long, third)
---
    some_function(
        first_argument_is_long,
        second_argument_is_long,
        third,
    )""",
    "elements of a literal have a row each": """\
    data = {"identifier": row[0], "name": row[1], "amount": row[2]}
---
    data = {
        "identifier": row[0],
        "name": row[1],
        "amount": row[2],
    }""",
    "a comprehension": """\
    data = [{"identifier": row[0]} for row in rows if row[1] is None]
---
    data = [
        {"identifier": row[0]}
        for row in rows
        if row[1] is None
    ]""",
    "the last brackets are empty": """\
    rows = conn.execute("SELECT a, b FROM items WHERE a = ?", (a,)).fetchall()
---
    rows = conn.execute(
        "SELECT a, b FROM items WHERE a = ?", (a,)
    ).fetchall()""",
    "a chain of calls": """\
    user = db.query(User).filter(User.identifier == user_id).first()
---
    user = (
        db.query(User)
        .filter(User.identifier == user_id)
        .first()
    )""",
    "a condition": """\
    if some_condition_is_true and another_condition and a_third:
---
    if (
        some_condition_is_true
        and another_condition
        and a_third
    ):""",
    "a value without brackets": """\
    text = "a string that does not fit within the length of it"
---
    text = (
        "a string that does not fit within the length of it"
    )""",
    "a text that stays too long": """\
    print("a string that does not fit even on a row of its own ...")
---
    print(
        "a string that does not fit even on a row of its own ..."
    )""",
    "an import": """\
    from services.live_price_cache import update_price_cache_now
---
    from services.live_price_cache import (
        update_price_cache_now,
    )""",
    "a comment stays behind": """\
    some_function(first_argument, second_argument_x)  # what for
---
    some_function(
        first_argument, second_argument_x
    )  # what for""",
    "an error with its cause": """\
        raise ValueError(f"there is something wrong: {value}") from e
---
        raise ValueError(
            f"there is something wrong: {value}"
        ) from e""",
}


@pytest.mark.parametrize("case", SPLIT.values(), ids=SPLIT.keys())
def test_a_row_is_split_as_formatters_do(case: str) -> None:
    row, _, rows = case.partition("\n---\n")
    assert "\n".join(reflowed(row, STYLE, inside=False)) == rows


def test_a_row_of_arguments_becomes_a_row_for_each() -> None:
    row = "        first_argument_is_long, second_argument_is_long, 3"
    assert reflowed(row, Style(50, "    "), inside=True) == [
        "        first_argument_is_long,",
        "        second_argument_is_long,",
        "        3,",
    ]


@pytest.mark.parametrize(
    "row",
    [
        "    # a comment that is longer than the rows of this file may be",
        "    some_function(first_argument, second_arg)  # noqa: E501, F401 too long",
        "    result = first(argument_one, argument_two).second(third(",
        '    assert response.status_code == 200, f"status {response.status}"',
        "    some_attribute.another_attribute.third_attribute_of_it = 1.0",
    ],
)
def test_a_row_stays_long_where_the_right_split_is_not_sure(row: str) -> None:
    assert reflowed(row, STYLE, inside=False) == [row]


def test_tabs_and_narrow_indentation_are_kept() -> None:
    row = "some_function(first_argument, second_argument)"
    assert reflowed(f"\t{row}", Style(44, "\t"), inside=False) == [
        "\tsome_function(",
        "\t\tfirst_argument, second_argument",
        "\t)",
    ]
    assert reflowed(f"  {row}", Style(44, "  "), inside=False)[1] == "    first_argument, second_argument"


def test_wide_characters_take_two_columns() -> None:
    assert (width("abc"), width("\tabc"), width("価格"), width("e\u0301")) == (3, 7, 4, 1)


LEAK = """\
import sqlite3


def load(first, second):
    db = sqlite3.connect("shop.db")
    db.execute("UPDATE items SET amount = ? WHERE item_code = ?", (first, second, 1000))
    db.close()
    return first
"""


def test_what_a_fix_indents_is_split(tmp_path: Path) -> None:
    fixed = Mender(str(tmp_path)).mended(LEAK)
    assert (
        """
        db.execute(
            "UPDATE items SET amount = ? WHERE item_code = ?", (first, second, 1000)
        )
"""
        in fixed
    )


def test_a_file_that_nobody_keeps_in_form_is_left_alone(tmp_path: Path) -> None:
    free = f"{LEAK}\n\nprint('a row that any formatter would have split', 'because it is', 'far too long', 1, 2)\n"
    fixed = Mender(str(tmp_path)).mended(free)
    assert '\n        db.execute("UPDATE items SET amount = ? WHERE item_code = ?", (first, second, 1000))\n' in fixed


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("pyproject.toml", "[tool.ruff]\nline-length = 100\n", Formatter(100)),
        ("pyproject.toml", "[tool.black]\nline-length = 79\n[tool.ruff]\n", Formatter(79, is_black=True)),
        ("ruff.toml", "line-length = 120\n", Formatter(120)),
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
