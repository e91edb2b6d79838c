"""A connection that is released only when something raises before somebody else sees to that. PB102 and PB103.

It goes to a new owner on success, or a `try` behind the acquire gives it back.
"""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from putback.fixes import region
from putback.fixes.closers import Form
from putback.fixes.code import Place, statement
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft, comments
from putback.fixes.earlier import can_begin_earlier, can_hold
from putback.fixes.holding import Holding
from putback.fixes.imports import add_import
from putback.fixes.protect import Protection
from putback.fixes.reach import ensure_readable
from putback.fixes.unbound import closes
from putback.model.fix import Applicability, Fix


def release_on_error(holding: Holding, place: Place) -> Fix:
    """The fix that releases in an `except BaseException`, and raises again. `place` is the acquire.

    Raises Declined unless all that lies between the acquire and the one statement that hands on stands in one block.
    """
    code = holding.code
    release = holding.release.statement
    if not release:
        raise Declined(holding.release.reason or "how it is given back is not known")
    if release.startswith("await ") and not code.is_async:
        raise Declined("its release must be awaited, and the function is not async")
    ensure_readable(holding, release)
    start, end = place.index + 1, _handing_on(holding, place)
    while start < end and region.keeps_safe(holding, place.statements[start]):
        start += 1
    while start < end and binds_calmly(holding, place.statements[end - 1]):
        end -= 1
    if start >= end:
        raise Declined("it is handed on, and nothing can be put in between")
    between = place.statements[start:end]
    if any(code.is_inside(node, s) for node in holding.lost_at for s in between):
        raise Declined("it is handed on, and on some path lost before that")
    draft = Draft(code)
    attempt = between[0]
    if isinstance(attempt, cst.Try) and len(between) == 1 and _gives_back_in_handlers(holding, attempt):
        _add_handler(draft, attempt, release)
    elif any(code.is_inside(c, s) for c in holding.closers for s in between):
        raise Declined("it is handed on, and on some path released as well")
    else:
        protect(draft, between, statement(release))
    for needed in holding.release.needs:
        add_import(draft, code.rows, needed)
    return Fix(Applicability.SAFE, f"release it when something raises before it is handed on: {release}", draft.edits())


def release_before(holding: Holding, place: Place, found: Protection) -> Fix | None:
    """The fix where the `try` that ends a protection gives the connection back already, on every way through it.

    What stands between the acquire and that `try` is protected by itself: the `try` stays as it is. None where it does
    not give it back, or can begin at the acquire.
    """
    *before, attempt = found.statements
    if not before or not isinstance(attempt, cst.Try) or found.guarded or found.finisher is not None:
        return None
    if not gives_back(holding, found, attempt) or can_begin_earlier(holding, attempt, before, found.closers):
        return None
    if place.block is not found.block:
        return None
    draft = Draft(holding.code)
    if can_hold(holding, attempt, before, found.closers):
        draft.take_in(before, attempt)
        return Fix(Applicability.SAFE, f"let the `try` with {found.release} begin earlier", draft.edits())
    if any(region.may_leave(s) for s in before):
        return None
    while region.keeps_safe(holding, before[-1]):
        before.pop()
    protect(draft, before, statement(found.release))
    return Fix(Applicability.SAFE, f"release it when something raises before the `try`: {found.release}", draft.edits())


def gives_back(holding: Holding, found: Protection, attempt: cst.Try) -> bool:
    """Whether the `finally` of a `try` holds the only release, and before that only closes cursors."""
    if attempt.finalbody is None or holding.unbound or len(found.closers) != 1:
        return False
    closer, last = found.closers[0], attempt.finalbody.body.body
    at = next((i for i, s in enumerate(last) if s is closer.statement), -1)
    if at < 0 or closer.form is not Form.PLAIN or closer.is_wrong:
        return False
    return all(isinstance(s, cst.SimpleStatementLine) and _closes_one(holding, s) for s in last[:at])


