"""What the statements of a body assign, nested functions and classes left aside."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from putback.ownership.index.astnames import own_name
from putback.ownership.makers.parts import FUNCTIONS, Function


def statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body and of the blocks in it, in order; definitions in it keep theirs."""
    for statement in body:
        if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
            continue
        yield statement
        for name in ("body", "orelse", "finalbody", "handlers"):
            for inner in getattr(statement, name, ()):
                yield from statements(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])


def assigned(body: Sequence[ast.stmt], name: str) -> Iterator[ast.expr]:
    """What is assigned to a name in a body; a name of a nested function is another one."""
    return (value for found, value in fields(body) if found == name)


def fields(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """The names that a body assigns, each with its value."""
    for statement in statements(body):
        match statement:
            case ast.Assign(targets=targets, value=value):
                yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value


def set_on_self(method: Function, attr: str) -> Iterator[ast.expr]:
    """What a method assigns to an attribute of its object."""
    own = own_name(method)
    for statement in statements(method.body):
        match statement:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=base), attr=name)], value=value):
                if base == own and name == attr:
                    yield value
