"""What running the function of a finding, with and without faults, shows of a rule's defect."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Broken(Enum):
    """A violated invariant. Some are remarks: they reject nothing."""

    LEAK = "leak"
    LEAK_IN_LOOP = "leak in a loop"
    CLOSED = "pooled connection closed"
    HANDED_OUT_CLOSED = "handed out after its release"
    RELEASED_TWICE = "released twice"
    NONE_RELEASED = "no connection released"
    UNBOUND = "release of an unbound name"
    UNENTERED = "context manager used without being entered"
    USED_AFTER_RELEASE = "used after release"
    REUSED_AFTER_ERROR = "used after a failed statement without rollback"
    CALLERS_RELEASED = "the caller's connection released"
    SESSION_REUSED = "session used after close"
    NOT_CLOSED = "session not closed"
    NOTHING_COMMITTED = "commit of a failed transaction"
    OPEN_TRANSACTION = "transaction open at release"
    CURSOR_OPEN = "cursor left open"
    DESTROYED = "pooled connection destroyed"
    ERROR_HIDDEN = "error hidden by an unbound name"

    @property
    def is_remark(self) -> bool:
        """Whether it is only worth a remark."""
        return self in _REMARKS

    @property
    def is_leak(self) -> bool:
        """Whether a connection stays out for good."""
        return self in LEAKS

    @property
    def changes_course(self) -> bool:
        """Whether what follows it in the run is its consequence, so that mending it changes the rest of the run."""
        return self in _TURNS


_REMARKS = {
    Broken.SESSION_REUSED,
    Broken.NOT_CLOSED,
    Broken.NOTHING_COMMITTED,
    Broken.OPEN_TRANSACTION,
    Broken.CURSOR_OPEN,
    Broken.DESTROYED,
    Broken.ERROR_HIDDEN,
}
LEAKS = frozenset((Broken.LEAK, Broken.LEAK_IN_LOOP, Broken.CLOSED, Broken.HANDED_OUT_CLOSED))
_TURNS = {
    Broken.RELEASED_TWICE,
    Broken.NONE_RELEASED,
    Broken.UNBOUND,
    Broken.ERROR_HIDDEN,
    Broken.UNENTERED,
    Broken.USED_AFTER_RELEASE,
    Broken.REUSED_AFTER_ERROR,
}
ABOUT_NAMES = frozenset((Broken.UNBOUND, Broken.ERROR_HIDDEN))
"""What names a name, and no connection."""
ABOUT_HANDLERS = frozenset((Broken.REUSED_AFTER_ERROR, Broken.NOTHING_COMMITTED, Broken.OPEN_TRANSACTION))
"""What a handler has to answer for: the error that it has swallowed."""
SERIOUS = LEAKS | _TURNS
"""Everything that is no remark."""


@dataclass(frozen=True, slots=True)
class Running:
    """What the verifier has to know of a rule.

    `breaks`: the invariants that its defect violates, which its fix has to mend; none for one that leaves everything as
    it was. `level`: the faults that have to be looked at to see it (`Bounds.level`). `in_registry`: it is about what is
    left in a scoped registry, not about an acquire. `in_requests`: only the end of a request shows it, no function.
    """

    breaks: frozenset[Broken] = LEAKS
    level: int = 1
    in_registry: bool = False
    in_requests: bool = False


LEAKING = Running()
NO_DEFECT = Running(frozenset())
LEFT_IN_REGISTRY = Running(LEAKS | {Broken.NOT_CLOSED}, in_registry=True)
