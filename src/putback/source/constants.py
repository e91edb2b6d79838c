"""Rows of nothing but constants: large tables of data that every walk over the code would go through for nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate

_MANY = 1_000
_ESCAPED = r"\\(?:[^xuUN]|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U000[\da-fA-F]{5})"
_TEXT = rf"""[rRuU]?(?:'(?:[^'\\\n]|{_ESCAPED})*+'|"(?:[^"\\\n]|{_ESCAPED})*+")(?!['"])"""
_BYTES = rf"""[bB](?:'(?:[^'\\\n\x80-\U0010ffff]|{_ESCAPED})*+'|"(?:[^"\\\n\x80-\U0010ffff]|{_ESCAPED})*+")(?!['"])"""
_WHOLE = r"(?:0[xX](?:_?[\da-fA-F])++|0[bB](?:_?[01])++|0[oO](?:_?[0-7])++|[1-9](?:_?\d){0,999}+|0)"
_FRACTION = r"\d(?:_?\d){0,999}+(?:\.(?:\d(?:_?\d)*+)?(?:[eE][-+]?\d++)?|[eE][-+]?\d++)"
_NUMBER = rf"[-+]?(?:{_WHOLE}(?![\w.])|{_FRACTION}(?![\w.]))"
_CONSTANT = rf"(?:None|True|False|{_NUMBER}|{_TEXT}|{_BYTES})"
_ROW = re.compile(
    rf"\s*+(?:(?:[\[\](){{}}]|{_CONSTANT}\s*+(?=[\])}},:])|[,:])\s*+)*+(?:\#.*)?",
    re.ASCII,
)
_STRINGS = re.compile(rf"{_TEXT}|{_BYTES}")
_SHORTER = (  # the shape of a row: each constant is a C, and a run of items or pairs is one of them
    (_STRINGS, "C"),
    (re.compile(r"#.*|[^\S\n]+"), ""),
    (re.compile(r"[^\[\](){},:\n]+"), "C"),
    (re.compile(r"(?:C:C,)+"), "P,"),
    (re.compile(r"(?:C,)+"), "C,"),
)
_BRACKET = re.compile(r"[\[\](){}]")
_ENDS = (",", "[", "(", "{", "]", ")", "}")


def without_tables(rows: Sequence[str]) -> Sequence[str]:
    """The rows of a file, with blank ones for those in the middle of a large table of constants.

    What is left means the same to who asks no constant for its value, and is Python where all of it is: of the entries
    of a table that look the same, one stays.
    """
    if len(rows) <= _MANY:
        return rows
    blank = [stretch for run in _runs(rows) for stretch in _repeated(rows, *run)]
    if not blank:
        return rows
    found = list(rows)
    for first, end in blank:
        found[first:end] = [""] * (end - first)
    return found


def _runs(rows: Sequence[str]) -> Iterator[tuple[int, int]]:
    """From and to where there are many rows of constants, but for the last of them."""
    start = 0
    for number in range(len(rows) + 1):
        if number < len(rows) and _is_constant(rows[number]):
            continue
        if number - start > _MANY:
            yield start, number - 1
        start = number + 1


def _is_constant(row: str) -> bool:
    text = row.strip()
    if not text or text[0] == "#":
        return True
    return _ROW.fullmatch(text) is not None and (text.endswith(_ENDS) or "#" in text)


def _repeated(rows: Sequence[str], first: int, end: int) -> Iterator[tuple[int, int]]:
    """From and to where entries stand that look as one before them in their table does, and the comments around them.

    An entry closes as many brackets as it opens, and none that was open before; a comma ends it.
    """
    seen: set[str] = set()
    start, depth, entry = first, 0, ""
    for number, shape in enumerate(_shapes(rows[first:end]), first):
        if not entry and shape:
            entry = f"{len(rows[number]) - len(rows[number].lstrip())} "
        entry += shape
        change, lowest = _balance(shape)
        is_left = depth + lowest < 0
        depth += change
        if is_left:
            seen.clear()
        elif depth or (shape and not shape.endswith(",")):
            continue
        elif not shape or entry in seen:
            yield start, number + 1
        seen.add(entry)
        start, depth, entry = number + 1, 0, ""


def _shapes(rows: Sequence[str]) -> Sequence[str]:
    text = "\n".join(rows)
    for pattern, short in _SHORTER:
        text = pattern.sub(short, text)
    return text.split("\n")


@lru_cache(maxsize=1024)
def _balance(shape: str) -> tuple[int, int]:
    """How many brackets more are open behind a row than before it, and how few there were in between."""
    steps = accumulate(1 if bracket in "[({" else -1 for bracket in _BRACKET.findall(shape))
    reached = [0, *steps]
    return reached[-1], min(reached)
