"""Whether a `try` may begin above statements that stand before it: their failure then runs its handlers as well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from putback.fixes.closers import Closer, forgets, is_guard
from putback.fixes.code import all_below, mentions, names
from putback.fixes.holding import Holding
from putback.fixes.region import bindings
from putback.fixes.setting_up import bound_by, sets_up
from putback.fixes.unbound import closes

_BINDING = cst.AssignTarget | cst.AnnAssign | cst.AugAssign | cst.NamedExpr | cst.For | cst.Del
_Owner = cst.If | cst.Try | cst.ExceptHandler | cst.Finally


def can_begin_earlier(
    holding: Holding, attempt: cst.Try, before: Sequence[cst.BaseStatement], closers: Sequence[Closer]
) -> bool:
    """Whether the `try` line of `attempt` may stand above the statements `before` it.

    They only set the connection up, no handler reads what they bind, and all that comes of their failure is that the
    connection is given back, and the error raised again. `closers` are the releases of the function.
    """
    bound = bound_by(before)
    handlers = attempt.handlers
    clear = all(_raises_again(h) and not mentions(h, bound) for h in handlers)
    return clear and all(sets_up(holding, s) for s in before) and only_gives_back(holding, attempt, closers)


def can_hold(
    holding: Holding, attempt: cst.Try, before: Sequence[cst.BaseStatement], closers: Sequence[Closer]
) -> bool:
    """The same for any statements, where `attempt` has no handlers: its `finally` reads nothing that they bind."""
    code = holding.code
    read = {n.value for n in names(attempt.finalbody)} if attempt.finalbody is not None else set()
    bound = [n for name in read for n in bindings(code, name)]
    unread = not any(code.is_inside(n, s) for n in bound for s in before)
    return unread and not attempt.handlers and only_gives_back(holding, attempt, closers)


def only_gives_back(holding: Holding, attempt: cst.Try, closers: Sequence[Closer]) -> bool:
    """Whether a `try` does nothing about an error but to give the connection back, close cursors, and raise again."""
    removed = frozenset(s for closer in closers for s in closer.removed)
    is_last = attempt.finalbody is None or _all_give_back(holding, attempt.finalbody, removed)
    return is_last and all(_all_give_back(holding, h, removed) for h in attempt.handlers)


def _gives_back(holding: Holding, statement: cst.CSTNode, removed: frozenset[cst.BaseStatement]) -> bool:
    """Whether a statement, with all below it, does nothing else."""
    if statement in removed or isinstance(statement, cst.Pass | cst.Raise):
        return True
    match statement:
        case cst.SimpleStatementLine() if any(forgets(statement, name) for name in holding.related):
            return True
        case cst.SimpleStatementLine(body=[cst.Pass() | cst.Raise()]):
            return True
        case cst.SimpleStatementLine(body=[cst.Expr(value=value)]):
            call = value.expression if isinstance(value, cst.Await) else value
            return call in holding.closers or any(closes(statement, name) for name in holding.related)
        case cst.If(test=test, orelse=None):
            return is_guard(test, holding.asked) and _all_give_back(holding, statement, removed)
        case cst.Try(orelse=None, finalbody=None):
            inner = _all_give_back(holding, statement, removed)
            return inner and all(_all_give_back(holding, h, removed) for h in statement.handlers)
    return False


def _all_give_back(holding: Holding, owner: _Owner, removed: frozenset[cst.BaseStatement]) -> bool:
    return all(_gives_back(holding, s, removed) for s in owner.body.body)


def _raises_again(handler: cst.ExceptHandler) -> bool:
    """Whether what a handler catches leaves it in any case."""
    last = handler.body.body[-1]
    is_raise = isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], cst.Raise)
    return is_raise and all(_is_the_same(handler, n) for n in _raised(handler))


def _raised(handler: cst.ExceptHandler) -> Iterator[cst.Raise]:
    return (n for n in all_below(handler.body) if isinstance(n, cst.Raise))


def _is_the_same(handler: cst.ExceptHandler, statement: cst.Raise) -> bool:
    """Whether a `raise` raises what its handler has caught: bare, or by the name that this has there."""
    if statement.exc is None or statement.cause is not None or handler.name is None:
        return statement.exc is None
    caught = handler.name.name
    if not isinstance(caught, cst.Name) or not isinstance(statement.exc, cst.Name):
        return False
    bound = (n.target for n in all_below(handler.body) if isinstance(n, _BINDING))
    return statement.exc.value == caught.value and not any(mentions(t, frozenset({caught.value})) for t in bound)
