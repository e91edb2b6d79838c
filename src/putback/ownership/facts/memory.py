"""Whether a connection keeps a database in memory alive, which goes with the last one to it."""

from __future__ import annotations

from putback.flow import ir
from putback.flow.names import Expr, Invoke, Literal
from putback.ownership.facts.site_facts import SiteFacts


def may_share_memory(site: SiteFacts) -> bool:
    """Whether others may use a database in memory by the same URI that the connection was opened with."""
    ops = (op for op in site.function.unit.ops() if op.at == site.site.acquired_at and isinstance(op, ir.Call))
    calls = [op.expr for op in ops] if site.kind.memory_uri else []
    return any(_is_in_memory(call, call.keyword(site.kind.memory_uri)) for call in calls)


def _is_in_memory(connects: Invoke, is_uri: Expr | None) -> bool:
    """Whether the address of a database may be a URI that names one in memory."""
    if is_uri is None or is_uri == Literal(False):
        return False
    address = next(iter(connects.args), None)
    return not isinstance(address, Literal) or "memory" in str(address.value)
