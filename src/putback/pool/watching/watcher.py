"""Who holds which connection of a pool that is not ours."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import signal
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Self

from putback.pool.clock import SYSTEM_CLOCK, Clock
from putback.pool.forking import notice_forks
from putback.pool.incidents import Incident, Incidents, Kind
from putback.pool.leaks import LeakDetector
from putback.pool.lease import Frame, Lease, Stack
from putback.pool.watching.places import folded, own_callers
from putback.pool.watching.requests import current

log = logging.getLogger("putback.pool")

QUIET = 10.0
"""Seconds between two tables of holders in the log."""
PATIENCE = 1.0
"""Seconds that a request must have waited before its cancellation can mean that the pool is empty."""


class Holding(Lease):
    """A check-out of a pool that is not ours."""

    request: str | None = None
    """The request or job that it was taken for."""
    seen = False
    """Whether it counts as seen leaking."""
    borrowed: weakref.ref[Any] | None = None

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
        through = "".join(f", through {frame}" for frame in self.through)
        return f"{self.count} x {self.caller}{through}; the oldest for {self.oldest:.1f} s by {self.who}"


class Watch:
    """Watches one pool, `target`. `capacity` says how many connections it can lend, None if that is not known."""

    def __init__(
        self,
        name: str,
        *,
        target: Any = None,
        capacity: Callable[[Any], int | None] = lambda target: None,
        leak_threshold: float | None = None,
        depth: int = 4,
        sample: int = 1,
        clock: Clock = SYSTEM_CLOCK,
        on_incident: Callable[[Incident], None] | None = None,
    ) -> None:
        self.name = name
        self._target = reference(target)
        self.depth = depth
        self.sample = sample
        self.clock = clock
        self.incidents = Incidents(on_incident)
        self.leaks = LeakDetector(leak_threshold, self.incidents)
        self.taken = 0
        self.given_back = 0
        self.patience = PATIENCE
        self.seen: Counter[Frame] = Counter()
        """How many connections were seen leaking where: held too long, lost, or out when the pool was empty."""
        self.is_out: Callable[[Any], bool] = lambda raw: True
        """Asked when somebody looks, for what can come back without a call of a hook."""
        self.takes_back_lost = False
        """Whether the pool gets back what is garbage-collected."""
        self._capacity_of = capacity
        self._out: dict[int, Holding] = {}
        """By the identity of what the pool lends. No lock: single operations on a dictionary cannot be interrupted."""
        self._numbers = count(1)
        self._quiet_until = -QUIET
        self._undo: list[Callable[[], None]] = []
        self._stopped = threading.Event()
        notice_forks(self)
        if leak_threshold is not None:
            self._look_regularly(max(leak_threshold / 2, 0.1))

    @property
    def target(self) -> Any:
        """The engine or pool that is watched; None when it is gone: watching keeps nothing alive."""
        return self._target()

    def _capacity(self) -> int | None:
        target = self._target()
        return None if target is None else self._capacity_of(target)

    # What the hooks call

    def callers(self) -> Stack:
        """Who takes a connection now. With `sample` only every so often, unless half of the pool is out already."""
        if self.sample > 1 and self.taken % self.sample and len(self._out) * 2 < (self._capacity() or math.inf):
            return []
        return own_callers(self.depth)

    def began(self, key: int, stack: Stack, connection: Any = None, raw: Any = None) -> None:
        """A connection was taken from `stack`. With `connection` it is noticed when that is garbage-collected."""
        if key in self._out:
            return  # the same one again: psycopg2's getconn with a key
        holding = Holding(next(self._numbers), raw, self.clock.now(), stack)
        if asyncio._get_running_loop() is not None:
            task = asyncio.current_task()
            holding.task = task.get_name() if task is not None else None
        holding.request = current()
        if connection is not None:
            holding.borrowed = weakref.ref(connection, lambda _: self._collected(key, holding))
        self.taken += 1
        self._out[key] = holding
        self.leaks.began(holding)
        if self.clock.now() >= self.leaks.due:
            self.check()

    def ended(self, key: int) -> Holding | None:
        """It came back, or is about to."""
        holding = self._out.pop(key, None)
        if holding is not None:
            holding.ended = True
            self.given_back += 1
            if holding.reported:
                self.leaks.ended(holding, self.clock.now())
        return holding

    def still_out(self, key: int, holding: Holding | None) -> None:
        """It could not be given back."""
        if holding is not None:
            holding.ended = False
            self._out.setdefault(key, holding)

    def all_ended(self) -> None:
        """The pool ended all that it had lent."""
        self._out.clear()

    def exhausted(self, error: BaseException) -> None:
        """A request got nothing: the error and, not too often, the log say who holds what."""
        table = self.table()
        if not any(note.startswith(self._title()) for note in getattr(error, "__notes__", ())):
            error.add_note(table)
        for holding in self.holdings():
            self._note_seen(holding)
        now = self.clock.now()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET
            self.incidents.report(Kind.EXHAUSTED, table)

    def waited_in_vain(self, began: float, given_back: int) -> bool:
        """Whether a request that was cancelled waited for an empty pool, as far as is known: whoever waits with a time
        limit of his own is cancelled by it. In good times something comes back meanwhile."""
        if given_back != self.given_back or self.clock.now() - began < self.patience:
            return False
        capacity = self._capacity()
        return capacity is not None and len(self.holdings()) >= capacity

    def _collected(self, key: int, holding: Holding) -> None:
        if holding.ended or self._out.get(key) is not holding:
            return
        del self._out[key]
        holding.ended = True
        self._note_seen(holding)
        self.leaks.collected(holding, self.clock.now(), self.takes_back_lost)

    def _note_seen(self, holding: Holding) -> None:
        if not holding.seen:
            holding.seen = True
            self.seen[holding.caller] += 1

    # What people look at

    def holders(self) -> list[Holders]:
        """Who holds what now, the most first."""
        by_place: dict[tuple[Frame, tuple[Frame, ...]], list[Holding]] = {}
        for holding in self.holdings():
            by_place.setdefault((holding.caller, tuple(holding.through)), []).append(holding)
        now = self.clock.now()
        lines = [_line(caller, through, found, now) for (caller, through), found in by_place.items()]
        return sorted(lines, key=lambda line: (-line.count, -line.oldest))

    def holdings(self) -> list[Holding]:
        """What is out. Who closed its connection in a way that no hook hears of, holds nothing."""
        found = list(self._out.items())
        for key, holding in found:
            if holding.raw is not None and not self.is_out(holding.raw):
                self.ended(key)
        return [holding for _, holding in found if not holding.ended]

    def table(self) -> str:
        """The same as text."""
        return "\n".join([self._title(), *(f"  {line}" for line in self.holders())])

    def check(self) -> None:
        """Report what is held for longer than the threshold, each once."""
        holdings = self.holdings()
        self.leaks.check(holdings, self.clock.now())
        for holding in holdings:
            if holding.reported:
                self._note_seen(holding)

    def dump(self, file: str | Path) -> None:
        """Write what was seen, for `putback check --holders`."""
        Path(file).write_text(json.dumps(self.seen_as_json(), indent=2), encoding="utf-8")

    def seen_as_json(self) -> dict[str, Any]:
        """The places that were seen leaking; if none was, those that hold something now."""
        places = self.seen or Counter(holding.caller for holding in self.holdings())
        holders = [
            {"file": frame.file, "line": frame.line, "function": frame.function, "times": times}
            for frame, times in places.most_common()
        ]
        return {"pool": self.name, "holders": holders}

    def on_signal(self, number: int | None = None) -> None:
        """Log the table whenever the process gets a signal (default: SIGUSR1): `kill -USR1 PID`. To be called in the
        main thread."""
        number = signal.SIGUSR1 if number is None else number
        before = signal.getsignal(number)
        signal.signal(number, lambda *_: log.warning("%s", self.table()))
        self.undone_by(lambda: _restore(number, before))

    # Life

    def undone_by(self, undo: Callable[[], None]) -> None:
        """What takes a hook away again."""
        self._undo.append(undo)

    def stop(self) -> None:
        """Stop watching: the pool is as it was."""
        self._stopped.set()
        while self._undo:
            self._undo.pop()()
        self._out.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def after_fork(self) -> Iterable[Any]:
        """In the child of a fork: what is out is the parent's."""
        self._out = {}
        return ()

    # Inside

    def _title(self) -> str:
        capacity = self._capacity()
        of = f" of {capacity}" if capacity else ""
        return f"pool {self.name}: {len(self.holdings())}{of} connections are out"

    def _look_regularly(self, seconds: float) -> None:
        watch = weakref.ref(self)
        stopped = self._stopped

        def look() -> None:
            while not stopped.wait(seconds):
                found = watch()
                if found is None:
                    return
                found.check()
                del found

        threading.Thread(target=look, name="putback-pool-watch", daemon=True).start()


def reference(target: Any) -> Callable[[], Any]:
    """Gives the target as long as it lives; asyncpg's pools have no room for a weak reference."""
    try:
        return weakref.ref(target)
    except TypeError:
        return lambda: target


def _restore(number: int, handler: Any) -> None:
    signal.signal(number, handler)


def _line(caller: Frame, through: tuple[Frame, ...], found: list[Holding], now: float) -> Holders:
    oldest = min(found, key=lambda holding: holding.since)
    return Holders(caller, through, len(found), now - oldest.since, oldest.holder)
