"""What is too large or too deep for the parser that keeps every token: told, or made smaller where nothing is lost."""

from __future__ import annotations

import ast

from putback.model.errors import SourceError
from putback.source.slices import Slice

_WORTH_A_LOOK = 4_000  # characters: nothing shorter is too deep
_LARGE = 50_000  # characters
_DEEPEST = 1_200
_MANY = 1_000
_DISPLAYS = (ast.List, ast.Tuple, ast.Set, ast.Dict)


def eased(part: Slice) -> Slice:
    """A part of a file, with blanks in large tables of constants. Raises SourceError when it is nested too deeply.

    Rows and columns stay. Only tables that are assigned as they are count, for nobody asks what they contain.
    """
    if len(part.text) < _WORTH_A_LOOK:
        return part
    inside = part.text[:1] in (" ", "\t")
    try:
        tree = ast.parse("class _:\n" + part.text if inside else part.text)
    except (SyntaxError, ValueError):
        return part  # what is newer than the running Python may be understood by the parser
    except (RecursionError, MemoryError):
        raise SourceError("nested too deeply to be checked") from None
    _check_depth(tree, part.offset - int(inside))
    if len(part.text) < _LARGE:
        return part
    tables = [t for statement in ast.walk(tree) if (t := _table(statement)) is not None]
    rows = part.text.split("\n")
    for table in tables:
        _blank(rows, table, int(inside))
    return Slice("\n".join(rows), part.offset) if tables else part


def _check_depth(tree: ast.Module, offset: int) -> None:
    """Raise SourceError for what is nested too deeply; a method and its call are one step of a chain."""
    row = 1
    todo: list[tuple[ast.AST, int, int]] = [(tree, 1, row)]
    while todo:
        node, depth, row = todo.pop()
        if isinstance(node, (ast.expr, ast.stmt)):
            row = node.lineno
        if depth > _DEEPEST:
            raise SourceError("nested too deeply to be checked", row + offset)
        method = node.func if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
        todo += ((child, depth if child is method else depth + 1, row) for child in ast.iter_child_nodes(node))


def _table(statement: ast.AST) -> ast.expr | None:
    """The large table of constants that a statement assigns."""
    value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
    if not isinstance(value, _DISPLAYS):
        return None
    nodes = [n for n in ast.walk(value) if not isinstance(n, (ast.expr_context, ast.unaryop))]
    plain = (*_DISPLAYS, ast.Constant, ast.UnaryOp)
    return value if len(nodes) > _MANY and all(isinstance(n, plain) and _is_in_rows(n) for n in nodes) else None


def _is_in_rows(node: ast.AST) -> bool:
    """Whether a constant ends in the row where it begins: text of several rows is not to be indented."""
    return not isinstance(node, ast.Constant) or node.lineno == node.end_lineno


def _blank(rows: list[str], table: ast.expr, extra: int) -> None:
    """Leave nothing between the brackets of a table."""
    first, last = table.lineno - 1 - extra, (table.end_lineno or table.lineno) - 1 - extra
    start, end = _column(rows[first], table.col_offset), _column(rows[last], table.end_col_offset or 0)
    if rows[first][start : start + 1] not in ("[", "(", "{"):
        return  # a tuple without brackets
    if first == last:
        rows[first] = rows[first][: start + 1] + " " * (end - start - 2) + rows[first][end - 1 :]
        return
    rows[first] = rows[first][: start + 1]
    rows[first + 1 : last] = [""] * (last - first - 1)
    rows[last] = " " * (end - 1) + rows[last][end - 1 :]


def _column(row: str, offset: int) -> int:
    """The place in a row of what `ast` counts in bytes."""
    return len(row.encode()[:offset].decode("utf-8", "replace"))
