"""The statements between an acquire and the `try` that follows it: they make a cursor, or set a switch."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from putback.fixes.code import all_below
from putback.fixes.holding import Holding

_PLAIN = (cst.Call, cst.Arg, cst.Name, cst.Attribute, cst.SimpleString, cst.Integer, cst.AssignTarget)


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
