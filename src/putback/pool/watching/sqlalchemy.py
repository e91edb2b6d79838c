"""Listening to the pool of a SQLAlchemy engine, by its own events."""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from typing import Any

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
    """Listen to an engine: check-outs and check-ins by events, an empty pool by its error."""
    event = sys.modules["sqlalchemy"].event
    checkout, checkin = _listeners(watch)

    def disposed(engine: Any) -> None:
        _hook_errors(engine.pool, watch)

    for target, name, listener in (
        (engine, "checkout", checkout),
        (engine, "checkin", checkin),
        (engine, "detach", checkin),
        (engine, "engine_disposed", disposed),
    ):
        event.listen(target, name, listener)
        watch.undone_by(functools.partial(_remove, weakref.ref(target), name, listener))
    _hook_errors(engine.pool, watch)


def _listeners(watch: Watch) -> tuple[Callable[..., None], Callable[..., None]]:
    """What hears of check-outs, and what hears of check-ins."""
    watch.takes_back_lost, watch.keeps = True, weakref.ref
    took, ended = watch.took, watch.ended

    def checkout(connection: Any, record: Any, proxy: Any) -> None:
        took(id(record), proxy)

    def checkin(connection: Any, record: Any) -> None:
        ended(id(record))

    return checkout, checkin


def hook_all(watch: Watch) -> None:
    """Listen to the check-outs of every pool that there is or will be."""
    library = sys.modules["sqlalchemy"]
    checkout, checkin = _listeners(watch)
    for name, listener in (("checkout", checkout), ("checkin", checkin), ("detach", checkin)):
        library.event.listen(library.pool.Pool, name, listener)
        watch.undone_by(functools.partial(library.event.remove, library.pool.Pool, name, listener))


def _hook_errors(pool: Any, watch: Watch) -> None:
    """SQLAlchemy has no event for a request that timed out."""
    get = pool._do_get

    @functools.wraps(get)
    def getting() -> Any:
        try:
            return get()
        except Exception as error:
            if getattr(error, "code", None) == "3o7r":
                watch.exhausted(error)
            raise

    pool._do_get = getting
    watch.undone_by(functools.partial(_restore, weakref.ref(pool)))


def _remove(engine: weakref.ref[Any], name: str, listener: Any) -> None:
    if (found := engine()) is not None:
        sys.modules["sqlalchemy"].event.remove(found, name, listener)


def _restore(pool: weakref.ref[Any]) -> None:
    if (found := pool()) is not None:
        found.__dict__.pop("_do_get", None)


def capacity(engine: Any) -> int | None:
    """How many connections its pool can lend; None if there is no limit."""
    pool = engine.pool
    size, overflow = getattr(pool, "size", None), getattr(pool, "_max_overflow", -1)
    return None if not callable(size) or overflow < 0 else int(size()) + int(overflow)
