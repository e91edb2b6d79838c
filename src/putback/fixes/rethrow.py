"""Raise again what a handler has caught. Rule PB203."""

from __future__ import annotations

import libcst as cst

from putback.fixes.code import Code, all_below
from putback.fixes.declined import Declined
from putback.model.fix import Applicability, Fix


def rethrow(code: Code, handler: cst.CSTNode) -> Fix:
    """The fix that ends `handler`, an `except` clause, with `raise`. Raises Declined."""
    if not isinstance(handler, cst.ExceptHandler) or not isinstance(handler.body, cst.IndentedBlock):
        raise Declined("the handler is written in an unusual way")
    if any(isinstance(node, cst.Return | cst.Raise) for node in all_below(handler.body)):
        raise Declined("some path of the handler returns or raises")
    draft = code.draft()
    last = handler.body.body[-1]
    match last:
        case cst.SimpleStatementLine(body=[cst.Pass()]) if len(handler.body.body) == 1:
            draft.replace(code.span(last.body[0]), "raise")
        case _:
            draft.insert(code.last_row(last) + 1, [f"{code.indent_of(last)}raise"])
    return Fix(Applicability.UNSAFE, "raise the exception again", draft.edits())
