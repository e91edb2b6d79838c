"""Taking statements out of a function without leaving an empty block or losing a comment."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from putback.fixes.draft import Draft, in_header


def take_out(
    draft: Draft,
    statements: Iterable[cst.BaseStatement],
    kept: cst.Try | None = None,
    carried: list[str] | None = None,
) -> None:
    """Take statements out, with what has no purpose without them; `kept` is a `try` that gets a new `finally`.

    `carried` is where comments go that spoke of a statement that went, and of nothing else.
    """
    emptied: dict[cst.CSTNode, None] = {}
    for statement in dict.fromkeys(statements):
        block = draft.home(statement)
        is_kept = kept is not None and kept.finalbody is not None and draft.code.is_inside(statement, kept.finalbody)
        draft.remove(statement, None if is_kept else carried)
        emptied[block] = None
    for block in emptied:
        if isinstance(block, cst.IndentedBlock) and not draft.body(block):
            _settle(draft, block, kept)


def _settle(draft: Draft, block: cst.IndentedBlock, kept: cst.Try | None) -> None:
    """Take the clause of an emptied block out where it can go, else give it a `pass`."""
    clause = draft.code.owner(block)
    outer = draft.code.parent(clause) if clause is not None else None
    if isinstance(clause, cst.Finally) and isinstance(outer, cst.Try):
        if outer is kept:
            return
        if not outer.handlers:
            draft.dissolve(outer, clause)
            return
    if isinstance(clause, (cst.Else, cst.Finally)) and outer is not None:
        draft.lines(draft.following(draft.code.place(clause).statement))[:0] = [
            *draft.lines(clause),
            *in_header(clause),
            *draft.lines(block),
        ]
        draft.change(clause, lambda _: None)
    elif isinstance(clause, cst.If) and clause.orelse is None and not isinstance(outer, cst.If):
        around = draft.home(clause)
        draft.dissolve(clause)
        if isinstance(around, cst.IndentedBlock) and not draft.body(around):
            _settle(draft, around, kept)
    else:
        draft.fill(block, [cst.SimpleStatementLine([cst.Pass()])])
