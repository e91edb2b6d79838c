"""A check-out of a pool that is not ours, and the line of a table that it is counted in."""

from __future__ import annotations

import math
import sys
import threading
from dataclasses import dataclass
from typing import Any

from putback.pool.lease import Frame, Lease
from putback.pool.watching.places import NOWHERE, Trail, folded, places_of


class Holding(Lease):
    """A check-out of a pool that is not ours."""

    request: str | None = None
    """The request or job that it was taken for."""
    seen = False
    """Whether it counts as seen leaking."""

    @property
    def site(self) -> str:
        return str(self.caller)

    @property
    def caller(self) -> Frame:
        """The line that people look for."""
        return folded(self._stack)[0]

    @property
    def through(self) -> list[Frame]:
        """The program's own wrappers between the caller and the pool."""
        return folded(self._stack)[1]

    @property
    def holder(self) -> str:
        who = super().holder
        return f"{who}, {self.request}" if self.request else who


class Tally:
    """What each check-out reads and changes: beside each other in memory, for what lies in many places is fetched anew
    after each statement."""

    __slots__ = ("calm_from", "half", "taken")

    def __init__(self) -> None:
        self.calm_from = -math.inf
        """When the callers are looked for again, if there is no other reason to."""
        self.half = sys.maxsize
        """So many connections out are half of the pool, as far as it was known when somebody looked last."""
        self.taken = 0
        """How many connections were taken."""


Brief = tuple[float, int, Any]
"""What is noted of a check-out in a rush: since when, by which thread, and what tells later whether it is still out."""


class Note:
    """What is noted of a check-out whose callers were looked for, or that somebody has looked at. Whoever makes one
    fills it: `__init__` would be a call more."""

    __slots__ = ("holding", "kept", "request", "since", "task", "thread", "trail")

    since: float
    """When it was taken."""
    thread: int | threading.Thread
    """Which thread took it; only its number, if it was in a rush."""
    trail: Trail | None
    """Who took it; None if nobody looked for that, in a rush. Task and request are known with it."""
    task: str | None
    request: str | None
    kept: Any
    """What tells later whether it is still out: a weak reference to the borrower's object, or that itself."""
    holding: Holding | None
    """The check-out, if somebody has looked at it."""

    @classmethod
    def of(cls, brief: Brief) -> Note:
        """The same as was noted in a rush."""
        note = cls()
        note.since, note.thread, note.kept = brief
        note.trail = note.task = note.request = note.holding = None
        return note

    def as_holding(self, number: int, depth: int) -> Holding:
        """The check-out, for whoever looks at it."""
        holding = Holding(number, None, self.since, [] if self.trail is None else places_of(self.trail, depth))
        thread = self.thread
        if isinstance(thread, int):
            thread = next((each for each in threading.enumerate() if each.ident == thread), _ENDED)
        holding.thread, holding.task, holding.request = thread, self.task, self.request
        return holding


_ENDED = threading.Thread(name="unknown")


@dataclass(frozen=True, slots=True)
class Holders:
    """One line of the table: connections that were taken at one place."""

    caller: Frame
    through: tuple[Frame, ...]
    count: int
    oldest: float
    """Seconds since the first of them was taken."""
    who: str
    """Who holds the oldest."""

    def __str__(self) -> str:
        where = "a place that was not noted, in a rush" if self.caller == NOWHERE else str(self.caller)
        through = "".join(f", through {frame}" for frame in self.through)
        return f"{self.count} x {where}{through}; the oldest for {self.oldest:.1f} s by {self.who}"

    def as_json(self) -> dict[str, Any]:
        """The same as data."""
        return {
            "place": "" if self.caller == NOWHERE else str(self.caller),
            "through": [str(frame) for frame in self.through],
            "count": self.count,
            "oldest": round(self.oldest, 3),
            "who": self.who,
        }


def line_of(caller: Frame, through: tuple[Frame, ...], found: list[Holding], now: float) -> Holders:
    """The line for check-outs of one place."""
    oldest = min(found, key=lambda holding: holding.since)
    return Holders(caller, through, len(found), now - oldest.since, oldest.holder)
