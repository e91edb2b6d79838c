"""What a function gives back is followed through the functions that it calls, however many they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from pairs import ALONE, reasons

LONG = 30


def chain(last: str) -> str:
    calls = (f"def step{n}(conn):\n    return step{n + 1}(conn)\n\n\n" for n in range(LONG))
    return "".join(calls) + f"def step{LONG}(conn):\n    return {last}\n\n\n"


CIRCLE = """\
def step0(conn, deep=0):
    return other(conn, deep) if deep < 3 else {last}


def other(conn, deep):
    return step0(conn, deep + 1)


"""
OPEN = "def work():\n    conn = sqlite3.connect('orders.db')\n    conn.execute('x')\n    return step0(conn)\n"


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        pytest.param("conn.execute('x').fetchall()", "", id="rows that are read"),
        pytest.param("conn.execute('x')", "what it returns still needs the connection", id="a cursor"),
    ],
)
def test_what_the_last_one_gives_back_is_known(last: str, expected: str, tmp_path: Path) -> None:
    for number, steps in enumerate((chain(last), CIRCLE.format(last=last))):
        text = f"import sqlite3\n\n\n{steps}{OPEN}"
        assert reasons("PB101", {ALONE: text}, tmp_path / str(number)) == [expected]
