"""What a pool does: it lends connections, takes them back and carries out what the state asks for.

Everything is written once, as procedures (steps.py); the pool for threads and the one for tasks say how to run them.
Every decision is taken under the lock and by the state; connecting, resetting, pinging and closing happen outside.
Whatever interrupts I/O (KeyboardInterrupt, a cancellation), the slot goes on its way before that is raised.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from putback.pool.clock import LATE, SYSTEM_CLOCK, Clock
from putback.pool.connection import PROXIES, LentConnection
from putback.pool.core import Core, G
from putback.pool.driver import (
    CLEAN,
    CLOSED,
    DIRTY,
    LOOKS,
    READERS,
    Connect,
    Session,
    condition,
    let_go,
    ping,
    reset_of,
    session_of,
    sqlite_memory,
)
from putback.pool.engines import refuse_engine
from putback.pool.faults import Faults, Operation
from putback.pool.incidents import Incident, Kind
from putback.pool.lease import Lease, Stack, callers
from putback.pool.profiles import Closing, Profile
from putback.pool.settings import ResetBy, Settings, Sizes
from putback.pool.state import Answer, Close, Give, Open, Reason, Refuse, Reset
from putback.pool.steps import Call, Procedure, attempt

T = TypeVar("T")
Work = list[Reset | Close]


class Lending(Core[G]):
    """A pool, but for how its procedures are run."""

    _gate: Callable[[int, float], G]
    """Where one request waits."""
    _wrap: Callable[[Lease, Any], LentConnection]
    """What the borrower gets."""

    def __init__(
        self,
        sizes: Sizes,
        connect: Connect | None,
        profile: Profile,
        settings: Settings,
        clock: Clock = SYSTEM_CLOCK,
        faults: Faults | None = None,
        on_incident: Callable[[Incident], None] | None = None,
    ) -> None:
        super().__init__(sizes, settings, profile, clock, on_incident)
        connect = connect or sqlite_memory()
        self._faults = faults
        self._connect = faults.around(connect) if faults is not None else connect
        self._checks = settings.pre_ping or settings.recycle is not None
        self._looks = profile.looks_before_lending
        self._known_until = -1
        """The newest slot when somebody last looked who borrows."""

    # How procedures are run

    def _run(self, procedure: Procedure[T]) -> Any:
        """Run a procedure for whoever asks; for tasks gives something to be awaited."""
        raise NotImplementedError

    def _finish(self, procedure: Procedure[None]) -> Any:
        """As `_run`, and to the end, even if whoever asks is cancelled."""
        raise NotImplementedError

    def _later(self, procedure: Procedure[None]) -> None:
        """Run it as soon as possible, without anybody who asks."""
        raise NotImplementedError

    def _connect_within(self, seconds: float, late: Callable[[Call], None]) -> Any:
        """A new connection. LATE if it takes more than so many seconds; what comes then is given to `late`, as a call
        that gives or raises it."""
        raise NotImplementedError

    # Requests

    def _take(self, timeout: float | None, key: Hashable | None = None) -> Any:
        """Lend a connection: the proxy itself, or what `_run` gives."""
        limit = self.timeout if timeout is None else timeout
        self._look_for_leaks()
        stack = callers(self.settings.stack_depth)  # before it may have to wait: then it is not in anybody's way
        if self.state.last_slot != self._known_until:
            refuse_engine(stack, self.profile, list(self.opened.raws.values()))
            self._known_until = self.state.last_slot
        if key is not None and not self.state.closed and (known := self._keyed.get(key)) is not None:
            return known
        gate = None
        with self.lock:
            if limit <= 0 and self.profile.zero_timeout_fails:
                answer: Answer | None = Refuse(0, Reason.EXHAUSTED)
            else:
                self._last_ticket += 1
                answer = self.state.ask(self._last_ticket, limit > 0)
                if type(answer) is Give or type(answer) is Open:
                    self.tally.acquired += 1
            if answer is None:
                gate = self._gates[self._last_ticket] = self._gate(self._last_ticket, self.clock.now())
        if type(answer) is Give and not self._checks:  # the usual case, without a detour
            raw = self.opened.raws.get(answer.slot)
            if raw is not None and not (self._looks and condition(raw) is CLOSED):
                return self._hand_out(answer.slot, raw, stack, key)
        return self._run(self._serve(answer, gate, limit, stack, key))

    def _serve(
        self, answer: Answer | None, gate: G | None, limit: float, stack: Stack, key: Hashable | None
    ) -> Procedure[Any]:
        end = self.clock.now() + limit
        if gate is not None:
            answer = yield from self._wait(gate, limit, end)
        if not isinstance(answer, (Give, Open)):
            assert answer is not None
            raise self._refusal(answer.reason, limit)
        try:
            raw = yield from self._fetch(answer, end)
            if raw is None:  # the pool was closed meanwhile, and this connection with it
                raise self.profile.closed(self._facts(limit))
        except BaseException:
            with self.lock:
                work = self._undo(answer)
            self._later(self._perform(work))
            raise
        if raw is LATE:
            with self.lock:
                self.tally.timeouts += 1
            raise self._refusal(Reason.EXHAUSTED, limit)
        return self._hand_out(answer.slot, raw, stack, key)

    def _wait(self, gate: G, limit: float, end: float) -> Procedure[Answer]:
        """Wait for an answer. An impatient request gets one soon; a patient one leaves the line in time."""
        try:
            in_time = True
            while gate.answer is None and in_time:
                if self.lost:  # what the garbage collector found may be what is waited for
                    self._take_back_lost()
                    continue
                in_time = yield partial(gate.wait, self.clock, self._left(end) if limit > 0 else None)
        except BaseException:
            with self.lock:
                answer = None if self._leave(gate) else gate.answer
                work = self._undo(answer) if isinstance(answer, (Give, Open)) else []
            self._later(self._perform(work))
            raise
        with self.lock:
            if gate.answer is None and self._leave(gate):
                self.tally.timeouts += 1
                return Refuse(gate.ticket, Reason.EXHAUSTED)
        assert gate.answer is not None, "it was opened before it could be left"
        return gate.answer

    def _left(self, end: float) -> float | None:
        """Seconds until then; None for ever."""
        return None if end == math.inf else max(0.0, end - self.clock.now())

    def _fetch(self, answer: Give | Open, end: float) -> Procedure[Any]:
        """The connection that was answered: an idle one, if it is still fit, or a new one. None: there is none any
        more; LATE: it did not come in time."""
        if type(answer) is Give and (yield from self._is_fit(answer.slot)):
            return self.opened.raws.get(answer.slot)
        return (yield from self._open(answer.slot, end))

    def _hand_out(self, slot: int, raw: Any, stack: Stack, key: Hashable | None) -> Any:
        self.leases[slot] = lease = Lease(slot, raw, self.clock.now(), stack, key)
        if self.leaks.threshold is not None:
            self.leaks.began(lease)
        connection = raw if self.settings.bare else self._wrap(lease, self)
        if key is not None:
            self._keyed[key] = connection
        return connection

    # Connections

    def _fill(self) -> Procedure[None]:
        """Open what is missing to the minimum."""
        with self.lock:
            missing = 0 if self.state.closed else self.sizes.low - len(self.state.phases)
            slots = [action.slot for action in self.state.fill(missing)]
        for place, slot in enumerate(slots):
            began = self.clock.now()
            try:
                raw = yield self._connect
            except BaseException:
                with self.lock:
                    for unopened in slots[place:]:
                        self._deliver(self.state.failed(unopened))
                raise
            yield from self._arrive(slot, raw, began)

    def _arrive(self, slot: int, raw: Any, began: float) -> Procedure[None]:
        """A connection is open that nobody in particular waits for."""
        session = session_of(raw)
        with self.lock:
            self._add(slot, raw, session, began)
            work = self._deliver(self.state.opened(slot, for_shelf=True))
        yield from self._perform(work)

    def _open(self, slot: int, end: float) -> Procedure[Any]:
        began = self.clock.now()
        if self.profile.timeout_covers_connect and began < end < math.inf:
            raw = yield partial(self._connect_within, end - began, partial(self._come_late, slot, began))
        else:
            raw = yield self._connect
        if raw is LATE:
            return raw
        session = session_of(raw)
        with self.lock:
            self._add(slot, raw, session, began)
            work = self._deliver(self.state.opened(slot))
        if work:  # the pool was closed meanwhile
            yield partial(self._finish, self._perform(work))
            return None
        return raw

    def _come_late(self, slot: int, began: float, result: Call) -> None:
        """A connection that nobody waits for any more goes to the next."""
        try:
            raw = result()
        except BaseException:
            with self.lock:
                work = self._deliver(self.state.failed(slot))
            self._later(self._perform(work))
        else:
            self._later(self._arrive(slot, raw, began))

    def _is_fit(self, slot: int) -> Procedure[bool]:
        """Whether an idle connection can be lent. If not, its slot is for a new one, to be opened by the caller."""
        try:
            if (yield from self._passes(slot)):
                return True
        except BaseException:  # in the middle of a question: of no use to anybody
            with self.lock:
                work = self._deliver(self.state.discard(slot)) if self.state.is_lent(slot) else []
            self._later(self._perform(work))
            raise
        with self.lock:
            raw = self._renew(slot)
        if raw is None:  # the pool was closed meanwhile
            return True
        yield from _closed(raw)
        return False

    def _passes(self, slot: int) -> Procedure[bool]:
        raw = self.opened.raws.get(slot)
        if raw is None:
            return True
        if self._is_too_old(slot) or (self._looks and condition(raw) is CLOSED):
            return False
        if self.settings.pre_ping:
            try:
                if self._faults is not None:
                    self._faults.before(Operation.PING, slot)
                yield from ping(raw)
            except Exception:
                return False
        return True

    # Giving back

    def _put(self, connection: Any, key: Hashable | None = None, close: bool = False) -> Any:
        """Take a connection back; gives what `_finish` gives, if there is something to do."""
        lent = type(connection) in PROXIES
        if self._faults is not None:
            self._faults.before(Operation.PUT, connection._lease.slot if lent else 0)
        if self.lost:
            self._take_back_lost()
        raw = connection._lease.raw if lent else connection
        state = LOOKS.get(type(raw), condition)(raw)
        session: Session = ()
        if state is CLEAN or state is DIRTY:
            session = READERS.get(type(raw), session_of)(raw)
        before = session
        if (key is not None or self._keyed) and not self.state.closed:
            self._unkey(connection, key)
        with self.lock:
            closed = self.state.closed and self.profile.put_after_shut_raises
            lease = None if closed else self._claim(connection)
            if lease is not None:
                if session and self.opened.sessions.get(lease.slot, session) != session:
                    before, self.opened.sessions[lease.slot] = self.opened.sessions[lease.slot], session
                work = self._after_return(lease.slot, state, close)
        if lease is None:
            self._refuse(connection, key, closed)
            return None
        try:
            if state is not CLEAN:
                let_go(raw)
            if lent and connection._lease is not lease:
                self._report_second_release(connection)
            if state is DIRTY or session is not before:
                self._look_at_returned(lease, raw, state, before, session)
        except BaseException:
            if work:
                self._later(self._perform(work))
            raise
        if work:
            return self._finish(self._settle(work, lease, connection))
        if lease.reported:
            self.leaks.ended(lease, self.clock.now())
        return None

    def _settle(self, work: Work, lease: Lease, connection: Any) -> Procedure[None]:
        """What is to be done with a connection that came back."""
        yield from self._perform(work, lease, connection)
        if lease.reported:
            self.leaks.ended(lease, self.clock.now())

    def _perform(self, work: Work, lease: Lease | None = None, connection: Any = None) -> Procedure[None]:
        """Do the I/O that the state asks for, and what follows from it. `lease` is the check-out that just ended: its
        failed reset may be undone and reach the caller."""
        tasks = deque(work)
        failure: Exception | None = None
        interruption: BaseException | None = None
        while tasks:
            task = tasks.popleft()
            if isinstance(task, Close):
                with self.lock:
                    raw = self.opened.remove(task.slot)
                error = yield from attempt(raw.close)
                with self.lock:
                    tasks += self._deliver(self.state.closed_one(task.slot))
            else:
                error = yield from attempt(partial(self._reset, task.slot))
                with self.lock:
                    tasks += self._after_reset(task.slot, error, lease)
                if isinstance(error, Exception):
                    failure = failure or error
            if error is not None and not isinstance(error, Exception):
                interruption = interruption or error
        if lease is not None and lease.key is not None and not lease.ended:
            self._keyed[lease.key] = connection
        if failure is not None:
            self.incidents.report(Kind.RESET_FAILED, f"a connection could not be reset: {failure}", lease)
        if interruption is not None:
            raise interruption
        if failure is not None and lease is not None and self.profile.failed_reset_raises:
            raise failure

    def _after_reset(self, slot: int, error: BaseException | None, lease: Lease | None) -> Work:
        """Under the lock: a reset is over. Who was interrupted will hardly give it back once more, so only a failure
        leaves the slot to the borrower."""
        if lease is None or not isinstance(error, Exception) or not self.profile.failed_reset_keeps_slot:
            return self._deliver(self.state.settled(slot, fit=error is None))
        self._unlend(lease)
        return self._deliver(self.state.keep_lent(slot))

    def _reset(self, slot: int) -> Any:
        return reset_of(self.opened.raws[slot], commit=self.settings.reset is ResetBy.COMMIT)

    def _take_back_lost(self) -> None:
        """Report connections that were garbage-collected while lent; take them back if the profile's library does."""
        while self.lost:
            with suppress(IndexError):  # another thread has seen to it
                work = self._collect(self.lost.popleft())
                if work:
                    self._later(self._perform(work))

    # What lent connections call

    def close_lent(self, connection: LentConnection) -> Any:
        """`close()` on a lent connection: what it means is the profile's."""
        meaning = self.profile.close
        lease: Lease = connection._lease
        if lease.ended:
            if meaning is not Closing.RETURNS:
                self.used_after_release(connection, "close")
                return lease.raw.close()
            return None
        if meaning is not Closing.LOSES:
            return self._put(connection, close=meaning is Closing.FREES)
        self.incidents.report(
            Kind.CLOSED_WHILE_LENT,
            f"connection {lease.slot} was closed while lent: its slot stays taken until it is given back",
            lease,
        )
        return lease.raw.close()


def _closed(raw: Any) -> Procedure[None]:
    """Close a connection that the pool does not want any more; that it cannot even be closed interests nobody."""
    error = yield from attempt(raw.close)
    if error is not None and not isinstance(error, Exception):
        raise error
