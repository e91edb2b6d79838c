"""What runs in a function whenever it is called: up to the first branch, and there what is asked first.

Where that can raise, the function can, and its blocks need not be built to say so.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from putback.model.errors import SourceError
from putback.ownership.index.trees import parsed
from putback.source.slices import Slice

Function = ast.FunctionDef | ast.AsyncFunctionDef
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SEQUENCES = (ast.Tuple, ast.List)


def beginning(part: Slice) -> Iterator[ast.AST]:
    """What can raise in the beginning of the function that a slice holds: its calls, in the order in which they run,
    and other nodes; those that stand for a part are left out. Nothing when it cannot be parsed."""
    function = function_in(part)
    if function is not None:
        yield from _of_statements(function.body)


def function_in(part: Slice) -> Function | None:
    """The function that a slice holds; None when it cannot be parsed."""
    try:
        tree, _ = parsed(part)
    except SourceError:
        return None
    body = tree.body
    while body and isinstance(body[0], ast.ClassDef):
        body = body[0].body
    return body[0] if body and isinstance(body[0], Function) else None


def _of_statements(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    for statement in body:
        match statement:
            case ast.Expr(value=value) | ast.AugAssign(value=value):
                yield from _evaluated(value)
            case ast.Assign(targets=targets, value=value):
                yield from _evaluated(value)
                if not isinstance(value, ast.Tuple):
                    yield from (target for target in targets if isinstance(target, _SEQUENCES))
            case ast.AnnAssign(value=value):
                yield from _evaluated(value)
            case ast.Pass() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                pass
            case ast.Import() | ast.ImportFrom() | ast.Global() | ast.Nonlocal():
                pass
            case _:
                yield from _of_end(statement)
                return


def _of_end(statement: ast.stmt) -> Iterator[ast.AST]:
    """What surely runs of the statement behind which it is not sure what does."""
    match statement:
        case ast.Return(value=value):
            yield from _evaluated(value)
        case ast.If(test=test) | ast.While(test=test):
            yield from _evaluated(test)
        case ast.With(items=[first, *_]) | ast.AsyncWith(items=[first, *_]):
            yield from _evaluated(first.context_expr)
        case ast.For(iter=each) | ast.AsyncFor(iter=each) if not isinstance(each, _SEQUENCES):
            yield from _evaluated(each)
            yield statement
        case ast.Raise():
            yield statement


def _evaluated(node: ast.AST | None) -> Iterator[ast.AST]:
    """What can raise in an expression, the inner first."""
    match node:
        case ast.BoolOp(values=[first, *_]) | ast.IfExp(test=first):
            yield from _evaluated(first)
        case ast.Compare(left=ast.Constant()) | ast.Lambda() | None:
            pass
        case ast.Compare(left=left, comparators=[right, *_]):
            yield from _evaluated(left)
            yield from _evaluated(right)
        case ast.Call(func=ast.Name(id="isinstance"), args=[subject, _]):
            yield from _evaluated(subject)
        case _ if isinstance(node, _COMPREHENSIONS):
            yield node
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _evaluated(child)
            is_step = isinstance(node, (ast.Call, ast.Subscript, ast.Yield, ast.YieldFrom))
            if is_step or (isinstance(node, ast.Await) and not isinstance(node.value, ast.Call)):
                yield node
