"""Adding an import in the style of the file."""

from __future__ import annotations

import ast
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from putback.fixes.declined import Declined
from putback.fixes.modules import module_tree
from putback.fixes.rows import Rows
from putback.model.span import Position, Span


@dataclass(frozen=True, slots=True)
class Needed:
    """A name that a fix uses: `from module import name`, and `beside` a name that the file imports from there already.

    With `beside` the module may stay "": the new name goes into the statement that imports that one.
    """

    name: str
    module: str = ""
    beside: str = ""


CLOSING = Needed("closing", "contextlib")
SUPPRESS = Needed("suppress", "contextlib")


def add_import(draft: Rows, rows: Sequence[str], needed: Needed) -> None:
    """Import a name, unless the file can spell it already. Raises Declined where the place cannot be found."""
    if needed.module and spelled_from(rows, needed) != needed.name:
        return
    tree = module_tree(rows)
    statements = list(_imports(tree))
    if any(_brings(s, needed) for s in statements):
        return
    if _is_bound(tree, needed.name):
        raise Declined(f"`{needed.name}` means something else in this file")
    target = next((s for s in statements if isinstance(s, ast.ImportFrom) and _extends(s, needed)), None)
    if target is not None:
        _extend(draft, rows, target, needed.name)
    elif needed.module:
        _new_statement(draft, rows, tree, f"from {needed.module} import {needed.name}", needed.module)
    else:
        raise Declined(f"how to import `{needed.name}` is not clear")


def spelled_from(rows: Sequence[str], needed: Needed) -> str:
    """How a file calls a name, imported or yet to be: by its module where the file imports that alone."""
    named = any(r.startswith(f"from {needed.module} import") and needed.name in r for r in rows)
    whole = any(r.strip() == f"import {needed.module}" for r in rows)
    return f"{needed.module}.{needed.name}" if whole and not named else needed.name


def _imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    todo: deque[ast.AST] = deque([tree])
    while todo:
        for node in ast.iter_child_nodes(todo.popleft()):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                yield node
            elif isinstance(node, (ast.stmt, ast.ExceptHandler, ast.match_case)):
                todo.append(node)


def _brings(statement: ast.Import | ast.ImportFrom, needed: Needed) -> bool:
    """Whether the name is imported here, at the module's top level."""
    if not isinstance(statement, ast.ImportFrom) or statement.col_offset:
        return False
    same = not needed.module or statement.module == needed.module
    return same and any((a.asname or a.name) == needed.name and a.name == needed.name for a in statement.names)


def _extends(statement: ast.ImportFrom, needed: Needed) -> bool:
    if needed.beside:
        return any((a.asname or a.name) == needed.beside for a in statement.names)
    return statement.module == needed.module and not statement.level and not statement.col_offset


def _is_bound(tree: ast.Module, name: str) -> bool:
    """Whether the module's top level gives the name another meaning."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == name:
            return True
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            return True
        if isinstance(node, (ast.Import, ast.ImportFrom)) and any((a.asname or a.name) == name for a in node.names):
            return True
    return False


def _extend(draft: Rows, rows: Sequence[str], statement: ast.ImportFrom, name: str) -> None:
    """Add a name to an import statement, in its order where it has one."""
    names = [a.name for a in statement.names]
    if names == ["*"]:
        raise Declined(f"`{name}` comes from a star import")
    is_sorted = names == sorted(names, key=_order)
    before = next((a for a in statement.names if is_sorted and _order(a.name) > _order(name)), None)
    anchor = before or statement.names[-1]
    row = anchor.lineno
    begin = len(rows[row - 1].encode()[: anchor.col_offset].decode()) + 1
    end = len(rows[row - 1].encode()[: anchor.end_col_offset].decode()) + 1
    alone = (
        rows[row - 1].strip().rstrip(",") == rows[row - 1][begin - 1 : end - 1]
        and statement.end_lineno != statement.lineno
    )
    if alone:
        indent = rows[row - 1][: begin - 1]
        if before is None and not rows[row - 1].rstrip().endswith(","):
            draft.replace(Span(Position(row, end), Position(row, end)), ",")
        draft.insert(row if before is not None else row + 1, [f"{indent}{name},"])
    elif before is not None:
        draft.replace(Span(Position(row, begin), Position(row, begin)), f"{name}, ")
    else:
        draft.replace(Span(Position(row, end), Position(row, end)), f", {name}")


def _order(name: str) -> tuple[int, str]:
    """As isort orders names: CONSTANTS, Classes, functions."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name.lower())


def _new_statement(draft: Rows, rows: Sequence[str], tree: ast.Module, text: str, module: str) -> None:
    """A new import statement among those at the top, or behind the docstring."""
    top = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom)) and not _is_future(n)]
    if not top:
        header = _behind_header(tree)
        draft.insert(header + 1, ["", text] if header else [text, ""])
        return
    blocks = _blocks(rows, top)
    root = module.partition(".")[0]
    related = next((b for b in blocks if any(_root(n) == root for n in b)), None)
    block = related or next((b for b in blocks if any(_is_standard(_root(n)) == _is_standard(root) for n in b)), None)
    if block is None and _is_standard(root):
        draft.insert(top[0].lineno, [text, ""])
    elif block is None:
        draft.insert(_end_of(blocks[-1]) + 1, ["", text])
    else:
        later = next((n for n in block if _is_behind(n, module)), None)
        draft.insert(later.lineno if later is not None else _end_of(block) + 1, [text])


def _end_of(block: Sequence[ast.Import | ast.ImportFrom]) -> int:
    return block[-1].end_lineno or block[-1].lineno


def _is_future(node: ast.Import | ast.ImportFrom) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _blocks(rows: Sequence[str], top: Sequence[ast.Import | ast.ImportFrom]) -> list[list[ast.Import | ast.ImportFrom]]:
    """The imports by the blank rows between them."""
    blocks = [[top[0]]]
    for node in top[1:]:
        if any(not r.strip() for r in rows[(blocks[-1][-1].end_lineno or 0) : node.lineno - 1]):
            blocks.append([])
        blocks[-1].append(node)
    return blocks


def _root(node: ast.Import | ast.ImportFrom) -> str:
    """The top-level package that an import takes from; "" for a relative one."""
    module = node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
    return "" if isinstance(node, ast.ImportFrom) and node.level else module.partition(".")[0]


def _is_standard(root: str) -> bool:
    return root in sys.stdlib_module_names


def _is_behind(node: ast.Import | ast.ImportFrom, module: str) -> bool:
    """Whether an import sorts behind `from module import ...`."""
    return isinstance(node, ast.ImportFrom) and not node.level and (node.module or "") > module


def _behind_header(tree: ast.Module) -> int:
    """The last row of the docstring and the `__future__` imports; 0 without any."""
    last = 0
    for index, node in enumerate(tree.body):
        is_docstring = index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_docstring or (isinstance(node, ast.ImportFrom) and _is_future(node)):
            last = node.end_lineno or node.lineno
    return last
