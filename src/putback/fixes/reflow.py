"""Rows that have become too long are split as black and ruff split them; where that is not sure, they stay long."""

from __future__ import annotations

import io
import re
import tokenize
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

TAB = 4
OPENING, CLOSING = "([{", ")]}"
_COMPOUND = {"if", "elif", "while"}
_ASSIGNMENTS = {"=", "+=", "-=", "*=", "/=", "//=", "%=", "@=", "&=", "|=", "^=", ">>=", "<<=", "**="}
_COMPREHENSION, _COMMA, _TERNARY, _LOGIC, _STRING, _COMPARISON, _DOT = 20, 18, 16, 14, 12, 10, 1
_WORDS = {"and": _LOGIC, "or": _LOGIC, "in": _COMPARISON, "is": _COMPARISON}
_OPERATORS = {
    **dict.fromkeys(("<", ">", "==", "!=", "<=", ">="), _COMPARISON),
    "|": 9,
    "^": 8,
    "&": 7,
    "<<": 6,
    ">>": 6,
    "+": 5,
    "-": 5,
    "*": 4,
    "/": 4,
    "//": 4,
    "%": 4,
    "@": 4,
}
_OPERANDS = (tokenize.NAME, tokenize.NUMBER, tokenize.STRING)
_PRAGMA = re.compile(r"# ?(noqa|type:|pylint:|pyright:|ruff:|fmt:|isort:|nosec|pragma)")
_KEPT_WORDS = {"def", "class", "assert", "import", "global", "match", "case", "except"}


class Unsure(Exception):
    """How a row is split is not certain."""


class Token(NamedTuple):
    """A token of a row, with the white space in front of it."""

    kind: int
    text: str
    space: str


@dataclass(frozen=True, slots=True)
class Style:
    """How a file is laid out: the length of its rows, one level of indentation, and whether black does it, or ruff."""

    limit: int
    unit: str
    is_black: bool = False


def width(row: str) -> int:
    """The columns that a row takes; a tab counts four, a wide character two."""
    row = row.expandtabs(TAB)
    return len(row) if row.isascii() else sum(_columns(character) for character in row)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or character == "\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def reflowed(row: str, style: Style, inside: bool) -> list[str]:
    """The rows that take the place of `row`, which has become too long; `[row]` when none do it better.

    `inside`: the row begins within brackets that an earlier row has opened.
    """
    indent = row[: len(row) - len(row.lstrip())]
    try:
        line, remark = _tokens(row.strip())
        if _PRAGMA.match(remark) and width(indent + _text(line)) <= style.limit:
            return [row]
        splitter = _Splitter(style, bool(remark))
        rows = splitter.piece(line, indent) if inside else splitter.statement(line, indent)
        return [*rows[:-1], f"{rows[-1]}  {remark}".rstrip()]
    except Unsure:
        return [row]


def _tokens(text: str) -> tuple[list[Token], str]:
    """The tokens of a row, and the comment behind them. Raises Unsure for rows that do not stand for themselves."""
    found: list[Token] = []
    at = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(f"({text}\n)").readline):
            if token.type in (tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER) or token.end[0] > 1:
                continue
            found.append(Token(token.type, token.string, " " if token.start[1] > at else ""))
            at = token.end[1]
    except (tokenize.TokenError, SyntaxError, IndentationError) as error:
        raise Unsure from error
    remark = found.pop().text if found[-1].kind == tokenize.COMMENT else ""
    line = found[1:]
    if not line or any(token.kind == tokenize.ERRORTOKEN for token in line):
        raise Unsure
    _ends(line)
    return line, remark


def _ends(line: Sequence[Token]) -> dict[int, int]:
    """The index of the closing bracket for each opening one. Raises Unsure when they do not match."""
    ends: dict[int, int] = {}
    waiting: list[int] = []
    for index, token in enumerate(line):
        if token.text in OPENING and token.kind == tokenize.OP:
            waiting.append(index)
        elif token.text in CLOSING and token.kind == tokenize.OP:
            if not waiting:
                raise Unsure
            ends[waiting.pop()] = index
    if waiting:
        raise Unsure
    return ends


def _text(line: Sequence[Token]) -> str:
    return "".join(token.space + token.text for token in line).strip()


def _delimiters(line: Sequence[Token]) -> dict[int, int]:
    """The places at which a row can be divided, with their priority; a division comes before the token of the index.

    A comma divides behind itself. A last comma divides nothing.
    """
    found: dict[int, int] = {}
    depth, in_for = 0, False
    for index, token in enumerate(line):
        if token.text in CLOSING and token.kind == tokenize.OP:
            depth -= 1
        if depth == 0 and index:
            priority = _priority(line, index, in_for)
            if priority and not (priority == _COMMA and index == len(line) - 1):
                found[index + (priority == _COMMA)] = priority
            in_for = token.text == "for" or (in_for and token.text != "in")
        if token.text in OPENING and token.kind == tokenize.OP:
            depth += 1
    return found


