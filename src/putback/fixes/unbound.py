"""Bind what an error can keep from being bound to None before its `try`, and close only what is there.

A clean-up that reads such a name raises in its turn, and never reaches the release behind that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from putback.fixes.closers import is_guard
from putback.fixes.code import is_there, names, statement
from putback.fixes.draft import Draft
from putback.fixes.holding import Holding
from putback.fixes.region import bindings
from putback.fixes.setting_up import bound_by

_BINDS_CLOSER = cst.Name | cst.Attribute | cst.Call | cst.Comparison | cst.UnaryOperation
"""What an `and` can be put behind without parentheses."""


def can_bind(holding: Holding, attempt: cst.Try, earlier: Sequence[cst.BaseStatement] = ()) -> bool:
    """Whether that can be done for every unbound name that `attempt` binds.

    `earlier` are statements before it that come into its body: what they bind may be unbound as well.
    """
    body = (*earlier, attempt.body)
    return all(
        None not in _reads(holding, body, name) and _is_bound_only_in(holding, body, name)
        for name in _wanted(holding, attempt, earlier)
    )


def bind_before(
    holding: Holding, attempt: cst.Try, draft: Draft, earlier: Sequence[cst.BaseStatement] = ()
) -> Sequence[cst.BaseStatement]:
    """Write that into a draft; the statements that stand before the `try` then."""
    wanted = _wanted(holding, attempt, earlier)
    for name in wanted:
        for each in dict.fromkeys(_reads(holding, (*earlier, attempt.body), name)):
            if each is not None:
                _ask(holding, draft, each, name)
    bound = [statement(f"{name} = None") for name in wanted]
    if bound:
        draft.put_before(attempt, *bound)
    return bound


def _wanted(holding: Holding, attempt: cst.Try, earlier: Sequence[cst.BaseStatement]) -> Sequence[str]:
    read = {n.value for n in names(attempt.finalbody)} if attempt.finalbody is not None else set()
    return sorted(holding.unbound | (bound_by(earlier) & read))


def _ask(holding: Holding, draft: Draft, closing: cst.BaseStatement, name: str) -> None:
    """Let a statement run only if a name is bound: in the condition around it, where it is all that stays there."""
    owner = draft.code.owner(draft.code.place(closing).block)
    is_alone = isinstance(owner, cst.If) and owner.orelse is None and draft.body(owner.body) == [closing]
    if isinstance(owner, cst.If) and is_alone and all(isinstance(part, _BINDS_CLOSER) for part in _all_of(owner.test)):
        more = is_there(name, holding.asks_truth)
        draft.change(owner.test, lambda test: cst.BooleanOperation(test, cst.And(), more))
    else:
        draft.enclose([closing], lambda body: holding.ask(name, body))


def _is_bound_only_in(holding: Holding, body: Sequence[cst.CSTNode], name: str) -> bool:
    code = holding.code
    return all(any(code.is_inside(node, part) for part in body) for node in bindings(code, name))


def _reads(holding: Holding, body: Sequence[cst.CSTNode], name: str) -> Iterator[cst.BaseStatement | None]:
    """The statements outside of the `try` body that close the bare `name`; None for each other use of it there."""
    code = holding.code
    for node in code.names:
        if node.value != name or any(code.is_inside(node, part) for part in body):
            continue
        if not is_guarded(holding, node):
            statement = code.place(node).statement
            yield statement if closes(statement, name) else None


def is_guarded(holding: Holding, node: cst.Name) -> bool:
    """Whether a use asks if the name is bound to anything, or stands below an `if` that asks that."""
    asked = frozenset({node.value})
    child: cst.CSTNode = node
    for outer in holding.code.ancestors(node):
        if isinstance(outer, cst.If) and child is not outer.orelse and _asks_first(outer, asked):
            return True
        child = outer
    return False


def _asks_first(condition: cst.If, asked: frozenset[str]) -> bool:
    parts = _all_of(condition.test)
    return any(isinstance(p, cst.Name | cst.Comparison) and is_guard(p, asked) for p in parts)


def _all_of(test: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """The parts of a condition that all have to hold."""
    if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
        yield from _all_of(test.left)
        yield from _all_of(test.right)
    else:
        yield test


def closes(statement: cst.BaseStatement, name: str) -> bool:
    """Whether a statement is `name.close()`, awaited or not."""
    match statement:
        case cst.SimpleStatementLine(body=[cst.Expr(value=value)]):
            call = value.expression if isinstance(value, cst.Await) else value
            match call:
                case cst.Call(func=cst.Attribute(value=cst.Name(value=base), attr=cst.Name("close")), args=[]):
                    return base == name
    return False
