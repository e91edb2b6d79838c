"""What a pool knows: the state with its lock, the leases, the connections, and what is told of them.

Nothing here does I/O or waits. `lock` guards the state, the connections and the counts; incidents are reported
outside of it.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from itertools import count
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

from putback.pool.clock import SYSTEM_CLOCK, Clock
from putback.pool.connection import PROXIES, LentConnection
from putback.pool.driver import BROKEN, CLEAN, CLOSED, DIRTY, Condition, Session, condition, told_change
from putback.pool.errors import InterfaceError, PoolError
from putback.pool.forking import left_to_parent, notice_forks, of_the_parent
from putback.pool.incidents import Incident, Incidents, Kind
from putback.pool.leaks import LeakDetector, Suspect, suspects
from putback.pool.lease import Lease, site_of
from putback.pool.opened import Opened
from putback.pool.profiles import Pool, Profile, Twice
from putback.pool.settings import ResetBy, Settings, Sizes
from putback.pool.state import Action, Answer, Close, Give, Open, Phase, PoolState, Reason, Refuse, Reset
from putback.pool.stats import PoolStats, Tally

_numbers = count(1)


class Gate(Protocol):
    """Where one waiting request finds its answer."""

    ticket: int
    since: float
    """When it began to wait."""
    answer: Answer | None

    def open(self, answer: Answer) -> None:
        """Give it the answer; called once, under the pool's lock."""

    def poke(self) -> None:
        """Wake it without an answer. May be called anywhere, by the garbage collector too: takes no lock."""

    def wait(self, clock: Clock, seconds: float | None) -> Any:
        """Whether it was woken in time; for tasks something that gives it when awaited."""


G = TypeVar("G", bound=Gate)


