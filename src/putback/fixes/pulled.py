"""Keep a generator that was resumed by hand: a context manager is made of it and entered. Rule PB303."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import libcst as cst

from putback.fixes.code import Code, all_below, call
from putback.fixes.declined import Declined
from putback.fixes.enter import Manager, Written, enter
from putback.fixes.holding import Holding, Release
from putback.fixes.imports import Needed, spelled_from
from putback.fixes.protect import acquiring
from putback.model.fix import Applicability, Fix


def hold(taken: Holding, made: int, is_async: bool) -> Fix:
    """The fix for `db = next(get_db())`: `taken` is what takes, and what needs the connection, and `made` the operation
    that makes the generator. Raises Declined."""
    code, making = taken.code, taken.code.node(made)
    if not isinstance(making, cst.Call):
        raise Declined("how the generator is made is not clear")
    name = _name(taken)
    closers = tuple(_closers(code, name))
    release = Release(f"{name}.close()")
    holding = replace(taken, name=name, related=frozenset({name}), release=release, closers=closers)
    needed = Needed("asynccontextmanager" if is_async else "contextmanager", "contextlib")
    arguments = [argument.with_changes(comma=cst.MaybeSentinel.DEFAULT) for argument in making.args]
    manager = cst.Call(call(spelled_from(code.rows, needed), making.func), arguments)
    fix = enter(Manager(holding, is_async, Written(manager, needed)))
    return replace(
        fix,
        applicability=Applicability.UNSAFE,
        message=f"{fix.message} (what the generator does behind its `yield` happens there)",
    )


def _name(holding: Holding) -> str:
    statement = acquiring(holding).statement
    assert isinstance(statement, cst.SimpleStatementLine)
    match statement.body[0]:
        case (
            cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))])
            | cst.AnnAssign(target=cst.Name(value=name))
        ):
            return name
    raise Declined("the connection is not bound to a name of its own")


def _closers(code: Code, name: str) -> Iterator[cst.CSTNode]:
    """The calls that close what a variable holds."""
    for node in all_below(code.function):
        match node:
            case cst.Call(func=cst.Attribute(value=cst.Name(value=owner), attr=cst.Name(value="close"))):
                if owner == name:
                    yield node
