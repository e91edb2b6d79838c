"""Every error that the pool raises on purpose.

Programs that catch the errors of a real library must catch ours too: when that library is loaded, `in_the_manner_of`
gives a class that derives from both.
"""

from __future__ import annotations

import sys


class PoolError(Exception):
    """Base of the pool's errors."""


class PoolClosedError(PoolError):
    """The pool is closed."""


class PoolTimeout(PoolError):
    """No connection came free in time."""


class WaitTimeout(PoolTimeout, TimeoutError):
    """As PoolTimeout, for programs that catch the built-in TimeoutError (asyncpg)."""


class TooManyRequests(PoolError):
    """As many as are allowed wait already."""


class ForeignConnectionError(PoolError, ValueError):
    """A connection was given back that is not lent by this pool: another's, None, or one given back before."""


class InterfaceError(PoolError):
    """A connection was used after it was given back, or in a way that its pool forbids."""


class SettingsError(PoolError, ValueError):
    """A setting has no sense; the message names it, its value and what it may be."""


def in_the_manner_of(error: type[PoolError], library: str, name: str) -> type[PoolError]:
    """`error`, deriving also from `library`'s class `name` if that library is loaded (it is never imported here)."""
    theirs = getattr(sys.modules.get(library), name, None)
    return _both(error, theirs) if theirs is not None else error


_made: dict[tuple[type[PoolError], type[Exception]], type[PoolError]] = {}


def _both(ours: type[PoolError], theirs: type[Exception]) -> type[PoolError]:
    if (ours, theirs) not in _made:
        body = {"__module__": ours.__module__, "__doc__": ours.__doc__}
        _made[ours, theirs] = type(theirs.__name__, (ours, theirs), body)
    return _made[ours, theirs]
