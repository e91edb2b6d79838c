"""Add a keyword argument to a call. Rules PB403 and PB407."""

from __future__ import annotations

from collections.abc import Sequence

from putback.fixes.declined import Declined
from putback.model.fix import Applicability, Edit, Fix
from putback.model.span import Position, Span


def add_argument(rows: Sequence[str], call: Span, last: Span | None, argument: str) -> Fix:
    """The fix that adds an argument behind the `last` one of a call, on a row of its own where that has one."""
    if last is None:
        raise Declined("the call has no argument to add one to")
    between = _between(rows, last.end, call.end)
    code, _, comment = between.partition("#")
    before = rows[last.start.row - 1][: last.start.column - 1]
    row = f"\n{before}" if not before.strip() else " "
    if "," not in code:
        if comment:
            raise Declined("a comment stands behind its last argument")
        return _added(last.end, f",{row}{argument}", argument)
    if row != " " and "\n" in between:  # behind the comment, if there is one
        end = _after(last.end, between[: between.index("\n")])
        return _added(end, f"{row}{argument},", argument)
    return _added(_after(last.end, code[: code.index(",") + 1]), f" {argument}", argument)


def _added(at: Position, text: str, argument: str) -> Fix:
    return Fix(Applicability.UNSAFE, f"add `{argument}`", (Edit(Span(at, at), text),))


def _between(rows: Sequence[str], start: Position, end: Position) -> str:
    """The text from one place to another."""
    if start.row == end.row:
        return rows[start.row - 1][start.column - 1 : end.column - 1]
    middle = rows[start.row : end.row - 1]
    return "\n".join((rows[start.row - 1][start.column - 1 :], *middle, rows[end.row - 1][: end.column - 1]))


def _after(start: Position, text: str) -> Position:
    """The place behind some text that begins at another."""
    if "\n" in text:
        return Position(start.row + text.count("\n"), len(text) - text.rfind("\n"))
    return Position(start.row, start.column + len(text))
