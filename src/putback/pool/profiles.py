"""How the pools of real libraries behave, as data: what is kept, what closing means, and their exact words.

Each fact was measured on the library; the tests run the library beside the profile and compare.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from putback.pool.errors import (
    InterfaceError,
    PoolError,
    TooManyRequests,
    WaitTimeout,
    in_the_manner_of,
)
from putback.pool.state import Order


class Closing(Enum):
    """What `close()` on a lent connection does to its slot."""

    LOSES = "loses"
    """The slot stays taken until the closed connection is given back."""
    RETURNS = "returns"
    """It is the release: the connection goes back alive."""
    FREES = "frees"
    """The connection is gone and its slot can be used again."""


class Twice(Enum):
    """What a second release does."""

    RAISES = "raises"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Pool:
    """What the texts need to know of a pool and a request."""

    name: str
    high: int
    overflow: int
    timeout: float
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One library's manners."""

    name: str
    order: Order
    keeps_minimum_only: bool
    """Connections that come back beyond the minimum are closed."""
    timeout: float
    """Seconds to wait when nothing is said; 0: fail at once; infinite: for ever."""
    zero_timeout_fails: bool = False
    """A timeout of 0 or less fails even when a connection is idle."""
    timeout_covers_connect: bool = False
    """The timeout is also for opening a connection; one that comes too late is for the next."""
    looks_before_lending: bool = False
    """An idle connection that is known to be closed is not lent but opened anew."""
    close: Closing
    second_release: Twice = Twice.RAISES
    use_after_release_raises: bool = False
    """The library itself notices; elsewhere it works, on a connection that others may own."""
    takes_proxies_only: bool = False
    """The library lends proxies itself, and does not take back what it lends them for."""
    failed_reset_keeps_slot: bool = False
    """When the rollback on return fails the slot stays taken (and the error reaches the caller)."""
    failed_reset_raises: bool = False
    collected_returns: bool = False
    """A lent connection that is garbage-collected goes back to the pool."""
    shut_closes_lent: bool = False
    put_after_shut_raises: bool = False
    shut_twice_raises: bool = False
    get_commits: bool = False
    """Whether `with pool.connection()` commits at the end of a good block."""
    closed_in_block: bool = False
    """A block that closes its connection ends without an error."""
    exhausted: Callable[[Pool], PoolError]
    closed: Callable[[Pool], PoolError]
    foreign: Callable[[Pool, object, str | None], PoolError]
    """For what is not lent by the pool; with the name of the pool of ours that lends it, if one does."""
    used_after_release: Callable[[str], PoolError] = lambda what: InterfaceError(
        f"connection used after it was given back to the pool: {what}"
    )
    crowded: Callable[[Pool], PoolError] = lambda pool: TooManyRequests(
        f"the pool {pool.name!r} has already {pool.waiting} requests waiting"
    )


def _psycopg2(text: str) -> PoolError:
    return in_the_manner_of(PoolError, "psycopg2.pool", "PoolError")(text)


def _asyncpg(text: str) -> PoolError:
    return in_the_manner_of(InterfaceError, "asyncpg", "InterfaceError")(text)


PSYCOPG2 = Profile(
    name="psycopg2.pool",
    order=Order.NEWEST,
    keeps_minimum_only=True,
    timeout=0.0,
    close=Closing.LOSES,
    failed_reset_keeps_slot=True,
    failed_reset_raises=True,
    shut_closes_lent=True,
    put_after_shut_raises=True,
    shut_twice_raises=True,
    get_commits=True,
    exhausted=lambda pool: _psycopg2("connection pool exhausted"),
    closed=lambda pool: _psycopg2("connection pool is closed"),
    foreign=lambda pool, connection, owner: _psycopg2("trying to put unkeyed connection"),
)

ASYNCPG = Profile(
    name="asyncpg",
    order=Order.NEWEST,
    keeps_minimum_only=False,
    timeout=math.inf,
    timeout_covers_connect=True,
    looks_before_lending=True,
    close=Closing.FREES,
    second_release=Twice.NOTHING,
    use_after_release_raises=True,
    takes_proxies_only=True,
    failed_reset_raises=True,
    exhausted=lambda pool: WaitTimeout(""),
    closed=lambda pool: _asyncpg("pool is closed"),
    foreign=lambda pool, connection, owner: _asyncpg(
        f"Pool.release() received invalid connection: {connection!r} is not a member of this pool"
    ),
    used_after_release=lambda what: _asyncpg(
        f"cannot call Connection.{what}(): connection has been released back to the pool"
    ),
)
