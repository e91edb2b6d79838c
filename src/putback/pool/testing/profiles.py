"""The manners of other libraries' pools, for tests of a program that will run on one of them."""

from __future__ import annotations

from putback.pool.errors import (
    ForeignConnectionError,
    InterfaceError,
    PoolClosedError,
    PoolError,
    PoolTimeout,
    TooManyRequests,
    in_the_manner_of,
)
from putback.pool.profiles import Closing, Pool, Profile, Twice
from putback.pool.state import Order


def _psycopg(ours: type[PoolError], name: str, text: str) -> PoolError:
    return in_the_manner_of(ours, "psycopg_pool", name)(text)


def _origin(owner: str | None) -> str:
    return "it doesn't come from any pool" if owner is None else f"it comes from pool {owner!r}"


def _sqlalchemy_exhausted(pool: Pool) -> PoolError:
    error = in_the_manner_of(PoolTimeout, "sqlalchemy.exc", "TimeoutError")(
        f"QueuePool limit of size {pool.high} overflow {pool.overflow} reached, "
        f"connection timed out, timeout {pool.timeout:0.2f}"
    )
    if hasattr(error, "code"):
        error.code = "3o7r"  # SQLAlchemy's own class adds the link to its page by this
    return error


PSYCOPG_POOL = Profile(
    name="psycopg_pool",
    order=Order.OLDEST,
    keeps_minimum_only=False,
    timeout=30.0,
    zero_timeout_fails=True,
    timeout_covers_connect=True,
    close=Closing.LOSES,
    get_commits=True,
    closed_in_block=True,
    exhausted=lambda pool: _psycopg(
        PoolTimeout, "PoolTimeout", f"couldn't get a connection after {pool.timeout:.2f} sec"
    ),
    closed=lambda pool: _psycopg(PoolClosedError, "PoolClosed", f"the pool {pool.name!r} is already closed"),
    foreign=lambda pool, connection, owner: ForeignConnectionError(
        f"can't return connection to pool {pool.name!r}, {_origin(owner)}: {connection}"
    ),
    crowded=lambda pool: _psycopg(
        TooManyRequests,
        "TooManyRequests",
        f"the pool {pool.name!r} has already {pool.waiting} requests waiting",
    ),
)

SQLALCHEMY = Profile(
    name="sqlalchemy.pool.QueuePool",
    order=Order.OLDEST,
    keeps_minimum_only=False,
    timeout=30.0,
    close=Closing.RETURNS,
    second_release=Twice.NOTHING,
    use_after_release_raises=True,
    collected_returns=True,
    exhausted=_sqlalchemy_exhausted,
    closed=lambda pool: PoolClosedError(f"the pool {pool.name!r} is closed"),
    foreign=lambda pool, connection, owner: ForeignConnectionError(
        f"not a connection of pool {pool.name!r}: {connection}"
    ),
    used_after_release=lambda what: in_the_manner_of(InterfaceError, "sqlalchemy.exc", "ResourceClosedError")(
        "This Connection is closed"
    ),
)
