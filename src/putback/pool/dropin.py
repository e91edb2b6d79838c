"""psycopg2's names: changing one import points a program at the reference pool.

from putback import pool                              # was: from psycopg2 import pool

connections = pool.ThreadedConnectionPool(1, 10, dsn="...")
conn = connections.getconn()
try: ...
finally: connections.putconn(conn)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from putback.pool.clock import SYSTEM_CLOCK, Clock
from putback.pool.driver import connector
from putback.pool.faults import Faults
from putback.pool.incidents import Incident
from putback.pool.profiles import PSYCOPG2, Profile
from putback.pool.settings import Settings
from putback.pool.threaded import ReferencePool


class ThreadedConnectionPool(ReferencePool):
    """psycopg2.pool.ThreadedConnectionPool, with everything of ReferencePool as keywords.

    Other arguments go to `connect`; without `connect` to `psycopg2.connect`. Without any: sqlite3 in memory.
    """

    def __init__(
        self,
        minconn: int,
        maxconn: int,
        *args: Any,
        connect: Callable[..., Any] | None = None,
        profile: Profile = PSYCOPG2,
        settings: Settings | None = None,
        clock: Clock = SYSTEM_CLOCK,
        faults: Faults | None = None,
        on_incident: Callable[[Incident], None] | None = None,
        **kwargs: Any,
    ) -> None:
        self.minconn = int(minconn)
        self.maxconn = int(maxconn)
        super().__init__(
            self.minconn,
            self.maxconn,
            connector(connect, args, kwargs),
            profile=profile,
            settings=settings,
            clock=clock,
            faults=faults,
            on_incident=on_incident,
        )

    @property
    def _pool(self) -> list[Any]:
        """The idle connections. Private in psycopg2 too, but read by many programs that count them."""
        with self.lock:
            return [self.opened.raws[slot] for slot in self.state.shelf]

    @property
    def _used(self) -> dict[Hashable, Any]:
        """The lent connections, likewise."""
        with self.lock:
            return {slot: lease.raw for slot, lease in self.leases.items()}


class SimpleConnectionPool(ThreadedConnectionPool):
    """psycopg2.pool.SimpleConnectionPool; this one may be shared between threads too."""
