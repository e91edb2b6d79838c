"""Which rows of a file the index must look into, from its text: most expressions can bring nothing but a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_LONGEST_NAME = 80


def watched_rows(text: str, receivers: Iterable[str]) -> list[int]:
    """The rows, in order, whose expressions matter beyond what they assign: few, so the others are not walked."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    rows, row, behind = [], 1, 0
    for at in sorted([*_places(text, "yield"), *_places(text, ":="), *_calls(text, tuple(receivers))]):
        row += text.count("\n", behind, at)
        behind = at
        rows.append(row)
    return rows


def _places(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)


def _calls(text: str, names: tuple[str, ...]) -> Iterator[int]:
    """Where a parenthesis opens behind one of some names; behind a longer name is as good."""
    at = -1
    for part in text.split("(")[:-1]:
        at += len(part) + 1
        if part[-_LONGEST_NAME:].rstrip(" \t\n\\)").endswith(names):
            yield at
