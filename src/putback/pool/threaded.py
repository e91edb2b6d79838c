"""The pool for threads."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from threading import Lock
from typing import Any

from putback.pool.borrowing import Borrowing
from putback.pool.clock import SYSTEM_CLOCK, Clock
from putback.pool.connection import PooledConnection
from putback.pool.driver import Connect
from putback.pool.faults import Faults
from putback.pool.incidents import Incident
from putback.pool.lending import Lending, T
from putback.pool.profiles import PSYCOPG2, Closing, Profile
from putback.pool.settings import Settings, Sizes
from putback.pool.state import Answer
from putback.pool.steps import Call, Procedure, run


class ThreadGate:
    """Where one thread waits for its answer: a lock that is opened to wake it."""

    __slots__ = ("answer", "lock", "since", "ticket")

    def __init__(self, ticket: int, since: float) -> None:
        self.ticket = ticket
        self.since = since
        self.lock = Lock()
        self.lock.acquire()
        self.answer: Answer | None = None

    def open(self, answer: Answer) -> None:
        self.answer = answer
        self.poke()

    def poke(self) -> None:
        with suppress(RuntimeError):  # it is open already, and its thread has not run yet
            self.lock.release()

    def wait(self, clock: Clock, seconds: float | None) -> bool:
        return clock.wait(self.lock, seconds)


class ReferencePool(Lending[ThreadGate]):
    """A pool of DB-API connections that knows who holds what.

    `connect` opens a connection (default: sqlite3 in memory). The profile decides what happens when all are lent, what
    `close()` means and how errors are worded. `faults` can make every operation fail. `on_incident` hears of leaks and
    misuse; it is called in the thread that noticed.
    """

    _gate = ThreadGate
    _wrap = PooledConnection

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
        sizes = Sizes(int(low), high, settings.overflow)
        super().__init__(sizes, connect, profile, settings, clock, faults, on_incident)
        try:
            run(self._fill())
        except BaseException:
            run(self._perform(self._shut(with_lent=False)))
            raise

    @property
    def closed(self) -> bool:
        """Whether the pool was closed."""
        return self.state.closed

    def getconn(self, key: Hashable | None = None, timeout: float | None = None) -> Any:
        """Borrow a connection. The same `key` gives the same connection until it is put back.

        Waits up to `timeout` seconds (default: the pool's; 0: not at all), then raises the profile's error.
        """
        return self._take(timeout, key)

    def putconn(self, conn: Any = None, key: Hashable | None = None, close: bool = False) -> None:
        """Give a connection back; with `close`, to be closed. An open transaction is rolled back.

        Raises the profile's error for a connection that is not lent, and, as psycopg2 does, the driver's if the
        rollback fails; then the connection is still lent.
        """
        self._put(conn, key, close)

    def connection(self, timeout: float | None = None) -> Borrowing:
        """`with pool.connection() as conn`: borrow, and give back in any case. With the profiles of psycopg2 and
        psycopg_pool a block that ends well is committed."""
        return Borrowing(self, timeout)

    def closeall(self) -> None:
        """Close the pool. Idle connections are closed; the profile says whether lent ones are too (psycopg2: yes)."""
        if self.state.closed and self.profile.shut_twice_raises:
            raise self.profile.closed(self._facts(self.timeout))
        run(self._perform(self._shut(self.profile.shut_closes_lent)))

    # What lent connections call

    def exit_lent(self, connection: PooledConnection, failed: bool) -> None:
        if self.profile.close is Closing.RETURNS:
            self.putconn(connection)
        elif failed:
            connection.rollback()
        else:
            connection.commit()

    # Inside

    def _run(self, procedure: Procedure[T]) -> T:
        return run(procedure)

    def _finish(self, procedure: Procedure[None]) -> None:
        run(procedure)

    def _later(self, procedure: Procedure[None]) -> None:
        run(procedure)

    def _connect_within(self, seconds: float, late: Callable[[Call], None]) -> Any:
        return self.clock.call(self._connect, seconds, late)
