"""Await the release. Rule PB110."""

from __future__ import annotations

import libcst as cst

from putback.fixes.code import Code
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft
from putback.model.fix import Applicability, Fix


def await_release(code: Code, call: cst.CSTNode) -> Fix:
    """The fix that puts `await` in front of a release. Raises Declined in a function that is not async."""
    if not code.is_async:
        raise Declined("it must be awaited, and the function is not async")
    draft = Draft(code)
    draft.change(call, cst.Await)
    return Fix(Applicability.SAFE, "await the release", draft.edits())
