"""The statements that give a connection back, as far as they can be taken out and written anew in a `finally`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import takewhile

import libcst as cst

from putback.fixes.code import Code, Place, SharedRow, all_below, dotted
from putback.fixes.declined import Declined
from putback.fixes.holding import Holding
from putback.fixes.setting_up import bound_by, sets_up_calmly


class Form(Enum):
    """How a release is dressed."""

    PLAIN = "plain"  # release(conn)
    GUARDED = "guarded"  # if conn: release(conn)
    SWALLOWED = "swallowed"  # try: release(conn) except ...: pass


@dataclass(frozen=True, slots=True)
class Closer:
    """A release that can be removed: the call, and the statement to remove, which may be a guard around it.

    `forgets` are statements behind it that only forget the name (`conn = None`, `del conn`).
    `besides` says what it does more than to give back: then it must not come to run where it did not.
    """

    call: cst.CSTNode
    statement: cst.BaseStatement
    form: Form
    is_wrong: bool
    forgets: tuple[cst.BaseStatement, ...] = ()
    besides: str = ""

    @property
    def removed(self) -> tuple[cst.BaseStatement, ...]:
        """Everything that goes."""
        return (self.statement, *self.forgets)


def closers_of(holding: Holding) -> list[Closer]:
    """Every release of a connection. Raises Declined where one cannot be taken out, or does more than to give back."""
    found = every_closer(holding)
    more = next((c.besides for c in found if c.besides), "")
    if more:
        raise Declined(f"{more}, which has to stay where it is")
    return found


def every_closer(holding: Holding) -> list[Closer]:
    """The same with those that do more: who asks for them has to look at `besides`."""
    code = holding.code
    found: list[Closer] = []
    for call in holding.closers:
        if any(code.is_inside(call, c.statement) for c in found):
            continue
        found.append(replace(_closer(holding, call), besides=holding.besides.get(call, "")))
    return found


def _closer(holding: Holding, call: cst.CSTNode) -> Closer:
    code = holding.code
    one_line = _guard_on_one_line(holding, call)
    if one_line is not None:
        return Closer(
            call, one_line, Form.GUARDED, call in holding.wrong, _forgetting(holding, _outside(code, one_line))
        )
    place = code.place(call)
    statement = place.statement
    if not isinstance(statement, cst.SimpleStatementLine) or not _is_alone(code, statement, call):
        raise Declined("the release is part of a larger statement")
    if len(statement.body) > 1:
        raise SharedRow("several statements share the line of the release", call)
    closer = Closer(call, statement, Form.PLAIN, call in holding.wrong, _forgetting(holding, place))
    return _dressed(holding, closer, place)


def _guard_on_one_line(holding: Holding, call: cst.CSTNode) -> cst.If | None:
    """`if conn: release(conn)` written on one line."""
    code = holding.code
    value = next((a for a in code.ancestors(call) if isinstance(a, cst.Expr)), None)
    suite = code.parent(value) if value is not None else None
    guard = code.parent(suite) if isinstance(suite, cst.SimpleStatementSuite) else None
    if not isinstance(suite, cst.SimpleStatementSuite) or not isinstance(guard, cst.If) or len(suite.body) > 1:
        return None
    return guard if guard.orelse is None and is_guard(guard.test, holding.asked) else None


def _is_alone(code: Code, statement: cst.SimpleStatementLine, call: cst.CSTNode) -> bool:
    """Whether the call, with its `await`, is a statement of its own."""
    value = next((s.value for s in statement.body if isinstance(s, cst.Expr) and code.is_inside(call, s)), None)
    return value is call or (isinstance(value, cst.Await) and value.expression is call)


def _forgetting(holding: Holding, place: Place) -> tuple[cst.BaseStatement, ...]:
    """The statements right behind a release that only forget its name."""
    found = []
    for statement in place.statements[place.index + 1 :]:
        if not forgets(statement, holding.name):
            break
        found.append(statement)
    return tuple(found)


def forgets(statement: cst.BaseStatement, name: str) -> bool:
    """Whether a statement is `name = None` or `del name`."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    match statement.body[0]:
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=target))], value=cst.Name(value="None")):
            return target == name
        case cst.AnnAssign(target=cst.Name(value=target), value=cst.Name(value="None")):
            return target == name
        case cst.Del(target=cst.Name(value=target)):
            return target == name
    return False


def _dressed(holding: Holding, closer: Closer, place: Place) -> Closer:
    """The closer with the guard or the swallowing `try` around it, as long as they hold nothing else."""
    code = holding.code
    outer = code.owner(place.block)
    if outer is not None and code.is_inside(holding.acquire, outer):
        return closer
    own = {id(s) for s in closer.removed}
    if isinstance(outer, cst.Try) and only_swallows(outer) and _closes_before(holding, place, closer):
        outside = _outside(code, outer)
        return replace(closer, statement=outer, form=Form.SWALLOWED, forgets=_forgetting(holding, outside))
    if any(id(s) not in own for s in place.statements):
        if isinstance(outer, cst.If) and not is_guard(outer.test, holding.asked) and _is_conditional(holding, outer):
            raise Declined(f"it is released only if `{code.text(outer.test)}`")
        return closer
    if isinstance(outer, cst.If) and outer.orelse is None:
        if is_guard(outer.test, holding.asked):
            outside = _outside(code, outer)
            wider = Closer(closer.call, outer, Form.GUARDED, closer.is_wrong, _forgetting(holding, outside))
            return _dressed(holding, wider, outside)
        if _is_conditional(holding, outer):
            raise Declined(f"it is released only if `{code.text(outer.test)}`")
    return closer


