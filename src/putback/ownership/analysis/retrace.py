"""The way of an exploration once more, operation by operation: it keeps the states at the start of blocks only."""

from __future__ import annotations

from msgspec import Struct

from putback.flow import ir
from putback.flow.solve import Exploration, Outcome
from putback.ownership.analysis.domain import State
from putback.ownership.analysis.transfer import SiteDomain
from putback.ownership.analysis.unit import Unit


class Retraced(Struct, frozen=True):
    """What `domain` makes of a function: `operations` are those that were reached, with each state before and what
    becomes of it; `ends` are the ends of reached blocks, with the states there."""

    unit: Unit
    domain: SiteDomain
    operations: tuple[tuple[ir.Op, State, Outcome[State]], ...]
    ends: tuple[tuple[ir.Terminator, State], ...]


def retrace(unit: Unit, domain: SiteDomain, found: Exploration[State]) -> Retraced:
    """Step through every reached block of an exploration that `domain` has made."""
    operations: list[tuple[ir.Op, State, Outcome[State]]] = []
    ends: list[tuple[ir.Terminator, State]] = []
    for node in found.arrivals:
        block = unit.function.blocks[node.block]
        states = [node.state]
        for op in block.ops:
            after: dict[State, None] = {}
            for state in states:
                outcome = domain.step(op, state)
                operations.append((op, state, outcome))
                after.update(dict.fromkeys(outcome.after))
            states = list(after)
        ends += [(block.end, state) for state in states]
    return Retraced(unit, domain, tuple(operations), tuple(ends))
