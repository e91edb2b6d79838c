"""Take out the releases that a later one makes superfluous. Rule PB105."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from putback.fixes.closers import Closer, Form, closers_of
from putback.fixes.code import Code
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft
from putback.fixes.holding import Holding
from putback.fixes.region import leaves_behind, runs_longer
from putback.fixes.removal import take_out
from putback.fixes.wrap import give_back
from putback.model.fix import Applicability, Fix


def release_once(holding: Holding, second: cst.CSTNode) -> Fix:
    """The fix that leaves the release at `second` alone and removes the earlier ones it follows.

    Where none of them surely comes before it, one `finally` takes the place of all. Raises Declined.
    """
    code = holding.code
    last = code.place(second)
    if _stands_in_with(holding, last.statement):
        return _without(code, last.statement)
    closers = closers_of(holding)
    kept = next((c for c in closers if code.is_inside(second, c.statement)), None)
    earlier = [c for c in closers if c is not kept and _comes_to(code, c, second)]
    if not earlier:
        return give_back(holding)
    if kept is not None and any(_always_comes_before(code, c, last.statement) for c in earlier):
        draft = Draft(code)
        take_out(draft, kept.removed)
        return Fix(Applicability.SAFE, "remove the later release, the `finally` before it is enough", draft.edits())
    _ensure_dominating(code, last.statement, second, earlier)
    draft = Draft(code)
    take_out(draft, [s for c in earlier for s in c.removed])
    if any(runs_longer(holding, c, last.statement) for c in earlier):
        message = "remove the earlier release (it is held a little longer on some path)"
        return Fix(Applicability.UNSAFE, message, draft.edits(), holds_longer=True)
    return Fix(Applicability.SAFE, "remove the earlier release, the later one is enough", draft.edits())


def _stands_in_with(holding: Holding, statement: cst.BaseStatement) -> bool:
    """Whether the connection comes from a `with` around the release, which gives it back by itself."""
    place = holding.code.place(holding.acquire)
    return isinstance(place.statement, cst.With) and holding.code.is_inside(statement, place.statement)


def _without(code: Code, statement: cst.BaseStatement) -> Fix:
    draft = Draft(code)
    take_out(draft, [statement])
    return Fix(Applicability.SAFE, "leave the release to the `with`", draft.edits())


def _comes_to(code: Code, closer: Closer, second: cst.CSTNode) -> bool:
    """Whether control goes from a release to `second`: through a `finally`, or by falling through."""
    final = _final_around(code, second)
    if final is not None and code.is_inside(closer.statement, final):
        return not any(isinstance(a, cst.Finally) and code.parent(a) is final for a in code.ancestors(closer.statement))
    return code.span(closer.statement).start < code.span(second).start and not leaves_behind(code, closer)


def _always_comes_before(code: Code, closer: Closer, second: cst.BaseStatement) -> bool:
    """Whether a release stands in the `finally` of a `try` that `second` follows: it is needed for the errors."""
    attempt = _final_around(code, closer.statement)
    block = code.parent(second)
    return (
        attempt is not None
        and attempt is not _final_around(code, second)
        and closer.form is not Form.SWALLOWED
        and block is not None
        and code.parent(attempt) is block
    )


def _final_around(code: Code, node: cst.CSTNode) -> cst.Try | None:
    """The `try` in whose `finally` a node stands."""
    for ancestor in code.ancestors(node):
        if isinstance(ancestor, cst.Finally):
            found = code.parent(ancestor)
            return found if isinstance(found, cst.Try) else None
    return None


def _ensure_dominating(code: Code, statement: cst.CSTNode, second: cst.CSTNode, earlier: Sequence[Closer]) -> None:
    """Decline when the later release stands on a branch that the earlier ones do not all reach."""
    if _final_around(code, second) is not None:
        return
    block = code.parent(statement)
    for closer in earlier:
        if block is None or not code.is_inside(closer.statement, block):
            raise Declined("the later release is not reached on every path")