class Core(Generic[G]):
    """What a pool knows. Lending adds what it does."""

    def __init__(
        self,
        sizes: Sizes,
        settings: Settings,
        profile: Profile,
        clock: Clock = SYSTEM_CLOCK,
        on_incident: Callable[[Incident], None] | None = None,
    ) -> None:
        self.sizes = sizes
        self.settings = settings
        self.profile = profile
        self.clock = clock
        self.name = settings.name or f"pool-{next(_numbers)}"
        self.timeout = profile.timeout if settings.timeout is None else settings.timeout
        self._needs_no_reset = settings.reset is ResetBy.NOTHING
        self.tally = Tally()
        self.incidents = Incidents(on_incident)
        self.leaks = LeakDetector(settings.leak_threshold, self.incidents)
        self._last_ticket = 0
        self.inherited = 0
        """Connections that the parent process had when it forked, until that is told."""
        self._begin_empty()
        notice_forks(self)

    def _begin_empty(self) -> None:
        """Without any connection or request."""
        keep = self.sizes.low if self.profile.keeps_minimum_only else self.sizes.high
        waiting = self.settings.max_waiting
        self.state = PoolState(self.sizes.limit, math.inf if keep is None else keep, self.profile.order, waiting)
        self.lock = Lock()
        self.leases: dict[int, Lease] = {}
        self.lost: deque[Lease] = deque()
        self._gates: dict[int, G] = {}
        self.opened = Opened()
        self._keyed: dict[Hashable, Any] = {}
        """What was lent by key. Not under the lock: to hash and compare keys is the program's code."""

    # Observation

    def stats(self) -> PoolStats:
        """The numbers of this moment."""
        if self.lost:
            self._take_back_lost()
        with self.lock:
            state = self.state
            leases = list(self.leases.values())
            total = len(state.phases)
            available, waiters, waits = len(state.shelf), len(state.line), self.tally.waits.summary()
            in_use = state.count(Phase.LEASED, Phase.RETURNING)
            uses, creations = self.tally.uses.summary(), self.tally.creations.summary()
            acquired, timeouts, refused = self.tally.acquired, self.tally.timeouts, self.tally.refused
            unfinished = dict(self.tally.unfinished)
        high = self.sizes.high
        return PoolStats(
            library=self.profile.name,
            min=self.sizes.low,
            max=high,
            max_overflow=self.sizes.overflow,
            available=available,
            in_use=in_use,
            total=total,
            overflow=0 if high is None else max(0, total - high),
            waiters=waiters,
            sites=dict(Counter(lease.site for lease in leases).most_common()),
            waits=waits,
            uses=uses,
            creations=creations,
            acquired=acquired,
            timeouts=timeouts,
            refused=refused,
            unfinished={site_of(place): number for place, number in unfinished.items()},
            leaked=sum(lease.collected for lease in leases),
            suspected=sum(lease.reported for lease in leases),
        )

    def suspects(self, age: float = 0.0) -> list[Suspect]:
        """The connections lent for at least this many seconds, oldest first, with where and by whom."""
        with self.lock:
            leases = list(self.leases.values())
        return suspects(leases, self.clock.now(), age)

    def check_leaks(self) -> None:
        """Report the connections that are held for longer than the threshold, or were garbage-collected; each once."""
        self._take_back_lost()
        with self.lock:
            leases = list(self.leases.values())
        self.leaks.check(leases, self.clock.now())

    def _look_for_leaks(self) -> None:
        """What each request does first."""
        if self.inherited:
            self._tell_of_fork()
        if self.lost:
            self._take_back_lost()
        if self.leaks.due < math.inf and self.clock.now() >= self.leaks.due:
            self.check_leaks()

    def _take_back_lost(self) -> None:
        """Handle what `lost` says."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} {self.state.dump()}>"

    # What lent connections call

    def lose(self, lease: Lease) -> None:
        """The borrower's object was garbage-collected. This can happen anywhere, also while the lock is held: it is
        only noted, and those who wait are woken to see to it."""
        self.lost.append(lease)
        for gate in list(self._gates.values()):
            gate.poke()

    def used_after_release(self, connection: LentConnection, what: str) -> None:
        """Report that a connection was used after it was given back."""
        lease: Lease = connection._lease
        if lease.inherited:
            self.incidents.report(Kind.FORKED, of_the_parent(lease.slot), lease)
            raise InterfaceError(of_the_parent(lease.slot))
        error = self.profile.used_after_release(what)
        self.incidents.report(
            Kind.USED_AFTER_RELEASE, f"connection {lease.slot} was used after it was given back: {what}", lease
        )
        if self.settings.strict or self.profile.use_after_release_raises:
            raise error

    # Requests

    def _deliver(self, actions: Sequence[Action]) -> list[Reset | Close]:
        """Under the lock: answer those who wait; what is left is I/O, to be done without the lock."""
        rest: list[Reset | Close] = []
        for action in actions:
            if type(action) is Reset or type(action) is Close:
                rest.append(action)
            elif action.ticket is not None:
                if type(action) is not Refuse:
                    self.tally.acquired += 1
                gate = self._gates.pop(action.ticket)
                self.tally.waits.add(self.clock.now() - gate.since)
                gate.open(action)
        return rest

    def _leave(self, gate: G) -> bool:
        """Under the lock: a request gives up waiting. False: it has been answered meanwhile."""
        if not self.state.leave(gate.ticket):
            return False
        del self._gates[gate.ticket]
        self.tally.waits.add(self.clock.now() - gate.since)
        return True

    def _refusal(self, reason: Reason, timeout: float) -> PoolError:
        """The profile's error for a request that gets nothing; an exhausted pool also says who holds what."""
        pool = self._facts(timeout)
        with self.lock:
            self.tally.refused += 1
        if reason is Reason.CLOSED:
            return self.profile.closed(pool)
        if reason is Reason.CROWDED:
            return self.profile.crowded(pool)
        error, holders = self.profile.exhausted(pool), self._who_holds()
        error.add_note(holders)
        self.incidents.report(Kind.EXHAUSTED, holders)
        return error

    def _facts(self, timeout: float) -> Pool:
        with self.lock:
            high = self.sizes.high or 0
            overflow = max(0, len(self.state.phases) - high)
            return Pool(self.name, high, overflow, timeout, len(self.state.line))

    def _who_holds(self) -> str:
        from putback.pool.watching.holding import lines_of, table_of  # needs asyncio and the compiler's tools

        stats = self.stats()
        with self.lock:
            leases = list(self.leases.values())
        return table_of(self.name, stats.in_use, stats.capacity, lines_of(leases, self.clock.now()))

    def _shut(self, with_lent: bool) -> list[Reset | Close]:
        """Close the pool. What is left to do, is I/O. A lent connection that is closed too is nobody's leak."""
        with self.lock:
            if self.state.closed and not with_lent:
                return []
            work = self._deliver(self.state.shut(with_lent))
            for task in work:
                self.leases.pop(task.slot, None)
        return work

    # Leases

    def _unkey(self, connection: Any, key: Hashable | None) -> None:
        """Before a check-out ends: `getconn` with its key does not give it any more. A wrong key is a KeyError, as in
        psycopg2."""
        lease = self._lent(connection)
        if lease is not None:
            if key is not None and lease.key != key:
                raise KeyError(key)
            if lease.key is not None:
                self._keyed.pop(lease.key, None)

    def _claim(self, connection: Any) -> Lease | None:
        """Under the lock: end the check-out of what is given back; None if it is not lent."""
        if type(connection) in PROXIES and connection._pool is self and not connection._lease.ended:
            lease: Lease | None = connection._lease
        else:
            lease = self._lent(connection)
        if lease is None:
            return None
        self.leases.pop(lease.slot, None)
        lease.ended = True
        self.tally.uses.add(self.clock.now() - lease.since)
        return lease

    def _lent(self, connection: Any) -> Lease | None:
        """The check-out that is meant by its proxy, by the driver's object, or by a proxy of one that has ended."""
        raw = connection
        if type(connection) in PROXIES:
            lease: Lease = connection._lease
            pool: object = connection._pool
            if pool is self and not lease.ended:
                return lease
            if pool is not self or lease.inherited:
                return None
            if self.settings.strict or self.profile.second_release is Twice.NOTHING:
                return None
            raw = connection._raw
        elif self.profile.takes_proxies_only and not self.settings.bare:
            return None
        return self.leases.get(self.opened.slot_of(raw))

    def _collect(self, lease: Lease) -> list[Reset | Close]:
        """A connection was garbage-collected while lent: report it, and end the check-out if the profile's library
        takes such a connection back. What is left to do, is I/O."""
        reclaim = self.profile.collected_returns if self.settings.reclaim is None else self.settings.reclaim
        state = condition(lease.raw)
        with self.lock:
            if lease.ended:
                return []
            closed = self.state.closed
            work: list[Reset | Close] = []
            if reclaim or closed:
                self.leases.pop(lease.slot, None)
                lease.ended = True
                work = self._after_return(lease.slot, state, close=False)
        if not closed:
            self.leaks.collected(lease, self.clock.now(), reclaim)
        return work

    def _unlend(self, lease: Lease) -> None:
        """Under the lock: undo `_claim`."""
        self.leases[lease.slot] = lease
        lease.ended = False

    def _refuse(self, connection: Any, key: Hashable | None, closed: bool) -> None:
        """Something cannot be given back: raises what the profile's library raises, if it does."""
        lent = isinstance(connection, LentConnection)
        if lent and connection._lease.inherited:
            return  # a block that began before a fork ends in the child too
        if closed:
            raise self.profile.closed(self._facts(self.timeout))
        owner = None
        if lent:
            pool: object = connection._pool
            if pool is self:
                self._report_second_release(connection)
                if self.profile.second_release is Twice.NOTHING:
                    return
            owner = None if connection._lease.ended else connection._pool.name
        if key is not None:
            raise KeyError(key)
        raise self.profile.foreign(self._facts(self.timeout), connection, owner)

    def _report_second_release(self, connection: LentConnection) -> None:
        lease: Lease = connection._lease
        if lease.ended and self.profile.second_release is Twice.RAISES:
            self.incidents.report(Kind.RELEASED_TWICE, f"connection {lease.slot} was given back twice", lease)

    def _look_at_returned(self, lease: Lease, raw: Any, state: Condition, before: Session, now: Session) -> None:
        """What the next borrower would not expect: a transaction left open is counted, as it is usual where reading
        opens one; each change of the session is told once, because it stays."""
        if state is DIRTY and lease.place is not None:
            with self.lock:
                self.tally.unfinished[lease.place] += 1
        if now is not before:
            changes = ", ".join(told_change(raw, before, now))
            text = f"connection {lease.slot} was given back with {changes}: its next borrower gets it so"
            self.incidents.report(Kind.SESSION_CHANGED, text, lease)

    # Connections

    def _add(self, slot: int, raw: Any, session: Session, began: float) -> None:
        """Under the lock: a connection was opened since then."""
        now = self.clock.now()
        self.opened.add(slot, raw, session, now)
        self.tally.creations.add(now - began)

    def _renew(self, slot: int) -> Any:
        """Under the lock: a lent connection is to be opened anew. Gives the old one, to be closed; None if the pool
        was closed meanwhile, and this connection with it."""
        if not self.state.is_lent(slot):
            return None
        self.state.renew(slot)
        return self.opened.remove(slot)

    def _is_too_old(self, slot: int) -> bool:
        recycle = self.settings.recycle
        return recycle is not None and self.opened.age(slot, self.clock.now()) > recycle

    def _after_return(self, slot: int, state: Condition, close: bool) -> list[Reset | Close]:
        """Under the lock: what to do with a connection that came back in this condition. Nothing, if the pool was shut
        and took it away."""
        if self.state.closed and not self.state.is_lent(slot):
            return []
        if close or state is CLOSED or state is BROKEN:
            return self._deliver(self.state.discard(slot))
        clean = state is CLEAN or self._needs_no_reset
        actions = self.state.give_back(slot, clean)
        return self._deliver(actions) if actions else []

    def _undo(self, answer: Give | Open) -> list[Reset | Close]:
        """Under the lock: what was answered cannot be used. A slot that is being opened goes to the next, an untouched
        connection comes back."""
        phase = self.state.phases.get(answer.slot)
        if phase is Phase.OPENING:
            return self._deliver(self.state.failed(answer.slot))
        return self._deliver(self.state.give_back(answer.slot, clean=True)) if phase is Phase.LEASED else []

    # Processes

    def after_fork(self) -> list[Any]:
        """In the child of a fork: begin anew, and give what is the parent's."""
        connections = list(self.opened.raws.values())
        closed, self.inherited = self.state.closed, len(connections)
        for lease in self.leases.values():
            lease.ended = lease.inherited = True
        self._begin_empty()
        self.state.closed = closed
        return connections

    def _tell_of_fork(self) -> None:
        number, self.inherited = self.inherited, 0
        self.incidents.report(Kind.FORKED, left_to_parent(self.name, number))
