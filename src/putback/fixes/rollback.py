"""Roll back first in the handler. Rule PB201."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from putback.fixes.code import Code, all_below, dotted, statement
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft, comments
from putback.fixes.holding import Holding
from putback.fixes.imports import SUPPRESS, add_import, spelled_from
from putback.fixes.protect import is_none_before
from putback.fixes.region import bindings, is_parameter, rules_out_none
from putback.model.fix import Applicability, Fix


@dataclass(frozen=True, slots=True)
class Rollback:
    """How to roll back.

    `awaited`: it is a coroutine. `used_later`: the connection is used or committed after the handler, so that what had
    been done before the error is given up with it: an unsafe fix. `suppressed` is the class of what it raises when the
    connection is lost, as this file spells it: the handler's own answer must not be replaced by that ("" for none).
    `general` are the driver's errors of every sort, so spelled, where a rollback is to be written plainly (else None):
    in a handler for these, or for all exceptions, behind which the function ends. One for a certain error, or for
    another attempt, may be there for a lost connection.
    """

    awaited: bool
    used_later: bool
    suppressed: str = ""
    general: frozenset[str] | None = None


def roll_back(holding: Holding, handler: cst.CSTNode, how: Rollback) -> Fix:
    """The fix that rolls back in `handler`, an `except` clause. Raises Declined."""
    code = holding.code
    if not isinstance(handler, cst.ExceptHandler | cst.ExceptStarHandler):
        raise Declined("the handler is no `except` clause")
    if not holding.name:
        raise Declined("the connection has no name here")
    if isinstance(holding.acquire, cst.Call) and is_parameter(code, holding.name):
        raise Declined(f"`{holding.name}` may be the caller's connection")
    if how.awaited and not code.is_async:
        raise Declined("its rollback must be awaited, and the function is not async")
    draft = Draft(code)
    text = f"{'await ' if how.awaited else ''}{holding.name}.rollback()"
    rolling: cst.BaseStatement = statement(text)
    is_plain = how.general is not None and _may_be_plain(code, handler, how.general)
    if how.suppressed and not is_plain:
        suppress = cst.parse_expression(f"{spelled_from(code.rows, SUPPRESS)}({how.suppressed})")
        rolling = cst.With([cst.WithItem(suppress)], code.block([rolling]))
        add_import(draft, code.rows, SUPPRESS)
    if not _is_surely_bound(holding, handler):
        _bind_before(holding, draft, handler)
        rolling = holding.ask(holding.name, code.block([rolling]))
    _put_first(draft, handler, rolling)
    message = f"roll back first in the handler: {text}"
    doubts = ["what was done before the error is given up"] if how.used_later else []
    if holding.lazy and _reads_objects(handler, holding.name):
        if how.awaited:
            doubts.append("objects of the session cannot be read behind it without another `await`")
        elif not how.used_later:
            doubts.append("objects of the session are read from the database again behind it")
    if doubts:
        return Fix(Applicability.UNSAFE, f"{message} ({'; '.join(doubts)})", draft.edits())
    is_plain = is_plain and bool(how.suppressed)
    if is_plain:
        message += " (it raises in place of the handler's answer where the connection is lost)"
    return Fix(Applicability.SAFE, message, draft.edits(), rolls_back_plainly=is_plain)


def _reads_objects(handler: cst.ExceptHandler | cst.ExceptStarHandler, session: str) -> bool:
    """Whether the handler reads attributes of variables, which may be rows that a rollback makes the session forget."""
    called = {id(n.func) for n in all_below(handler.body) if isinstance(n, cst.Call)}
    return any(
        isinstance(n, cst.Attribute)
        and id(n) not in called
        and isinstance(n.value, cst.Name)
        and n.value.value != session
        for n in all_below(handler.body)
    )


def _may_be_plain(code: Code, handler: cst.ExceptHandler | cst.ExceptStarHandler, general: frozenset[str]) -> bool:
    """Whether an error of the rollback may take the place of what a handler answers."""
    return _ends_with(code, handler) and _catches_any(handler, general)


def _catches_any(handler: cst.ExceptHandler | cst.ExceptStarHandler, general: frozenset[str]) -> bool:
    """Whether a handler is for all exceptions, or for all of the driver's."""
    caught = handler.type
    elements = [e.value for e in caught.elements] if isinstance(caught, cst.Tuple) else [caught]
    return any(e is None or dotted(e) in general | {"Exception", "BaseException"} for e in elements)


