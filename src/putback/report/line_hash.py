"""Hashes of rows as GitHub's code scanning computes them (`primaryLocationLineHash`): both have to give the same.

The hash of a row is a polynomial over 100 characters from its beginning, white space between words left out; equal ones
in a file are numbered.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

_WINDOW = 100
_BASE = 37
_WORD = 1 << 64
_DROPPED = pow(_BASE, _WINDOW, _WORD)
_END = 65535


def line_hashes(rows: Sequence[str]) -> dict[int, str]:
    """The hash of each row of a file that ends with a line end, by its number from 1."""
    begins: dict[int, int] = {}
    units: list[int] = []
    for number, row in enumerate(rows, 1):
        begins[len(units)] = number
        units += _units(row)
        units.append(ord("\n"))
    begins[len(units)] = len(rows) + 1
    units.append(_END)
    return _numbered(units, begins)


def _numbered(units: Sequence[int], begins: dict[int, int]) -> dict[int, str]:
    """The hashes of the windows that begin where rows do; behind the end there are zeros."""
    window = deque([0] * _WINDOW, _WINDOW)
    value, seen, found = 0, Counter[int](), {}
    for at, unit in enumerate([*units, *[0] * _WINDOW]):
        begin = at - _WINDOW
        if begin in begins:
            seen[value] += 1
            found[begins[begin]] = f"{value:x}:{seen[value]}"
        value = (value * _BASE + unit - _DROPPED * window[0]) % _WORD
        window.append(unit)
    return found


def _units(row: str) -> list[int]:
    """The UTF-16 code units of a row without spaces and tabs."""
    text = row.translate({32: None, 9: None})
    if text.isascii():
        return list(text.encode())
    data = text.encode("utf-16-le", "surrogatepass")
    return [data[at] | data[at + 1] << 8 for at in range(0, len(data), 2)]
