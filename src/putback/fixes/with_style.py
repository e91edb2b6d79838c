"""`with acquire as conn:` in place of `try ... finally`: where projects want it so (`fix-style = "with"`), and in front
of a `with` that there is already, or in its header."""

from __future__ import annotations

import os

import libcst as cst

from putback.fixes.closers import Form
from putback.fixes.code import Code, Place, call
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft, comments
from putback.fixes.holding import Holding
from putback.fixes.imports import CLOSING, add_import, spelled_from
from putback.fixes.protect import Protection
from putback.fixes.removal import take_out
from putback.fixes.setting_up import sets_up_calmly
from putback.model.config import FixStyle
from putback.model.fix import Applicability, Fix
from putback.source.formatter import formatter


def in_with(holding: Holding, found: Protection) -> Fix | None:
    """The `with` that holds the statements of a protection; None where only `try ... finally` can be right.

    That is where the connection may be None, where a `try` of the function takes the release, where statements stand
    between the acquire and the protected ones, or where a release ignores its own errors.
    """
    if holding.style is not FixStyle.WITH or not (holding.manages or holding.closes) or not _fits(holding, found):
        return None
    code = holding.code
    awaits = isinstance(code.parent(holding.acquire), cst.Await)
    if awaits and not holding.manages:
        return None
    draft = Draft(code)
    manager = holding.acquire if holding.manages else _closing(code, draft, holding.acquire)
    is_async = awaits or found.release.startswith("await ")
    hold(draft, code.place(holding.acquire), manager, holding.name, found.statements[-1], is_async)
    take_out(draft, [s for closer in found.closers for s in closer.removed])
    begin = "async with" if is_async else "with"
    return Fix(Applicability.SAFE, f"hold it in a `{begin}` block", draft.edits())


def hold(
    draft: Draft, acquire: Place, manager: cst.CSTNode, name: str, last: cst.BaseStatement, is_async: bool
) -> cst.With:
    """Put `with manager as name:` in the place of an acquire, around what stands behind it up to `last`."""
    statement = acquire.statement
    assert isinstance(statement, cst.SimpleStatementLine)
    behind = acquire.statements[acquire.index + 1 :]
    behind = behind[: next(i for i, s in enumerate(behind) if s is last) + 1]
    made = draft.enclose(behind, lambda body: entering(manager, name, body, is_async))
    draft.lines(behind[0])[:0] = draft.lines(made)
    draft.lines(made)[:] = draft.detach(statement)[0]
    draft.change(made.body, lambda body: body.with_changes(header=statement.trailing_whitespace))
    return made


def entering(manager: cst.CSTNode, name: str, body: cst.BaseSuite, is_async: bool) -> cst.With:
    """`with manager as name:`"""
    assert isinstance(manager, cst.BaseExpression)
    item = cst.WithItem(manager, cst.AsName(cst.Name(name)))
    return cst.With([item], body, asynchronous=cst.Asynchronous() if is_async else None)


def _closing(code: Code, draft: Draft, acquire: cst.CSTNode) -> cst.Call:
    """`closing(acquire)`"""
    add_import(draft, code.rows, CLOSING)
    return call(spelled_from(code.rows, CLOSING), acquire)


def around_transaction(holding: Holding, found: Protection) -> Fix | None:
    """`with closing(connect()) as conn, conn:` where `with conn:`, which does not release, is all that is done with it.

    With statements in between, or where that is too long, there is a `with` more. None where it is more than that, or
    where another `with` around it would not be plain.
    """
    name = holding.name
    (statement,) = found.statements if len(found.statements) == 1 else (None,)
    if holding.style is FixStyle.EXPLICIT or not holding.closes or not name or not _fits(holding, found):
        return None
    if not isinstance(statement, cst.With) or not _enters(statement, name) or statement.asynchronous is not None:
        return None
    others = [c for c in found.closers if c is not found.finisher]
    if others or found.release != f"{name}.close()" or isinstance(holding.code.parent(holding.acquire), cst.Await):
        return None
    try:
        return _closed_around(holding, found, statement)
    except Declined:
        return None


