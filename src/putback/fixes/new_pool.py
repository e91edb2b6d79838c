"""The pool of a newer library in place of one: its import, the call that makes it, its annotations. Rule PB411."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from putback.fixes.declined import Declined
from putback.fixes.modules import module_tree
from putback.fixes.rows import Rows
from putback.model.fix import Applicability, Fix
from putback.model.span import Position, Span


@dataclass(frozen=True, slots=True)
class Successor:
    """How to say with the newer library (`by`) what is said with one of the `makers`.

    `roots` are imported for nothing but the older pool. `arguments`, `options`, `added`, `renamed`, `refused` and
    `methods` are those of the driver tables.
    """

    makers: frozenset[str]
    roots: Sequence[str]
    by: str
    arguments: Mapping[str, str]
    options: str
    added: str
    renamed: Mapping[str, str]
    refused: Sequence[str]
    methods: Mapping[str, str]


def succeed(rows: Sequence[str], successor: Successor, made: Span) -> Fix:
    """The fix that makes a pool by its successor. Raises Declined."""
    tree = module_tree(rows)
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and _last(n.func) in successor.makers]
    if len(calls) != 1 or _span(rows, calls[0]) != made:
        raise Declined("the file makes several pools")
    draft = Rows(rows)
    written = list(_arguments(rows, calls[0], successor))
    behind = rows[made.end.row - 1][made.end.column - 1 :]
    if made.start.row == made.end.row or behind:
        call = (made, f"{_last_word(successor.by)}({', '.join(written)})")
    else:
        call = (made, f"{_last_word(successor.by)}(")
        inner, outer = rows[made.start.row], rows[made.end.row - 1]
        draft.insert(made.end.row + 1, [f"{_indent(inner)}{each}," for each in written] + [f"{_indent(outer)})"])
    changes = [call, *_changes(rows, tree, successor, calls[0]), *_imports(rows, tree, successor)]
    for span, text in changes:
        if text:
            draft.replace(span, text)
        else:
            draft.delete(span.start.row, span.end.row)
    return Fix(Applicability.UNSAFE, f"make the pool with {successor.by.partition('.')[0]}", draft.edits())


def _changes(rows: Sequence[str], tree: ast.Module, successor: Successor, call: ast.Call) -> Iterator[tuple[Span, str]]:
    """What becomes of annotations, and of methods that have another name."""
    annotated = {id(n) for each in _annotations(tree) for n in ast.walk(each)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in successor.methods:
            base = ast.get_source_segment("\n".join(rows), node.value)
            yield _span(rows, node), f"{base}.{successor.methods[node.attr]}"
        elif isinstance(node, (ast.Name, ast.Attribute)) and _last(node) in successor.makers and node is not call.func:
            if id(node) not in annotated:
                raise Declined("the class of the pool is used for more than to make one")
            yield _span(rows, node), _last_word(successor.by)


def _arguments(rows: Sequence[str], call: ast.Call, successor: Successor) -> Iterator[str]:
    """The arguments of the call in the words of the successor."""
    if any("#" in row for row in rows[call.lineno - 1 : call.end_lineno]):
        raise Declined("there is a comment in the call")
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        raise Declined("not all arguments of the call can be seen")
    if len(call.args) > len(successor.arguments):
        raise Declined("the call has too many arguments")
    text = "\n".join(rows)
    given = dict(zip(successor.arguments, call.args, strict=False)) | {k.arg: k.value for k in call.keywords if k.arg}
    written = {name: ast.get_source_segment(text, value) or "" for name, value in given.items()}
    refused = next((name for name in written if name in successor.refused), "")
    if refused or any("\n" in value for value in written.values()):
        raise Declined(f"`{refused}` has no counterpart" if refused else "an argument is written over several rows")
    for name, theirs in successor.arguments.items():
        if name in written:
            yield f"{theirs}={written.pop(name)}"
    if written:
        items = ", ".join(f'"{successor.renamed.get(name, name)}": {value}' for name, value in written.items())
        yield f"{successor.options}={{{items}}}"
    if successor.added:
        yield successor.added


def _imports(rows: Sequence[str], tree: ast.Module, successor: Successor) -> Iterator[tuple[Span, str]]:
    """The import of the successor in place of the first of the roots, and nothing in place of the others."""
    module, _, name = successor.by.rpartition(".")
    text = f"from {module} import {name}"
    for node in tree.body:
        match node:
            case ast.ImportFrom(module=str(brought), level=0):
                names = [brought]
            case ast.Import():
                names = [a.name for a in node.names]
            case _:
                names = []
        own = [each.partition(".")[0] in successor.roots for each in names]
        if any(own):
            if not all(own):
                raise Declined("its import stands in one statement with others")
            yield _span(rows, node), text
            text = ""


def _annotations(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        match node:
            case ast.AnnAssign(annotation=found) | ast.arg(annotation=ast.expr() as found):
                yield found
            case ast.FunctionDef(returns=ast.expr() as found) | ast.AsyncFunctionDef(returns=ast.expr() as found):
                yield found


def _last_word(name: str) -> str:
    return name.rpartition(".")[2]


def _indent(row: str) -> str:
    return row[: len(row) - len(row.lstrip())]


def _last(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _span(rows: Sequence[str], node: ast.expr | ast.stmt) -> Span:
    """Where a node stands, in characters."""
    last, end = node.end_lineno or node.lineno, node.end_col_offset or 0
    begin = len(rows[node.lineno - 1].encode()[: node.col_offset].decode())
    return Span(Position(node.lineno, begin + 1), Position(last, len(rows[last - 1].encode()[:end].decode()) + 1))
