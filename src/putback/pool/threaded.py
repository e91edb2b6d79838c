"""The pool for threads.

Every decision is taken under the lock and by the state; connecting, resetting, pinging and closing happen outside.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from threading import Lock
from typing import Any

from putback.pool.borrowing import Borrowing
from putback.pool.clock import SYSTEM_CLOCK, Clock
from putback.pool.connection import PooledConnection
from putback.pool.core import Core
from putback.pool.driver import Connect, condition, ping, sqlite_memory
from putback.pool.faults import Faults, Operation, faulty
from putback.pool.incidents import Incident, Kind
from putback.pool.lease import Lease, Stack, callers
from putback.pool.profiles import PSYCOPG2, Closing, Profile
from putback.pool.settings import ResetBy, Settings, Sizes
from putback.pool.state import Answer, Close, Give, Open, Reason, Refuse, Reset


class ThreadGate:
    """Where one thread waits for its answer: a lock that is opened once."""

    __slots__ = ("answer", "lock", "since", "ticket")

    def __init__(self, ticket: int, since: float) -> None:
        self.ticket = ticket
        self.since = since
        self.lock = Lock()
        self.lock.acquire()
        self.answer: Answer | None = None

    def open(self, answer: Answer) -> None:
        self.answer = answer
        self.lock.release()


class ReferencePool(Core[ThreadGate]):
    """A pool of DB-API connections that knows who holds what.

    `connect` opens a connection (default: sqlite3 in memory). The profile decides what happens when all are lent, what
    `close()` means and how errors are worded. `faults` can make every operation fail. `on_incident` hears of leaks and
    misuse; it is called in the thread that noticed.
    """

    def __init__(
        self,
        low: int,
        high: int | None,
        connect: Connect | None = None,
        *,
        profile: Profile = PSYCOPG2,
        settings: Settings | None = None,
        clock: Clock = SYSTEM_CLOCK,
        faults: Faults | None = None,
        on_incident: Callable[[Incident], None] | None = None,
    ) -> None:
        settings = settings or Settings()
        super().__init__(Sizes(int(low), high, settings.overflow), settings, profile, clock, on_incident)
        connect = connect or sqlite_memory()
        self._faults = faults
        self._connect = faulty(connect, faults) if faults is not None else connect
        self._checks = settings.pre_ping or settings.recycle is not None
        self._fill(int(low))

    @property
    def closed(self) -> bool:
        """Whether the pool was closed."""
        return self.state.closed

    def getconn(self, key: Hashable | None = None, timeout: float | None = None) -> Any:
        """Borrow a connection. The same `key` gives the same connection until it is put back.

        Waits up to `timeout` seconds (default: the pool's; 0: not at all), then raises the profile's error.
        """
        limit = self.timeout if timeout is None else timeout
        self._look_for_leaks()
        stack = callers(self.settings.stack_depth)  # before it may have to wait: then it is not in anybody's way
        with self.lock:
            if key is not None and key in self._keyed and not self.state.closed:
                return self._keyed[key]
            if limit <= 0 and self.profile.zero_timeout_fails:
                answer: Answer | None = Refuse(0, Reason.EXHAUSTED)
            else:
                answer = self._ask(patient=limit > 0)
            if answer is None:
                gate = self._gates[self._last_ticket] = ThreadGate(self._last_ticket, self.clock.now())
        if answer is None:
            answer = self._wait(gate, limit)
        if type(answer) is Give and not self._checks:  # the usual case, without a detour
            raw = self._raws.get(answer.slot)
            if raw is not None:
                return self._hand_out(answer.slot, raw, stack, key)
        if isinstance(answer, Refuse):
            raise self._refusal(answer.reason, limit)
        return self._lend(answer, stack, key)

    def putconn(self, connection: Any = None, key: Hashable | None = None, close: bool = False) -> None:
        """Give a connection back; with `close`, to be closed. An open transaction is rolled back.

        Raises the profile's error for a connection that is not lent, and, as psycopg2 does, the driver's if the
        rollback fails; then the connection is still lent.
        """
        if self._faults is not None:
            self._faults.before(Operation.PUT, self._number_of(connection))
        if self.lost:
            self._take_back_lost()
        raw = connection._lease.raw if type(connection) is PooledConnection else connection
        state = condition(raw)
        with self.lock:
            closed = self.state.closed and self.profile.put_after_shut_raises
            lease = None if closed else self._claim(connection, key)
            work = self._after_return(lease.slot, state, close) if lease is not None else []
        if closed:
            raise self.profile.closed(self._facts(self.timeout))
        if lease is None:
            self._not_lent(connection, key)
            return
        if raw is not connection and connection._lease is not lease:
            self._report_second_release(connection)
        if work:
            self._perform(work, lease, connection)
        if lease.reported:
            self.leaks.ended(lease, self.clock.now())

    def connection(self, timeout: float | None = None) -> Borrowing:
        """`with pool.connection() as conn`: borrow, and give back in any case. With the profiles of psycopg2 and
        psycopg_pool a block that ends well is committed."""
        return Borrowing(self, timeout)

    def closeall(self) -> None:
        """Close the pool. Idle connections are closed; the profile says whether lent ones are too (psycopg2: yes)."""
        with self.lock:
            again = self.state.closed
            work = [] if again else self._deliver(self.state.shut(self.profile.shut_closes_lent))
        if again and self.profile.shut_twice_raises:
            raise self.profile.closed(self._facts(self.timeout))
        self._perform(work)

    # What lent connections call

    def close_lent(self, connection: PooledConnection) -> None:
        meaning = self.profile.close
        lease: Lease = connection._lease
        if lease.ended:
            if meaning is not Closing.RETURNS:
                self.used_after_release(connection, "close")
                connection._raw.close()
            return
        if meaning is not Closing.LOSES:
            self.putconn(connection, close=meaning is Closing.FREES)
            return
        self.incidents.report(
            Kind.CLOSED_WHILE_LENT,
            f"connection {lease.slot} was closed while lent: its slot stays taken until putconn",
            lease,
        )
        connection._raw.close()

    def exit_lent(self, connection: PooledConnection, failed: bool) -> None:
        if self.profile.close is Closing.RETURNS:
            self.putconn(connection)
        elif failed:
            connection.rollback()
        else:
            connection.commit()

    # Inside

    def _fill(self, count: int) -> None:
        """Open the first connections."""
        with self.lock:
            slots = [action.slot for action in self.state.fill(count)]
        for slot in slots:
            raw = self._connect()
            with self.lock:
                self._add(slot, raw)
                self._deliver(self.state.opened(slot, for_shelf=True))

    def _wait(self, gate: ThreadGate, limit: float) -> Answer:
        """Wait for an answer. An impatient request gets one soon; a patient one leaves the line in time."""
        seconds = limit if 0 < limit < math.inf else None
        try:
            in_time = self.clock.wait(gate.lock, seconds)
        except BaseException:
            self._abandon(gate)
            raise
        if not in_time:
            with self.lock:
                left = self._leave(gate)
            if left:
                return Refuse(gate.ticket, Reason.EXHAUSTED)
        assert gate.answer is not None, "the gate is open, or it was opened before it could be left"
        return gate.answer

    def _abandon(self, gate: ThreadGate) -> None:
        """The waiting thread was interrupted: pass on what it may have got meanwhile."""
        with self.lock:
            answer = None if self._leave(gate) else gate.answer
            work = self._undo(answer) if isinstance(answer, (Give, Open)) else []
        self._perform(work)

    def _lend(self, answer: Give | Open, stack: Stack, key: Hashable | None) -> Any:
        """Lend what was answered: an idle connection, if it is still fit, or a new one."""
        slot = answer.slot
        try:
            fit = isinstance(answer, Give) and (not self._checks or self._is_fit(slot))
            raw = self._raws.get(slot) if fit else self._open(slot)
            if raw is None:  # the pool was closed meanwhile, and this connection with it
                raise self.profile.closed(self._facts(self.timeout))
        except BaseException:
            with self.lock:
                work = self._undo(answer)
            self._perform(work)
            raise
        return self._hand_out(slot, raw, stack, key)

    def _hand_out(self, slot: int, raw: Any, stack: Stack, key: Hashable | None) -> Any:
        lease = self._begin(slot, raw, stack, key)
        connection = raw if self.settings.bare else PooledConnection(lease, self)
        if key is not None:
            with self.lock:
                self._keyed[key] = connection
        return connection

    def _is_fit(self, slot: int) -> bool:
        """Whether an idle connection can be lent. If not, its slot is for a new one, to be opened by the caller."""
        if not self._is_too_old(slot) and self._answers(slot):
            return True
        with self.lock:
            raw = self._renew(slot)
        if raw is None:
            return True
        _close(raw)
        return False

    def _answers(self, slot: int) -> bool:
        if not self.settings.pre_ping:
            return True
        try:
            if self._faults is not None:
                self._faults.before(Operation.PING, slot)
            ping(self._raws[slot])
        except Exception:
            return False
        return True

    def _open(self, slot: int) -> Any:
        raw = self._connect()
        with self.lock:
            self._add(slot, raw)
            work = self._deliver(self.state.opened(slot))
        if work:  # the pool was closed meanwhile
            self._perform(work)
            raise self.profile.closed(self._facts(self.timeout))
        return raw

    def _perform(self, work: list[Reset | Close], lease: Lease | None = None, connection: Any = None) -> None:
        """Do the I/O that the state asks for, and what follows from it. `lease` is the check-out that just ended: its
        failed reset may be undone and reach the caller."""
        tasks = deque(work)
        failure: Exception | None = None
        while tasks:
            task = tasks.popleft()
            if isinstance(task, Close):
                with self.lock:
                    raw = self._remove(task.slot)
                _close(raw)
                with self.lock:
                    tasks += self._deliver(self.state.closed_one(task.slot))
                continue
            error = self._reset(task.slot)
            with self.lock:
                if error is None or lease is None or not self.profile.failed_reset_keeps_slot:
                    tasks += self._deliver(self.state.settled(task.slot, fit=error is None))
                else:
                    tasks += self._deliver(self.state.keep_lent(task.slot))
                    self._unlend(lease, connection)
            failure = failure or error
        if failure is not None:
            self.incidents.report(Kind.RESET_FAILED, f"a connection could not be reset: {failure}", lease)
            if lease is not None and self.profile.failed_reset_raises:
                raise failure

    def _reset(self, slot: int) -> Exception | None:
        raw = self._raws[slot]
        try:
            if self.settings.reset is ResetBy.COMMIT:
                raw.commit()
            else:
                raw.rollback()
        except Exception as error:
            return error
        return None

    def _take_back_lost(self) -> None:
        """Report connections that were garbage-collected while lent; take them back if the profile's library does."""
        while self.lost:
            self._perform(self._collect(self.lost.popleft()))

    def _number_of(self, connection: Any) -> int:
        return connection._lease.slot if type(connection) is PooledConnection else 0


def _close(raw: Any) -> None:
    """Close a connection that the pool does not want any more; that it cannot even be closed interests nobody."""
    with suppress(Exception):
        raw.close()
