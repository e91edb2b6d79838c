"""What is read off the syntax of the code under test."""

from __future__ import annotations

import ast
import copy

_KEPT_DECORATORS = {"contextmanager", "asynccontextmanager", "wraps", "staticmethod", "classmethod", "property"}


def last_name(func: ast.expr) -> str:
    if isinstance(func, ast.Name):
        return func.id
    return func.attr if isinstance(func, ast.Attribute) else ""


def class_names(expression: ast.expr | None) -> list[str]:
    """The dotted names of an `except` clause."""
    if expression is None:
        return ["BaseException"]
    parts = expression.elts if isinstance(expression, ast.Tuple) else [expression]
    return [ast.unparse(p) for p in parts if isinstance(p, (ast.Name, ast.Attribute))]


def outer_names(node: ast.AST) -> frozenset[str]:
    """The names from around it that a function rebinds."""
    return frozenset(n for each in ast.walk(node) if isinstance(each, (ast.Global, ast.Nonlocal)) for n in each.names)


def text_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """A function as text, without its decorators."""
    bare = copy.copy(node)
    bare.decorator_list = []
    return ast.unparse(bare)


def is_kept(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return last_name(called) in _KEPT_DECORATORS
