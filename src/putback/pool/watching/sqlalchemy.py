"""Listening to the pool of a SQLAlchemy engine."""

from __future__ import annotations

import functools
import sys
import weakref
from contextlib import suppress
from typing import Any

from putback.pool.watching.places import belongs_to_library
from putback.pool.watching.watcher import Watch


def engine_of(target: Any) -> Any:
    """The synchronous engine behind an engine, an asynchronous one, a session factory; None for anything else."""
    if _is_of_sqlalchemy(target, "AsyncEngine"):
        return target.sync_engine
    if _is_of_sqlalchemy(target, "Engine"):
        return target
    if _is_of_sqlalchemy(target, "scoped_session", "async_scoped_session"):
        return engine_of(target.session_factory)
    if _is_of_sqlalchemy(target, "sessionmaker", "async_sessionmaker"):
        return engine_of(target.kw.get("bind"))
    return None


def _is_of_sqlalchemy(target: Any, *names: str) -> bool:
    return any(
        cls.__name__ in names and cls.__module__.partition(".")[0] == "sqlalchemy" for cls in type(target).__mro__
    )


def hook(engine: Any, watch: Watch) -> None:
    """Listen to the methods of an engine's pool that lend and take back. Its events would cost four times as much:
    SQLAlchemy does more for a pool that has listeners."""
    belongs_to_library("sqlalchemy")
    event = sys.modules["sqlalchemy"].event
    watch.takes_back_lost, watch.keeps = True, weakref.ref

    def disposed(engine: Any) -> None:
        _hook_pool(engine.pool, watch)

    event.listen(engine, "engine_disposed", disposed)
    watch.undone_by(functools.partial(_remove, weakref.ref(engine), "engine_disposed", disposed))
    _hook_pool(engine.pool, watch)


def _hook_pool(pool: Any, watch: Watch) -> None:
    connect, give_back, took, ended = pool.connect, pool._do_return_conn, watch.took, watch.ended

    @functools.wraps(connect)
    def connecting() -> Any:
        try:
            proxy = connect()
        except Exception as error:
            if getattr(error, "code", None) == "3o7r":  # a request that timed out
                watch.exhausted(error)
            raise
        took(id(proxy._connection_record), proxy)
        return proxy

    @functools.wraps(give_back)
    def giving_back(record: Any) -> None:
        ended(id(record))
        give_back(record)

    pool.connect, pool._do_return_conn = connecting, giving_back
    watch.undone_by(functools.partial(_restore, weakref.ref(pool)))


def hook_all(watch: Watch) -> None:
    """Listen to the check-outs of every pool that there is or will be."""
    belongs_to_library("sqlalchemy")
    library = sys.modules["sqlalchemy"]
    watch.takes_back_lost, watch.keeps = True, weakref.ref
    took, ended = watch.took, watch.ended

    def checkout(connection: Any, record: Any, proxy: Any) -> None:
        took(id(record), proxy)

    def checkin(connection: Any, record: Any) -> None:
        ended(id(record))

    for name, listener in (("checkout", checkout), ("checkin", checkin), ("detach", checkin)):
        library.event.listen(library.pool.Pool, name, listener)
        watch.undone_by(functools.partial(library.event.remove, library.pool.Pool, name, listener))


def _remove(engine: weakref.ref[Any], name: str, listener: Any) -> None:
    if (found := engine()) is not None:
        sys.modules["sqlalchemy"].event.remove(found, name, listener)


def _restore(pool: weakref.ref[Any]) -> None:
    if (found := pool()) is not None:
        for name in ("connect", "_do_return_conn"):
            with suppress(AttributeError):
                delattr(found, name)


def capacity(engine: Any) -> int | None:
    """How many connections its pool can lend; None if there is no limit."""
    pool = engine.pool
    size, overflow = getattr(pool, "size", None), getattr(pool, "_max_overflow", -1)
    return None if not callable(size) or overflow < 0 else int(size()) + int(overflow)
