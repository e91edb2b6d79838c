"""A check-out of a pool that is not ours, and the line of a table that it is counted in."""

from __future__ import annotations

import asyncio
import math
import sys
import threading
from asyncio import _get_running_loop
from dataclasses import dataclass
from typing import Any

from putback.pool.lease import Frame, Lease
from putback.pool.watching.places import NOWHERE, Trail, folded, places_of
from putback.pool.watching.requests import current


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
    """What each check-out and its end read and change: beside each other in memory, for what lies in many places is
    fetched anew after each statement."""

    __slots__ = ("calm_from", "given_back", "half", "taken")

    def __init__(self) -> None:
        self.calm_from = -math.inf
        """When the callers are looked for again, if there is no other reason to."""
        self.half = sys.maxsize
        """So many connections out are half of the pool, as far as it was known when somebody looked last."""
        self.taken = 0
        """How many connections were taken."""
        self.given_back = 0
        """How many of them are not out any more."""


class Note:
    """What is noted of a connection. It stays when the connection comes back, for the next time that it is taken: what
    people look at is made of it when they do."""

    __slots__ = ("holding", "kept", "request", "since", "task", "thread", "trail")

    def __init__(self) -> None:
        self.since: float | None = None
        """When it was taken; None while it is not."""
        self.thread: int | threading.Thread = 0
        """Which thread took it; only its number, if it was in a rush."""
        self.trail: Trail | None = None
        """Who took it; None if nobody looked for that, in a rush. Task and request are known with it."""
        self.task: str | None = None
        self.request: str | None = None
        self.kept: Any = None
        """What tells later whether it is still out: a weak reference to the borrower's object, or that itself."""
        self.holding: Holding | None = None
        """The check-out, if somebody has looked at it."""

    def taken_by(self, trail: Trail) -> None:
        """Note who takes the connection now."""
        self.trail = trail
        self.thread = threading.current_thread()
        self.request = current()
        self.task = None
        if _get_running_loop() is not None and (task := asyncio.current_task()) is not None:
            self.task = task.get_name()

    def as_holding(self, number: int, since: float, depth: int) -> Holding:
        """The check-out that began then, for whoever looks at it."""
        holding = Holding(number, None, since, [] if self.trail is None else places_of(self.trail, depth))
        thread = self.thread
        if isinstance(thread, int):
            thread = next((each for each in threading.enumerate() if each.ident == thread), _ENDED)
        holding.thread = thread
        if self.trail is not None:
            holding.task, holding.request = self.task, self.request
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
