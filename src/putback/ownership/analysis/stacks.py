"""The transfer function of calls: exit stacks that are told to give the connection back, and kept from doing so."""

from __future__ import annotations

from msgspec.structs import replace

from putback.flow import ir
from putback.flow.solve import Outcome
from putback.frameworks.idioms import idioms
from putback.ownership.analysis.defects import Wrong
from putback.ownership.analysis.domain import ACTIVE, Phase, Stacked, State
from putback.ownership.analysis.events import CallInfo
from putback.ownership.analysis.following import Following
from putback.ownership.analysis.parts import Manager


def registered(
    domain: Following, op: ir.Call, info: CallInfo, before: State, outcome: Outcome[State]
) -> Outcome[State]:
    """The outcome of a call, in which it is noted that a stack has got the connection to give it back.

    What a context manager has yet to acquire, or was given to give back, is its own affair: a generator that is thrown
    away runs its `finally`.
    """
    is_new = before.phase in ACTIVE or Stacked(op.receiver) in before.marks
    gets = (info.registers or info.enters) and is_new
    is_managed = any(isinstance(before.part(each.value), Manager) for each in op.arguments)
    if not gets or is_managed or op.receiver not in domain.emptied:
        return outcome
    noted = (s.with_mark(Stacked(op.receiver)) if s.phase is Phase.PASSED else s for s in outcome.after)
    return replace(outcome, after=tuple(noted))


def emptied(op: ir.Call, info: CallInfo, state: State) -> Outcome[State] | None:
    """`stack.pop_all()` whose result is dropped: what the stack would have done, nobody does."""
    if not op.discarded or Stacked(op.receiver) not in state.marks or not empties(info):
        return None
    held = replace(state.without_mark(Stacked(op.receiver)), phase=Phase.HELD)
    return Outcome((held,), (), (Wrong.UNSTACKED,))


def empties(info: CallInfo) -> bool:
    """Whether a call takes out of an exit stack what that would have done."""
    return not idioms().functions.emptying.isdisjoint(info.names)
