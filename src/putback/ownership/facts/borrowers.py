"""Who may still need a connection when the function that took it has ended."""

from __future__ import annotations

from putback.flow import ir
from putback.flow.solve import Edge, Exploration
from putback.ownership.analysis.defects import Wrong
from putback.ownership.analysis.domain import Phase, State
from putback.ownership.analysis.parts import RETURNED, Tie
from putback.ownership.analysis.unit import Unit


def borrowers(unit: Unit, exploration: Exploration[State]) -> tuple[str, ...]:
    """What borrows the connection and why it may be used later, in words; each is told once."""
    calls = {op.at for op in unit.ops() if isinstance(op, ir.Call)}
    later = [_callee(unit, at) if at in calls else "what it is put in" for at in _at(exploration, Wrong.LATER)]
    normal = [e.state for e in exploration.endings if e.edge is Edge.NORMAL]
    is_given_back = any(state.phase is Phase.RELEASED for state in normal)
    kept = [] if is_given_back else [_callee(unit, at) for at in _at(exploration, Wrong.KEPT)]
    found = [f"{who} may use it later" for who in later] + [f"{who} may keep it" for who in kept]
    if any(state.part(RETURNED) is Tie.NEEDING for state in held_at_the_end(exploration)):
        found.append("what is returned may still need it")
    return tuple(dict.fromkeys(found))


def held_at_the_end(exploration: Exploration[State]) -> list[State]:
    """The states in which it is still held where the function ends as it means to."""
    normal = (e.state for e in exploration.endings if e.edge is Edge.NORMAL)
    return [state for state in normal if state.phase in (Phase.HELD, Phase.IDLE)]


def _at(exploration: Exploration[State], wrong: Wrong) -> list[int]:
    return [defect.at for defect in exploration.defects if defect.what is wrong]


def _callee(unit: Unit, at: int) -> str:
    """What is called at an operation, or the operation itself, in quotes."""
    text = unit.text(at).partition("(")[0].partition("\n")[0].strip()
    return f"`{text}`"
