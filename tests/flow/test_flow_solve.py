"""The solver, with a toy domain: which names are open, and what is known of flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from putback.flow import ir
from putback.flow.lower import lower
from putback.flow.solve import Edge, Exploration, Outcome, explore

State = tuple[frozenset[str], frozenset[tuple[str, bool]]]


@dataclass
class Open:
    """`open(x)` and `close(x)` change the state; every call may raise, before it has done anything."""

    catches: bool = True
    swallows: bool = False
    steps: list[ir.Op] = field(default_factory=list)

    def initial(self) -> Sequence[State]:
        return [(frozenset(), frozenset())]

    def step(self, op: ir.Op, state: State) -> Outcome[State]:
        self.steps.append(op)
        if not isinstance(op, ir.Call):
            return Outcome((state,))
        names = frozenset(a.value for a in op.arguments)
        held, facts = state
        if op.name == "open":
            return Outcome(((held | names, facts),), (state,))
        if op.name == "close":
            return Outcome(((held - names, facts),), (), () if names <= held else ("closed twice",))
        if op.name == "die":
            return Outcome((), (state,))
        return Outcome((state,), (state,))

    def assume(self, test: ir.Test, state: State, holds: bool) -> State | None:
        held, facts = state
        if (test.subject, not holds) in facts:
            return None
        known = test.kind == "truth" and ir.is_local(test.subject)
        return (held, facts | {(test.subject, holds)}) if known else state

    def dispatch(self, end: ir.Dispatch, state: State) -> Sequence[tuple[int | None, State]]:
        found: list[tuple[int | None, State]] = [(clause.target, state) for clause in end.clauses]
        return found if self.catches else [*found, (None, state)]

    def resume(self, end: ir.Resume, state: State) -> tuple[State | None, State | None]:
        return (None, state) if self.swallows and end.swallowed is not None else (state, None)

    def raising(self, end: ir.Raise, state: State) -> State:
        return state

    def returning(self, end: ir.Return, state: State) -> State:
        return state

    def entering(self, block: int, state: State) -> State:
        return state

    def coarser(self, state: State) -> State:
        return state[0], frozenset()


def explored(body: str, domain: Open | None = None, **limits: int) -> Exploration[State]:
    """Explore a function with this body."""
    text = "def f(a, b, x, y, z):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    return explore(lower(text, 0, "f").functions["f"], domain or Open(), **limits)


def ends(found: Exploration[State]) -> set[tuple[str, str]]:
    """How the function is left, and what is open then."""
    return {(e.edge.value, "".join(sorted(e.state[0]))) for e in found.endings}


def test_both_edges_of_a_call() -> None:
    assert ends(explored("open(a)\nwork()\nclose(a)")) == {("raised", ""), ("raised", "a"), ("normal", "")}


def test_finally_covers_both_edges() -> None:
    assert ends(explored("open(a)\ntry:\n    work()\nfinally:\n    close(a)")) == {("raised", ""), ("normal", "")}


def test_a_return_runs_the_finally_first() -> None:
    found = explored("open(a)\ntry:\n    if x:\n        return 1\nfinally:\n    close(a)\nopen(b)")
    assert ends(found) == {("raised", ""), ("normal", ""), ("normal", "b")}


def test_a_clause_that_catches_everything_lets_nothing_on() -> None:
    body = "open(a)\ntry:\n    work()\nexcept Error:\n    close(a)"
    assert ("raised", "a") not in ends(explored(body))
    assert ("raised", "a") in ends(explored(body, Open(catches=False)))


def test_a_manager_that_swallows() -> None:
    body = "with x:\n    open(a)\n    die()"
    assert ("normal", "a") in ends(explored(body, Open(swallows=True)))
    assert ("normal", "a") not in ends(explored(body))


def test_states_are_kept_apart_by_facts() -> None:
    assert ends(explored("if x:\n    open(a)\nif x:\n    close(a)")) == {("raised", ""), ("normal", "")}


def test_equal_states_merge() -> None:
    found = explored("if unknown():\n    pass\nclose(a)")
    last = found.endings[-1].node.block
    assert len([n for n in found.arrivals if n.block == last]) == 1


def test_a_loop_ends() -> None:
    assert ("normal", "a") in ends(explored("while unknown():\n    open(a)"))


def test_what_no_path_reaches_is_not_visited() -> None:
    domain = Open()
    explored("die()\nopen(a)", domain)
    assert [op.name for op in domain.steps if isinstance(op, ir.Call)] == ["die"]


def test_defects_are_reported_once() -> None:
    found = explored("if unknown():\n    x = 1\nclose(a)\nclose(b)")
    assert [d.what for d in found.defects] == ["closed twice", "closed twice"]


def test_the_path_is_the_shortest() -> None:
    found = explored("open(a)\nif x:\n    if y:\n        close(b)\nwork()\nreturn 1")
    leak = next(e for e in found.endings if e.edge is Edge.NORMAL)
    path = found.path(leak.node)
    assert path[0][1].source is None
    assert len(path) == min(len(found.path(e.node)) for e in found.endings if e.edge is Edge.NORMAL)


def test_too_many_states_become_coarser() -> None:
    names = "xyz"
    body = "".join(f"if {n}:\n    open(a)\n" for n in names) + "work()"
    found = explored(body, states_per_block=3)
    assert found.capped
    assert ("normal", "a") in ends(found)
    assert not explored(body).capped


def test_many_states_that_know_nothing_lose_nothing() -> None:
    body = "".join(f"if unknown():\n    open({n})\n" for n in "abcd") + "work()"
    found = explored(body, states_per_block=3)
    assert not found.capped
    assert found.endings == explored(body).endings


def test_a_bound_on_the_whole() -> None:
    body = "".join(f"if x{n}:\n    open(a)\n" for n in range(20))
    found = explored(body, states_per_block=10**9, nodes=100)
    assert found.capped
    assert len(found.arrivals) < 3000
