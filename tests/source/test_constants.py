"""Large tables of constants are not parsed, and nothing else is left out."""

from __future__ import annotations

import ast

import pytest

from putback.source.constants import without_tables

MANY = 1_100


def left(head: str, row: str, end: str) -> list[str]:
    """The rows that stay of a table with many such rows."""
    text = "\n".join([head, *[row] * MANY, end])
    ast.parse(text)
    found = without_tables(text.split("\n"))
    assert len(found) == MANY + 2
    ast.parse("\n".join(found))
    return [each for each in found if each]


@pytest.mark.parametrize(
    ("head", "row", "end"),
    [
        ("data = [", "    (1, 'a', None, -2.5, 1e-5),", "]"),
        ("data = {", "    'k': [1, \"it's\"],  # one", "}"),
        ("data = (", "    '[',", ")"),
        ("use(x, [", "    b'a',", "])"),
        ("data = [", "    [\n1,\n],".replace("\n", ""), "]"),
    ],
)
def test_a_table_is_blank_but_for_its_ends(head: str, row: str, end: str) -> None:
    assert left(head, row, end) == [head, row, end]


@pytest.mark.parametrize(
    "row", ["    x,", "    f(1),", "    'a'", "    f'{x}',", "    lambda: 1,", "    1 if x else 2,"]
)
def test_other_rows_stay(row: str) -> None:
    assert len(left("data = [", row, "]")) == MANY + 2


def test_brackets_stay_in_pairs() -> None:
    rows = ["data = [", *["    [", "        1,", "    ],"] * MANY, "]", "more = [", *["    1,"] * MANY, "]", "x = 1"]
    found = without_tables(rows)
    ast.parse("\n".join(found))
    assert len([each for each in found if each]) < 20


def test_a_body_keeps_a_statement() -> None:
    tree = ast.parse("\n".join(without_tables(["def f():", *["    (1,)," for _ in range(MANY)], "", "x = 1"])))
    assert len(tree.body) == 2


def test_small_tables_stay() -> None:
    rows = ["data = [", *["    1,"] * 900, "]"]
    assert without_tables(rows) is rows


@pytest.mark.parametrize(
    "wrong",
    [
        "'text', 'text',",
        "1,, 2,",
        "08: 1,",
        "1: 2: 3,",
        "'\\x1': 1,",
        "(1: 2): 1,",
        "[1): 1,",
        "1_: 1,",
        "b'\u00e9': 1,",
        "ub'': 1,",
    ],
)
def test_what_python_refuses_stays(wrong: str) -> None:
    rows = ["data = {", *["    1: 2,  # 'one'"] * MANY, wrong, *["    3: [4, 5],"] * MANY, "}"]
    found = without_tables(rows)
    assert len([each for each in found if each]) < 10
    with pytest.raises(SyntaxError):
        ast.parse("\n".join(rows))
    with pytest.raises(SyntaxError):
        ast.parse("\n".join(found))


@pytest.mark.parametrize(
    "row", ["0x_1F,", "0o17,", "0b1,", "1_000.5e-3,", "00.5,", "5.,", "1e5,", "r'\\x00',", "B'\\x00',"]
)
def test_constants_of_every_spelling_are_known(row: str) -> None:
    assert left("data = [", row, "]") == ["data = [", row, "]"]
