"""The ways to leave a function while a connection is held: what starts each, and where it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from msgspec import Struct

from putback.flow import ir
from putback.flow.solve import Arrival, Edge, Ending, Exploration, Node
from putback.ownership.analysis import unbound
from putback.ownership.analysis.domain import Phase, State
from putback.ownership.analysis.handlers import CANCELLED
from putback.ownership.analysis.parts import Element
from putback.ownership.analysis.unit import Unit
from putback.ownership.facts.evidence import Weight

_Step = tuple[Node[State], Arrival[State]]
_BEFORE = (Phase.ABSENT, Phase.PENDING, Phase.RELEASED)  # released: it was, in a round before


class Exit(Enum):
    """How a way ends: by an exception that leaves the function, by a statement, or after the last one on the way.

    A round of a loop that acquires in each of its rounds ends the way, too: the next one knows nothing of this one's.
    """

    RAISED = "the exception leaves the function here"
    RETURN = "the function ends here"
    END = "the function ends after this"
    CONTINUE = "the round of the loop ends here"
    ROUND = "the round of the loop ends after this"

    def at(self, row: int) -> str:
        """What ends, and at which row."""
        thing, _, where = self.value.partition(" ends ")
        return f"{thing} ends {'after' if where == 'after this' else 'at'} line {row}"


class Leak(Struct, frozen=True):
    """One way to leave the function while the connection is held.

    `raised_at` is the operation whose exception starts the way out, if one does, `explicit` that it is a `raise`
    statement, `cancelled` that only a cancellation goes this way, `left_at` and `exit` where and how it ends.
    `at_yield`: the exception arrives at a `yield`. `unbound`: the function is left because a name is read that the
    exception has kept from being bound. `twice`: it needs a second
    exception, in what handles the first or cleans up behind it. `weight`: how
    far one believes that it raises. `writes`: rows have been changed by then, or it is such a statement that fails,
    and the transaction is open.
    """

    raised_at: int | None
    explicit: bool
    cancelled: bool
    at_yield: bool
    left_at: int
    exit: Exit
    named: bool
    unbound: bool = False
    twice: bool = False
    weight: Weight = Weight.DATABASE
    writes: bool = False

    @property
    def by_exception(self) -> bool:
        """Whether an exception leaves the function."""
        return self.exit is Exit.RAISED


@dataclass(frozen=True)
class Leaks:
    """The leaks of one exploration of a function. `weigh` says how far one believes that an operation raises, and
    `changes` whether it changes rows."""

    unit: Unit
    exploration: Exploration[State]
    yields: frozenset[int]
    weigh: Callable[[int], Weight]
    changes: Callable[[int], bool]

    def all(self) -> list[Leak]:
        """Every way to leave while the connection is held, each once."""
        held = (e for e in self.exploration.endings if e.state.phase is Phase.HELD)
        return list(dict.fromkeys(map(self._leak, held)))

    def most_believable(self, node: Node[State], arrival: Arrival[State]) -> int:
        """Of all operations whose exception leads to a node the one that a reader believes first to raise."""
        every = [arrival.at, *self.exploration.also.get(node, ())]
        weighed: list[tuple[int, int]] = sorted((self.weigh(at).value, at) for at in every)
        return weighed[0][1]

    def _leak(self, ending: Ending[State]) -> Leak:
        path = self.exploration.path(ending.node)
        start = max((i for i, (node, _) in enumerate(path) if node.state.phase in _BEFORE), default=-1)
        turn = _turn(path, start)
        swallowed, _ = self._first_exception(path[start + 1 : turn])
        is_round = turn is not None and (swallowed is not None or ending.edge is Edge.NORMAL)
        path = path[:turn] if is_round else path
        left_at, exit_ = self._left(path, ending, is_round)
        behind = path[start + 1 :]
        leaving = _unhandled(behind) if exit_ is Exit.RAISED else behind
        raised_at, exception = self._first_exception(leaving)
        before, _ = self._first_exception(behind[: len(behind) - len(leaving)])
        if raised_at is None and exit_ is Exit.RAISED:
            raised_at, exception = ending.at, ending.state.exception
        if raised_at is None and exit_ is Exit.RAISED:  # the clean-up has handled another one in between
            raised_at, exception = self._first_exception(behind)
        if left_at is None:
            left_at = self.unit.function.at if raised_at is None else raised_at
        named = any(ir.is_local(r) for r in ending.state.refs)
        is_second = exit_ is Exit.RAISED and raised_at not in (None, left_at)
        return Leak(
            raised_at=raised_at,
            explicit=raised_at in self.unit.raise_statements,
            cancelled=exception == CANCELLED,
            at_yield=raised_at in self.yields,
            left_at=left_at,
            exit=exit_,
            named=named or any(isinstance(part, Element) for _, part in ending.state.parts),
            twice=before is not None or (is_second and left_at not in self.unit.raise_statements),
            unbound=exit_ is Exit.RAISED and ending.state.exception == unbound.ERROR,
            weight=self.weigh(raised_at) if raised_at is not None else Weight.DATABASE,
            writes=ending.state.opened is not None and self._writes(ending.state, raised_at),
        )

    def _writes(self, state: State, raised_at: int | None) -> bool:
        return state.wrote is not None or (raised_at is not None and self.changes(raised_at))

    def _first_exception(self, path: Sequence[_Step]) -> tuple[int | None, str | None]:
        """The first exception edge on a path, and the class in flight there."""
        for node, arrival in path:
            if arrival.edge is Edge.RAISED and not self._is_passing_on(arrival):
                return self.most_believable(node, arrival), node.state.exception
        return None, None

    def _is_passing_on(self, arrival: Arrival[State]) -> bool:
        """Whether the edge only carries an exception out of a clean-up block."""
        if arrival.source is None:
            return True
        end = self.unit.function.blocks[arrival.source.block].end
        return isinstance(end, ir.Resume | ir.Dispatch) and arrival.at is None

    def _left(self, path: Sequence[_Step], ending: Ending[State], is_round: bool) -> tuple[int | None, Exit]:
        """Where a path ends, and how."""
        if ending.edge is Edge.RAISED and not is_round:
            return ending.at, Exit.RAISED
        statement = self._statement(path, "continue" if is_round else "return")
        if statement is not None:
            return statement, Exit.CONTINUE if is_round else Exit.RETURN
        last = next(self._ops_back(path), None)
        if is_round:
            return last, Exit.ROUND
        is_at_the_end = last is None or ending.at is None or self._stands_in(last, ending.at)
        return (ending.at, Exit.RETURN) if is_at_the_end else (last, Exit.END)

    def _statement(self, path: Sequence[_Step], how: str) -> int | None:
        """The statement that a path is left by, if there is nothing but clean-up behind it."""
        for i in range(len(path) - 1, -1, -1):
            ops = self.unit.function.blocks[path[i][0].block].ops
            found = next((op for op in reversed(ops) if isinstance(op, ir.Leave)), None)
            if found is not None:
                return found.at if found.how == how else None
            if how == "continue" and i and path[i][0].block <= path[i - 1][0].block:
                return None  # the head of a loop in this one
        return None

    def _ops_back(self, path: Sequence[_Step]) -> Iterator[int]:
        """The operations that a path ends with, the last one first."""
        thrown: Arrival[State] | None = None
        for node, arrival in reversed(path):
            ops = [op.at for op in self.unit.function.blocks[node.block].ops if not isinstance(op, ir.EndCatch)]
            if thrown is not None and thrown.at in ops:
                del ops[ops.index(thrown.at) + 1 :]
            yield from reversed(ops)
            thrown = arrival if arrival.edge is Edge.RAISED else None

    def _stands_in(self, inner: int, outer: int) -> bool:
        """Whether an operation stands in the rows of another one."""
        here, there = self.unit.span(inner), self.unit.span(outer)
        return there.start.row <= here.start.row and here.end.row <= there.end.row


def _unhandled(path: Sequence[_Step]) -> Sequence[_Step]:
    """The end of a path, behind the last place where no exception was in flight: what a handler has taken before does
    not leave the function."""
    quiet = (i for i, (node, _) in enumerate(path) if node.state.exception is None)
    return path[max(quiet, default=-1) + 1 :]


def _turn(path: Sequence[_Step], start: int) -> int | None:
    """Where a path comes back, behind the acquire in node `start`, to the head of a loop around the acquire."""
    before = {node.block for node, _ in path[: start + 1]}
    for i in range(start + 1, len(path)):
        here, previous = path[i][0].block, path[i - 1][0].block
        if here <= previous and here in before:
            return i
    return None
