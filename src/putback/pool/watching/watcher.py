"""Who holds which connection of a pool that is not ours."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import signal
import sys
import threading
import weakref
from asyncio import _get_running_loop
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count, repeat
from pathlib import Path
from threading import get_ident
from typing import Any, Self

from putback.pool.clock import SYSTEM_CLOCK, Clock
from putback.pool.forking import notice_forks
from putback.pool.incidents import Incident, Incidents, Kind
from putback.pool.leaks import LeakDetector
from putback.pool.lease import Frame
from putback.pool.stats import Timings
from putback.pool.watching.holding import Brief, Holders, Holding, Note, Tally, lines_of, table_of, title_of
from putback.pool.watching.places import FARTHEST, NOWHERE, Trail, add_awaiting, callers
from putback.pool.watching.requests import current
from putback.pool.watching.signals import listen

log = logging.getLogger("putback.pool")

PAUSE = 1 / 16
"""Seconds between two check-outs whose callers are looked for, in a rush."""
BURST = 100
"""So many one after the other are no rush yet."""
MANY = 1000
"""So many connections seem to be out before it is asked whether they are, where they can come back unheard."""
_OURS = 2
"""Frames that are no callers: what asks for them, and the hook."""

QUIET = 10.0
"""Seconds between two tables of holders in the log."""
PATIENCE = 1.0
"""Seconds that a request must have waited before its cancellation can mean that the pool is empty."""


class _Own(threading.local):
    """`threading.current_thread`, without a call."""

    def __init__(self) -> None:
        self.thread = threading.current_thread()


_own = _Own()


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
        self.waits, self.uses = Timings(), Timings()
        """How long requests took that got a connection, and how long it was out then; of those whose callers were asked
        for, which in a rush are some."""
        self.creations: Timings | None = None
        """How long it took to open connections; None if the pool does not show it."""
        self.timeouts = 0
        """Requests that got nothing because all were out."""
        self.incidents = Incidents(on_incident)
        self.leaks = LeakDetector(leak_threshold, self.incidents)
        self.patience = PATIENCE
        self.seen: Counter[Frame] = Counter()
        """How many connections were seen leaking where: held too long, lost, or out when the pool was empty."""
        self.keeps: Callable[[Any], Any] | None = None
        """What is remembered of a connection, to ask later whether it is out; None: itself, if there is `is_out`."""
        self.is_out: Callable[[Any], bool] | None = None
        """Asked when somebody looks, for what can come back without a call of a hook."""
        self.takes_back_lost = False
        """Whether the pool gets back what is garbage-collected."""
        self._capacity_of = capacity
        self.out: dict[int, Brief | Note] = {}
        """What is out, by the identity of what the pool gets back. No lock: single operations on a dictionary, and what
        follows one another without a call, cannot be interrupted."""
        self.references: dict[int, weakref.ref[Any]] = {}
        """What tells when a connection is garbage-collected: one for all of its check-outs."""
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
    def given_back(self) -> int:
        """How many of them are not out any more."""
        return self.tally.taken - len(self.out)

    @property
    def waiters(self) -> int:
        """How many requests have not got a connection yet."""
        return max(0, self.tally.asked - self.tally.answered)

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
        if self.sample != 1:
            return self._some_callers
        depth = self.depth
        return lambda: callers(depth, _OURS)

    @property
    def asks_for_all(self) -> bool:
        """Whether all callers of each are wanted."""
        return self.sample == 1 and self.depth >= len(FARTHEST)

    def _some_callers(self) -> Trail | None:
        """To look for the callers of each would cost more than it tells."""
        sample, tally = self.sample, self.tally
        left_out = self.now() <= tally.calm_from if sample is None else tally.taken % sample
        if left_out and len(self.out) < tally.half:
            return None
        if sample is None:
            tally.calm_from = max(tally.calm_from, self.now() - BURST * PAUSE) + PAUSE
        capacity = self.capacity()
        tally.half = sys.maxsize if capacity is None else (capacity + 1) // 2
        return callers(self.depth, _OURS)

    def began(self, key: int, trail: Trail | None, connection: Any, since: float) -> None:
        """A connection was taken by those of `trail`."""
        out, keeps = self.out, self.keeps
        if key in out and self._is_still_out(key):
            return  # the same one again: psycopg2's getconn with a key
        if trail is None:
            out[key] = since, get_ident(), None if self.takes_back_lost else self._kept(key, connection)
        else:
            note = Note()
            note.since = since
            note.thread = _own.thread
            note.trail = trail
            note.request = current()
            note.task = note.holding = None
            if keeps is not None and self.takes_back_lost:
                note.kept = keeps(connection)
            elif keeps is not None or self.is_out is not None:
                note.kept = self._kept(key, connection)
            else:
                note.kept = None
            if _get_running_loop() is not None:
                _note_task(note, trail)
            out[key] = note
        self.tally.taken += 1
        self.waits.settle()  # also in a rush somebody comes by here now and then
        self.uses.settle()

    def _kept(self, key: int, connection: Any) -> Any:
        keeps, is_out = self.keeps, self.is_out
        if is_out is not None and len(self.out) > MANY:
            self.holdings()
        if keeps is None:
            return None if is_out is None else connection
        if keeps is not weakref.ref:
            return keeps(connection)
        known = self.references.get(key)
        if known is None or known() is not connection:
            known = self.references[key] = weakref.ref(connection, functools.partial(self._gone, key))
        return known

    def _is_still_out(self, key: int) -> bool:
        entry = self.out[key]
        if not _is_gone(entry) and (self.is_out is None or self.is_out(_kept(entry))):
            return True
        self.ended(key)
        return False

    def ended(self, key: int) -> Brief | Note | None:
        """It came back, or is about to. Gives what was noted of it."""
        entry = self.out.pop(key, None)
        if entry is not None:
            self.over(entry)
        return entry

    def over(self, entry: Brief | Note) -> None:
        """Somebody may be waiting to hear of what came back."""
        holding = None if isinstance(entry, tuple) else entry.holding
        if _is_gone(entry):
            self._was_lost(entry)
        elif holding is not None:
            holding.ended = True
            if holding.reported:
                self.leaks.ended(holding, self.clock.now())

    def still_out(self, key: int, entry: Brief | Note | None) -> None:
        """It could not be given back."""
        is_again = entry is not None and self.out.setdefault(key, entry) is entry
        if is_again and isinstance(entry, Note) and entry.holding is not None:
            entry.holding.ended = False

    def all_ended(self) -> None:
        """The pool ended all that it had lent."""
        self.out.clear()

    def exhausted(self, error: BaseException) -> None:
        """A request got nothing: the error and, not too often, the log say who holds what."""
        self.timeouts += 1
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

    def _gone(self, key: int, reference: weakref.ref[Any]) -> None:
        if self.references.get(key) is reference:
            del self.references[key]
            if (entry := self.out.pop(key, None)) is not None:
                self._was_lost(entry)

    def _was_lost(self, entry: Brief | Note) -> None:
        note = Note.of(entry) if isinstance(entry, tuple) else entry
        holding = note.holding or self._holding(note)
        holding.ended = True
        self._note_seen(holding)
        self.leaks.collected(holding, self.clock.now(), self.takes_back_lost)

    def _holding(self, note: Note) -> Holding:
        return note.as_holding(next(self._numbers), self.depth)

    def _look_at(self, key: int, entry: Brief | Note) -> Holding | None:
        """The check-out, the same object each time; None if it has ended meanwhile."""
        if isinstance(entry, Note) and entry.holding is not None:
            return entry.holding
        note = Note.of(entry) if isinstance(entry, tuple) else entry
        holding = note.holding = self._holding(note)
        try:
            if self.out[key] is entry:
                self.out[key] = note  # without a call since it was seen to be there
                return holding
        except KeyError:
            pass
        holding.ended = True
        return None

    def _note_seen(self, holding: Holding) -> None:
        if not holding.seen:
            holding.seen = True
            self.seen[holding.caller] += 1

    # What people look at

    def holders(self) -> list[Holders]:
        """Who holds what now, the most first."""
        return lines_of(self.holdings(), self.clock.now())

    def holdings(self) -> list[Holding]:
        """What is out. Who closed its connection in a way that no hook hears of, holds nothing."""
        found: list[Holding] = []
        for key, entry in list(self.out.items()):
            if (holding := self._look_at(key, entry)) is None:
                continue
            found.append(holding)
            if _is_gone(entry) or (self.is_out is not None and not self.is_out(_kept(entry))):
                self.ended(key)
        return [holding for holding in found if not holding.ended]

    def table(self) -> str:
        """The same as text."""
        lines = self.holders()
        return table_of(self.name, sum(line.count for line in lines), self.capacity(), lines)

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
        self.tally.asked = self.tally.answered = 0
        return ()

    # Inside

    def _title(self) -> str:
        return title_of(self.name, len(self.holdings()), self.capacity())

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


def _note_task(note: Note, trail: Trail) -> None:
    task = asyncio.current_task()
    if task is not None:
        note.task = task.get_name()
    add_awaiting(trail)


def _kept(entry: Brief | Note) -> Any:
    return entry[2] if isinstance(entry, tuple) else entry.kept


def _is_gone(entry: Brief | Note) -> bool:
    """Whether the borrower's object was garbage-collected. In a rush nobody looks at those of a pool that takes back
    what is lost before anybody can ask."""
    kept = _kept(entry)
    return isinstance(kept, weakref.ref) and kept() is None


def _nothing() -> None:
    """What a watch that has stopped watches."""


def reference(target: Any) -> Callable[[], Any]:
    """Gives the target as long as it lives. asyncpg's pools have no room for a weak reference: those live as long as
    their watch, until it stops; if nobody has the watch either, both are collected together."""
    try:
        return weakref.ref(target)
    except TypeError:
        return repeat(target).__next__  # as `lambda: target`, without a call of Python's
