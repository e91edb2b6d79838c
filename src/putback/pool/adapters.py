"""The same report for real pools: psycopg2's, psycopg_pool's, SQLAlchemy's QueuePool, asyncpg's, and ours.

Nothing is imported: a pool says by its class what it is.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from putback.pool.core import Core
from putback.pool.errors import SettingsError
from putback.pool.health import Health, Thresholds, judge
from putback.pool.stats import Durations, PoolStats, Timings


@dataclass(frozen=True, slots=True)
class Identity:
    """What kind of pool it is."""

    driver: str
    pool_class: str


def stats_of(pool: Any) -> PoolStats:
    """The numbers of a pool, or of an engine's pool. SettingsError for what is none of those that are known."""
    known = _engine_pool(pool)
    stats = _find(known).stats(known)
    return _as_watched(stats, pool) if _derives(pool, "putback", "Watch") else stats


def timings_of(pool: Any) -> dict[str, Timings]:
    """What is measured while it happens, by the name of its numbers; nothing for a pool of others that nobody
    watches."""
    measured = pool.tally if isinstance(pool, Core) else pool if _derives(pool, "putback", "Watch") else None
    found = {name: getattr(measured, name, None) for name in ("waits", "uses", "creations")}
    return {name: timings for name, timings in found.items() if timings is not None}


def _as_watched(stats: PoolStats, watch: Any) -> PoolStats:
    """With what its watch knows."""
    sites: Counter[str] = Counter()
    lines = watch.holders()
    for line in lines:
        sites[str(line.caller)] += line.count
    found = dict(sites.most_common())
    return replace(
        stats,
        sites=found,
        holders=found,
        held=tuple(line.as_json() for line in lines),
        waiters=watch.waiters,
        waits=watch.waits.summary(),
        uses=watch.uses.summary(),
        creations=None if watch.creations is None else watch.creations.summary(),
        acquired=watch.taken,
        timeouts=watch.timeouts,
    )


def health_of(pool: Any, thresholds: Thresholds | None = None) -> Health:
    """The health of a pool."""
    return judge(stats_of(pool), thresholds)


def identity_of(pool: Any) -> Identity:
    """The driver, as far as the pool says it, and the class of a pool."""
    known = _engine_pool(pool)
    _find(known)
    driver = getattr(getattr(pool, "dialect", None), "driver", None)
    return Identity(str(driver or _root(type(known).__module__)), type(known).__name__)


@contextmanager
def borrowed(pool: Any) -> Iterator[Any]:
    """A DB-API connection of a pool for threads, given back at the end of the block; what was not committed is undone.
    SettingsError for a pool that is for tasks."""
    known = _engine_pool(pool)
    if hasattr(known, "getconn") and not inspect.iscoroutinefunction(inspect.unwrap(known.getconn)):
        connection = known.getconn()
        give_back = known.putconn
    elif hasattr(known, "checkedout"):
        connection = known.connect()
        give_back = type(connection).close
    else:
        raise SettingsError(f"{type(pool).__name__} is no pool for threads: a connection cannot be taken from it here")
    try:
        yield connection
    finally:
        give_back(connection)


def _engine_pool(pool: Any) -> Any:
    """The pool itself, for SQLAlchemy's engines their pool, for what is watched that."""
    if _derives(pool, "putback", "Watch"):
        return _engine_pool(pool.target)
    return pool.pool if hasattr(pool, "dialect") and hasattr(pool, "pool") else pool


@dataclass(frozen=True, slots=True)
class _Kind:
    library: str
    fits: Callable[[Any], bool]
    stats: Callable[[Any], PoolStats]


def _find(pool: Any) -> _Kind:
    for kind in _KINDS:
        if kind.fits(pool):
            return kind
    names = ", ".join(kind.library for kind in _KINDS)
    raise SettingsError(
        f"{type(pool).__module__}.{type(pool).__qualname__} is not a pool that is known; known: {names}"
    )


def _derives(pool: Any, module: str, name: str) -> bool:
    """Whether the pool's class is, or derives from, `name` of a library, wherever that keeps it."""
    return any(cls.__name__ == name and _root(cls.__module__) == module for cls in type(pool).__mro__)


