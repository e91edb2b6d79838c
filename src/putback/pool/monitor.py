"""Watching a pool: its state in the log every so many seconds, louder when it is not well."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from putback.pool.adapters import health_of
from putback.pool.core import Core
from putback.pool.errors import SettingsError
from putback.pool.health import Health, Status, Thresholds

log = logging.getLogger("putback.pool.monitor")

_LEVELS = {Status.HEALTHY: logging.INFO, Status.WARNING: logging.WARNING, Status.CRITICAL: logging.ERROR}


class Monitor:
    """Looks at a pool, ours or a real one, every `seconds` in a thread of its own.

        with Monitor(pool, seconds=30): ...

    `wait` waits so many seconds and says whether to stop; only tests pass another one.
    """

    def __init__(
        self,
        pool: Any,
        seconds: float = 60.0,
        thresholds: Thresholds | None = None,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        if seconds <= 0:
            raise SettingsError(f"a monitor cannot look every {seconds} seconds; it must be more than 0")
        self.pool = pool
        self.seconds = seconds
        self.thresholds = thresholds
        self._stop = threading.Event()
        self._wait = wait or self._stop.wait
        self._thread: threading.Thread | None = None

    def look(self) -> Health:
        """Look once: report leaks of our pool, log the state, and give it."""
        if isinstance(self.pool, Core):
            self.pool.check_leaks()
        health = health_of(self.pool, self.thresholds)
        log.log(_LEVELS[health.status], "%s", line(health))
        return health

    def start(self) -> Self:
        """Look now, and from now on in the background."""
        self.look()
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="putback-pool-monitor", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop looking."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._wait(self.seconds):
            try:
                self.look()
            except Exception:
                log.exception("the pool could not be looked at")


def line(health: Health) -> str:
    """A pool's state in one line."""
    stats = health.stats
    overflow = f", {stats.overflow} overflow" if stats.overflow else ""
    waiters = f", {stats.waiters} waiting" if stats.waiters else ""
    warnings = "".join(f"; {warning}" for warning in health.warnings)
    return (
        f"pool {health.status.value}: {stats.in_use} in use, {stats.available} idle, {stats.total} open "
        f"of {stats.capacity or 'any number'}{overflow}{waiters}{warnings}"
    )
