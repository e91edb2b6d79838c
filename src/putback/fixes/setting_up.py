"""The statements between an acquire and the `try` that follows it: they make a cursor, or set a switch."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from putback.fixes.code import all_below, mentions
from putback.fixes.holding import Holding

_PLAIN = (cst.Call, cst.Arg, cst.Name, cst.Attribute, cst.SimpleString, cst.Integer, cst.AssignTarget)
_BINDING = cst.AssignTarget | cst.AnnAssign | cst.AugAssign | cst.NamedExpr | cst.For | cst.Del


def sets_up_calmly(holding: Holding, statement: cst.BaseStatement) -> bool:
    """Whether a statement sets the connection up, and nothing in it can raise."""
    if not sets_up(holding, statement):
        return False
    assert isinstance(statement, cst.SimpleStatementLine)
    parts = [n for n in all_below(statement.body[0]) if isinstance(n, cst.BaseExpression | cst.Arg)]
    return all(isinstance(n, _PLAIN) and (not isinstance(n, cst.Call) or n in holding.calm) for n in parts)


def sets_up(holding: Holding, statement: cst.BaseStatement) -> bool:
    """Whether a statement makes something of the connection and binds it to a name, or sets an attribute of it."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    match statement.body[0]:
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name())], value=value):
            return value in holding.makes
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Attribute(value=cst.Name(value=base)))], value=value):
            return base in holding.related and not any(isinstance(n, cst.Call | cst.Await) for n in all_below(value))
    return False


def needs_it(holding: Holding, statement: cst.BaseStatement) -> bool:
    """Whether a statement that sets the connection up would have failed without one: behind it the name is not None."""
    owners = (n.value for n in all_below(statement) if isinstance(n, cst.Attribute))
    return sets_up(holding, statement) and any(isinstance(o, cst.Name) and o.value == holding.name for o in owners)


def bound_by(statements: Sequence[cst.BaseStatement]) -> frozenset[str]:
    """The names that statements of this sort bind."""
    targets = (t.target for s in statements for n in all_below(s) if isinstance(n, cst.Assign) for t in n.targets)
    return frozenset(t.value for t in targets if isinstance(t, cst.Name))


def can_begin_earlier(holding: Holding, attempt: cst.Try, before: Sequence[cst.BaseStatement]) -> bool:
    """Whether the `try` line of `attempt` may stand above the statements `before` it.

    They only set the connection up; no handler reads what they bind, turns their failure into an answer, or does more
    of it than a log holds.
    """
    bound = bound_by(before)
    clear = all(_raises_again(h) and not mentions(h, bound) for h in attempt.handlers)
    calls = (n for h in attempt.handlers for n in all_below(h.body) if isinstance(n, cst.Call))
    return clear and all(sets_up(holding, s) for s in before) and all(_is_unseen(holding, c) for c in calls)


def _is_unseen(holding: Holding, call: cst.Call) -> bool:
    """Whether a call only writes a log, or ends what the connection has begun."""
    match call.func:
        case cst.Attribute(value=cst.Name(value=base)) if base in holding.related:
            return True
        case cst.Attribute():
            return any(call is each for each in holding.logging)
    return False


def _raises_again(handler: cst.ExceptHandler) -> bool:
    """Whether what a handler catches leaves it in any case."""
    leaving = [n for n in all_below(handler.body) if isinstance(n, cst.Return | cst.Continue | cst.Break | cst.Raise)]
    last = handler.body.body[-1]
    is_raise = isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], cst.Raise)
    return is_raise and all(isinstance(n, cst.Raise) and _is_the_same(handler, n) for n in leaving)


def _is_the_same(handler: cst.ExceptHandler, statement: cst.Raise) -> bool:
    """Whether a `raise` raises what its handler has caught: bare, or by the name that this has there."""
    if statement.exc is None or statement.cause is not None or handler.name is None:
        return statement.exc is None
    caught = handler.name.name
    if not isinstance(caught, cst.Name) or not isinstance(statement.exc, cst.Name):
        return False
    bound = (n.target for n in all_below(handler.body) if isinstance(n, _BINDING))
    return statement.exc.value == caught.value and not any(mentions(t, frozenset({caught.value})) for t in bound)
