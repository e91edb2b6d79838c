"""Who holds which connection of a pool that is not ours."""

from __future__ import annotations

import json
import logging
import math
import signal
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from threading import get_ident
from typing import Any, Self

from putback.pool.clock import SYSTEM_CLOCK, Clock
from putback.pool.forking import notice_forks
from putback.pool.incidents import Incident, Incidents, Kind
from putback.pool.leaks import LeakDetector
from putback.pool.lease import Frame, Stack
from putback.pool.watching.holding import Entry, Holders, Holding, is_gone, line_of, made_of, noted
from putback.pool.watching.places import NOWHERE, own_callers
from putback.pool.watching.signals import listen

log = logging.getLogger("putback.pool")

PAUSE = 0.01
"""Seconds between two check-outs whose callers are looked for, in a rush."""
BURST = 100
"""So many one after the other are no rush yet."""

QUIET = 10.0
"""Seconds between two tables of holders in the log."""
PATIENCE = 1.0
"""Seconds that a request must have waited before its cancellation can mean that the pool is empty."""


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
        sample: int | None = None,
        clock: Clock = SYSTEM_CLOCK,
        on_incident: Callable[[Incident], None] | None = None,
    ) -> None:
        self.name = name
        self._target = reference(target)
        self.depth = depth
        self.sample = sample
        self.clock = clock
        self._now = clock.now
        self._calm_from = -math.inf
        """When the callers are looked for again, if there is no other reason to."""
        self._half = sys.maxsize
        """So many connections out are half of the pool, as far as it was known when somebody looked last."""
        self.incidents = Incidents(on_incident)
        self.leaks = LeakDetector(leak_threshold, self.incidents)
        self.taken = 0
        self.patience = PATIENCE
        self.seen: Counter[Frame] = Counter()
        """How many connections were seen leaking where: held too long, lost, or out when the pool was empty."""
        self.keeps: Callable[[Any], Any] | None = None
        """What is remembered of a connection, to see later whether it is still out."""
        self.keeps_briefly: Callable[[Any], Any] | None = None
        """The same in a rush; nothing of a pool that takes back what is lost before anybody can look."""
        self.is_out: Callable[[Any], bool] | None = None
        """Asked when somebody looks, for what can come back without a call of a hook."""
        self.takes_back_lost = False
        """Whether the pool gets back what is garbage-collected."""
        self._capacity_of = capacity
        self._out: dict[int, Entry] = {}
        """By the identity of what the pool lends. No lock: single operations on a dictionary cannot be interrupted."""
        self._looked_at: dict[int, tuple[Entry, Holding]] = {}
        """What was made of the brief ones among them when somebody looked."""
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

    @property
    def given_back(self) -> int:
        """How many connections came back."""
        return self.taken - len(self._out)

    def capacity(self) -> int | None:
        """How many connections the pool can lend; None if that is not known."""
        target = self._target()
        return None if target is None else self._capacity_of(target)

    # What the hooks call

    def took(self, key: int, connection: Any) -> None:
        """A connection was taken just now. In a rush little is noted: to look for the callers of each would cost more
        than it tells."""
        out, now = self._out, self._now()
        if now < self._calm_from and len(out) < self._half and key not in out:
            keeps = self.keeps_briefly
            out[key] = now, get_ident(), None if keeps is None else keeps(connection)
            self.taken += 1
        else:
            self.began(key, self.callers(), connection)

    def callers(self) -> Stack | None:
        """Who takes a connection now; None in a rush."""
        sample = self.sample
        left_out = self._now() < self._calm_from if sample is None else self.taken % sample
        return None if left_out and len(self._out) < self._half else self._callers()

    def _callers(self) -> Stack:
        if self.sample is None:
            self._calm_from = max(self._calm_from, self._now() - BURST * PAUSE) + PAUSE
        capacity = self.capacity()
        self._half = sys.maxsize if capacity is None else (capacity + 1) // 2
        return own_callers(self.depth)

    def began(self, key: int, stack: Stack | None, connection: Any) -> None:
        """A connection was taken from `stack`."""
        known = self._out.get(key)
        if known is not None and not is_gone(known):
            return  # the same one again: psycopg2's getconn with a key
        keeps = self.keeps_briefly if stack is None else self.keeps
        kept = None if keeps is None else keeps(connection)
        self.taken += 1
        if stack is None:
            self._out[key] = (self._now(), get_ident(), kept)
            return
        holding = noted(next(self._numbers), self._now(), stack)
        if isinstance(kept, weakref.ref):
            kept = weakref.ref(connection, lambda _: self._collected(key, holding))
        holding.kept = kept
        self._out[key] = holding

    def ended(self, key: int) -> Entry | None:
        """It came back, or is about to."""
        entry = self._out.pop(key, None)
        if type(entry) is not tuple or self._looked_at:
            self._has_ended(key, entry)
        return entry

    def _has_ended(self, key: int, entry: Entry | None) -> None:
        if isinstance(entry, Holding):
            self._tell_ended(entry)
        elif entry is not None and key in self._looked_at:
            self._tell_ended(self._look_at(key, entry))
            self._looked_at.pop(key, None)

    def _tell_ended(self, holding: Holding) -> None:
        holding.ended = True
        if holding.reported:
            self.leaks.ended(holding, self.clock.now())

    def _look_at(self, key: int, entry: Entry) -> Holding:
        """What is known of a check-out; the same object each time."""
        if isinstance(entry, Holding):
            return entry
        known = self._looked_at.get(key)
        if known is None or known[0] is not entry:
            known = self._looked_at[key] = entry, made_of(entry, next(self._numbers))
        return known[1]

    def still_out(self, key: int, entry: Entry | None) -> None:
        """It could not be given back."""
        if entry is not None:
            self._look_at(key, entry).ended = False
            self._out.setdefault(key, entry)

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
        capacity = self.capacity()
        return capacity is not None and len(self.holdings()) >= capacity

    def _collected(self, key: int, holding: Holding) -> None:
        entry = self._out.get(key)
        if holding.ended or entry is None or self._look_at(key, entry) is not holding:
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
        lines = [line_of(caller, through, found, now) for (caller, through), found in by_place.items()]
        return sorted(lines, key=lambda line: (-line.count, -line.oldest))

    def holdings(self) -> list[Holding]:
        """What is out. Who closed its connection in a way that no hook hears of, holds nothing."""
        found: list[Holding] = []
        for key, entry in list(self._out.items()):
            holding = self._look_at(key, entry)
            found.append(holding)
            if is_gone(entry):
                self._collected(key, holding)
            elif self.is_out is not None and not self.is_out(holding.kept):
                self.ended(key)
        self._looked_at = {key: known for key, known in self._looked_at.items() if self._out.get(key) is known[0]}
        return [holding for holding in found if not holding.ended]

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
            if frame != NOWHERE
        ]
        return {"pool": self.name, "holders": holders}

    def on_signal(self, number: int | None = None) -> None:
        """Log the table whenever the process gets a signal (default: SIGUSR1): `kill -USR1 PID`; and be seen by
        `python -m putback.pool.top PID`. To be called in the main thread."""
        self.undone_by(listen(self, signal.SIGUSR1 if number is None else number))

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
        self._target = _nothing

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
        capacity = self.capacity()
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


def _nothing() -> None:
    """What a watch that has stopped watches."""


def reference(target: Any) -> Callable[[], Any]:
    """Gives the target as long as it lives. asyncpg's pools have no room for a weak reference: those live as long as
    their watch, until it stops; if nobody has the watch either, both are collected together."""
    try:
        return weakref.ref(target)
    except TypeError:
        return lambda: target
