"""Which statements use a connection, where its use ends, and what would run longer while it is held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import libcst as cst

from putback.fixes.closers import Closer, forgets
from putback.fixes.code import Code, all_below, children, dotted, mentions, names
from putback.fixes.declined import Declined
from putback.fixes.holding import Holding
from putback.fixes.setting_up import sets_up_calmly

_CLAUSES = (cst.Else, cst.Finally, cst.ExceptHandler, cst.ExceptStarHandler)
_CONSTANTS = (cst.SimpleString, cst.BaseNumber)
_LEAVING = cst.Return | cst.Raise | cst.Continue | cst.Break


def bindings(code: Code, name: str) -> list[cst.Name]:
    """Every place where a function binds or deletes `name`."""
    return [n for n in code.mentions(name) if is_target(code, n)]


def is_parameter(code: Code, name: str) -> bool:
    """Whether `name` is a parameter of the function."""
    if not isinstance(code.function, cst.FunctionDef):
        return False
    return any(isinstance(n, cst.Param) and n.name.value == name for n in all_below(code.function.params))


def is_target(code: Code, node: cst.Name) -> bool:
    child: cst.CSTNode = node
    for parent in code.ancestors(node):
        match parent:
            case cst.Tuple() | cst.List() | cst.Element() | cst.StarredElement():
                child = parent
            case cst.AssignTarget() | cst.AsName() | cst.Del() | cst.Param():
                return True
            case cst.AnnAssign() | cst.AugAssign() | cst.NamedExpr() | cst.For() | cst.CompFor():
                return parent.target is child
            case _:
                return False
    return False


def ensure_single_binding(holding: Holding, statement: cst.BaseStatement, closers: Sequence[Closer]) -> None:
    """Decline when the name stands for anything but this connection or None."""
    code = holding.code
    removed = [s for closer in closers for s in closer.removed]
    for node in bindings(code, holding.name):
        if node in holding.foreign:
            continue
        place = code.place(node) if not isinstance(code.parent(node), cst.Param) else None
        if place is None:
            raise Declined(f"`{holding.name}` may be the caller's connection")
        if place.statement is statement or any(code.is_inside(node, s) for s in removed):
            continue
        if not forgets(place.statement, holding.name):
            raise Declined(f"`{holding.name}` is bound more than once")


def uses(holding: Holding) -> list[cst.Name]:
    """Every mention of the connection or of what belongs to it, its bindings to None left out."""
    code = holding.code
    wanted = holding.related | {holding.name}
    found = (n for n in code.names if n.value in wanted and n not in holding.foreign)
    return [n for n in found if not _is_initial(code, n)]


def _is_initial(code: Code, node: cst.Name) -> bool:
    return any(isinstance(p, cst.SimpleStatementLine) and forgets(p, node.value) for p in code.ancestors(node))


def last_use(holding: Holding, statements: Sequence[cst.BaseStatement]) -> int:
    """The index of the last statement that needs the connection; -1 for none.

    What one of the statements makes with it counts as well, as long as its names are read: also the one that acquires.
    """
    wanted = holding.related | {holding.name}
    last = -1
    for index, statement in enumerate(statements):
        meant = any(n.value in wanted and n not in holding.foreign for n in names(statement))
        meant = meant or holding.code.is_inside(holding.acquire, statement)
        if meant and not forgets(statement, holding.name):
            last = index
            wanted |= holding.needing & {n.value for n in names(statement)}
    return last


def returns_objects(holding: Holding) -> bool:
    """Whether the function returns something that may be loaded through the session later."""
    values = (n.value for n in all_below(holding.code.function) if isinstance(n, cst.Return))
    return any(v is not None and not _is_plain(v) for v in values)


def _is_plain(value: cst.BaseExpression) -> bool:
    """Whether a returned value is worked out completely before the function ends."""
    match value:
        case cst.BaseNumber() | cst.BaseString() | cst.Comparison() | cst.ListComp() | cst.DictComp():
            return True
        case cst.Name(value=name):
            return name in ("None", "True", "False")
        case cst.UnaryOperation() | cst.BooleanOperation():
            return all(_is_plain(c) for c in children(value) if isinstance(c, cst.BaseExpression))
        case cst.Dict() | cst.List() | cst.Tuple() | cst.Set():
            elements = [e.value for e in value.elements if isinstance(e, (cst.Element, cst.DictElement))]
            return all(_is_plain(e) or isinstance(e, cst.Attribute) for e in elements)
        case cst.Call(func=func):
            return dotted(func) in ("int", "str", "len", "bool", "float", "sum", "repr")
    return False


def keeps_safe(holding: Holding, statement: cst.BaseStatement) -> bool:
    """Whether a statement can neither raise nor end the function while the connection is there."""
    if sets_up_calmly(holding, statement):
        return True
    match statement:
        case cst.If(test=cst.UnaryOperation(operator=cst.Not(), expression=cst.Name(value=name)), orelse=None):
            return name == holding.name
        case cst.If(test=cst.Comparison() as test, orelse=None):
            return _is_none_test(test, holding.name)
        case cst.SimpleStatementLine(body=[cst.Expr(value=cst.Call() as call)]):
            return logs(holding, call) and not mentions(statement, holding.related)
        case cst.SimpleStatementLine(
            body=[cst.Assign(value=value) | cst.AnnAssign(target=cst.Name(), value=cst.BaseExpression() as value)]
        ):
            return _is_written_out(value) and not mentions(value, holding.related)
    return False


def _is_written_out(value: cst.BaseExpression) -> bool:
    """Whether a value is a name, a constant or a list, tuple or dictionary of such values."""
    match value:
        case cst.List(elements=elements) | cst.Tuple(elements=elements):
            return all(isinstance(e, cst.Element) and _is_written_out(e.value) for e in elements)
        case cst.Dict(elements=elements):
            return all(
                isinstance(e, cst.DictElement) and isinstance(e.key, _CONSTANTS) and _is_written_out(e.value)
                for e in elements
            )
        case cst.UnaryOperation(operator=cst.Minus(), expression=inner):
            return isinstance(inner, cst.BaseNumber)
    return isinstance(value, (cst.Name, *_CONSTANTS))


def rules_out_none(holding: Holding, statement: cst.BaseStatement) -> bool:
    """Whether the function ends at this statement when the acquire has handed out None."""
    is_test = isinstance(statement, cst.If) and keeps_safe(holding, statement)
    return is_test and isinstance(statement, cst.If) and leaves(statement.body.body[-1])


def _is_none_test(test: cst.Comparison, name: str) -> bool:
    match test:
        case cst.Comparison(
            left=cst.Name(value=left),
            comparisons=[cst.ComparisonTarget(operator=cst.Is(), comparator=cst.Name(value="None"))],
        ):
            return left == name
    return False


def logs(holding: Holding, call: cst.Call) -> bool:
    """Whether a call prints or logs, which is not counted as able to raise."""
    return any(call is each for each in holding.logging)


# -- time


def runs_longer(holding: Holding, closer: Closer, end: cst.CSTNode | None) -> bool:
    """Whether moving a release to the end of `end` (a statement or block) keeps the connection while real work runs."""
    code = holding.code
    if _on_error_path(code, closer.statement):
        return False
    return any(not is_quick(holding, s) for s in _tail(code, closer, end))


def _on_error_path(code: Code, statement: cst.CSTNode) -> bool:
    return any(isinstance(a, (cst.ExceptHandler, cst.ExceptStarHandler)) for a in code.ancestors(statement))


def _tail(code: Code, closer: Closer, end: cst.CSTNode | None) -> Iterator[cst.BaseStatement]:
    """The statements that run after a release, on a normal path, until `end` is left."""
    removed = {id(s) for s in closer.removed}
    statement: cst.CSTNode = closer.statement
    left = False
    while True:
        place = code.place(statement)
        behind = [] if left else [s for s in place.statements[place.index + 1 :] if id(s) not in removed]
        yield from behind
        left = left or any(leaves(s) for s in behind)
        clause = code.owner(place.block)
        outer = code.parent(clause) if isinstance(clause, _CLAUSES) else clause
        if isinstance(outer, (cst.Try, cst.TryStar)):
            yield from _on_the_way_out(outer, clause, left)
        if outer is None or outer is end or isinstance(outer, cst.FunctionDef | cst.Module):
            return
        statement = outer


def _on_the_way_out(attempt: cst.Try | cst.TryStar, clause: cst.CSTNode | None, left: bool) -> Iterator[Any]:
    """The statements of the `else` and `finally` of a `try` that run after its part `clause`."""
    if attempt.orelse is not None and clause is attempt and not left:
        yield from attempt.orelse.body.body
    if attempt.finalbody is not None and clause is not attempt.finalbody:
        yield from attempt.finalbody.body.body


def leaves_behind(code: Code, closer: Closer) -> bool:
    """Whether one of the statements behind a release, in its block, leaves the block for good."""
    place = code.place(closer.statement)
    return any(leaves(s) for s in place.statements[place.index + 1 :])


def leaves(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and any(isinstance(s, _LEAVING) for s in statement.body)


def may_leave(statement: cst.BaseStatement) -> bool:
    """Whether something in a statement ends the function or a round of a loop around it."""
    return any(isinstance(n, _LEAVING) for n in all_below(statement))


def may_end(statement: cst.BaseStatement) -> bool:
    """Whether something in a statement leaves the block around it other than by an exception."""
    return _leaves(statement, False)


def _leaves(node: cst.CSTNode, in_loop: bool) -> bool:
    match node:
        case cst.Return():
            return True
        case cst.Continue() | cst.Break():
            return not in_loop
        case cst.FunctionDef() | cst.Lambda() | cst.ClassDef():
            return False
        case cst.For() | cst.While():
            behind = node.orelse is not None and _leaves(node.orelse, in_loop)
            return behind or _leaves(node.body, True)
    return any(_leaves(child, in_loop) for child in children(node))


def is_quick(holding: Holding, statement: cst.BaseStatement) -> bool:
    """Whether a statement does next to nothing: no await, only calls known to be cheap, and loops over values alone."""
    for node in all_below(statement):
        if isinstance(node, (cst.Await, cst.Yield, cst.While, cst.With)):
            return False
        if isinstance(node, cst.For) and not (node.asynchronous is None and _is_value(holding, node.iter)):
            return False
        if isinstance(node, cst.Call) and not _is_quick_call(holding, node):
            return False
    return True


def _is_quick_call(holding: Holding, node: cst.Call) -> bool:
    if any(node is each for each in (*holding.closers, *holding.quick)):
        return True
    match node.func:
        case cst.Attribute(value=cst.Name(value=base), attr=cst.Name(value="close")) if base in holding.related:
            return True
        case cst.Attribute(value=base, attr=cst.Name(value=method)):
            return method in holding.value_methods and _is_value(holding, base)
    return False


_DISPLAYS = (cst.List, cst.Dict, cst.Set, cst.Tuple, cst.ListComp, cst.DictComp, cst.SetComp, cst.BaseString)


def _is_value(holding: Holding, node: cst.BaseExpression, known: frozenset[str] = frozenset()) -> bool:
    """Whether an expression is a text or container made here, what was fetched from the connection, or a part of it.

    `known` are the names that it rests on already.
    """
    match node:
        case cst.Subscript(value=inner):
            return _is_value(holding, inner, known)
        case cst.Call(func=cst.Attribute(value=inner, attr=cst.Name(value=method))):
            fetched = method in holding.fetching and _root(inner) in holding.related
            is_quick = any(node is each for each in holding.quick)
            return fetched or is_quick or (method in holding.value_methods and _is_value(holding, inner, known))
        case cst.Call():
            return any(node is each for each in holding.quick)
        case cst.Await(expression=inner):
            return _is_value(holding, inner, known)
        case cst.BinaryOperation(left=left, right=right):
            return _is_value(holding, left, known) and _is_value(holding, right, known)
        case cst.Name(value=name):
            found = [] if name in known else [_bound_value(holding.code, n) for n in bindings(holding.code, name)]
            known |= {name}
            return bool(found) and all(v is not None and _is_value(holding, v, known) for v in found)
    return isinstance(node, _DISPLAYS)


def _root(node: cst.BaseExpression) -> str:
    """The name that a chain of attributes and calls begins with: `conn` of `conn.execute(sql).fetchall()`."""
    while isinstance(node, (cst.Attribute, cst.Call)):
        node = node.value if isinstance(node, cst.Attribute) else node.func
    return node.value if isinstance(node, cst.Name) else ""


def _bound_value(code: Code, node: cst.Name) -> cst.BaseExpression | None:
    """The value that a plain assignment or a loop gives to a name; None for every other binding."""
    match code.parent(node), code.parent(code.parent(node) or node):
        case cst.AssignTarget(), cst.Assign(value=value):
            return value
        case cst.For(target=target, iter=iterated), _ if target is node:
            return iterated
        case cst.CompFor(target=target, iter=iterated), _ if target is node:
            return iterated
    return None
