"""What is read off the syntax of the code under test."""

from __future__ import annotations

import ast
import builtins
import copy
from collections.abc import Iterator

_KEPT_DECORATORS = {"contextmanager", "asynccontextmanager", "wraps", "staticmethod", "classmethod", "property"}


_SUPPRESSING = ("suppress", "contextlib.suppress")


def is_suppressing(node: ast.AST) -> bool:
    """Whether it is a call that makes a context manager which swallows the errors it is given."""
    return isinstance(node, ast.Call) and ast.unparse(node.func) in _SUPPRESSING


def asked_classes(node: ast.AST) -> Iterator[str]:
    """The exception classes that code names in another way than in a handler, or to raise one: it asks for them."""
    if isinstance(node, ast.Raise):
        return
    if isinstance(node, ast.Name) and _is_exception(node.id):
        yield node.id
    elif isinstance(node, ast.Call) and is_suppressing(node):
        yield from (name for each in node.args for name in class_names(each) if not _is_exception(name))
    for field, value in ast.iter_fields(node):
        if not (isinstance(node, ast.ExceptHandler) and field == "type"):
            for each in value if isinstance(value, list) else (value,):
                if isinstance(each, ast.AST):
                    yield from asked_classes(each)


def _is_exception(name: str) -> bool:
    found = getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, BaseException)


def numbers_of(node: ast.AST) -> Iterator[float]:
    """The numbers that are written in code."""
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, (int, float)) and not isinstance(each.value, bool):
            yield each.value


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
