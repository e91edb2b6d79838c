"""What stands behind `with` in place of an acquire, spelled as the file can spell it."""

from __future__ import annotations

import libcst as cst

from putback.fixes.by_hand import Opener
from putback.fixes.code import call
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
    assert isinstance(holding.acquire, cst.BaseExpression)
    waits = isinstance(holding.code.parent(holding.acquire), cst.Await)
    is_async = waits or holding.release.statement.startswith("await ")
    if found.site.opens_with:
        return Opener(holding.acquire, is_async)
    if is_async:
        raise Declined("no context manager closes it")
    return Opener(call(spelled_from(holding.code.rows, CLOSING), holding.acquire), needs=(CLOSING,))


def _managed(site: SiteFacts, pair: Pair, manager: FunctionInfo, holding: Holding) -> Opener:
    """The project's manager in place of the wrapper: `db.db_connection()` for `db.get_db_connection()`."""
    acquire = holding.acquire
    if not isinstance(acquire, cst.Call):
        raise Declined("the acquire is written in an unusual way")
    reached = beside_wrapper(site, holding.code, holding.acquire, FunctionRef(pair.wrapper.path, manager.key))
    if reached is None:
        raise Declined(f"how `{manager.name}` is reached from here is not clear")
    spelled, needs = reached
    if holding.code.mentions(spelled):
        raise Declined(f"`{spelled}` means something else in this function")
    made = acquire.with_changes(func=cst.parse_expression(spelled))
    return Opener(made, manager.is_async, needs, takes_none=True)
