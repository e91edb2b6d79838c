"""`with acquire as conn:` in place of `try ... finally`: where projects want it so (`fix-style = "with"`), and in the
header of a `with` that there is already."""

from __future__ import annotations

import os

import libcst as cst

from putback.fixes.closers import Form
from putback.fixes.holding import Holding
from putback.fixes.imports import CLOSING, add_import, spelled_from
from putback.fixes.protect import Protection
from putback.fixes.removal import Removal
from putback.fixes.setting_up import sets_up_calmly
from putback.model.fix import Applicability, Fix
from putback.source.formatter import formatter


def in_with(holding: Holding, found: Protection) -> Fix | None:
    """The `with` that holds the statements of a protection; None where only `try ... finally` can be right.

    That is where the connection may be None, where a `try` of the function takes the release, where statements stand
    between the acquire and the protected ones, or where a release ignores its own errors.
    """
    if not holding.prefers_with or not (holding.manages or holding.closes) or not _fits(holding, found):
        return None
    code = holding.code
    draft = code.draft()
    place = code.place(holding.acquire)
    indent, first = code.indent_of(place.statement), code.first_row(place.statement)
    header = code.last_row(place.statement)
    last = code.last_row(found.statements[-1])
    Removal(code, draft, [s for closer in found.closers for s in closer.removed]).apply()
    draft.indent(header + 1, last, code.unit())
    draft.delete(first, header)
    awaits = isinstance(code.parent(holding.acquire), cst.Await)
    begin = "async with" if awaits or found.release.startswith("await ") else "with"
    text = code.rows_of(holding.acquire, indent)
    if not holding.manages:
        if awaits:
            return None
        text = [f"{spelled_from(code.rows, CLOSING)}({text[0]}", *text[1:]]
        text[-1] += ")"
        add_import(draft, code.rows, CLOSING)
    draft.insert(first, [f"{indent}{begin} {text[0]}", *text[1:]])
    draft.amend(first, f" as {holding.name}:")
    return Fix(Applicability.SAFE, f"hold it in a `{begin}` block", draft.edits())


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
    draft = code.draft()
    text = code.text(holding.acquire)
    if not (holding.lazy and holding.manages):
        text = f"{spelled_from(code.rows, CLOSING)}({text})"
        add_import(draft, code.rows, CLOSING)
    text = f"{text} as {found.binds}, {found.binds}"
    longer = len(text) - len(code.text(holding.acquire))
    if len(code.rows[span.start.row - 1]) + longer > formatter(os.path.dirname(code.path)).row_length:
        return None
    draft.replace(span, text)
    return Fix(Applicability.SAFE, f"hold it in the `with`, too: {text}", draft.edits())


def _fits(holding: Holding, found: Protection) -> bool:
    place = holding.code.place(holding.acquire)
    return (
        not (found.guarded or found.absorbs or found.binds or found.longer or holding.itself or holding.handed_on)
        and place.block is found.block
        and all(sets_up_calmly(holding, s) for s in found.block.body[place.index + 1 : found.first])
        and all(c.form is Form.PLAIN for c in found.closers)
    )
