"""Give a job or thread an end: an application context around its work, or a `finally` that removes its session.

Rules PB306 and PB307.
"""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from putback.fixes.code import Block, Code, all_below, statement
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft
from putback.fixes.imports import Needed, add_import
from putback.fixes.region import bindings
from putback.fixes.whole import beginning, in_finally
from putback.model.fix import Applicability, Fix


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is to be written: `with context:` around the work, or without one `statement` in a `finally`.

    `bound` is the local name that the context needs ("" none), `needs` the import that the statement needs; `session`
    is the name in this file that the work uses the session by, `doubts` say why the fix may change more.
    """

    statement: str = ""
    context: str = ""
    bound: str = ""
    session: str = ""
    needs: Needed | None = None
    doubts: tuple[str, ...] = ()


def attend(code: Code, remedy: Remedy) -> Fix:
    """The fix that ends the session of a whole function. Raises Declined."""
    function = code.function
    if not isinstance(function, cst.FunctionDef) or not isinstance(function.body, cst.IndentedBlock):
        raise Declined("its body shares a line with its header")
    draft = Draft(code)
    if remedy.context:
        _enter(code, draft, remedy)
        message = f"do its work in `with {remedy.context}:`"
    else:
        in_finally(draft, function.body.body, statement(remedy.statement))
        message = f"remove the session in a `finally`: {remedy.statement}"
    if remedy.needs is not None:
        add_import(draft, code.rows, remedy.needs)
    if remedy.doubts:
        message = f"{message} ({'; '.join(remedy.doubts)})"
    return Fix(Applicability.UNSAFE if remedy.doubts else Applicability.SAFE, message, draft.edits())


def _enter(code: Code, draft: Draft, remedy: Remedy) -> None:
    """Put the work under a `with`: all of the body, or what follows the application in its block."""
    assert isinstance(code.function, cst.FunctionDef)
    block: Block
    if remedy.bound:
        places = [code.place(name) for name in bindings(code, remedy.bound)]
        if len(places) != 1 or not isinstance(places[0].statement, cst.SimpleStatementLine):
            raise Declined(f"`{remedy.bound}` is not bound once")
        block, start = places[0].block, places[0].index + 1
    else:
        assert isinstance(code.function.body, cst.IndentedBlock)
        block = code.function.body
        start = beginning(block.body)
    work = block.body[start:]
    if not work:
        raise Declined("there is nothing to put in a `with`")
    used = [*code.mentions(remedy.session)] if remedy.session else []
    if any(not any(code.is_inside(n, s) for s in work) for n in used):
        raise Declined(f"`{remedy.session}` is also used outside of where the application is known")
    item = cst.WithItem(cst.parse_expression(remedy.context))
    draft.enclose(work, lambda body: cst.With([item], body))


def imported_first(code: Code) -> frozenset[str]:
    """The names that a function imports before it does anything else."""
    body = code.function.body
    work = body.body if isinstance(body, cst.IndentedBlock) else ()
    brought = (n for s in work[: beginning(work)] for n in all_below(s))
    return frozenset(n.value for n in brought if isinstance(n, cst.Name))
