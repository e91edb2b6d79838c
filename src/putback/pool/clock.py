"""Time for the pool: what the hour is, and waiting for something no longer than so many seconds."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any, NoReturn, Protocol

from putback.pool.steps import Call

LATE = object()
"""What a call that took too long gives."""


class Clock(Protocol):
    """Where a pool gets the time from."""

    def now(self) -> float:
        """Seconds since some fixed moment; never goes back."""

    def wait(self, gate: Lock, seconds: float | None) -> bool:
        """Wait until the locked `gate` is opened, at most so many seconds (None: for ever). False: time is up."""

    def call(self, call: Call, seconds: float, late: Callable[[Call], None]) -> Any:
        """Make a call. If it takes longer than so many seconds give LATE, and what comes then to `late`, as a call
        that gives or raises it."""


class SystemClock:
    """The real time."""

    now = staticmethod(time.monotonic)

    def wait(self, gate: Lock, seconds: float | None) -> bool:
        if seconds is None:
            return gate.acquire()
        if seconds > 0:
            return gate.acquire(True, seconds if seconds < threading.TIMEOUT_MAX else threading.TIMEOUT_MAX)
        return gate.acquire(False)

    def call(self, call: Call, seconds: float, late: Callable[[Call], None]) -> Any:
        """In a thread of its own: no other way leads out of a call that does not end."""
        attempt = _Attempt(call)
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(attempt.make,), name="putback-pool-connect", daemon=True).start()
        try:
            in_time = self.wait(attempt.gate, seconds)
        except BaseException:
            attempt.give_up(_close_result)
            raise
        return attempt.result() if in_time or not attempt.give_up(late) else LATE


class _Attempt:
    """A call in a thread, for which somebody may not wait to the end."""

    def __init__(self, call: Call) -> None:
        self.gate = Lock()
        self.gate.acquire()
        self.result: Call = _nothing
        self._call = call
        self._late: Callable[[Call], None] | None = None
        self._lock = Lock()

    def make(self) -> None:
        try:
            result: Call = partial(give, self._call())
        except BaseException as error:
            result = partial(_raise, error)
        with self._lock:
            self.result = result
            late = self._late
        if late is None:
            self.gate.release()
        else:
            late(result)

    def give_up(self, late: Callable[[Call], None]) -> bool:
        """Nobody waits any more. False: it is over already."""
        with self._lock:
            if self.result is not _nothing:
                return False
            self._late = late
            return True


def _nothing() -> NoReturn:
    raise AssertionError("the call is not over")


def give(value: Any) -> Any:
    return value


def _raise(error: BaseException) -> NoReturn:
    raise error


def _close_result(result: Call) -> None:
    """Of a connect for which its thread was interrupted."""
    with suppress(Exception):
        result().close()


SYSTEM_CLOCK = SystemClock()
