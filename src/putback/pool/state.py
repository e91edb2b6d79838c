"""The pool's decisions, without any effect: who gets which slot, who waits, what is opened and closed.

    ask ──> OPENING ──opened──> LEASED ──give_back──> RETURNING ──settled──> IDLE
              │  ^                │  ^                    │                    │
            failed └────renew─────┘  └──keep / hand over──┴──────ask───────────┘
              v                   └──discard──> CLOSING ──closed──> gone

A slot is one place for a connection, known by a number. A ticket is one request for a connection. Every step takes
what has happened, changes the state and says what to do now; nothing here opens, closes, waits, locks or looks at a
clock. So the threaded and the asynchronous pool share it, and a test can walk through every order of events.

Invariants, true between steps: there are never more slots than `limit`; nobody waits while something is idle or may
be opened; requests are served in the order they came; each ticket is answered exactly once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import NamedTuple, final


class Phase(Enum):
    """What happens to the connection of one slot."""

    OPENING = "opening"
    IDLE = "idle"
    LEASED = "leased"
    RETURNING = "returning"
    """Given back, and being reset: it is not the borrower's any more and not yet free."""
    CLOSING = "closing"


# looked up at every step: members of an Enum are slow to reach by their class
_OPENING, _IDLE, _LEASED, _RETURNING, _CLOSING = Phase


class Order(Enum):
    """Which idle connection is lent first."""

    NEWEST = "newest"
    OLDEST = "oldest"


class Reason(Enum):
    """Why a request gets nothing."""

    EXHAUSTED = "exhausted"
    CLOSED = "closed"
    CROWDED = "crowded"
    """As many as are allowed wait already."""


class Give(NamedTuple):
    """Lend the open connection of `slot` to `ticket`."""

    slot: int
    ticket: int


class Open(NamedTuple):
    """Open a connection for `slot`; `ticket` is who gets it, None for the shelf. Answer with `opened` or `failed`."""

    slot: int
    ticket: int | None


class Refuse(NamedTuple):
    """Tell `ticket` that it gets nothing."""

    ticket: int
    reason: Reason


_give: Callable[[tuple[int, int]], Give] = partial(tuple.__new__, Give)
"""Makes one for each check-out; the constructor of a NamedTuple is a function of Python."""


@final
class Reset(NamedTuple):
    """Bring the connection of `slot` into its first state (rollback). Answer with `settled` or `keep`."""

    slot: int


@final
class Close(NamedTuple):
    """Close the connection of `slot`. Answer with `closed`."""

    slot: int


Answer = Give | Open | Refuse
Action = Answer | Reset | Close


class StepError(AssertionError):
    """A step does not fit the phase of its slot: a mistake in the code around the state, never the user's."""


