"""One line for a program that runs: who holds the connections of its pool, since when, and taken where.

    from putback.pool import watch

    watching = watch(engine, leak_threshold=30)     # or a session factory, or a pool of one of the known libraries
    print(watching.table())                         # 3 x shop/views.py:23 in show_order, through shop/db.py:10 ...

An exhausted pool's error carries that table as a note, and the log has it. Nothing here holds a lock while the
program's code runs, and no connection is kept alive by being watched.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from putback.pool.clock import SYSTEM_CLOCK, Clock
from putback.pool.errors import SettingsError
from putback.pool.incidents import Incident
from putback.pool.watching import hooks, sqlalchemy
from putback.pool.watching.holding import Holders
from putback.pool.watching.requests import serving
from putback.pool.watching.watcher import Watch

__all__ = ["Holders", "Watch", "serving", "watch"]

KNOWN = "a SQLAlchemy engine (also asynchronous), sessionmaker or scoped_session, Flask-SQLAlchemy, or a pool of " + (
    ", ".join(library.module for library in hooks.LIBRARIES)
)


def watch(
    target: Any,
    *,
    leak_threshold: float | None = None,
    depth: int = 4,
    sample: int | None = None,
    name: str = "",
    clock: Clock = SYSTEM_CLOCK,
    on_incident: Callable[[Incident], None] | None = None,
) -> Watch:
    """Watch the pool behind `target` from now on. `leak_threshold`: seconds after which a connection that is still out
    is logged, once, with its stack. `depth`: how many of the program's own callers are remembered for each.
    When check-outs come thick and fast (more than sixteen in a second for long), only sixteen in a second are asked
    for their callers, and each while half of the pool is out: what leaks leaks again, and the others are counted at a
    place that was not noted. `sample=1` asks each, `sample=n` every n-th.

    SettingsError for what is no pool that is known.
    """
    engine = _engine(target)
    if engine is not None:
        watching = Watch(
            name or _shown(engine.url),
            target=engine,
            capacity=lambda engine: sqlalchemy.capacity(engine.pool),
            leak_threshold=leak_threshold,
            depth=depth,
            sample=sample,
            clock=clock,
            on_incident=on_incident,
        )
        sqlalchemy.hook(engine, watching)
        return watching
    library = hooks.library_of(target)
    if library is None:
        kind = f"{type(target).__module__}.{type(target).__qualname__}"
        raise SettingsError(f"{kind} is nothing that can be watched; known: {KNOWN}")
    watching = Watch(
        name or getattr(target, "name", "") or getattr(target, "pool_name", "") or f"of {library.module}",
        target=target,
        capacity=library.capacity,
        leak_threshold=leak_threshold,
        depth=depth,
        sample=sample,
        clock=clock,
        on_incident=on_incident,
    )
    hooks.hook(target, library, watching)
    return watching


def _engine(target: Any) -> Any:
    flask_sqlalchemy = sys.modules.get("flask_sqlalchemy")
    if flask_sqlalchemy is not None and isinstance(target, flask_sqlalchemy.SQLAlchemy):
        return sqlalchemy.engine_of(target.engine)
    return sqlalchemy.engine_of(target)


def _shown(url: Any) -> str:
    return f"{url.get_backend_name()} {url.database or ''}".strip()