def _priority(line: Sequence[Token], index: int, in_for: bool) -> int:
    """How readily a row is divided at a token; 0 for not at all."""
    token, before = line[index], line[index - 1]
    if token.kind == tokenize.STRING:
        return _STRING if before.kind == tokenize.STRING else 0
    if token.kind == tokenize.OP:
        return _operator_priority(token, before)
    if token.kind != tokenize.NAME:
        return 0
    match token.text:
        case "for" | "async":
            return _COMPREHENSION if before.text != "async" else 0
        case "if" | "else":
            in_comprehension = any(t.text == "for" for t in line[:index])
            return _COMPREHENSION if in_comprehension and token.text == "if" else _TERNARY
        case "in" if in_for or before.text == "not":
            return 0
        case "not":
            return _COMPARISON if index + 1 < len(line) and line[index + 1].text == "in" else 0
    return _WORDS.get(token.text, 0)


def _operator_priority(token: Token, before: Token) -> int:
    is_binary = before.kind in _OPERANDS or before.text in CLOSING
    if before.kind == tokenize.NAME and before.text in ("and", "or", "not", "in", "is", "return", "if", "else"):
        is_binary = False
    match token.text:
        case ",":
            return _COMMA
        case ".":
            return _DOT if before.text in CLOSING else 0
    return _OPERATORS.get(token.text, 0) if is_binary and token.space else 0


