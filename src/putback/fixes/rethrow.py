"""Raise again what a handler has caught. Rule PB203."""

from __future__ import annotations

import libcst as cst

from putback.fixes.code import Code, all_below, statement
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft
from putback.model.fix import Applicability, Fix


def rethrow(code: Code, handler: cst.CSTNode) -> Fix:
    """The fix that ends `handler`, an `except` clause, with `raise`. Raises Declined."""
    if not isinstance(handler, cst.ExceptHandler) or not isinstance(handler.body, cst.IndentedBlock):
        raise Declined("the handler is written in an unusual way")
    if any(isinstance(node, cst.Return | cst.Raise) for node in all_below(handler.body)):
        raise Declined("some path of the handler returns or raises")
    draft = Draft(code)
    match handler.body.body:
        case [cst.SimpleStatementLine(body=[cst.Pass() as nothing])]:
            draft.change(nothing, lambda _: cst.Raise())
        case [*_, last]:
            draft.put_behind(last, statement("raise"))
    return Fix(Applicability.UNSAFE, "raise the exception again", draft.edits())
