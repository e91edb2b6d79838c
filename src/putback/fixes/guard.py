"""Bind the name before the `try`, and release only what is there. Rule PB111."""

from __future__ import annotations

import libcst as cst

from putback.fixes.closers import Form, every_closer
from putback.fixes.code import statement
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft
from putback.fixes.holding import Holding
from putback.fixes.protect import enclosing_try, is_none_before
from putback.fixes.wrap import give_back
from putback.model.fix import Applicability, Fix


def guard_release(holding: Holding) -> Fix:
    """The fix for a release that may read an unbound name. Raises Declined.

    A connection that a `with` header acquires stays there; every other one is given back as all are.
    """
    code = holding.code
    place = code.place(holding.acquire)
    if not isinstance(place.statement, cst.With):
        return give_back(holding)
    attempt = enclosing_try(code, place)
    if attempt is None or attempt.finalbody is None or not holding.name:
        raise Declined("the release stands too far from the acquire")
    draft = Draft(code)
    if not is_none_before(holding, code.place(attempt)):
        draft.put_before(attempt, statement(f"{holding.name} = None"))
    for closer in every_closer(holding):
        if closer.form is Form.PLAIN and code.is_inside(closer.statement, attempt.finalbody):
            draft.enclose([closer.statement], lambda body: holding.ask(holding.name, body))
    message = f"bind `{holding.name}` to None before the `try`, and release it only if it is there"
    return Fix(Applicability.SAFE, message, draft.edits())
