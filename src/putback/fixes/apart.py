"""A release that does more than give back stays on its path, and errors give back by one that does nothing else.

PB101, PB102, PB103 and PB108.

conn = connect()            conn = connect()
fill(conn)                  try:
finish(conn)           =        fill(conn)
                            except BaseException:
                                conn.close()
                                raise
                            finish(conn)        # commits as well: not after an error
"""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from putback.fixes import region
from putback.fixes.closers import Closer
from putback.fixes.code import ask, statement
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft
from putback.fixes.hand_over import binds_calmly, gives_back, protect
from putback.fixes.holding import Holding
from putback.fixes.imports import add_import
from putback.fixes.protect import Protection, acquiring
from putback.fixes.reach import ensure_readable
from putback.fixes.setting_up import needs_it
from putback.fixes.unbound import closes
from putback.model.fix import Applicability, Fix


def comes_to_run_elsewhere(holding: Holding, found: Protection) -> bool:
    """Whether a protection would have a release that does more run on a path that did not run it before."""
    return any(closer.besides and not _stays(holding, found, closer) for closer in found.closers)


def _stays(holding: Holding, found: Protection, closer: Closer) -> bool:
    """Whether a release is the end of the `finally` that is to get it, and nothing can raise before it there."""
    final = found.absorbs.finalbody if found.absorbs is not None else None
    if final is None or found.finisher is not None or holding.unbound or closer.is_wrong:
        return False
    body = list(final.body.body)
    at = next((i for i, s in enumerate(body) if s is closer.statement), -1)
    ends = at >= 0 and all(any(s is f for f in closer.forgets) for s in body[at + 1 :])
    return ends and all(
        isinstance(s, cst.SimpleStatementLine) and any(closes(s, n) for n in holding.related) for s in body[:at]
    )


def release_apart(holding: Holding, found: Protection) -> Fix:
    """The fix that gives back where something raises, and leaves alone the release that does more. Raises Declined."""
    more = next(closer.besides for closer in found.closers if closer.besides)
    release, code = holding.release.statement, holding.code
    if not release or len(found.closers) != 1 or found.closers[0].is_wrong or holding.itself:
        raise Declined(f"{more}, which must not happen after an error")
    if release.startswith("await ") and not code.is_async:
        raise Declined("its release must be awaited, and the function is not async")
    ensure_readable(holding, release)
    between = _before_its_finally(holding, found) or _before_it(holding, found.closers[0], more)
    if any(region.may_end(s) for s in between):
        raise Declined(f"{more}, which must not happen where the function ends before it")
    giving: cst.BaseStatement = statement(release)
    present = not holding.maybe_none or any(needs_it(holding, s) for s in between)
    draft = Draft(code)
    protect(draft, between, giving if present else ask(holding.name, code.block([giving])))
    for needed in holding.release.needs:
        add_import(draft, code.rows, needed)
    message = f"release it when something raises before `{_text(holding, found.closers[0])}`: {release}"
    return Fix(Applicability.SAFE, message, draft.edits())


def _before_its_finally(holding: Holding, found: Protection) -> Sequence[cst.BaseStatement]:
    """The statements between the acquire and the `try` in whose `finally` it is given back; none without such a one."""
    *before, attempt = found.statements
    is_last = isinstance(attempt, cst.Try) and not found.guarded and found.finisher is None
    return before if isinstance(attempt, cst.Try) and is_last and gives_back(holding, found, attempt) else ()


def _before_it(holding: Holding, closer: Closer, more: str) -> Sequence[cst.BaseStatement]:
    """The statements between the acquire and the release, from the first that can raise.

    They stand in one block, which is the acquire's or that of a `try` right behind it.
    """
    code = holding.code
    acquire, release = acquiring(holding), code.place(closer.statement)
    between, beside = list(release.statements[: release.index]), list[cst.BaseStatement]()
    if acquire.block is release.block:
        between = between[acquire.index + 1 :]
    else:
        attempt = code.owner(release.block)
        if not isinstance(attempt, cst.Try) or attempt.body is not release.block:
            raise Declined(f"{more}, which must not happen after an error")
        outer = code.place(attempt)
        beside = list(outer.statements[acquire.index + 1 : outer.index]) if outer.block is acquire.block else []
        is_near = outer.block is acquire.block and all(region.keeps_safe(holding, s) for s in beside)
        if not is_near:
            raise Declined(f"{more}, which must not happen after an error")
    while between and (region.keeps_safe(holding, between[0]) or binds_calmly(holding, between[0])):
        beside.append(between.pop(0))
    around = (acquire.statement, *beside, *between, *closer.removed)
    if not all(any(code.is_inside(n, s) for s in around) for n in region.uses(holding)):
        raise Declined(f"{more}, and what it gives back is used elsewhere, too")
    if not between:
        raise Declined("nothing is done with it before it is lost")
    return between


def _text(holding: Holding, closer: Closer) -> str:
    return holding.code.text(closer.call)
