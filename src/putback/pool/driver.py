"""What the pool must know of a DB-API connection: is it closed, is it in a transaction, does it answer."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from enum import Enum
from functools import partial
from itertools import count
from operator import attrgetter
from typing import Any

from putback.pool.errors import SettingsError
from putback.pool.faults import Faulty, without_faults
from putback.pool.steps import Procedure

Connect = Callable[[], Any]
"""Opens one connection."""


class Condition(Enum):
    """How a connection is."""

    CLEAN = "clean"
    """Open, and surely not in a transaction: it needs no reset."""
    DIRTY = "dirty"
    """Open, and in a transaction."""
    UNKNOWN = "unknown"
    """Open; whether it is in a transaction, the driver does not say without asking the server."""
    BROKEN = "broken"
    """Open on this side, but the server is known to be gone."""
    CLOSED = "closed"


# looked at every return: members of an Enum are slow to reach by their class
CLEAN, DIRTY, UNKNOWN, BROKEN, CLOSED = Condition

_CONDITIONS = {0: CLEAN, 4: BROKEN}
"""By libpq's transaction status, as psycopg2 and psycopg 3 give it; every other is a transaction."""

_names = count(1)


def sqlite_memory() -> Connect:
    """Connections to one new database in memory, which lives as long as any of them is open."""
    uri = f"file:putback-pool-{next(_names)}?mode=memory&cache=shared"
    return lambda: sqlite3.connect(uri, uri=True, check_same_thread=False)


