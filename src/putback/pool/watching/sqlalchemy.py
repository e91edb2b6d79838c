"""Listening to the pool of a SQLAlchemy engine."""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from putback.pool.watching import hooks
from putback.pool.watching.hooks import Library
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


def capacity(pool: Any) -> int | None:
    """How many connections a pool can lend; None if there is no limit."""
    size, overflow = getattr(pool, "size", None), getattr(pool, "_max_overflow", -1)
    return None if not callable(size) or overflow < 0 else int(size()) + int(overflow)


POOL = Library(
    module="sqlalchemy",
    pool="Pool",
    take="connect",
    give="_do_return_conn",
    part="_connection_record",
    recreate="recreate",
    opens="_invoke_creator",
    exhausted=("TimeoutError",),
    says="3o7r",
    capacity=capacity,
    keeps=weakref.ref,
    takes_back_lost=True,
)
"""Its events would cost four times as much: SQLAlchemy does more for a pool that has listeners."""


def _asked_later(proxy: Any) -> Callable[[], bool]:
    """Tells whether a proxy is still checked out."""
    reference = weakref.ref(proxy)
    return lambda: (found := reference()) is not None and found._connection_record is not None


SHARED = replace(
    POOL,
    pool="StaticPool",
    part="",
    keeps=_asked_later,
    takes_back_lost=False,
    is_out=lambda kept: bool(kept()),
)
"""All borrowers have the same connection at once: they are told apart by their proxies, which say themselves when they
are done."""


def _library_of(pool: Any) -> Library:
    return SHARED if _is_of_sqlalchemy(pool, SHARED.pool) else POOL


def hook(engine: Any, watch: Watch) -> None:
    """Listen to the pool of an engine, and to the one that takes its place: not by the engine's event, with which
    SQLAlchemy would do thirteen calls more for each connection."""
    hooks.hook(engine.pool, _library_of(engine.pool), watch)


def hook_all(watch: Watch) -> None:
    """Listen to the check-outs of every pool that there is or will be."""
    belongs_to_library("sqlalchemy")
    library = sys.modules["sqlalchemy"]
    watch.takes_back_lost, watch.is_out = True, SHARED.is_out
    watch.keeps = lambda proxy: (_library_of(proxy._pool).keeps or weakref.ref)(proxy)
    began, ended, callers, now = watch.began, watch.ended, watch.asking, watch.now

    def checkout(connection: Any, record: Any, proxy: Any) -> None:
        began(id(proxy if _library_of(proxy._pool) is SHARED else record), callers(), proxy, now())

    def checkin(connection: Any, record: Any) -> None:
        ended(id(record))

    for name, listener in (("checkout", checkout), ("checkin", checkin), ("detach", checkin)):
        library.event.listen(library.pool.Pool, name, listener)
        watch.undone_by(functools.partial(library.event.remove, library.pool.Pool, name, listener))
