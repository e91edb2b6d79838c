"""What stands behind `with` in place of an acquire, spelled as the file can spell it."""

from __future__ import annotations

import libcst as cst

from putback.fixes.by_hand import Opener
from putback.fixes.code import names
from putback.fixes.declined import Declined
from putback.fixes.holding import Holding
from putback.fixes.imports import CLOSING, spelled_from
from putback.ownership.analysis.managers import Pair
from putback.ownership.facts.held_by_hand import ByHand
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.index.module import FunctionInfo
from putback.ownership.resolve.types import FunctionRef
from putback.rules.reaching import beside_wrapper


def opener(found: ByHand, holding: Holding) -> Opener:
    """The context manager that can hold the connection. Raises Declined."""
    if found.pair is not None:
        if found.manager is None:
            raise Declined(f"`{found.release}` belongs to no context manager yet")
        return _managed(found.site, found.pair, found.manager, holding)
    text = _acquire(holding)
    waits = isinstance(holding.code.parent(holding.acquire), cst.Await)
    is_async = waits or holding.release.statement.startswith("await ")
    if found.site.opens_with:
        return Opener(text, is_async)
    if is_async:
        raise Declined("no context manager closes it")
    rows = [f"{spelled_from(holding.code.rows, CLOSING)}({text[0]}", *text[1:]]
    return Opener((*rows[:-1], f"{rows[-1]})"), needs=(CLOSING,))


def _acquire(holding: Holding) -> tuple[str, ...]:
    place = holding.code.place(holding.acquire)
    return tuple(holding.code.rows_of(holding.acquire, holding.code.indent_of(place.statement)))


def _managed(site: SiteFacts, pair: Pair, manager: FunctionInfo, holding: Holding) -> Opener:
    """The project's manager in place of the wrapper: `db.db_connection()` for `db.get_db_connection()`."""
    func = holding.acquire.func if isinstance(holding.acquire, cst.Call) else None
    whole = _acquire(holding)
    if func is None or len(holding.code.text(func)) > len(whole[0]):
        raise Declined("the acquire is written in an unusual way")
    given = (whole[0][len(holding.code.text(func)) :], *whole[1:])
    reached = beside_wrapper(site, holding.code, holding.acquire, FunctionRef(pair.wrapper.path, manager.key))
    if reached is None:
        raise Declined(f"how `{manager.name}` is reached from here is not clear")
    spelled, needs = reached
    if any(n.value == spelled for n in names(holding.code.function)):
        raise Declined(f"`{spelled}` means something else in this function")
    return Opener((spelled + given[0], *given[1:]), manager.is_async, needs, takes_none=True)