def connector(connect: Callable[..., Any] | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Connect:
    """What opens a connection: `connect` with its arguments; psycopg2, if there are arguments only, because a program
    that was written for psycopg2's pool passes them; without anything sqlite3 in memory."""
    if connect is None and not args and not kwargs:
        return sqlite_memory()
    call = connect if connect is not None else _psycopg2_connect()
    return (lambda: call(*args, **kwargs)) if args or kwargs else call


def _psycopg2_connect() -> Callable[..., Any]:
    from importlib import import_module  # only here: the pool needs nothing installed

    try:
        library: Any = import_module("psycopg2")
    except ImportError as error:
        raise SettingsError(
            "the pool got arguments for psycopg2.connect, but psycopg2 is not installed; "
            "pass connect=sqlite3.connect or another DB-API connect function"
        ) from error
    found: Callable[..., Any] = library.connect
    return found


def condition(raw: Any) -> Condition:
    """How a connection is, without asking the server."""
    look = LOOKS.get(type(raw))
    if look is None:
        look = LOOKS[type(raw)] = _look_for(raw)
    return look(raw)


def is_closed(raw: Any) -> bool:
    """Whether a connection is closed on this side: `closed` (psycopg), `open` (PyMySQL), `is_closed()` (asyncpg)."""
    closed = getattr(raw, "closed", None)
    if closed is not None and not callable(closed):
        return bool(closed)
    is_open = getattr(raw, "open", None)
    if is_open is not None and not callable(is_open):
        return not is_open
    asked = getattr(raw, "is_closed", None)
    return asked() is True if callable(asked) else False


def let_go(raw: Any) -> None:
    """Tell a connection that its borrower is done with it. asyncpg then refuses the transactions, cursors and prepared
    statements that the borrower made, and warns of listeners that were left on it."""
    library = sys.modules.get("asyncpg.connection")
    if library is not None and isinstance(without_faults(raw), library.Connection):
        raw._on_release()


Look = Callable[[Any], Condition]

LOOKS: dict[type, Look] = {}
"""How to look at connections of a type: found out once, because it is done at every return."""


def _look_for(raw: Any) -> Look:
    if isinstance(raw, Faulty):
        return lambda faulty: condition(without_faults(faulty))
    if isinstance(raw, sqlite3.Connection):
        return _condition_of_sqlite
    if _is_aiopg(raw):
        return lambda wrapper: _condition_of_psycopg2(wrapper.raw)
    if hasattr(raw, "get_transaction_status") and _says(raw.closed):
        return _condition_of_psycopg2
    if hasattr(raw, "pgconn") and _says(raw.closed):
        return _condition_of_psycopg
    return _condition_of_asyncpg if _is_as_asyncpg(raw) else _condition_of_others


def _is_as_asyncpg(raw: Any) -> bool:
    return hasattr(raw, "is_in_transaction") and _says(raw.is_in_transaction())


def _says(answer: object) -> bool:
    """Whether it is an answer: a mock in place of a connection has every method, and gives mocks."""
    return isinstance(answer, int)


def _condition_of_psycopg2(raw: Any) -> Condition:
    return CLOSED if raw.closed else _CONDITIONS.get(raw.get_transaction_status(), DIRTY)


def _condition_of_psycopg(raw: Any) -> Condition:
    return CLOSED if raw.closed else _CONDITIONS.get(raw.pgconn.transaction_status, DIRTY)


def _condition_of_asyncpg(raw: Any) -> Condition:
    """A reset is a round trip, as in asyncpg's own pool: more than a transaction is undone."""
    if is_closed(raw):
        return CLOSED
    return DIRTY if raw.is_in_transaction() else UNKNOWN


def _condition_of_others(raw: Any) -> Condition:
    return CLOSED if is_closed(raw) else UNKNOWN


def _condition_of_sqlite(raw: sqlite3.Connection) -> Condition:
    try:
        raw.total_changes  # noqa: B018 (raises when closed, the only sign that sqlite3 gives)
    except sqlite3.ProgrammingError:
        return CLOSED
    return DIRTY if raw.in_transaction else CLEAN


def _is_aiopg(raw: Any) -> bool:
    """Whether it is aiopg's wrapper of psycopg2's connection, whose `commit` and `rollback` only raise."""
    return any(cls.__module__.partition(".")[0] == "aiopg" for cls in type(raw).__mro__)


def reset_of(raw: Any, commit: bool) -> Any:
    """Bring a connection into its first state: what the call gives, which is to be awaited if it can be."""
    if _is_aiopg(without_faults(raw)):
        return _end_by_statement(raw, "COMMIT" if commit else "ROLLBACK")
    if commit and hasattr(raw, "commit"):
        return raw.commit()
    return raw.reset() if _is_as_asyncpg(raw) else raw.rollback()


async def _end_by_statement(raw: Any, statement: str) -> None:
    cursor = await raw.cursor()
    try:
        await cursor.execute(statement)
    finally:
        cursor.close()


Session = tuple[object, ...]
"""The values of some attributes of a connection."""

_SESSIONS = {
    "sqlite3": ("isolation_level", "autocommit", "row_factory", "text_factory"),
    "psycopg2": ("isolation_level", "autocommit", "readonly", "deferrable", "cursor_factory"),
    "psycopg": ("isolation_level", "autocommit", "read_only", "deferrable", "row_factory", "cursor_factory"),
}
"""What a driver knows of a connection's session without asking the server, by the driver's first module."""


def _settings_of(raw: Any) -> tuple[str, ...]:
    return _SESSIONS.get(type(raw).__module__.partition(".")[0], ())


def session_of(raw: Any) -> Session:
    """How a connection's session is set, as far as its driver knows."""
    read = READERS.get(type(raw))
    if read is None:
        names = [name for name in _settings_of(raw) if hasattr(raw, name)]
        read = READERS[type(raw)] = _reader(names)
    return read(raw)


def _reader(names: list[str]) -> Callable[[Any], Session]:
    return attrgetter(*names) if len(names) > 1 else lambda raw: ()


READERS: dict[type, Callable[[Any], Session]] = {}
"""What reads the session of a type's connections, once it is known."""


def told_change(raw: Any, before: Session, after: Session) -> list[str]:
    """What is different now, in words."""
    names = [name for name in _settings_of(raw) if hasattr(raw, name)]
    return [
        f"{name} = {new!r} (it was {old!r})" for name, old, new in zip(names, before, after, strict=True) if old != new
    ]


def ping(raw: Any) -> Procedure[None]:
    """Ask the server for an answer; raises what the driver raises. Leaves no transaction open."""
    raw = without_faults(raw)
    own = getattr(raw, "ping", None)
    if callable(own):
        yield own
        return
    cursor = raw if hasattr(raw, "execute") else (yield raw.cursor)
    try:
        yield partial(cursor.execute, "SELECT 1")
    finally:
        if cursor is not raw:
            yield cursor.close
    if hasattr(raw, "rollback") and not _is_aiopg(raw):
        yield raw.rollback
