"""Who holds which connection of a pool that is not ours."""

from __future__ import annotations

import functools
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
from putback.pool.lease import Frame
from putback.pool.watching.holding import Holders, Holding, Note, Tally, line_of
from putback.pool.watching.places import NOWHERE, Trail, callers
from putback.pool.watching.signals import listen

log = logging.getLogger("putback.pool")

PAUSE = 1 / 16
"""Seconds between two check-outs whose callers are looked for, in a rush."""
BURST = 100
"""So many one after the other are no rush yet."""
NOTES = 1000
"""So many connections that are not out, beyond what the pool can lend twice over, are forgotten."""
_OURS = 2
"""Frames that are no callers: `_some_callers`, and the hook."""
_FORGOTTEN = math.inf
"""Since when a connection is out whose note is not used any more."""

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
        self.now = clock.now
        self.tally = Tally()
        self.incidents = Incidents(on_incident)
        self.leaks = LeakDetector(leak_threshold, self.incidents)
        self.patience = PATIENCE
        self.seen: Counter[Frame] = Counter()
        """How many connections were seen leaking where: held too long, lost, or out when the pool was empty."""
        self.keeps: Callable[[Any], Any] | None = None
        """What is remembered of a connection, to see later whether it is still out."""
        self.is_out: Callable[[Any], bool] | None = None
        """Asked when somebody looks, for what can come back without a call of a hook."""
        self.takes_back_lost = False
        """Whether the pool gets back what is garbage-collected."""
        self._capacity_of = capacity
        self.notes: dict[int, Note] = {}
        """By the identity of what the pool gets back. No lock: single operations on a dictionary, and what follows one
        another without a call, cannot be interrupted."""
        self._numbers = count(1)
        self._quiet_until = -QUIET
        self._undo: list[Callable[[], None]] = []
        self._stopped = threading.Event()
        notice_forks(self)
        if leak_threshold is not None:
            self._look_regularly(max(leak_threshold / 2, 0.1))

    @property
    def taken(self) -> int:
        """How many connections were taken."""
        return self.tally.taken

    @property
    def target(self) -> Any:
        """The engine or pool that is watched; None when it is gone: watching keeps nothing alive."""
        return self._target()

    def capacity(self) -> int | None:
        """How many connections the pool can lend; None if that is not known."""
        target = self._target()
        return None if target is None else self._capacity_of(target)

    # What the hooks call. `hooks.py` does itself, without a call, what has to be done for each check-out in a rush.

    @property
    def asking(self) -> Callable[[], Trail | None]:
        """What tells who takes a connection now; None in a rush."""
        return functools.partial(callers, self.depth, _OURS - 1) if self.sample == 1 else self._some_callers

    def _some_callers(self) -> Trail | None:
        """To look for the callers of each would cost more than it tells."""
        sample, tally = self.sample, self.tally
        left_out = self.now() <= tally.calm_from if sample is None else tally.taken % sample
        if left_out and tally.taken - tally.given_back < tally.half:
            return None
        if sample is None:
            tally.calm_from = max(tally.calm_from, self.now() - BURST * PAUSE) + PAUSE
        capacity = self.capacity()
        tally.half = sys.maxsize if capacity is None else (capacity + 1) // 2
        return callers(self.depth, _OURS)

    def _forget(self) -> None:
        """Connections come and go: drop the notes of those that are not out, when there are too many."""
        if len(self.notes) <= NOTES + 2 * (self.capacity() or 0):
            return
        if self.is_out is not None:
            self.holdings()
        for key, note in list(self.notes.items()):
            if note.since is None:
                note.since = _FORGOTTEN
                self.notes.pop(key, None)

    def began(self, key: int, trail: Trail | None, connection: Any, since: float) -> None:
        """A connection was taken by those of `trail`."""
        notes = self.notes
        note = notes.get(key)
        if note is not None and note.since is not None:
            if self._is_still_out(key, note):
                return  # the same one again: psycopg2's getconn with a key
            note = None
        if note is None:
            if len(notes) > NOTES:
                self._forget()
            note = notes[key] = Note()
        if trail is None:
            note.trail, note.thread = None, get_ident()
        else:
            note.taken_by(trail)
        keeps = self.keeps
        if keeps is not weakref.ref:
            note.kept = None if keeps is None else keeps(connection)
        elif self.takes_back_lost:
            note.kept = weakref.ref(connection)
        elif note.kept is None or note.kept() is not connection:
            note.kept = weakref.ref(connection, functools.partial(self._gone, key, note))
        self.tally.taken += 1
        note.since = since

    def _is_still_out(self, key: int, note: Note) -> bool:
        if self._is_gone(note):
            self._collected(key, note)
        elif self.is_out is None or self.is_out(note.kept):
            return True
        else:
            self.ended(key)
        return False

    def _is_gone(self, note: Note) -> bool:
        """Whether the borrower's object was garbage-collected. In a rush nobody looks at those of a pool that takes
        back what is lost before anybody can ask."""
        is_known = note.trail is not None or not self.takes_back_lost
        return is_known and isinstance(note.kept, weakref.ref) and note.kept() is None

    def ended(self, key: int) -> None:
        """It came back, or is about to."""
        note = self.notes.get(key)
        if note is not None and (since := note.since) is not None:
            note.since = None
            self.tally.given_back += 1
            if note.holding is not None or self.is_out is not None or self._is_gone(note):
                self.over(key, note, since)

    def over(self, key: int, note: Note, since: float) -> None:
        """What came back needs a note of its own the next time; and somebody may be waiting to hear of it."""
        self.notes.pop(key, None)
        holding = note.holding
        if self._is_gone(note):
            self._was_lost(holding or note.as_holding(next(self._numbers), since, self.depth))
        elif holding is not None:
            holding.ended = True
            if holding.reported:
                self.leaks.ended(holding, self.clock.now())

    def still_out(self, key: int, note: Note | None, since: float | None) -> None:
        """It could not be given back."""
        if note is not None and since is not None and self.notes.setdefault(key, note) is note and note.since is None:
            note.since = since
            self.tally.given_back -= 1
            if note.holding is not None:
                note.holding.ended = False

    def all_ended(self) -> None:
        """The pool ended all that it had lent."""
        self.notes.clear()
        self.tally.given_back = self.tally.taken

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
        if given_back != self.tally.given_back or self.clock.now() - began < self.patience:
            return False
        capacity = self.capacity()
        return capacity is not None and len(self.holdings()) >= capacity

    def _gone(self, key: int, note: Note, _: object) -> None:
        self._collected(key, note)

    def _collected(self, key: int, note: Note) -> None:
        if (since := note.since) is not None and self.notes.get(key) is note:
            note.since = None
            self.tally.given_back += 1
            self.over(key, note, since)

    def _was_lost(self, holding: Holding) -> None:
        holding.ended = True
        self._note_seen(holding)
        self.leaks.collected(holding, self.clock.now(), self.takes_back_lost)

    def _look_at(self, note: Note) -> Holding | None:
        """The check-out, the same object each time; None if it has ended meanwhile."""
        since, holding = note.since, note.holding
        if since is None or holding is not None:
            return holding
        holding = note.holding = note.as_holding(next(self._numbers), since, self.depth)
        if note.since is since:
            return holding
        note.holding, holding.ended = None, True
        return None

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
        for key, note in list(self.notes.items()):
            if note.since is None or (holding := self._look_at(note)) is None:
                continue
            found.append(holding)
            if self._is_gone(note):
                self._collected(key, note)
            elif self.is_out is not None and not self.is_out(note.kept):
                self.ended(key)
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
        self.all_ended()
        self._target = _nothing

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def after_fork(self) -> Iterable[Any]:
        """In the child of a fork: what is out is the parent's."""
        self.all_ended()
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
