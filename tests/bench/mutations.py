"""Real Python files, damaged: tokens, rows and blocks lost, doubled, swapped, cut off, moved, nested, or mixed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_HEAD = re.compile(r"([ \t]*)(?:async )?def \w+\(.*\).*:\s*\n")
_ODD = (
    *("é", "ｃｏｎｎ", "𝒙", "\u2028", "\u200b", "\ufeff", "\f", "\x00", "\t", "\r"),
    *("\\", "'''", '"""', "(", "]", "#", "…", "  # noqa"),
)
_AROUND = ("if x:", "for y in x:", "try:", "with x as y:", "def f(x):", "class C:", "async def f(x):", "while x:")
_BRACKETS = (("(", ")"), ("f(", ")"), ("[", "]"), ("dict(a=", ")"), ("not ", ""), ("x or ", ""))
_LONG = 40_000
_DEEP = 120

Mutation = Callable[[str, str, random.Random], str]


def mutated(text: str, other: str, chance: random.Random) -> tuple[str, str]:
    """The text after one to three mutations, and their names; `other` is a text to mix it with."""
    names = []
    for _ in range(chance.randint(1, 3)):
        mutation = chance.choice(MUTATIONS)
        text = mutation(text, other, chance)
        names.append(mutation.__name__)
    return text, " ".join(names)


def taken(text: str, other: str = "", chance: random.Random | None = None) -> str:
    """Each function of a few takes a connection first, which it never gives back."""
    rows = text.splitlines(keepends=True)
    found = []
    for row, below in zip(rows, [*rows[1:], ""], strict=False):
        found.append(row)
        head = _HEAD.fullmatch(row)
        inside = re.match(r"[ \t]*", below)
        if head and inside and len(inside[0]) > len(head[1]) and (chance is None or chance.random() < 0.8):
            found.append(f"{inside[0]}taken = psycopg2.connect()\n")
    return "".join(found)


def token_lost(text: str, other: str, chance: random.Random) -> str:
    parts = _TOKEN.findall(text)
    if parts:
        del parts[chance.randrange(len(parts))]
    return "".join(parts)


def token_doubled(text: str, other: str, chance: random.Random) -> str:
    parts = _TOKEN.findall(text)
    if parts:
        at = chance.randrange(len(parts))
        parts.insert(at, parts[at])
    return "".join(parts)


def tokens_swapped(text: str, other: str, chance: random.Random) -> str:
    parts = _TOKEN.findall(text)
    if len(parts) > 1:
        one, two = chance.sample(range(len(parts)), 2)
        parts[one], parts[two] = parts[two], parts[one]
    return "".join(parts)


def odd_inserted(text: str, other: str, chance: random.Random) -> str:
    at = chance.randint(0, len(text))
    return text[:at] + chance.choice(_ODD) + text[at:]


def rows_lost(text: str, other: str, chance: random.Random) -> str:
    rows, first, last = _stretch(text, chance)
    return "".join(rows[:first] + rows[last:])


def rows_doubled(text: str, other: str, chance: random.Random) -> str:
    rows, first, last = _stretch(text, chance)
    return "".join(rows[:last] + rows[first:])


def rows_moved(text: str, other: str, chance: random.Random) -> str:
    rows, first, last = _stretch(text, chance)
    rest = rows[:first] + rows[last:]
    at = chance.randint(0, len(rest))
    return "".join(rest[:at] + rows[first:last] + rest[at:])


def indented_again(text: str, other: str, chance: random.Random) -> str:
    rows, first, last = _stretch(text, chance)
    change: Callable[[str], str] = chance.choice([lambda r: "    " + r, lambda r: r[4:], lambda r: "\f" + r])
    return "".join(rows[:first] + [change(row) for row in rows[first:last]] + rows[last:])


def cut_off(text: str, other: str, chance: random.Random) -> str:
    return text[: chance.randint(0, len(text))] + "\n"


def nested(text: str, other: str, chance: random.Random) -> str:
    """A stretch of rows put deep into other blocks."""
    rows, first, last = _stretch(text, chance)
    depth = chance.choice([1, 2, 5, 15, _DEEP])
    lead = " " * (len(rows[first]) - len(rows[first].lstrip(" "))) if first < len(rows) else ""
    heads = [f"{lead}{' ' * n}{chance.choice(_AROUND)}\n" for n in range(depth)]
    return "".join(rows[:first] + heads + [" " * depth + row for row in rows[first:last]] + rows[last:])


def expression_nested(text: str, other: str, chance: random.Random) -> str:
    """A name put deep into brackets, calls or operators."""
    names = list(re.finditer(r"\b[a-z_]+\b", text))
    if not names:
        return text
    found, depth = chance.choice(names), chance.choice([3, 30, 90, 250])
    opening, closing = chance.choice(_BRACKETS)
    return text[: found.start()] + opening * depth + found[0] + closing * depth + text[found.end() :]


def one_long_row(text: str, other: str, chance: random.Random) -> str:
    rows, first, _ = _stretch(text, chance)
    item = chance.choice(["x, ", "'text', ", "f(1), ", "x = 1; ", "# "])
    return "".join([*rows[:first], item * (_LONG // len(item)) + "\n", *rows[first:]])


def merged(text: str, other: str, chance: random.Random) -> str:
    """The beginning of one file and the end of another."""
    here, there = text.splitlines(keepends=True), other.splitlines(keepends=True)
    return "".join(here[: chance.randint(0, len(here))] + there[chance.randint(0, len(there)) :])


def interleaved(text: str, other: str, chance: random.Random) -> str:
    """A stretch of another file in the middle of one."""
    rows, first, _ = _stretch(text, chance)
    theirs, begin, end = _stretch(other, chance)
    return "".join(rows[:first] + theirs[begin:end] + rows[first:])


def _stretch(text: str, chance: random.Random) -> tuple[list[str], int, int]:
    """The rows of a text, and where a stretch of a few of them begins and ends."""
    rows = text.splitlines(keepends=True)
    first = chance.randint(0, max(len(rows) - 1, 0))
    return rows, first, min(first + chance.choice([1, 1, 2, 5, 20]), len(rows))


MUTATIONS: tuple[Mutation, ...] = (
    taken,
    token_lost,
    token_doubled,
    tokens_swapped,
    odd_inserted,
    rows_lost,
    rows_doubled,
    rows_moved,
    indented_again,
    cut_off,
    nested,
    expression_nested,
    one_long_row,
    merged,
    interleaved,
)