def _closes_before(holding: Holding, place: Place, closer: Closer) -> bool:
    """Whether a block holds the release and, before it, only closes cursors that were made right behind the acquire."""
    own = {id(s) for s in closer.removed}
    before = place.statements[: place.index]
    rest = [s for s in place.statements[place.index :] if id(s) not in own]
    return not rest and all(_closes_a_cursor(holding, s) for s in before)


def _closes_a_cursor(holding: Holding, statement: cst.BaseStatement) -> bool:
    match statement:
        case cst.SimpleStatementLine(
            body=[cst.Expr(value=cst.Call(func=cst.Attribute(value=cst.Name(value=name)), args=[]) as call)]
        ):
            return call in holding.calm and name in bound_by(_set_up_at_once(holding))
    return False


def _set_up_at_once(holding: Holding) -> Sequence[cst.BaseStatement]:
    """The statements right behind the acquire that set the connection up and cannot raise."""
    place = holding.code.place(holding.acquire)
    behind = place.statements[place.index + 1 :]
    return list(takewhile(lambda statement: sets_up_calmly(holding, statement), behind))


def _outside(code: Code, statement: cst.BaseStatement) -> Place:
    """The place of a compound statement in the block around it."""
    parent = code.parent(statement)
    if isinstance(parent, (cst.IndentedBlock, cst.Module)):
        return Place(parent, next(i for i, s in enumerate(parent.body) if s is statement))
    raise Declined("the release stands in an `elif`")


def _is_conditional(holding: Holding, outer: cst.If) -> bool:
    """Whether what follows the condition may still hold the connection: the branch that releases does not end there."""
    body = outer.body.body
    last = body[-1] if body else None
    ends = isinstance(last, cst.SimpleStatementLine) and isinstance(
        last.body[-1], cst.Return | cst.Raise | cst.Continue | cst.Break
    )
    return not ends and outer.orelse is None


_GUARD_WORDS = {"closed", "is_connected", "is_closed", "locals", "dir", "is_active"}


def is_guard(test: cst.BaseExpression, related: frozenset[str]) -> bool:
    """Whether a condition only asks if the connection, or what belongs to it, is there and open."""
    match test:
        case cst.Name(value=value):
            return value in related
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            return not isinstance(inner, cst.Name) and is_guard(inner, related)
        case cst.BooleanOperation(left=left, operator=cst.And(), right=right):
            return is_guard(left, related) and is_guard(right, related)
        case cst.Comparison(left=left, comparisons=[cst.ComparisonTarget(operator=operator, comparator=other)]):
            return _is_comparison_guard(left, operator, other, related)
        case cst.Call(func=cst.Attribute() as inner):
            return is_guard(inner, related)
        case cst.Call(func=cst.Name(value="hasattr"), args=[cst.Arg(value=cst.Name(value=value)), _]):
            return value in related
        case cst.Attribute(value=cst.Name(value=value), attr=cst.Name(value=attribute)):
            return value in related and attribute in _GUARD_WORDS
    return False


def _is_comparison_guard(
    left: cst.BaseExpression, operator: cst.BaseCompOp, other: cst.BaseExpression, related: frozenset[str]
) -> bool:
    if isinstance(operator, (cst.IsNot, cst.NotEqual)):
        return isinstance(left, cst.Name) and left.value in related and dotted(other) == "None"
    if isinstance(operator, cst.In) and isinstance(left, cst.SimpleString):
        called = dotted(other.func) if isinstance(other, cst.Call) else None
        return left.evaluated_value in related and called in ("locals", "dir")
    if isinstance(operator, cst.Equal) and isinstance(left, cst.Attribute):
        return is_guard(left, related) and dotted(other) in ("0", "False")
    return False


def only_swallows(node: cst.Try) -> bool:
    """Whether a `try` does nothing but ignore or log what its body raises."""
    if node.finalbody is not None or node.orelse is not None:
        return False
    leaving = cst.Return | cst.Raise | cst.Continue | cst.Break | cst.Assign | cst.AugAssign
    return not any(isinstance(n, leaving) for handler in node.handlers for n in all_below(handler.body))


def common_text(code: Code, closers: Sequence[Closer]) -> str:
    """The source of the right releases, which must all be the same; "" when there is none. Raises Declined."""
    texts = {call_text(code, c.call) for c in closers if not c.is_wrong}
    if len(texts) > 1:
        raise Declined("it is released in different ways on different paths")
    return next(iter(texts), "")


def call_text(code: Code, call: cst.CSTNode) -> str:
    """The source of a call, with its `await`."""
    parent = code.parent(call)
    return code.text(parent if isinstance(parent, cst.Await) else call)
