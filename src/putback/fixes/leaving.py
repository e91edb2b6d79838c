"""What leaves a function and works only as long as the connection is open: then no fix may give it back there."""

from __future__ import annotations

import libcst as cst

from putback.fixes.declined import Declined
from putback.fixes.holding import Holding


def ensure_stays_inside(holding: Holding) -> None:
    """Decline when something that needs the open connection leaves the function."""
    code = holding.code
    if holding.stored:
        raise Declined("what needs the connection is kept for later")
    if holding.returned:
        raise Declined("what it returns still needs the connection")
    if any(isinstance(a, cst.For | cst.While) for y in holding.yielded for a in code.ancestors(y)):
        raise Declined("what it yields may need the connection longer")
