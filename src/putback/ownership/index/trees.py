"""The tree of a file or of a slice of one, and what is asked of it row by row."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Container, Iterable
from functools import lru_cache

from putback.flow.names import Expr, last_name
from putback.model.errors import SourceError
from putback.ownership.index.astnames import to_expr
from putback.source.slices import Slice

_TREES = 40
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def parse_ast(text: str) -> ast.Module:
    """Parse with the running Python. Raises SourceError with the place when that cannot be done."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        raise SourceError(error.msg, error.lineno or 1, error.offset or 1) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceError(str(error) or "nested too deeply to parse") from None


def callees_by_row(part: Slice, answering: Container[str] = ()) -> dict[int, set[Expr]]:
    """What a slice calls, by the row of the innermost `def` around the call (0: none). Raises SourceError.

    Also what is given to callables of the names `answering`, which call it.
    """
    tree, offset = parsed(part)
    found: dict[int, set[Expr]] = {}
    todo: list[tuple[ast.AST, int]] = [(tree, 0)]
    children: list[ast.AST] = []
    while todo:
        node, row = todo.pop()
        if type(node) is ast.Call:
            callee = to_expr(node.func)
            given = (*node.args, *(k.value for k in node.keywords)) if last_name(callee) in answering else ()
            found.setdefault(row, set()).update((callee, *(to_expr(each) for each in given)))
        inner = node.lineno + offset if isinstance(node, _FUNCTIONS) else row
        children.clear()
        push_children(children, node)
        todo += [(child, inner) for child in children]
    return found


def mentioned(part: Slice) -> frozenset[str]:
    """Every name and attribute in a slice. Raises SourceError."""
    nodes = list(ast.walk(parsed(part)[0]))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return frozenset(names | {node.attr for node in nodes if isinstance(node, ast.Attribute)})


@lru_cache(_TREES)
def parsed(part: Slice) -> tuple[ast.Module, int]:
    """The tree of a slice, and what is to be added to its rows; a method stands in a class of its own.

    Those of the last slices are remembered, for one question about a function seldom comes alone.
    """
    if part.text[:1] in (" ", "\t"):
        return parse_ast("class _:\n" + part.text), part.offset - 1
    return parse_ast(part.text), part.offset


_CHILD_FIELDS: dict[type, tuple[str, ...]] = {}
_LEAVES = {
    "ctx",
    "op",
    "ops",
    "kind",
    "type_comment",
    "type_ignores",
    "name",
    "names",
    "attr",
    "id",
    "arg",
    "level",
    "module",
}


def push_children(stack: list[ast.AST], node: ast.AST, fields: Iterable[str] | None = None) -> None:
    """Append the child nodes, of all fields if none are given; those that can hold none are worked out once a class."""
    kind = type(node)
    if fields is None:
        fields = _CHILD_FIELDS.get(kind)
    if fields is None:
        fields = _CHILD_FIELDS[kind] = tuple(f for f in kind._fields if f not in _LEAVES)
    for field in fields:
        value = getattr(node, field, None)
        if type(value) is list:
            stack += [v for v in value if isinstance(v, ast.AST)]
        elif isinstance(value, ast.AST):
            stack.append(value)
