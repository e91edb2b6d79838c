"""A `finally` around all that a function does."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from putback.fixes.declined import Declined
from putback.fixes.draft import Draft


def in_finally(draft: Draft, statements: Sequence[cst.BaseStatement], release: cst.BaseStatement) -> None:
    """Put the statements of a function in a `try` with a `finally`, or give the `try` that they are one."""
    work = statements[beginning(statements) :]
    if not work:
        raise Declined("there is nothing to put in a `try`")
    final = draft.code.block([release])
    attempt = work[0] if len(work) == 1 else None
    if isinstance(attempt, cst.Try) and attempt.finalbody is None:
        draft.change(attempt, lambda node: node.with_changes(finalbody=cst.Finally(final)))
    else:
        draft.enclose(work, lambda body: cst.Try(body, finalbody=cst.Finally(final)))


def beginning(statements: Sequence[cst.BaseStatement]) -> int:
    """How many statements at the start only bring in names: a docstring, imports, `global`."""
    count = 0
    for statement in statements:
        if not isinstance(statement, cst.SimpleStatementLine) or not all(map(_is_quiet, statement.body)):
            break
        count += 1
    return count


def _is_quiet(statement: cst.BaseSmallStatement) -> bool:
    match statement:
        case cst.Import() | cst.ImportFrom() | cst.Global() | cst.Nonlocal() | cst.Expr(value=cst.SimpleString()):
            return True
    return False
