"""The worklist solver: explores every pair of block and state that can be reached, breadth first.

A domain says what one operation does to one state. The value of a block is the set of the states that reach it, so a
join is a union and equal states merge; where a block gathers more states than the domain allows, the domain makes them
coarser. Each pair remembers how it was first reached: the shortest path is the explanation of a finding.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from enum import Enum
from typing import Generic, Protocol, TypeVar

from msgspec import Struct, field

from putback.flow import ir

S = TypeVar("S", bound=Hashable)


class Edge(Enum):
    """How control went from one block to the next."""

    NORMAL = "normal"
    RAISED = "raised"


class Outcome(Struct, Generic[S], frozen=True, gc=False):
    """What an operation leads to: states after it, states on its exception edge, and defects seen on the way."""

    after: tuple[S, ...]
    raised: tuple[S, ...] = ()
    defects: tuple[Hashable, ...] = ()


class Domain(Protocol[S]):
    """The meaning of operations and branches for one question."""

    def initial(self) -> Sequence[S]:
        """The states at the entry."""
        ...

    def step(self, op: ir.Op, state: S) -> Outcome[S]:
        """One operation."""
        ...

    def assume(self, test: ir.Test, state: S, holds: bool) -> S | None:
        """The state where `test` holds (or not); None where that cannot be."""
        ...

    def dispatch(self, end: ir.Dispatch, state: S) -> Sequence[tuple[int | None, S]]:
        """Where an exception goes: clause targets, None for on to the handler outside."""
        ...

    def resume(self, end: ir.Resume, state: S) -> tuple[S | None, S | None]:
        """The state in which the exception goes on, and the one in which it was swallowed."""
        ...

    def raising(self, end: ir.Raise, state: S) -> S:
        """An explicit `raise`."""
        ...

    def returning(self, end: ir.Return, state: S) -> S:
        """A `return`."""
        ...

    def entering(self, block: int, state: S) -> S:
        """The state without what cannot matter in `block` and behind it: paths that differ only in that are one."""
        ...

    def coarser(self, state: S) -> S:
        """A state that says less, for blocks with too many states."""
        ...


class Node(Struct, Generic[S], frozen=True, gc=False, cache_hash=True):
    """A block with a state at its start."""

    block: int
    state: S


class Arrival(Struct, Generic[S], frozen=True, gc=False):
    """How a node was first reached: from `source`, by `edge`, at operation `at`, if one did it."""

    source: Node[S] | None
    edge: Edge
    at: int | None


class Ending(Struct, Generic[S], frozen=True, gc=False):
    """A way out of the function: the last node, the state at the exit, and the operation it left by."""

    node: Node[S]
    state: S
    edge: Edge
    at: int | None


class Defect(Struct, Generic[S], frozen=True, gc=False):
    """A defect that an operation showed in some state."""

    what: Hashable
    at: int
    node: Node[S]


class Exploration(Struct, Generic[S]):
    """All that was reached. `capped` says that states were made coarser and lost something by it, or that not all was
    reached; `bounded` that what it rests on was not followed to its end.

    `also` are the further operations whose exceptions led to a node that another one had reached before; `merged` the
    further nodes that a node was reached from.
    """

    arrivals: dict[Node[S], Arrival[S]] = field(default_factory=dict)
    endings: list[Ending[S]] = field(default_factory=list)
    defects: list[Defect[S]] = field(default_factory=list)
    also: dict[Node[S], list[int]] = field(default_factory=dict)
    merged: dict[Node[S], list[Node[S]]] = field(default_factory=dict)
    capped: bool = False
    bounded: bool = False

    def path(self, node: Node[S]) -> list[tuple[Node[S], Arrival[S]]]:
        """The nodes from the entry to `node`, each with how it was reached."""
        found: list[tuple[Node[S], Arrival[S]]] = []
        current: Node[S] | None = node
        while current is not None:
            arrival = self.arrivals[current]
            found.append((current, arrival))
            current = arrival.source
        found.reverse()
        return found

    def sources(self, node: Node[S]) -> list[Node[S]]:
        """Every node from which `node` was reached."""
        first = self.arrivals[node].source
        return [*self.merged.get(node, ()), *([first] if first is not None else [])]


def explore(
    function: ir.FunctionIR, domain: Domain[S], states_per_block: int = 40, nodes: int = 8_000
) -> Exploration[S]:
    """Explore `function`. Beyond `states_per_block` states a block's states are coarsened; `nodes` bounds the whole."""
    return _Explorer(function, domain, states_per_block, nodes).run()