def _ends_with(code: Code, handler: cst.ExceptHandler | cst.ExceptStarHandler) -> bool:
    """Whether the function has nothing more to do behind a handler than to clean up."""
    leaving = [n for n in all_below(handler.body) if isinstance(n, cst.Continue | cst.Break)]
    last = handler.body.body[-1]
    if leaving or (isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], cst.Return | cst.Raise)):
        return not leaving
    place = code.place(handler)
    while place.index == len(place.statements) - 1:
        outer = code.owner(place.block)
        if outer is code.function:
            return True
        if outer is None or isinstance(outer, cst.For | cst.While):
            return False
        place = code.place(outer)
    return False


def _is_surely_bound(holding: Holding, handler: cst.CSTNode) -> bool:
    """Whether every way to the handler passes the acquire."""
    code = holding.code
    if isinstance(holding.acquire, cst.FunctionDef):
        return True
    attempt = code.parent(handler)
    place = code.place(holding.acquire)
    if attempt is None:
        return False
    if isinstance(place.statement, cst.With):
        return not holding.maybe_none and code.is_inside(attempt, place.statement.body)
    behind = place.statements[place.index + 1 :]
    at = next((i for i, s in enumerate(behind) if code.is_inside(attempt, s)), -1)
    return at >= 0 and (not holding.maybe_none or any(rules_out_none(holding, s) for s in behind[:at]))


def _bind_before(holding: Holding, draft: Draft, handler: cst.CSTNode) -> None:
    """Bind the name to None where some way to the handler does not pass the acquire, unless that is done already."""
    code = holding.code
    attempt = code.parent(handler)
    assert attempt is not None
    if not code.is_inside(holding.acquire, attempt) and holding.maybe_none and _is_passed(holding, attempt):
        return
    place = code.place(_outermost(holding, attempt))
    if is_none_before(holding, place):
        return
    if any(code.span(n).start < code.span(place.statement).start for n in bindings(code, holding.name)):
        raise Declined("the connection is not there on every way to the handler")
    draft.put_before(place.statement, statement(f"{holding.name} = None"))


def _is_passed(holding: Holding, attempt: cst.CSTNode) -> bool:
    """Whether the acquire stands before `attempt` in its block or in one around it."""
    behind = holding.code.place(holding.acquire)
    return any(holding.code.is_inside(attempt, s) for s in behind.statements[behind.index + 1 :])


def _outermost(holding: Holding, attempt: cst.CSTNode) -> cst.CSTNode:
    """The statement that holds the acquire, or `attempt`, in the innermost block around both."""
    code = holding.code
    around = [attempt, *code.ancestors(attempt)]
    node: cst.CSTNode = holding.acquire
    for outer in code.ancestors(holding.acquire):
        if any(outer is a for a in around):
            break
        node = outer
    return attempt if code.is_inside(holding.acquire, attempt) else node


def _put_first(draft: Draft, handler: cst.ExceptHandler | cst.ExceptStarHandler, rolling: cst.BaseStatement) -> None:
    """Write the first statement of a handler; a lone `pass` makes room for it."""
    body = handler.body
    if isinstance(body, cst.SimpleStatementSuite):
        is_pass = isinstance(body.body[0], cst.Pass) and not any(comments(body))
        kept = [] if is_pass else [cst.SimpleStatementLine(body.body, trailing_whitespace=body.trailing_whitespace)]
        draft.change(body, lambda _: draft.code.block([rolling, *kept]))
        return
    draft.put_first(body, rolling)
    match draft.body(body):
        case [_, cst.SimpleStatementLine(body=[cst.Pass()]) as nothing] if not any(comments(nothing)):
            draft.remove(nothing)
