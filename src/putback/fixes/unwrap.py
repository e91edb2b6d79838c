"""Taking out releases that somebody else does from now on, with the `try` or `with` that lose their purpose."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from putback.fixes.closers import Closer
from putback.fixes.code import Code
from putback.fixes.draft import Draft
from putback.fixes.removal import Removal, comment_column


def drop(code: Code, draft: Draft, closers: Sequence[Closer], others: Sequence[cst.BaseStatement] = ()) -> None:
    """Take out releases and `others`; a `try` that has neither handler nor clean-up left becomes its bare body."""
    gone = [*others, *(s for closer in closers for s in closer.removed)]
    removal = Removal(code, draft, {id(s): s for s in gone}.values())
    bare = [t for t in _tries(code, gone) if not t.handlers and _is_emptied(removal, t)]
    removal.apply()
    for attempt in bare:
        _unwrap_try(code, draft, attempt)


def unwrap_with(code: Code, draft: Draft, statement: cst.With) -> None:
    """Take out the header of a `with`, and move its body one level to the left."""
    header, last = code.first_row(statement), code.last_row(statement)
    end = code.header_end(statement)
    _take_header(code, draft, header, end, code.indent_of(statement))
    draft.dedent(end + 1, last, code.unit())


def _tries(code: Code, statements: Sequence[cst.BaseStatement]) -> list[cst.Try]:
    """Every `try` whose `finally` holds one of the statements, each once."""
    found: dict[int, cst.Try] = {}
    for statement in statements:
        block = code.parent(statement)
        clause = code.parent(block) if block is not None else None
        attempt = code.parent(clause) if isinstance(clause, cst.Finally) else None
        if isinstance(attempt, cst.Try):
            found[id(attempt)] = attempt
    return list(found.values())


def _is_emptied(removal: Removal, attempt: cst.Try) -> bool:
    return attempt.finalbody is not None and removal.is_empty(attempt.finalbody.body)


def _unwrap_try(code: Code, draft: Draft, attempt: cst.Try) -> None:
    """Leave the body of a `try` alone, without its header and its emptied `finally`."""
    assert attempt.finalbody is not None
    header, clause = code.first_row(attempt), code.span(attempt.finalbody).start.row
    indent = code.indent_of(attempt)
    for statement in attempt.finalbody.body.body:
        _keep_remarks(draft, code.first_row(statement))
    _take_header(code, draft, header, header, indent)
    _take_header(code, draft, clause, clause, indent + code.unit())
    draft.dedent(header + 1, code.last_row(attempt), code.unit())


def _keep_remarks(draft: Draft, row: int) -> None:
    """Forget the `pass` that stood in for an emptied block; comments stay."""
    kept = [line for line in draft.inserted(row) if line.strip() != "pass"]
    draft.drop_inserted(row)
    draft.insert(row, kept)


def _take_header(code: Code, draft: Draft, first: int, last: int, indent: str) -> None:
    """Delete the rows of a header; its comments become lines of their own."""
    draft.delete(first, last)
    for row in range(first, last + 1):
        at = comment_column(code.rows[row - 1])
        if at >= 0:
            draft.insert(first, [f"{indent}{code.rows[row - 1][at:].rstrip()}"])
