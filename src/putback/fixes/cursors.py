"""A cursor is closed in the `finally` that gives its connection back, in front of that. Rule PB112.

A `try` of its own inside of the connection's is only for a cursor that this one does not span.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import libcst as cst

from putback.fixes.closers import Closer, closers_of, common_text
from putback.fixes.code import Code, Place, statement
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft, remark
from putback.fixes.holding import Holding
from putback.fixes.protect import acquiring, is_none_before
from putback.fixes.region import ensure_single_binding, uses
from putback.fixes.removal import take_out
from putback.fixes.unbound import is_guarded
from putback.fixes.wrap import doubted, give_back
from putback.model.fix import Applicability, Edit, Fix


def close_cursor(holding: Holding, releases: Sequence[cst.CSTNode], is_calm: bool) -> Fix:
    """The fix that closes the cursor of `holding` on every path. Raises Declined.

    `releases` are the calls that give its connection back; `is_calm`: closing it cannot raise.
    """
    doubts = [] if is_calm else ["closing it can raise"]
    place = acquiring(holding)
    attempt = _attempt(holding, place, releases)
    if attempt is None:
        doubts += _too_late(holding, place, releases)
        return doubted(give_back(holding), doubts)
    closers = closers_of(holding)
    ensure_single_binding(holding, place.statement, closers)
    text = common_text(holding.code, closers) or holding.release.statement
    edits = _Writer(holding, attempt, releases, closers).edits(statement(text), is_calm and "await " not in text)
    return doubted(Fix(Applicability.SAFE, f"close it before the connection is given back: {text}", edits), doubts)


def _too_late(holding: Holding, place: Place, releases: Sequence[cst.CSTNode]) -> Sequence[str]:
    """Why a `finally` of the cursor's own may close it behind the release, which some drivers do not take."""
    code = holding.code
    around = [a for release in releases for a in _attempts(code, release) if code.is_inside(place.statement, a.body)]
    if any(not code.is_inside(n, a) for n in uses(holding) for a in around):
        raise Declined("it is used when its connection has been given back")
    if not all(_may_be_none(holding, a, n) for n in uses(holding) for a in around):
        raise Declined("it is read where an error may have kept it from being bound")
    behind = place.statements[place.index :]
    last = max(i for i, s in enumerate(behind) if any(code.is_inside(n, s) for n in uses(holding)))
    is_between = any(code.is_inside(release, s) for release in releases for s in behind[: last + 1])
    return ["its connection may have been given back before"] if is_between else []


def _attempt(holding: Holding, place: Place, releases: Sequence[cst.CSTNode]) -> cst.Try | None:
    """The innermost `try` that spans all uses of the cursor, and whose `finally` gives the connection back."""
    code = holding.code
    found = {id(a): a for release in releases for a in _attempts(code, release)}
    spans = [a for a in found.values() if _spans(holding, place, a)]
    return min(spans, key=lambda a: sum(code.is_inside(o, a) for o in spans), default=None)


def _attempts(code: Code, release: cst.CSTNode) -> list[cst.Try]:
    """The `try` statements in whose `finally` a release stands."""
    around = [release, *code.ancestors(release)]
    return [outer for inner, outer in pairwise(around) if isinstance(inner, cst.Finally) and isinstance(outer, cst.Try)]


def _spans(holding: Holding, place: Place, attempt: cst.Try) -> bool:
    """Whether the cursor is made in the body of a `try`, or before it, in no loop, and used no later than in it."""
    code = holding.code
    if not isinstance(attempt.finalbody, cst.Finally) or not isinstance(attempt.finalbody.body, cst.IndentedBlock):
        return False
    if code.is_inside(place.statement, attempt.body):
        around = code.ancestors(place.statement)
        loops = [a for a in around if isinstance(a, cst.For | cst.While) and code.is_inside(a, attempt)]
        return not loops and all(_may_be_none(holding, attempt, n) for n in uses(holding))
    behind = place.statements[place.index :]
    if not any(s is attempt for s in behind):
        return False
    until = next(i for i, s in enumerate(behind) if s is attempt)
    return all(any(code.is_inside(n, s) for s in behind[: until + 1]) for n in uses(holding))


def _may_be_none(holding: Holding, attempt: cst.Try, use: cst.Name) -> bool:
    """Whether a use works as before if the name is None where an error has kept it from being bound."""
    code = holding.code
    behind = [part for part in (attempt.body, attempt.orelse) if part is not None]
    if any(code.is_inside(use, part) for part in behind):
        return True
    closes = any(code.is_inside(use, closer) for closer in holding.closers)
    return code.is_inside(use, attempt) and (closes or is_guarded(holding, use))


class _Writer:
    """Writes the closing of one cursor into the `finally` of `attempt`."""

    def __init__(
        self, holding: Holding, attempt: cst.Try, releases: Sequence[cst.CSTNode], closers: Sequence[Closer]
    ) -> None:
        self.holding = holding
        self.code = holding.code
        self.attempt = attempt
        self.releases = releases
        self.closers = closers
        self.draft = Draft(self.code)

    def edits(self, closing: cst.BaseStatement, is_calm: bool) -> tuple[Edit, ...]:
        """The changes; `is_calm`: nothing has to see to it that the release is reached behind `closing`."""
        name, code = self.holding.name, self.code
        carried: list[str] = []
        take_out(self.draft, [s for closer in self.closers for s in closer.removed], None, carried)
        if code.is_inside(self.holding.acquire, self.attempt):
            closing = self.holding.ask(name, code.block([closing]))
            if not is_none_before(self.holding, code.place(self.attempt)):
                self.draft.put_before(self.attempt, statement(f"{name} = None"))
        self.draft.lines(closing)[:0] = [remark(text) for text in carried]
        release, *behind = self._giving_back()
        if is_calm:
            self.draft.put_before(release, closing)
        else:
            first = code.block([closing])
            self.draft.enclose([release, *behind], lambda body: cst.Try(first, finalbody=cst.Finally(body)))
        return self.draft.edits()

    def _giving_back(self) -> Sequence[cst.BaseStatement]:
        """The statements of the `finally` from the one on that gives the connection back."""
        final = self.attempt.finalbody
        assert final is not None
        at = next(i for i, s in enumerate(final.body.body) if any(self.code.is_inside(r, s) for r in self.releases))
        return [s for s in final.body.body[at:] if isinstance(s, cst.BaseStatement)]
