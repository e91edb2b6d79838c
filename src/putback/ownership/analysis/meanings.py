"""What a variable stands for at each operation of a function: this connection, or something else."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from putback.flow import ir
from putback.ownership.analysis.domain import NOTHING, State
from putback.ownership.analysis.retrace import Retraced


class Meanings(Struct, frozen=True):
    """The operations by what one name is there: before them, and behind those that bind it.

    `reached` are all of them; `ours`: this connection or a part of it, on some path; `others`: something else that is
    not None, on some path; `bound`: behind the operation it is this connection.
    """

    reached: frozenset[int]
    ours: frozenset[int]
    others: frozenset[int]
    bound: frozenset[int]


def meanings(way: Retraced, name: str) -> Meanings:
    """What `name` means in the states on the way of an exploration."""
    reached: set[int] = set()
    ours: set[int] = set()
    others: set[int] = set()
    bound: set[int] = set()
    for at, before, after in _moments(way):
        reached.add(at)
        if _is_ours(before, name):
            ours.add(at)
        elif before.fact(name) not in NOTHING:
            others.add(at)
        if _is_ours(after, name):
            bound.add(at)
    return Meanings(frozenset(reached), frozenset(ours), frozenset(others), frozenset(bound))


def _is_ours(state: State, name: str) -> bool:
    return name in state.refs or state.part(name) is not None


def _moments(way: Retraced) -> Iterator[tuple[int, State, State]]:
    """Every operation, with the states before it and behind it when it does not raise."""
    for op, before, outcome in way.operations:
        yield from ((op.at, before, after) for after in outcome.after)
    for end, state in way.ends:
        if isinstance(end, ir.Return | ir.Raise):
            yield end.at, state, state