class _Explorer(Generic[S]):
    def __init__(self, function: ir.FunctionIR, domain: Domain[S], states_per_block: int, nodes: int) -> None:
        self.function = function
        self.domain = domain
        self.states_per_block = states_per_block
        self.nodes = nodes
        self.found: Exploration[S] = Exploration()
        self.queue: deque[Node[S]] = deque()
        self.behind_exceptions: deque[Node[S]] = deque()
        self.counts: dict[int, int] = {}
        self.ended: set[tuple[S, Edge, int | None]] = set()
        self.seen_defects: set[tuple[Hashable, int]] = set()

    def run(self) -> Exploration[S]:
        """What needs fewer exceptions is reached first: of all ways to a node the plainest is kept."""
        for state in self.domain.initial():
            self.reach(self.function.entry, state, None, Edge.NORMAL, None)
        while self.queue or self.behind_exceptions:
            if not self.queue:
                self.queue, self.behind_exceptions = self.behind_exceptions, self.queue
            self.visit(self.queue.popleft())
        return self.found

    def reach(
        self, block: int, state: S, source: Node[S] | None, edge: Edge, at: int | None, *, again: bool = True
    ) -> None:
        """One more way to a block. `again`: an exception on it is a new one, and not carried on from a block before."""
        count = self.counts.get(block, 0)
        state = self.domain.entering(block, state)
        if count >= self.states_per_block or len(self.found.arrivals) >= self.nodes:
            coarser = self.domain.coarser(state)
            self.found.capped = self.found.capped or coarser != state
            state = coarser
            if len(self.found.arrivals) >= self.nodes + 2000:
                self.found.capped = True
                return
        node = Node(block, state)
        if node in self.found.arrivals:
            if edge is Edge.RAISED and at is not None:
                self.found.also.setdefault(node, []).append(at)
            if source is not None:
                self.found.merged.setdefault(node, []).append(source)
            return
        self.counts[block] = count + 1
        self.found.arrivals[node] = Arrival(source, edge, at)
        (self.behind_exceptions if edge is Edge.RAISED and again else self.queue).append(node)

    def leave(self, node: Node[S], state: S, edge: Edge, at: int | None) -> None:
        key = (state, edge, at)
        if key not in self.ended:
            self.ended.add(key)
            self.found.endings.append(Ending(node, state, edge, at))

    def throw(self, node: Node[S], state: S, at: int | None, *, again: bool = True) -> None:
        handler = self.function.blocks[node.block].handler
        if handler is None:
            self.leave(node, state, Edge.RAISED, at)
        else:
            self.reach(handler, state, node, Edge.RAISED, at, again=again)

    def visit(self, node: Node[S]) -> None:
        block = self.function.blocks[node.block]
        step = self.domain.step
        states = [node.state]
        last: int | None = None
        for op in block.ops:
            last = op.at
            after: list[S] = []
            for state in states:
                outcome = step(op, state)
                after += outcome.after
                for raised in outcome.raised:
                    self.throw(node, raised, op.at)
                for what in outcome.defects:
                    self.defect(what, op.at, node)
            if not after:
                return
            states = after if len(after) == 1 else list(dict.fromkeys(after))
        for state in states:
            self.finish(node, block, state, last)

    def defect(self, what: Hashable, at: int, node: Node[S]) -> None:
        if (what, at) not in self.seen_defects:
            self.seen_defects.add((what, at))
            self.found.defects.append(Defect(what, at, node))

    def finish(self, node: Node[S], block: ir.Block, state: S, last: int | None) -> None:
        domain = self.domain
        match block.end:
            case ir.Jump(target=target):
                self.reach(target, state, node, Edge.NORMAL, last)
            case ir.Branch(test=test, then=then, orelse=orelse):
                for target, holds in ((then, True), (orelse, False)):
                    assumed = domain.assume(test, state, holds)
                    if assumed is not None:
                        self.reach(target, assumed, node, Edge.NORMAL, last)
            case ir.Return() as end:
                self.leave(node, domain.returning(end, state), Edge.NORMAL, end.at)
            case ir.Raise() as end:
                self.throw(node, domain.raising(end, state), end.at)
            case ir.Dispatch() as end:
                for where, caught in domain.dispatch(end, state):
                    if where is None:
                        self.throw(node, caught, last, again=False)
                    else:
                        self.reach(where, caught, node, Edge.NORMAL, last)
            case ir.Resume() as end:
                on, swallowed = domain.resume(end, state)
                if on is not None:
                    self.throw(node, on, last, again=False)
                if swallowed is not None and end.swallowed is not None:
                    self.reach(end.swallowed, swallowed, node, Edge.NORMAL, last)
            case _:
                pass