def _root(module: str) -> str:
    return module.partition(".")[0]


def _ours(pool: Core[Any]) -> PoolStats:
    return pool.stats()


def _psycopg2(pool: Any) -> PoolStats:
    available, in_use = len(pool._pool), len(pool._used)
    return PoolStats(
        library="psycopg2.pool",
        min=pool.minconn,
        max=pool.maxconn,
        max_overflow=0,
        available=available,
        in_use=in_use,
        total=available + in_use,
        overflow=0,
        waiters=0,
    )


def _psycopg_pool(pool: Any) -> PoolStats:
    numbers: dict[str, int] = pool.get_stats()
    total, available = numbers.get("pool_size", 0), numbers.get("pool_available", 0)
    queued = numbers.get("requests_queued", 0)
    return PoolStats(
        library="psycopg_pool",
        min=numbers.get("pool_min", 0),
        max=numbers.get("pool_max"),
        max_overflow=0,
        available=available,
        in_use=max(0, total - available),
        total=total,
        overflow=0,
        waiters=numbers.get("requests_waiting", 0),
        waits=Durations(count=queued, total=numbers.get("requests_wait_ms", 0) / 1000),
        acquired=numbers.get("requests_num", 0),
        timeouts=numbers.get("requests_errors", 0),
    )


def _sqlalchemy(pool: Any) -> PoolStats:
    size, available, in_use = pool.size(), pool.checkedin(), pool.checkedout()
    unlimited = pool._max_overflow < 0
    return PoolStats(
        library="sqlalchemy.pool.QueuePool",
        min=0,
        max=size or None,
        max_overflow=None if unlimited else pool._max_overflow,
        available=available,
        in_use=in_use,
        total=available + in_use,
        overflow=max(0, pool.overflow()),
        waiters=None,
    )


def _asyncpg(pool: Any) -> PoolStats:
    total, available = pool.get_size(), pool.get_idle_size()
    return PoolStats(
        library="asyncpg",
        min=pool.get_min_size(),
        max=pool.get_max_size(),
        max_overflow=0,
        available=available,
        in_use=total - available,
        total=total,
        overflow=0,
        waiters=None,
    )


def _aio(pool: Any) -> PoolStats:
    return _counted(_root(type(pool).__module__), pool.minsize, pool.maxsize or None, pool.freesize, pool.size)


def _mysql(pool: Any) -> PoolStats:
    return _counted("mysql", pool.pool_size, pool.pool_size, pool._cnx_queue.qsize(), pool.pool_size)


def _dbutils(pool: Any) -> PoolStats:
    idle = len(pool._idle_cache)
    return _counted("dbutils", 0, pool._maxconnections or None, idle, idle + pool._connections)


def _counted(library: str, low: int, high: int | None, idle: int, total: int) -> PoolStats:
    return PoolStats(
        library=library,
        min=low,
        max=high,
        max_overflow=0,
        available=idle,
        in_use=total - idle,
        total=total,
        overflow=0,
        waiters=None,
    )


_KINDS = (
    _Kind("putback.pool", lambda pool: isinstance(pool, Core), _ours),
    _Kind("psycopg2.pool", lambda pool: _derives(pool, "psycopg2", "AbstractConnectionPool"), _psycopg2),
    _Kind("psycopg_pool", lambda pool: _derives(pool, "psycopg_pool", "BasePool"), _psycopg_pool),
    _Kind("sqlalchemy.pool.QueuePool", lambda pool: _derives(pool, "sqlalchemy", "QueuePool"), _sqlalchemy),
    _Kind("asyncpg", lambda pool: _derives(pool, "asyncpg", "Pool"), _asyncpg),
    _Kind("aiomysql", lambda pool: _derives(pool, "aiomysql", "Pool"), _aio),
    _Kind("aiopg", lambda pool: _derives(pool, "aiopg", "Pool"), _aio),
    _Kind("mysql.connector", lambda pool: _derives(pool, "mysql", "MySQLConnectionPool"), _mysql),
    _Kind("dbutils", lambda pool: _derives(pool, "dbutils", "PooledDB"), _dbutils),
)
