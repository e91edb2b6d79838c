"""Rows of nothing but constants: large tables of data that every walk over the code would go through for nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_MANY = 1_000
_TEXT = r"""[rRbBuU]{0,2}(?:'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")(?!['"])"""
_CONSTANT = rf"(?:None|True|False|[-+]?\d[\w.]*+(?:[-+]\d\w*+)?|{_TEXT})"
_ROW = re.compile(rf"\s*+(?:(?:[\[\](){{}}]|{_CONSTANT}\s*+(?=[\])}},:])|[,:])\s*+)*+(?:\#.*)?")
_STRINGS = re.compile(_TEXT)
_BRACKET = re.compile(r"[\[\](){}]")
_ENDS = (",", "[", "(", "{", "]", ")", "}")


def without_tables(rows: Sequence[str]) -> Sequence[str]:
    """The rows of a file, with blank ones for those in the middle of a large table of constants.

    What is left means the same to who asks no constant for its value: all brackets that are opened are closed.
    """
    if len(rows) <= _MANY:
        return rows
    blank = [stretch for run in _runs(rows) for stretch in _closed(rows, *run)]
    if not blank:
        return rows
    found = list(rows)
    for first, end in blank:
        found[first:end] = [""] * (end - first)
    return found


def _runs(rows: Sequence[str]) -> Iterator[tuple[int, int]]:
    """From and to where there are many rows of constants, but for the first and the last of them."""
    start = 0
    for number in range(len(rows) + 1):
        if number < len(rows) and _is_constant(rows[number]):
            continue
        if number - start > _MANY:
            yield start + 1, number - 1
        start = number + 1


def _is_constant(row: str) -> bool:
    text = row.strip()
    if not text or text[0] == "#":
        return True
    return _ROW.fullmatch(text) is not None and (text.endswith(_ENDS) or "#" in text)


def _closed(rows: Sequence[str], first: int, end: int) -> Iterator[tuple[int, int]]:
    """The stretches that close as many brackets as they open, and none that was open before."""
    start, balanced, depth = first, first, 0
    for number in range(first, end):
        for bracket in _BRACKET.findall(_STRINGS.sub("", rows[number].partition("#")[0])):
            depth += 1 if bracket in "[({" else -1
            if depth < 0:
                break
        if depth < 0:
            yield start, balanced
            start, balanced, depth = number + 1, number + 1, 0
        elif depth == 0:
            balanced = number + 1
    yield start, balanced
