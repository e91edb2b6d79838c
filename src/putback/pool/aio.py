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
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from types import CoroutineType, TracebackType
from typing import Any, Self

from putback.pool.borrowing import commits
from putback.pool.clock import LATE, SYSTEM_CLOCK, Clock
from putback.pool.connection import AsyncPooledConnection, LentConnection, proxy_of
from putback.pool.driver import Connect
from putback.pool.faults import Faults
from putback.pool.incidents import Incident
from putback.pool.lease import Lease
from putback.pool.lending import Lending, T, Work
from putback.pool.profiles import ASYNCPG, Profile
from putback.pool.settings import Settings, Sizes
from putback.pool.state import Answer
from putback.pool.steps import Call, Procedure, maybe, run_async, run_out


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
        self._wake()

    def poke(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self.future.get_loop().call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        if not self.future.done():  # a cancelled task finds its answer when it leaves
            self.future.set_result(None)

    async def wait(self, clock: Clock, seconds: float | None) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self.future
        except TimeoutError:
            return False
        self.future = self.future.get_loop().create_future()
        return True


class AsyncReferencePool(Lending[TaskGate]):
    """A pool of connections for tasks that knows who holds what. Parameters as of ReferencePool."""

    _gate = TaskGate

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
        super().__init__(Sizes(low, high, settings.overflow), connect, profile, settings, clock, faults, on_incident)
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle: asyncio.Event | None = None
        """Set when the last lent connection came back to a pool that is being closed."""

    async def open(self) -> Self:
        """Open the first connections, as far as they are not open. Not needed: without it they are opened when they
        are needed."""
        await run_async(self._fill())
        return self

    def acquire(self, timeout: float | None = None) -> Acquiring:
        """Borrow a connection: `await` it and release it later, or `async with`.

        Waits up to `timeout` seconds (default: the pool's; 0: not at all), then raises the profile's error.
        """
        return Acquiring(self, timeout)

    async def release(self, connection: Any) -> None:
        """Give a connection back. An open transaction is rolled back. Raises what the profile's library raises for a
        connection that is not lent, or that cannot be reset."""
        done = self._put(connection)
        if done is not None:
            await done

    def release_unawaited(self, connection: Any) -> None:
        """Give a connection back where nothing can be awaited; what is to be done with it goes on by itself."""
        done = self._put(connection)
        if done is not None:
            with suppress(StopIteration, GeneratorExit):
                done.send(None)
            done.close()

    async def close(self) -> None:
        """Close the pool: nobody gets a connection any more. Returns when the last lent one has come back, is closed,
        and whoever gave it back goes on; so it waits for ever if one is leaked, as asyncpg's does."""
        await self._finish(self._perform(self._shut(with_lent=False)))
        if self.leases:
            if self._idle is None:
                self._idle = asyncio.Event()
            await self._idle.wait()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def terminate(self) -> None:
        """Close the pool and every connection at once, lent ones too."""
        work = self._shut(with_lent=True)
        with self.lock:
            raws = [self.opened.remove(task.slot) for task in work]
            for task in work:
                self._deliver(self.state.closed_one(task.slot))
        for raw in raws:
            _terminate(raw)
        self._look_whether_idle()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # What lent connections call

    def terminate_lent(self, connection: AsyncPooledConnection) -> None:
        if connection._lease.ended:
            self.used_after_release(connection, "terminate")
        with self.lock:
            lease = self._claim(connection)
            if lease is not None and self.state.is_lent(lease.slot):
                self._deliver(self.state.discard(lease.slot))
                self.opened.remove(lease.slot)
                self._deliver(self.state.closed_one(lease.slot))
        _terminate(connection._raw)
        self._look_whether_idle()

    # Inside

    async def _acquire(self, timeout: float | None) -> Any:
        connection = self._take(timeout)
        return await connection if type(connection) is CoroutineType else connection

    def _perform(self, work: Work, lease: Lease | None = None, connection: Any = None) -> Procedure[None]:
        try:
            yield from super()._perform(work, lease, connection)
        finally:
            self._look_whether_idle()

    def _look_whether_idle(self) -> None:
        if self._idle is not None and not self.leases:
            self._idle.set()

    def _run(self, procedure: Procedure[T]) -> Coroutine[Any, Any, T]:
        return run_async(procedure)

    async def _finish(self, procedure: Procedure[None]) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a coroutine is closed outside of any loop
            run_out(procedure)
        else:
            await asyncio.shield(self._start(procedure, loop))

    def _later(self, procedure: Procedure[None]) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # as above, or the loop is gone
            with suppress(GeneratorExit):
                run_out(procedure)
        else:
            self._start(procedure, loop)

    def _start(self, procedure: Procedure[None], loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        """Do something that no cancellation of the current task may stop."""
        task = loop.create_task(run_async(procedure))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @staticmethod
    def _wrap(lease: Lease, pool: AsyncReferencePool) -> LentConnection:
        task = asyncio.current_task()
        lease.task = task.get_name() if task is not None else None
        return proxy_of(lease.raw, AsyncPooledConnection)(lease, pool)

    async def _connect_within(self, seconds: float, late: Callable[[Call], None]) -> Any:
        task = asyncio.ensure_future(maybe(self._connect()))
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
        except BaseException:
            task.cancel()
            task.add_done_callback(_unwanted)
            raise
        if done:
            return task.result()
        task.add_done_callback(lambda ended: late(ended.result))
        return LATE


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
        if kind is GeneratorExit:  # the coroutine is closed, and may not wait any more
            self._pool.release_unawaited(connection)
            return
        try:
            if kind is None and commits(self._pool.profile, connection):
                await maybe(connection.commit())
        finally:
            await self._pool.release(connection)


def _unwanted(task: asyncio.Future[Any]) -> None:
    """A connection may have come although its task was cancelled."""
    if not task.cancelled() and task.exception() is None:
        _terminate(task.result())


def _terminate(raw: Any) -> None:
    with suppress(Exception):
        raw.terminate() if hasattr(raw, "terminate") else raw.close()
