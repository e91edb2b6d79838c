"""A connection pool that tells everything it knows: who holds what, since when, and where it was taken.

It is a drop-in for psycopg2's pool (`from putback import pool` in place of `from psycopg2 import pool`), and runs on
any DB-API connection and on sqlite3 without anything installed:

    ReferencePool(low, high, connect, settings=Settings(overflow=10, leak_threshold=30))
        .getconn(key=None, timeout=None)  .putconn(conn, key=None, close=False)  .closeall()
        with pool.connection() as conn: ...
        .stats() -> PoolStats   .suspects(age) -> [Suspect]   .check_leaks()   .incidents.recent   repr(pool)
    SimpleConnectionPool, ThreadedConnectionPool(minconn, maxconn, *args, connect=None, ..., **kwargs)
    watch(engine_or_pool, leak_threshold=30)       who holds the connections of a pool that is not ours

What tests need of it is in `putback.pool.testing`: plans of faults, a manual clock, the manners of other pools.

Invariant: this package imports nothing of ours and nothing but the standard library (`web` alone imports the framework
it serves). Deliberately absent: SQL, configuration files; threads of its own, but for a monitor and
for a connect that a timeout bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from putback.pool.clock import Clock
from putback.pool.connection import PooledConnection
from putback.pool.dropin import SimpleConnectionPool, ThreadedConnectionPool
from putback.pool.errors import (
    ForeignConnectionError,
    InterfaceError,
    PoolClosedError,
    PoolError,
    PoolTimeout,
    SettingsError,
    TooManyRequests,
)
from putback.pool.incidents import Incident, Kind
from putback.pool.settings import ResetBy, Settings
from putback.pool.stats import PoolStats
from putback.pool.threaded import ReferencePool

if TYPE_CHECKING:
    from putback.pool.watching import Watch, watch

__all__ = [
    "Clock",
    "ForeignConnectionError",
    "Incident",
    "InterfaceError",
    "Kind",
    "PoolClosedError",
    "PoolError",
    "PoolStats",
    "PoolTimeout",
    "PooledConnection",
    "ReferencePool",
    "ResetBy",
    "Settings",
    "SettingsError",
    "SimpleConnectionPool",
    "ThreadedConnectionPool",
    "TooManyRequests",
    "Watch",
    "watch",
]


def __getattr__(name: str) -> Any:
    """Watching is loaded at its first use: it needs asyncio and the compiler's tools."""
    if name in ("Watch", "watch"):
        from putback.pool import watching

        return getattr(watching, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