def _closed_around(holding: Holding, found: Protection, statement: cst.With) -> Fix | None:
    """The same, where `closing` can be imported. Raises Declined."""
    code, name = holding.code, holding.name
    draft, place = Draft(code), code.place(holding.acquire)
    span = code.span(holding.acquire)
    manager = _closing(code, draft, holding.acquire)
    begin = f"{code.indent_of(place.statement)}with {code.text(manager)} as {name}"
    most = formatter(os.path.dirname(code.path)).row_length
    if span.start.row != span.end.row or len(begin) + 1 > most:
        return None
    take_out(draft, [s for closer in found.closers for s in closer.removed])
    rest = code.rows[code.first_row(statement) - 1].strip().removeprefix("with ")
    is_next = place.statements[place.index + 1] is statement
    if is_next and _is_bare(draft, place.statement, statement) and len(f"{begin}, {rest}") <= most:
        first = cst.WithItem(manager, cst.AsName(cst.Name(name)))
        draft.change(statement, lambda node: node.with_changes(items=[first, *node.items]))
        draft.lines(statement)[:] = draft.detach(place.statement)[0]
    else:
        hold(draft, place, manager, name, statement, False)
    return Fix(Applicability.SAFE, f"close it behind the `with`: {found.release}", draft.edits())


def _enters(statement: cst.With, name: str) -> bool:
    """Whether the first manager of a `with` is the connection, which gets no further name there."""
    item = statement.items[0]
    return isinstance(item.item, cst.Name) and item.item.value == name and item.asname is None


def _is_bare(draft: Draft, acquire: cst.BaseStatement, statement: cst.With) -> bool:
    """Whether an acquire and the `with` behind it can share a row: nothing is said in between, nothing has brackets."""
    is_said = any(comments(acquire)) or any(line.comment is not None for line in draft.lines(statement))
    return not is_said and not isinstance(statement.lpar, cst.LeftParen)


def in_header(holding: Holding, found: Protection) -> Fix | None:
    """`with closing(connect()) as conn, conn.cursor() as cur:` for `with connect().cursor() as cur:`.

    A session is its own manager. None where a row behind it needs the connection, or the header would be too long.
    """
    code = holding.code
    (statement,) = found.statements if len(found.statements) == 1 else (None,)
    if not found.binds or not isinstance(statement, cst.With):
        return None
    span, item = code.span(holding.acquire), statement.items[0]
    awaits = found.release.startswith("await ")
    is_alone = span.start == code.span(item).start and span.start.row == code.span(item).end.row
    if not is_alone or isinstance(code.parent(holding.acquire), cst.Await):
        return None
    if awaits != (statement.asynchronous is not None) or not ((holding.lazy and holding.manages) or holding.closes):
        return None
    draft = Draft(code)
    draft.change(holding.acquire, lambda _: cst.Name(found.binds))
    acquire = holding.acquire.with_changes()
    manager = acquire if holding.lazy and holding.manages else _closing(code, draft, acquire)
    text = f"{code.text(manager)} as {found.binds}, {found.binds}"
    longer = len(text) - len(code.text(holding.acquire))
    if len(code.rows[span.start.row - 1]) + longer > formatter(os.path.dirname(code.path)).row_length:
        return None
    assert isinstance(manager, cst.BaseExpression)
    first = cst.WithItem(manager, cst.AsName(cst.Name(found.binds)))
    draft.change(statement, lambda node: node.with_changes(items=[first, *node.items]))
    return Fix(Applicability.SAFE, f"hold it in the `with`, too: {text}", draft.edits())


def _fits(holding: Holding, found: Protection) -> bool:
    place = holding.code.place(holding.acquire)
    return (
        not (found.guarded or found.absorbs or found.binds or found.longer or holding.itself or holding.handed_on)
        and not holding.unpacked
        and place.block is found.block
        and all(sets_up_calmly(holding, s) for s in found.block.body[place.index + 1 : found.first])
        and all(c.form is Form.PLAIN for c in found.closers)
    )
