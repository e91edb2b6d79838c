"""Bind what an error can keep from being bound to None before its `try`, and close only what is there.

A clean-up that reads such a name raises in its turn, and never reaches the release behind that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from putback.fixes.closers import is_guard
from putback.fixes.code import names
from putback.fixes.holding import Holding
from putback.fixes.region import bindings
from putback.fixes.removal import Removal
from putback.fixes.setting_up import bound_by

_BINDS_CLOSER = cst.Name | cst.Attribute | cst.Call | cst.Comparison | cst.UnaryOperation
"""What an `and` can be put behind without parentheses."""


def bind_before(
    holding: Holding,
    attempt: cst.Try,
    removal: Removal,
    row: int,
    earlier: Sequence[cst.BaseStatement] = (),
) -> bool:
    """Write that into a draft, for every unbound name that `attempt` binds; False when it cannot be.

    `row` is where the `try` begins; `earlier` are statements before it that come into its body: what they bind may be
    unbound as well. `removal` has the draft, and knows what goes.
    """
    code, draft = holding.code, removal.draft
    body = (*earlier, attempt.body)
    read = {n.value for n in names(attempt.finalbody)} if attempt.finalbody is not None else set()
    wanted = sorted(holding.unbound | (bound_by(earlier) & read))
    reads = {name: list(_reads(holding, body, name)) for name in wanted}
    if any(None in found for found in reads.values()):
        return False
    if any(not _is_bound_only_in(holding, body, name) for name in wanted):
        return False
    for name in wanted:
        for statement in dict.fromkeys(s for s in reads[name] if s is not None):
            _ask(removal, statement, name)
    rows = [f"{code.indent_of(attempt)}{name} = None" for name in wanted]
    draft.insert(row, rows, ahead=True)
    return True


def _ask(removal: Removal, statement: cst.BaseStatement, name: str) -> None:
    """Let a statement run only if a name is bound: in the condition around it, where it is all that stays there."""
    code, draft = removal.code, removal.draft
    owner = code.owner(code.place(statement).block)
    if isinstance(owner, cst.If) and owner.orelse is None and removal.remains(owner.body) == [statement]:
        span = code.span(owner.test)
        if span.start.row == span.end.row and all(isinstance(part, _BINDS_CLOSER) for part in _all_of(owner.test)):
            draft.replace(span, f"{code.text(owner.test)} and {name} is not None")
            return
    first, last = code.first_row(statement), code.last_row(statement)
    draft.indent(first, last, code.unit())
    draft.insert(first, [f"{code.indent_of(statement)}if {name} is not None:"], ahead=True)


def _is_bound_only_in(holding: Holding, body: Sequence[cst.CSTNode], name: str) -> bool:
    code = holding.code
    return all(any(code.is_inside(node, part) for part in body) for node in bindings(code, name))


def _reads(holding: Holding, body: Sequence[cst.CSTNode], name: str) -> Iterator[cst.BaseStatement | None]:
    """The statements outside of the `try` body that close the bare `name`; None for each other use of it there."""
    code = holding.code
    for node in names(code.function):
        if node.value != name or any(code.is_inside(node, part) for part in body):
            continue
        if not _is_guarded(holding, node):
            statement = code.place(node).statement
            yield statement if closes(statement, name) else None


def _is_guarded(holding: Holding, node: cst.Name) -> bool:
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
