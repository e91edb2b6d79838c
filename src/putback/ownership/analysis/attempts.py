"""What belongs together in a `try`: found by a cheap parse of the function, by the rows of its handlers."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator, Sequence

from msgspec import Struct

from putback.model.errors import SourceError
from putback.ownership.index.module import FunctionInfo
from putback.ownership.index.trees import parsed
from putback.source.slices import Reader, Slice

Rows = range
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


class Attempt(Struct, frozen=True):
    """A `try` from the view of one of its handlers: the rows of its body, of the loops in that and of the handler.

    `words` are the attributes that the handler mentions, `read` those that the body does, each with its row;
    `cleared` are the objects of which the handler sets an attribute to None.
    """

    body: Rows
    loops: tuple[Rows, ...]
    handler: Rows
    words: frozenset[str]
    read: frozenset[tuple[int, str]]
    cleared: frozenset[str]

    def are_one_work(self, first: int, second: int) -> bool:
        """Whether the statements in these rows stand in the body, and the first can be done when the second fails."""
        if first not in self.body or second not in self.body:
            return False
        return first < second or any(first in loop and second in loop for loop in self.loops)


def attempts(reader: Reader, path: str, info: FunctionInfo | None) -> dict[int, Attempt]:
    """Each `try` of a function, or of a file, by the rows in which its handlers begin; none if it cannot be parsed."""
    return dict(_attempts(reader, path, info))


def forgets(part: Slice, working: Container[str], undoing: Container[str]) -> bool:
    """Whether a `try` in a slice works on something, by methods `working`, and a handler of it may undo nothing.

    What undoes something, by a method of `undoing`, or raises on every way through a handler is seen to.
    """
    try:
        tree, _ = parsed(part)
    except SourceError:
        return True
    return any(
        _mentions(attempt.body, working) and any(_may_forget(handler, undoing) for handler in attempt.handlers)
        for attempt in ast.walk(tree)
        if isinstance(attempt, (ast.Try, ast.TryStar)) and attempt.handlers
    )


def _may_forget(handler: ast.ExceptHandler, undoing: Container[str]) -> bool:
    always = [s for s in handler.body if isinstance(s, (ast.Expr, ast.With, ast.Try))]
    return not isinstance(handler.body[-1], ast.Raise) and not _mentions(always, undoing)


def _mentions(statements: Sequence[ast.stmt], names: Container[str]) -> bool:
    """Whether an attribute of one of these names stands in some statements."""
    nodes = (node for statement in statements for node in ast.walk(statement))
    return any(isinstance(node, ast.Attribute) and node.attr in names for node in nodes)


def is_hushed(reader: Reader, path: str, info: FunctionInfo | None, row: int, swallowing: Container[int]) -> bool:
    """Whether an error in this row of a clean-up goes no further: a `try` of its own or a `with` around it takes it.

    `swallowing` are the rows of managers that do.
    """
    tree, offset = _tree(reader, path, info)
    if tree is None:
        return False
    around = (n for n in ast.walk(tree) if isinstance(n, (ast.With, ast.Try)) and row in _body(n, offset))
    return any(_is_careful(n) if isinstance(n, ast.Try) else _enters(n, offset, swallowing) for n in around)


def _body(node: ast.With | ast.Try, offset: int) -> Rows:
    return _rows(node.body[0], node.body[-1], offset)


def _enters(node: ast.With, offset: int, managers: Container[int]) -> bool:
    return any(item.context_expr.lineno + offset in managers for item in node.items)


def _is_careful(node: ast.Try) -> bool:
    """Whether a `try` around a clean-up and nothing else takes every error."""
    if len(node.body) > 1 or not node.handlers:
        return False
    caught = node.handlers[0].type
    return caught is None or (isinstance(caught, ast.Name) and caught.id in ("Exception", "BaseException", "NameError"))


def _attempts(reader: Reader, path: str, info: FunctionInfo | None) -> Iterator[tuple[int, Attempt]]:
    tree, offset = _tree(reader, path, info)
    if tree is None:
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Try, ast.TryStar)):
            body = _rows(node.body[0], node.body[-1], offset)
            inner = [each for statement in node.body for each in ast.walk(statement)]
            read = frozenset((each.lineno + offset, each.attr) for each in inner if isinstance(each, ast.Attribute))
            loops = tuple(_rows(each, each, offset) for each in inner if isinstance(each, _LOOPS))
            for handler in node.handlers:
                words = frozenset(each.attr for each in ast.walk(handler) if isinstance(each, ast.Attribute))
                span, cleared = _rows(handler, handler, offset), frozenset(_cleared(handler))
                yield handler.lineno + offset, Attempt(body, loops, span, words, read, cleared)


def _cleared(handler: ast.ExceptHandler) -> Iterator[str]:
    for node in ast.walk(handler):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value is None:
            yield from (ast.unparse(each.value) for each in node.targets if isinstance(each, ast.Attribute))


def _tree(reader: Reader, path: str, info: FunctionInfo | None) -> tuple[ast.Module | None, int]:
    """The tree of a function, and what is to be added to its rows."""
    try:
        rows = (info.row, info.end_row) if info is not None else (1, len(reader.rows(path)))
        return parsed(reader.function(path, *rows))
    except SourceError:
        return None, 0


def _rows(first: ast.stmt | ast.ExceptHandler, last: ast.stmt | ast.ExceptHandler, offset: int) -> Rows:
    return range(first.lineno + offset, (last.end_lineno or last.lineno) + offset + 1)
