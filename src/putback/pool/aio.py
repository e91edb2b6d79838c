"""The pool for asyncio.

    pool = AsyncReferencePool(1, 10, connect)       # connect may be a coroutine function; default: sqlite3 in memory
    async with pool:
        async with pool.acquire() as conn: ...
        conn = await pool.acquire(timeout=5)
        await pool.release(conn)

A pool belongs to one event loop. A task that is cancelled while it waits, connects or gives back loses nothing: what
it got meanwhile goes to the next, and giving back goes on without it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from putback.pool.clock import SYSTEM_CLOCK, Clock
from putback.pool.connection import AsyncPooledConnection
from putback.pool.core import Core
from putback.pool.driver import Connect, condition, sqlite_memory
from putback.pool.faults import Faults, Operation, faulty, without_faults
from putback.pool.incidents import Incident, Kind
from putback.pool.lease import Lease, Stack, callers
from putback.pool.profiles import ASYNCPG, Closing, Profile
from putback.pool.settings import ResetBy, Settings, Sizes
from putback.pool.state import Answer, Close, Give, Open, Reason, Refuse, Reset


class TaskGate:
    """Where one task waits for its answer."""

    __slots__ = ("answer", "future", "since", "ticket")

    def __init__(self, ticket: int, since: float) -> None:
        self.ticket = ticket
        self.since = since
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answer: Answer | None = None

    def open(self, answer: Answer) -> None:
        self.answer = answer
        if not self.future.done():  # a cancelled task finds its answer when it leaves
            self.future.set_result(None)


class AsyncReferencePool(Core[TaskGate]):
    """A pool of connections for tasks that knows who holds what. Parameters as of ReferencePool."""

    def __init__(
        self,
        low: int,
        high: int | None,
        connect: Connect | None = None,
        *,
        profile: Profile = ASYNCPG,
        settings: Settings | None = None,
        clock: Clock = SYSTEM_CLOCK,
        faults: Faults | None = None,
        on_incident: Callable[[Incident], None] | None = None,
    ) -> None:
        settings = settings or Settings()
        super().__init__(Sizes(low, high, settings.overflow), settings, profile, clock, on_incident)
        connect = connect or sqlite_memory()
        self._faults = faults
        self._connect = faulty(connect, faults) if faults is not None else connect
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle: asyncio.Event | None = None
        """Set when the last lent connection came back to a pool that is being closed."""

    async def open(self) -> Self:
        """Open the first connections. Not needed: without it they are opened when they are needed."""
        with self.lock:
            slots = [action.slot for action in self.state.fill(self.sizes.low)]
        for slot in slots:
            try:
                raw = await _maybe(self._connect())
            except BaseException:
                with self.lock:
                    self._deliver(self.state.failed(slot))
                raise
            with self.lock:
                self._add(slot, raw)
                self._deliver(self.state.opened(slot, for_shelf=True))
        return self

    def acquire(self, timeout: float | None = None) -> Acquiring:
        """Borrow a connection: `await` it and release it later, or `async with`.

        Waits up to `timeout` seconds (default: the pool's; 0: not at all), then raises the profile's error.
        """
        return Acquiring(self, timeout)

    async def release(self, connection: Any) -> None:
        """Give a connection back. An open transaction is rolled back. Raises what the profile's library raises for a
        connection that is not lent, or that cannot be reset."""
        await self._give_back(connection, close=False)

    async def close(self) -> None:
        """Close the pool: nobody gets a connection any more. Returns when the last lent one has come back and is
        closed; so it waits for ever if one is leaked, as asyncpg's does."""
        with self.lock:
            work = self._deliver(self.state.shut(with_lent=False))
        await self._finish(self._perform(work))
        if self.leases:
            self._idle = asyncio.Event()
            await self._idle.wait()

    def terminate(self) -> None:
        """Close the pool and every connection at once, lent ones too."""
        with self.lock:
            work = self._deliver(self.state.shut(with_lent=True))
            raws = [self._remove(task.slot) for task in work]
            for task in work:
                self._deliver(self.state.closed_one(task.slot))
        for raw in raws:
            _terminate(raw)

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # What lent connections call

    async def close_lent(self, connection: AsyncPooledConnection) -> None:
        meaning = self.profile.close
        lease: Lease = connection._lease
        if lease.ended:
            if meaning is not Closing.RETURNS:
                self.used_after_release(connection, "close")
                await _maybe(connection._raw.close())
            return
        if meaning is not Closing.LOSES:
            await self._give_back(connection, close=meaning is Closing.FREES)
            return
        self.incidents.report(
            Kind.CLOSED_WHILE_LENT,
            f"connection {lease.slot} was closed while lent: its slot stays taken until it is released",
            lease,
        )
        await _maybe(connection._raw.close())

    def terminate_lent(self, connection: AsyncPooledConnection) -> None:
        if connection._lease.ended:
            self.used_after_release(connection, "terminate")
        with self.lock:
            lease = self._claim(connection, None)
            if lease is not None:
                self._deliver(self.state.discard(lease.slot))
                self._remove(lease.slot)
                self._deliver(self.state.closed_one(lease.slot))
        _terminate(connection._raw)

    # Inside

    async def _acquire(self, timeout: float | None) -> Any:
        limit = self.timeout if timeout is None else timeout
        self._look_for_leaks()
        stack = callers(self.settings.stack_depth)
        with self.lock:
            answer = self._ask(patient=limit > 0)
            if answer is None:
                gate = self._gates[self._last_ticket] = TaskGate(self._last_ticket, self.clock.now())
        if answer is None:
            answer = await self._wait(gate, limit)
        if isinstance(answer, Refuse):
            raise self._refusal(answer.reason, limit)
        return await self._lend(answer, stack)

    async def _wait(self, gate: TaskGate, limit: float) -> Answer:
        try:
            async with asyncio.timeout(limit if 0 < limit < float("inf") else None):
                await gate.future
        except TimeoutError:
            pass  # the answer may have come at the same moment
        except BaseException:
            with self.lock:
                answer = None if self._leave(gate) else gate.answer
                work = self._undo(answer) if isinstance(answer, (Give, Open)) else []
            self._start(self._perform(work))
            raise
        if gate.answer is None:
            with self.lock:
                self._leave(gate)
            return Refuse(gate.ticket, Reason.EXHAUSTED)
        return gate.answer

    async def _lend(self, answer: Give | Open, stack: Stack) -> Any:
        slot = answer.slot
        try:
            fit = isinstance(answer, Give) and await self._is_fit(slot)
            raw = self._raws.get(slot) if fit else await self._open(slot)
            if raw is None:  # the pool was closed meanwhile, and this connection with it
                raise self.profile.closed(self._facts(self.timeout))
            lease = self._begin(slot, raw, stack)
        except BaseException:
            with self.lock:
                work = self._undo(answer)
            self._start(self._perform(work))
            raise
        task = asyncio.current_task()
        lease.task = task.get_name() if task is not None else None
        return raw if self.settings.bare else AsyncPooledConnection(lease, self)

    async def _is_fit(self, slot: int) -> bool:
        """Whether an idle connection can be lent. If not, its slot is for a new one, to be opened by the caller."""
        if not self._is_too_old(slot) and await self._answers(slot):
            return True
        with self.lock:
            raw = self._renew(slot)
        if raw is None:
            return True
        await _close(raw)
        return False

    async def _answers(self, slot: int) -> bool:
        if not self.settings.pre_ping:
            return True
        raw = without_faults(self._raws[slot])
        try:
            if self._faults is not None:
                self._faults.before(Operation.PING, slot)
            await _maybe(raw.ping() if hasattr(raw, "ping") else raw.execute("SELECT 1"))
            if hasattr(raw, "rollback"):
                await _maybe(raw.rollback())
        except Exception:
            return False
        return True

    async def _open(self, slot: int) -> Any:
        raw = await _maybe(self._connect())
        with self.lock:
            self._add(slot, raw)
            work = self._deliver(self.state.opened(slot))
        if work:  # the pool was closed meanwhile
            await self._finish(self._perform(work))
            raise self.profile.closed(self._facts(self.timeout))
        return raw

    async def _give_back(self, connection: Any, close: bool) -> None:
        lent = isinstance(connection, AsyncPooledConnection)
        if self._faults is not None:
            self._faults.before(Operation.PUT, connection._lease.slot if lent else 0)
        raw = connection._raw if lent else connection
        state = condition(raw)
        with self.lock:
            lease = self._claim(connection, None)
            work = self._after_return(lease.slot, state, close) if lease is not None else []
        if lease is None:
            self._not_lent(connection, None)
            return
        if lent and connection._lease is not lease:
            self._report_second_release(connection)
        if lease.reported:
            self.leaks.ended(lease, self.clock.now())
        if work:
            await self._finish(self._perform(work, lease))
        elif self._idle is not None and not self.leases:
            self._idle.set()

    async def _perform(self, work: list[Reset | Close], lease: Lease | None = None) -> None:
        """Do the I/O that the state asks for, and what follows from it."""
        tasks = deque(work)
        failure: Exception | None = None
        while tasks:
            task = tasks.popleft()
            if isinstance(task, Close):
                with self.lock:
                    raw = self._remove(task.slot)
                await _close(raw)
                with self.lock:
                    tasks += self._deliver(self.state.closed_one(task.slot))
            else:
                error = await self._reset(task.slot)
                failure = failure or error
                with self.lock:
                    tasks += self._deliver(self.state.settled(task.slot, fit=error is None))
        if self._idle is not None and not self.leases:
            self._idle.set()
        if failure is not None:
            self.incidents.report(Kind.RESET_FAILED, f"a connection could not be reset: {failure}", lease)
            if lease is not None and self.profile.failed_reset_raises:
                raise failure

    async def _reset(self, slot: int) -> Exception | None:
        raw = self._raws[slot]
        try:
            if self.settings.reset is ResetBy.COMMIT and hasattr(raw, "commit"):
                await _maybe(raw.commit())
            else:
                await _maybe(raw.reset() if hasattr(raw, "reset") else raw.rollback())
        except Exception as error:
            return error
        return None

    def _take_back_lost(self) -> None:
        while self.lost:
            work = self._collect(self.lost.popleft())
            if work:
                self._start(self._perform(work))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something that no cancellation of the current task may stop."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _finish(self, work: Coroutine[Any, Any, None]) -> None:
        await asyncio.shield(self._start(work))


class Acquiring:
    """What `acquire()` gives: await it, or use it as `async with`."""

    __slots__ = ("_connection", "_pool", "_timeout")

    def __init__(self, pool: AsyncReferencePool, timeout: float | None) -> None:
        self._pool = pool
        self._timeout = timeout

    def __await__(self) -> Generator[Any, None, Any]:
        return self._pool._acquire(self._timeout).__await__()

    async def __aenter__(self) -> Any:
        self._connection = await self._pool._acquire(self._timeout)
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._connection = self._connection, None
        try:
            if kind is None and self._pool.profile.get_commits:
                await _maybe(connection.commit())
        finally:
            await self._pool.release(connection)


async def _maybe(result: Any) -> Any:
    """The result of a call that may be asynchronous."""
    return await result if hasattr(result, "__await__") else result


async def _close(raw: Any) -> None:
    """Close a connection that the pool does not want any more; that it cannot even be closed interests nobody."""
    with suppress(Exception):
        await _maybe(raw.close())


def _terminate(raw: Any) -> None:
    with suppress(Exception):
        raw.terminate() if hasattr(raw, "terminate") else raw.close()