def _closes_one(holding: Holding, statement: cst.SimpleStatementLine) -> bool:
    return any(closes(statement, name) for name in holding.related)


def binds_calmly(holding: Holding, statement: cst.BaseStatement) -> bool:
    """Whether a statement in front of the hand-over only gives something a name: a function, a constant."""
    match statement:
        case cst.FunctionDef(decorators=[], params=params):
            return all(p.default is None for p in (*params.params, *params.kwonly_params, *params.posonly_params))
        case cst.SimpleStatementLine(body=[cst.Assign()]):
            return region.keeps_safe(holding, statement)
    return False


def _handing_on(holding: Holding, place: Place) -> int:
    """The index of the statement that hands the connection on."""
    found = {
        i
        for node in holding.handed_on
        for i, s in enumerate(place.statements)
        if i > place.index and holding.code.is_inside(node, s)
    }
    if len(found) != 1 or len(holding.handed_on) != sum(
        any(holding.code.is_inside(n, s) for s in place.statements[place.index + 1 :]) for n in holding.handed_on
    ):
        raise Declined("it is handed on in several places")
    index = found.pop()
    if not isinstance(place.statements[index], cst.SimpleStatementLine):
        raise Declined("it is handed on under a condition")
    return index


def _gives_back_in_handlers(holding: Holding, attempt: cst.Try) -> bool:
    """Whether each handler of a `try`, and nothing else in it, gives the connection back at once and then raises."""
    code = holding.code
    closers = [c for c in holding.closers if code.is_inside(c, attempt)]
    if len(closers) != len(attempt.handlers) or any(c in holding.wrong for c in closers):
        return False
    if attempt.orelse is not None or attempt.finalbody is not None:
        return False
    return all(h.type is not None and _gives_back_first(holding, h, closers) for h in attempt.handlers)


def _gives_back_first(holding: Holding, handler: cst.ExceptHandler, closers: Sequence[cst.CSTNode]) -> bool:
    """Whether a handler begins with the release, logs aside, and goes on raising."""
    code, body = holding.code, handler.body.body
    statements = [s for s in body if isinstance(s, cst.SimpleStatementLine) and len(s.body) == 1]
    if len(statements) != len(body) or not isinstance(statements[-1].body[0], cst.Raise):
        return False
    at = next((i for i, s in enumerate(statements) if any(code.is_inside(c, s) for c in closers)), -1)
    is_first = at >= 0 and all(region.keeps_safe(holding, s) for s in statements[:at])
    return is_first and _is_release(statements[at], closers)


def _is_release(statement: cst.SimpleStatementLine, closers: Sequence[cst.CSTNode]) -> bool:
    value = statement.body[0].value if isinstance(statement.body[0], cst.Expr) else None
    return (value.expression if isinstance(value, cst.Await) else value) in closers


def _add_handler(draft: Draft, attempt: cst.Try, release: str) -> None:
    """Give back on every other error, too: in one more handler, or in the only one that does nothing else."""
    (first, *others), every = attempt.handlers, cst.Name("BaseException")
    begin, *rest = first.body.body
    is_alone = not others and first.name is None and len(rest) == 1 and not any(comments(first))
    if is_alone and draft.code.text(begin) == release and draft.code.text(rest[0]) == "raise":
        draft.change(first, lambda node: node.with_changes(type=every))
        return
    handler = cst.ExceptHandler(draft.code.block([statement(release), statement("raise")]), every)
    draft.change(attempt, lambda node: node.with_changes(handlers=[*node.handlers, handler]))


def protect(draft: Draft, between: Sequence[cst.BaseStatement], release: cst.BaseStatement) -> None:
    """Put statements under a `try` whose handler gives back, and raises again."""
    handling = draft.code.block([release, statement("raise")])
    handler = cst.ExceptHandler(handling, cst.Name("BaseException"))
    draft.enclose(between, lambda body: cst.Try(body, [handler]))