class _Splitter:
    """Splits rows until they fit."""

    def __init__(self, style: Style, has_remark: bool) -> None:
        self.style = style
        self.has_remark = has_remark

    def fits(self, indent: str, text: str) -> bool:
        """Whether a row is short enough."""
        return width(indent + text) <= self.style.limit

    def needed(self, indent: str, text: str) -> str:
        """The row, if it is short enough. Raises Unsure."""
        if not self.fits(indent, text):
            raise Unsure
        return indent + text

    # -- statements

    def statement(self, line: list[Token], indent: str) -> list[str]:
        """A simple statement, or the header of a compound one."""
        if line[0].text in _KEPT_WORDS or (line[0].text == "async" and line[1].text == "def"):
            raise Unsure
        if line[0].text == "from":
            return self.imported(line, indent)
        head, value, tail = _parts(line)
        if not head:
            return self.brackets(line, indent)
        return self.value(head, value, tail, indent)

    def value(self, head: list[Token], value: list[Token], tail: list[Token], indent: str) -> list[str]:
        """A statement whose value may be put into brackets of its own."""
        if head[0].text == "with" and self.style.is_black:
            raise Unsure
        if value[0].text in ("await", "yield", "lambda"):
            return self.brackets([*head, *value, *tail], indent)
        found = _delimiters(value)
        highest = max(found.values(), default=0)
        count = sum(each == highest for each in found.values())
        is_tuple = highest == _COMMA and not self.style.is_black and head[0].text != "with"
        if is_tuple or (highest != _COMMA and count < 2 and self.splits_itself(head, value, highest, indent)):
            return self.brackets([*head, *value, *tail], indent)
        if count == 1 and value[0].text == "(" and _ends(value)[0] < len(value) - 1:
            return self.split([*head, *value, *tail], len(head), indent)
        if len(value) == 1 and value[0].kind == tokenize.NAME and _COMMA in _delimiters(head[:-1]).values():
            return self.unpacked(head, value, indent)
        return self.bracketed(head, value, tail, indent)

    def unpacked(self, head: list[Token], value: list[Token], indent: str) -> list[str]:
        """Many names that a tuple is unpacked into."""
        names = self.divided(head[:-1], indent + self.style.unit)
        return [f"{indent}(", *names, self.needed(indent, f") = {_text(value)}")]

    def imported(self, line: list[Token], indent: str) -> list[str]:
        """An import of names from a module: one name a row."""
        index = next(i for i, token in enumerate(line) if token.text == "import")
        if line[index + 1].text in ("(", "*"):
            raise Unsure
        names = line[index + 1 :]
        if _COMMA not in _delimiters(names).values():
            names.append(Token(tokenize.OP, ",", ""))
        return [f"{indent}{_text(line[: index + 1])} (", *self.divided(names, indent + self.style.unit), f"{indent})"]

    def splits_itself(self, head: list[Token], value: list[Token], highest: int, indent: str) -> bool:
        """Whether a value has brackets that are split better than it is put into new ones."""
        if highest == _DOT:
            return True
        ends = {end: start for start, end in _ends(value).items()}
        start = ends.get(len(value) - 1)
        if start is None or start == len(value) - 2:
            return False
        return self.fits(indent, _text([*head, *value[: start + 1]]))

    def bracketed(self, head: list[Token], value: list[Token], tail: list[Token], indent: str) -> list[str]:
        """The value between new brackets, on rows of its own."""
        if value[0].text == "(" and _ends(value)[0] == len(value) - 1:
            return self.brackets([*head, *value, *tail], indent)
        if self.has_remark:
            raise Unsure
        inner = indent + self.style.unit
        if _COMMA in _delimiters(value).values():
            body = self.divided(value, inner)
        else:
            body = [inner + _text(value)] if self.fits(inner, _text(value)) else self.piece(value, inner)
        return [self.needed(indent, f"{_text(head)} ("), *body, self.needed(indent, f"){_text(tail)}")]

    # -- brackets

    def brackets(self, line: list[Token], indent: str) -> list[str]:
        """Split at the last brackets that hold something, so that the first row fits."""
        ends = _ends(line)
        outer = [start for start, end in ends.items() if not any(s < start and end < e for s, e in ends.items())]
        for start in sorted(outer, reverse=True):
            if ends[start] == start + 1 or not self.fits(indent, _text(line[: start + 1])):
                continue
            return self.split(line, start, indent)
        raise Unsure

    def split(self, line: list[Token], start: int, indent: str) -> list[str]:
        """Split at one pair of brackets."""
        end = _ends(line)[start]
        head, tail = self.needed(indent, _text(line[: start + 1])), self.needed(indent, _text(line[end:]))
        body = self.content(line[start + 1 : end], indent + self.style.unit, _is_literal(line, start))
        return [head, *body, tail]

    def content(self, line: list[Token], indent: str, is_literal: bool) -> list[str]:
        """What stands between brackets: literals have one element a row, arguments share a row if they can."""
        has_last_comma = line[-1].text == ","
        if has_last_comma or (is_literal and _COMMA in _delimiters(line).values()):
            return self.divided(line, indent)
        return self.body(line, indent)

    def body(self, line: list[Token], indent: str) -> list[str]:
        """One row, or as many as it takes; one that is too long when it cannot be divided."""
        text = _text(line)
        try:
            return [indent + text] if self.fits(indent, text) else self.piece(line, indent)
        except Unsure:
            return [indent + text]

    def piece(self, line: list[Token], indent: str) -> list[str]:
        """A row between brackets that is too long: divided, else split at its own brackets."""
        found = _delimiters(line)
        highest = max(found.values(), default=0)
        count = sum(each == highest for each in found.values())
        if highest > _DOT or count > 1:
            return self.divided(line, indent)
        return self.brackets(line, indent)

    def divided(self, line: list[Token], indent: str) -> list[str]:
        """One part a row; parts that commas divide all end with one."""
        found = _delimiters(line)
        highest = max(found.values(), default=0)
        if highest == _TERNARY and line[-1].text == "," and self.style.is_black:
            raise Unsure
        cuts = [0, *(index for index, priority in found.items() if priority == highest), len(line)]
        rows: list[str] = []
        for start, end in pairwise(cuts):
            part = line[start:end]
            if highest == _COMMA and part[-1].text != ",":
                part = [*part, Token(tokenize.OP, ",", "")]
            rows += self.body(part, indent)
        return rows


def _is_literal(line: Sequence[Token], start: int) -> bool:
    """Whether a bracket opens a list, dict, set or tuple, and no call or subscript."""
    if not start:
        return True
    before = line[start - 1]
    is_operand = before.kind in _OPERANDS or before.text in CLOSING
    return bool(line[start].space) or not is_operand


def _parts(line: list[Token]) -> tuple[list[Token], list[Token], list[Token]]:
    """What comes before the value of a statement, the value, and the colon behind it; no head when it has no value."""
    first = line[0].text
    tail = line[-1:] if line[-1].text == ":" else []
    inner = line[: len(line) - len(tail)]
    if first == "return" or (first in _COMPOUND and tail):
        return inner[:1], inner[1:], tail
    if first == "with" and _COMMA in _delimiters(inner[1:]).values():
        return inner[:1], inner[1:], tail
    for index in reversed(_outermost(inner)):
        if inner[index].text in _ASSIGNMENTS or (first == "for" and inner[index].text == "in"):
            return inner[: index + 1], inner[index + 1 :], tail
    return [], inner, tail


def _outermost(line: Sequence[Token]) -> list[int]:
    """The indices of the tokens that stand in no brackets."""
    ends = _ends(line)
    return [i for i in range(len(line)) if not any(start <= i <= end for start, end in ends.items())]
