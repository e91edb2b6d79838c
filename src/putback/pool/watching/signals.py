"""What a process that is watched does at a signal: it logs each pool's table, or writes it for `pool.top`, which looks
too often for a log."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol
from weakref import WeakSet

from putback.pool.errors import SettingsError
from putback.pool.watching.holding import Holders
from putback.pool.watching.spool import Json, Spool

log = logging.getLogger("putback.pool")


class Watched(Protocol):
    """What is told of a watch."""

    name: str

    @property
    def taken(self) -> int: ...

    def capacity(self) -> int | None: ...

    def holders(self) -> list[Holders]: ...

    def table(self) -> str: ...


class _Listening:
    """One signal, and whoever answers to it."""

    def __init__(self, number: int) -> None:
        self.watches: WeakSet[Watched] = WeakSet()
        self._spool: Spool | None = None
        with suppress(OSError, SettingsError, ImportError):  # without files, the log has it
            self._spool = Spool(number)
        self._before = signal.signal(number, self._answer)
        self._number = number

    def _answer(self, *_: object) -> None:
        found = sorted(self.watches, key=lambda watch: watch.name)
        if self._spool is not None and self._spool.is_asked():
            self._spool.write([state_of(watch) for watch in found])
            return
        for watch in found:
            log.warning("%s", watch.table())

    def stop(self) -> None:
        signal.signal(self._number, self._before)
        if self._spool is not None:
            self._spool.close()


_listening: dict[int, _Listening] = {}


def listen(watch: Watched, number: int) -> Callable[[], None]:
    """Answer to a signal from now on; what is given ends it."""
    listening = _listening.get(number)
    if listening is None:
        listening = _listening[number] = _Listening(number)
    listening.watches.add(watch)

    def stop() -> None:
        listening.watches.discard(watch)
        if not listening.watches and _listening.get(number) is listening:
            del _listening[number]
            listening.stop()

    return stop


def state_of(watch: Watched) -> Json:
    """A pool as data: what `pool.top` shows."""
    lines = watch.holders()
    held: list[dict[str, Any]] = [line.as_json() for line in lines]
    return {
        "pool": watch.name,
        "capacity": watch.capacity(),
        "in_use": sum(line.count for line in lines),
        "taken": watch.taken,
        "held": held,
    }
