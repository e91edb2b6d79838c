"""A `finally` around all that a function does."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from putback.fixes.code import Block, Code
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft


def in_finally(code: Code, draft: Draft, statements: Sequence[cst.BaseStatement], release: str) -> None:
    """Put the statements of a function in a `try` with a `finally`, or give the `try` that they are one."""
    work = statements[beginning(statements) :]
    if not work:
        raise Declined("there is nothing to put in a `try`")
    indent, unit = code.indent_of(work[0]), code.unit()
    last = code.last_row(work[-1])
    attempt = work[0] if len(work) == 1 else None
    if not isinstance(attempt, cst.Try) or attempt.finalbody is not None:
        block = code.place(work[0]).block
        air = [""] if isinstance(work[0], (cst.FunctionDef, cst.ClassDef)) else []
        first = first_row(code, block, work[0])
        draft.indent(first, last, unit)
        draft.insert(first, [f"{indent}try:", *air], ahead=True)
    draft.insert(last + 1, [f"{indent}finally:", f"{indent}{unit}{release}"])


def first_row(code: Code, block: Block, statement: cst.CSTNode) -> int:
    """The row where the work begins, with the comments directly above it."""
    index = next(i for i, s in enumerate(block.body) if s is statement)
    behind = code.last_row(block.body[index - 1]) if index else code.first_row(statement) - 1
    return code.first_row_with_remarks(statement, behind)


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