class PoolState:
    """The state of one pool. `limit`: slots at most, None for no limit; `keep`: idle connections that are kept;
    `max_waiting`: requests that may wait, 0 for any number."""

    def __init__(self, limit: int | None, keep: float, order: Order = Order.NEWEST, max_waiting: int = 0) -> None:
        self.limit = limit
        self.keep = keep
        self._newest_first = order is Order.NEWEST
        self.max_waiting = max_waiting
        self.closed = False
        self.phases: dict[int, Phase] = {}
        self.shelf: deque[int] = deque()
        self.line: dict[int, bool] = {}
        """Who waits, in order; whether it is patient. The others wait only for slots that are on their way."""
        self.last_slot = 0
        self._returning = 0
        self._impatient = 0

    # What happens to requests

    def fill(self, count: int) -> list[Open]:
        """Slots for the shelf of a new pool."""
        return [Open(self._add(), None) for _ in range(count)]

    def ask(self, ticket: int, patient: bool) -> Answer | None:
        """A request. None: it waits until a later step says Give, Open or Refuse; it may `leave`.

        An impatient one is refused when everything is lent; but it waits for a connection that is being reset or
        closed just now, as it would for the lock of a pool that does so while locked."""
        if self.closed:
            return Refuse(ticket, Reason.CLOSED)
        if not self.line:
            if self.shelf:
                slot = self.shelf.pop() if self._newest_first else self.shelf.popleft()
                self.phases[slot] = _LEASED
                return _give((slot, ticket))
            if self._has_room():
                return Open(self._add(), ticket)
        if not patient and not self._has_motion():
            return Refuse(ticket, Reason.EXHAUSTED)
        if self.max_waiting and len(self.line) >= self.max_waiting:
            return Refuse(ticket, Reason.CROWDED)
        self.line[ticket] = patient
        if not patient:
            self._impatient += 1
        return None

    def leave(self, ticket: int) -> bool:
        """A waiting request gives up. False: too late, it has been answered, and what it got is its own to use."""
        if ticket not in self.line:
            return False
        self._impatient -= not self.line.pop(ticket)
        return True

    # What happens to slots

    def opened(self, slot: int, for_shelf: bool = False) -> list[Action]:
        """The connection is open: its ticket holds it, or it is for whoever is next. It is closed again if the pool
        was closed meanwhile."""
        self._expect(slot, _OPENING)
        if self.closed:
            return self._close(slot)
        if not for_shelf:
            self.phases[slot] = _LEASED
            return []
        return self._free(slot)

    def failed(self, slot: int) -> list[Action]:
        """The connection could not be opened, or its ticket went away before: the place goes to the next."""
        self._expect(slot, _OPENING)
        return self._remove(slot)

    def renew(self, slot: int) -> None:
        """A lent connection turned out to be dead or too old before its borrower saw it: it is opened anew."""
        self._expect(slot, _LEASED)
        self.phases[slot] = _OPENING

    def give_back(self, slot: int, clean: bool) -> list[Action]:
        """The borrower is done. If somebody wants the connection or there is room on the shelf, it goes there, after a
        reset unless it is `clean`; else it is closed."""
        if self.phases.get(slot) is not _LEASED:
            self._expect(slot, _LEASED)
        if self.closed or not (self.line or len(self.shelf) + self._returning < self.keep):
            return self._close(slot)
        if clean and not self.line:  # the usual case; `_free` has all of them
            self.phases[slot] = _IDLE
            self.shelf.append(slot)
            return []
        if clean:
            return self._free(slot)
        self.phases[slot] = _RETURNING
        self._returning += 1
        return [Reset(slot)]

    def settled(self, slot: int, fit: bool) -> list[Action]:
        """The reset is over; a connection that is not fit is closed."""
        self._expect(slot, _RETURNING)
        self._returning -= 1
        return self._free(slot) if fit else self._close(slot)

    def keep_lent(self, slot: int) -> list[Action]:
        """The reset failed and the borrower is told so: the slot stays the borrower's."""
        self._expect(slot, _RETURNING)
        self._returning -= 1
        self.phases[slot] = _LEASED
        return self._settle_impatient()

    def discard(self, slot: int) -> list[Action]:
        """A lent connection is not wanted any more."""
        self._expect(slot, _LEASED)
        return self._close(slot)

    def closed_one(self, slot: int) -> list[Action]:
        """The connection is closed: its place goes to the next."""
        self._expect(slot, _CLOSING)
        return self._remove(slot)

    def shut(self, with_lent: bool) -> list[Action]:
        """Close the pool: idle connections and, if `with_lent`, those that are lent; everybody waiting is refused."""
        self.closed = True
        self.shelf.clear()
        refused: list[Action] = [Refuse(ticket, Reason.CLOSED) for ticket in self.line]
        self.line.clear()
        self._impatient = 0
        phases = (_IDLE, _LEASED) if with_lent else (_IDLE,)
        closing = [slot for slot, phase in self.phases.items() if phase in phases]
        self.phases.update(dict.fromkeys(closing, _CLOSING))
        return refused + [Close(slot) for slot in closing]

    # Questions

    def is_lent(self, slot: int) -> bool:
        """Whether a borrower holds the connection of a slot."""
        return self.phases.get(slot) is _LEASED

    def count(self, *phases: Phase) -> int:
        """How many slots are in one of these phases."""
        return sum(phase in phases for phase in self.phases.values())

    def dump(self) -> str:
        """The state as one line, for tests and for people."""
        slots = " ".join(f"{slot}:{phase.value}" for slot, phase in sorted(self.phases.items()))
        waiting = " ".join(f"{ticket}{'' if patient else '!'}" for ticket, patient in self.line.items())
        return f"{'closed ' if self.closed else ''}[{slots}] waiting [{waiting}]"

    # Inside

    def _expect(self, slot: int, phase: Phase) -> None:
        if self.phases.get(slot) is not phase:
            found = self.phases.get(slot)
            raise StepError(f"slot {slot} is {found.value if found else 'gone'}, not {phase.value}")

    def _has_room(self) -> bool:
        return self.limit is None or len(self.phases) < self.limit

    def _has_motion(self) -> bool:
        return self._returning > 0 or self.count(_CLOSING) > 0

    def _add(self) -> int:
        self.last_slot += 1
        self.phases[self.last_slot] = _OPENING
        return self.last_slot

    def _next(self) -> int:
        ticket = next(iter(self.line))
        if not self.line.pop(ticket):
            self._impatient -= 1
        return ticket

    def _close(self, slot: int) -> list[Action]:
        self.phases[slot] = _CLOSING
        return [Close(slot)]

    def _free(self, slot: int) -> list[Action]:
        """An open connection that nobody holds: to the first in line (who then holds it at once), or to the shelf."""
        if self.closed:
            return self._close(slot)
        if not self.line:
            if len(self.shelf) >= self.keep:
                return self._close(slot)
            self.phases[slot] = _IDLE
            self.shelf.append(slot)
            return []
        self.phases[slot] = _LEASED
        given: list[Action] = [Give(slot, self._next())]
        return given + self._settle_impatient() if self._impatient else given

    def _remove(self, slot: int) -> list[Action]:
        del self.phases[slot]
        actions: list[Action] = []
        if self.line and self._has_room():
            actions.append(Open(self._add(), self._next()))
        return actions + self._settle_impatient()

    def _settle_impatient(self) -> list[Action]:
        """Refuse the impatient when nothing is on its way any more."""
        if not self._impatient or self._has_motion():
            return []
        impatient = [ticket for ticket, patient in self.line.items() if not patient]
        for ticket in impatient:
            self._impatient -= not self.line.pop(ticket)
        return [Refuse(ticket, Reason.EXHAUSTED) for ticket in impatient]
