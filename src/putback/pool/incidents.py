"""What went wrong, told once: logged, remembered and passed to whoever listens."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from putback.pool.lease import Frame, Lease

log = logging.getLogger("putback.pool")

REMEMBERED = 100
"""Incidents that a pool keeps, the newest."""


class Kind(Enum):
    """What happened."""

    HELD_TOO_LONG = "held too long"
    RETURNED_AFTER_ALL = "returned after all"
    COLLECTED = "garbage-collected while lent"
    EXHAUSTED = "exhausted"
    CLOSED_WHILE_LENT = "closed while lent"
    USED_AFTER_RELEASE = "used after release"
    RELEASED_TWICE = "released twice"
    RESET_FAILED = "reset failed"
    SESSION_CHANGED = "session left changed"
    FORKED = "used after a fork"


_LEVELS = {Kind.RETURNED_AFTER_ALL: logging.INFO}


@dataclass(frozen=True, slots=True)
class Incident:
    """`text` says it in one sentence; `stack` is where the connection was taken, innermost first."""

    kind: Kind
    text: str
    stack: tuple[Frame, ...] = ()

    def __str__(self) -> str:
        return "\n".join([self.text, *(f"    taken at {frame}" for frame in self.stack[:1])])


class Incidents:
    """The incidents of one pool."""

    def __init__(self, listener: Callable[[Incident], None] | None = None) -> None:
        self.recent: deque[Incident] = deque(maxlen=REMEMBERED)
        self.counts: Counter[Kind] = Counter()
        self._listener = listener

    def report(self, kind: Kind, text: str, lease: Lease | None = None) -> None:
        """Note, log and pass on. Never called with the pool's lock held: the listener may ask the pool."""
        incident = Incident(kind, text, tuple(lease.stack) if lease else ())
        self.recent.append(incident)
        self.counts[kind] += 1
        log.log(_LEVELS.get(kind, logging.WARNING), "%s", text + _origin(incident.stack))
        if self._listener is not None:
            self._listener(incident)


def _origin(stack: tuple[Frame, ...]) -> str:
    return "".join(f"\n    {'taken at' if not place else 'called by'} {frame}" for place, frame in enumerate(stack))
