"""A check-out of a pool that is not ours, and the line of a table that it is counted in."""

from __future__ import annotations

import asyncio
import math
import sys
import threading
import weakref
from dataclasses import dataclass
from threading import get_ident
from typing import Any

from putback.pool.lease import Frame, Lease, Stack
from putback.pool.watching.places import NOWHERE, folded
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
    """What is noted of a connection. It stays when the connection comes back, for the next time that it is taken."""

    __slots__ = ("holding", "kept", "since", "thread")

    def __init__(self, since: float, kept: Any = None, holding: Holding | None = None) -> None:
        self.since: float | None = since
        """When it was taken; None while it is not."""
        self.thread = get_ident() if holding is None else 0
        """The number of the thread that took it, if nothing else tells."""
        self.kept = kept
        """What tells later whether it is still out: a weak reference to the borrower's object, or that itself."""
        self.holding = holding
        """The check-out, if its callers were looked for, or if somebody has looked at it."""

    @property
    def is_gone(self) -> bool:
        """Whether the borrower's object was garbage-collected."""
        return isinstance(self.kept, weakref.ref) and self.kept() is None


def noted(number: int, since: float, stack: Stack) -> Holding:
    """A check-out of this moment, with who takes it."""
    holding = Holding(number, None, since, stack)
    if asyncio._get_running_loop() is not None:
        task = asyncio.current_task()
        holding.task = task.get_name() if task is not None else None
    holding.request = current()
    return holding


def made_of(since: float, thread: int, number: int) -> Holding:
    """A check-out of which only little was noted."""
    holding = Holding(number, None, since, [])
    holding.thread = next((each for each in threading.enumerate() if each.ident == thread), _ENDED)
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
