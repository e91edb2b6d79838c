"""Time for the pool: what the hour is, and waiting for something no longer than so many seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from threading import Lock
from typing import Protocol


class Clock(Protocol):
    """Where a pool gets the time from."""

    def now(self) -> float:
        """Seconds since some fixed moment; never goes back."""

    def wait(self, gate: Lock, seconds: float | None) -> bool:
        """Wait until the locked `gate` is opened, at most so many seconds (None: for ever). False: time is up."""


class SystemClock:
    """The real time."""

    now = staticmethod(time.monotonic)

    def wait(self, gate: Lock, seconds: float | None) -> bool:
        if seconds is None:
            return gate.acquire()
        if seconds > 0:
            return gate.acquire(True, seconds if seconds < threading.TIMEOUT_MAX else threading.TIMEOUT_MAX)
        return gate.acquire(False)


class ManualClock:
    """A clock that only moves when told to, and that passes the whole time limit at once when somebody waits.

    Before it does so it calls `meanwhile`, if given: what another would do during the wait.
    """

    def __init__(self, start: float = 0.0, meanwhile: Callable[[], None] | None = None) -> None:
        self.time = start
        self.meanwhile = meanwhile

    def now(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds

    def wait(self, gate: Lock, seconds: float | None) -> bool:
        if self.meanwhile is not None:
            self.meanwhile()
        if gate.acquire(blocking=False):
            return True
        if seconds is None:
            raise RuntimeError("nobody would ever open this gate: the manual clock cannot wait for ever")
        self.advance(max(0.0, seconds))
        return False


SYSTEM_CLOCK = SystemClock()
