"""A check-out of a pool that is not ours, and the line of a table that it is counted in."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from putback.pool.lease import Frame, Lease
from putback.pool.watching.places import NOWHERE, Trail, folded, own_places, places_of


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
        return folded(self.places)[0]  # only the program's own were kept

    @property
    def through(self) -> list[Frame]:
        """The program's own wrappers between the caller and the pool."""
        return folded(self.places)[1]

    @property
    def holder(self) -> str:
        who = super().holder
        return f"{who}, {self.request}" if self.request else who


class Tally:
    """What each check-out reads and changes: beside each other in memory, for what lies in many places is fetched anew
    after each statement."""

    __slots__ = ("answered", "asked", "calm_from", "half", "taken")

    def __init__(self) -> None:
        self.calm_from = -math.inf
        """When the callers are looked for again, if there is no other reason to."""
        self.half = sys.maxsize
        """So many connections out are half of the pool, as far as it was known when somebody looked last."""
        self.taken = 0
        """How many connections were taken."""
        self.asked = 0
        """How many requests there were."""
        self.answered = 0
        """How many of them are over, well or not."""


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


def lines_of(leases: Iterable[Lease], now: float) -> list[Holders]:
    """Who holds what, by place, the most first."""
    by_place: dict[tuple[Frame, tuple[Frame, ...]], list[Lease]] = {}
    for lease in leases:
        caller, through = folded(own_places(lease.places))
        by_place.setdefault((caller, tuple(through)), []).append(lease)
    lines = [_line_of(caller, through, found, now) for (caller, through), found in by_place.items()]
    return sorted(lines, key=lambda line: (-line.count, -line.oldest))


def _line_of(caller: Frame, through: tuple[Frame, ...], found: list[Lease], now: float) -> Holders:
    oldest = min(found, key=lambda lease: lease.since)
    return Holders(caller, through, len(found), now - oldest.since, oldest.holder)


def table_of(name: str, out: int, capacity: int | None, lines: Iterable[Holders]) -> str:
    """What an exhausted pool says: how many of its connections are out, and who holds them."""
    return "\n".join([title_of(name, out, capacity), *(f"  {line}" for line in lines)])


def title_of(name: str, out: int, capacity: int | None) -> str:
    """How many are out."""
    of = f" of {capacity}" if capacity else ""
    return f"pool {name}: {out}{of} connections are out"
