"""`with` in place of a `try` whose `finally` gives the connection back by hand. Rule PB114.

conn = acquire()            with manager() as conn:
try:                            ...
    ...                =
finally:
    release(conn)
"""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from putback.fixes import region, with_style
from putback.fixes.closers import Closer, Form, closers_of, forgets
from putback.fixes.code import Code, Place
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft
from putback.fixes.holding import Holding
from putback.fixes.imports import Needed, add_import
from putback.fixes.protect import acquiring
from putback.fixes.removal import take_out
from putback.model.fix import Applicability, Fix


@dataclass(frozen=True, slots=True)
class Opener:
    """What stands behind `with`: the `manager`, the imports it `needs`.

    `takes_none`: it can be entered and left when there is nothing to give back.
    """

    manager: cst.BaseExpression
    is_async: bool = False
    needs: tuple[Needed, ...] = ()
    takes_none: bool = False


def hold(holding: Holding, opener: Opener) -> Fix:
    """The fix that holds the connection in a `with`. Raises Declined."""
    found = _found(holding, opener)
    draft = Draft(holding.code)
    _write(holding, found, opener, draft)
    for needed in opener.needs:
        add_import(draft, holding.code.rows, needed)
    begin = "async with" if opener.is_async else "with"
    return Fix(Applicability.SAFE, f"hold it in a `{begin}` block", draft.edits())


@dataclass(frozen=True, slots=True)
class _ByHand:
    """An acquire, and the `try` whose `finally` gives back: behind the acquire, or (`is_inside`) around it.

    What stands between them cannot raise, or the connection would be lost there.
    """

    acquire: Place
    attempt: Place
    closer: Closer
    is_inside: bool

    @property
    def statement(self) -> cst.Try:
        """The `try`."""
        assert isinstance(self.attempt.statement, cst.Try)
        return self.attempt.statement

    @property
    def final(self) -> cst.IndentedBlock:
        """The body of its `finally`."""
        final = self.statement.finalbody
        assert final is not None and isinstance(final.body, cst.IndentedBlock)
        return final.body

    @property
    def keeps_try(self) -> bool:
        """Whether the `try` has something to do besides."""
        return bool(self.statement.handlers) or self.keeps_finally

    @property
    def keeps_finally(self) -> bool:
        """Whether its `finally` has."""
        return len(self.closer.removed) < len(self.final.body)


def _found(holding: Holding, opener: Opener) -> _ByHand:
    code = holding.code
    if not holding.name:
        raise Declined("it has no name")
    if holding.handed_on or holding.itself:
        raise Declined("somebody else has it as well")
    place, closers = acquiring(holding), closers_of(holding)
    if len(closers) != 1 or closers[0].is_wrong:
        raise Declined("it is given back in several places")
    region.ensure_single_binding(holding, place.statement, closers)
    _ensure_plain(holding, closers[0], opener)
    attempt = _attempt(code, closers[0])
    found = _ByHand(place, attempt, closers[0], code.is_inside(place.statement, attempt.statement))
    _ensure_fits(holding, found)
    return found


def _ensure_plain(holding: Holding, closer: Closer, opener: Opener) -> None:
    """Decline a release that does more, or less, than to give back what is there."""
    if closer.form is Form.SWALLOWED:
        raise Declined("errors of its release are ignored")
    if closer.form is Form.GUARDED and not (isinstance(closer.statement, cst.If) and _asks_for(closer, holding.name)):
        raise Declined("its release asks for more than whether it is there")
    if holding.maybe_none and not opener.takes_none:
        raise Declined("there may be nothing to give back")


def _asks_for(closer: Closer, name: str) -> bool:
    assert isinstance(closer.statement, cst.If)
    match closer.statement.test:
        case cst.Name(value=value):
            return value == name
        case cst.Comparison(left=cst.Name(value=value), comparisons=[cst.ComparisonTarget(operator=cst.IsNot())]):
            return value == name
    return False


def _attempt(code: Code, closer: Closer) -> Place:
    """The `try` whose `finally` ends with the release."""
    place = code.place(closer.statement)
    final = code.owner(place.block)
    attempt = code.parent(final) if isinstance(final, cst.Finally) else None
    if not isinstance(attempt, cst.Try):
        raise Declined("it is not given back in a `finally`")
    if place.statements[-1] is not closer.removed[-1]:
        raise Declined("something follows its release in the `finally`")
    return code.place(attempt)


def _ensure_fits(holding: Holding, found: _ByHand) -> None:
    code = holding.code
    if found.is_inside:
        _ensure_first(holding, found)
    elif found.attempt.block is not found.acquire.block:
        raise Declined("the `try` stands in another block than the acquire")
    for node in (n for n in region.uses(holding) if n.value == holding.name):
        if not any(code.is_inside(node, s) for s in (found.acquire.statement, found.statement)):
            raise Declined(f"`{holding.name}` is used outside of the `try`")
    if any(code.is_inside(n, found.statement) for n in holding.others):
        raise Declined(f"`{holding.name}` is bound more than once")


def _ensure_first(holding: Holding, found: _ByHand) -> None:
    """Decline where the acquire does not begin a `try` that does nothing else, behind `conn = None`."""
    if found.acquire.block is not found.statement.body or found.acquire.index != 0:
        raise Declined("the acquire does not begin the `try`")
    if found.keeps_try or found.statement.orelse is not None or len(found.acquire.statements) == 1:
        raise Declined("the `try` catches what the acquire raises as well")


def _write(holding: Holding, found: _ByHand, opener: Opener, draft: Draft) -> None:
    last = found.acquire.statements[-1] if found.is_inside else found.statement
    made = with_style.hold(draft, found.acquire, opener.manager, holding.name, last, opener.is_async)
    lines = draft.lines(draft.body(made.body)[0])
    while lines and lines[0].comment is None:
        del lines[0]
    if found.is_inside:
        _drop_binding(holding, found, draft)
    take_out(draft, found.closer.removed)


def _drop_binding(holding: Holding, found: _ByHand, draft: Draft) -> None:
    """Take out `conn = None` right before the `try`."""
    before = found.attempt.statements[found.attempt.index - 1] if found.attempt.index else None
    if before is not None and forgets(before, holding.name):
        draft.remove(before)
