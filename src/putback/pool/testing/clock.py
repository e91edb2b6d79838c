"""Time that stands still."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any

from putback.pool.clock import LATE, give
from putback.pool.steps import Call


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

    def call(self, call: Call, seconds: float, late: Callable[[Call], None]) -> Any:
        """In this thread; it took as long as it moved the clock."""
        began = self.time
        value = call()
        if self.time - began <= seconds:
            return value
        late(partial(give, value))
        return LATE
