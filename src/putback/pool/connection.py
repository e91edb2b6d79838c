"""What a borrower holds: the driver's connection, seen through a proxy that is dead once it is given back."""

from __future__ import annotations

import sys
from typing import Any, Protocol, Self

from putback.pool.faults import without_faults
from putback.pool.lease import Lease


class Lender(Protocol):
    """What a lent connection needs of its pool."""

    name: str

    def lose(self, lease: Lease) -> None:
        """A connection was garbage-collected while lent. Takes no lock: the collector can run anywhere."""

    def used_after_release(self, connection: LentConnection, what: str) -> None:
        """Report it; raises unless the pool is to behave as the real library."""

    def close_lent(self, connection: LentConnection) -> Any:
        """`close()` on a lent connection: what it means is the profile's. To be awaited, if it can be."""


class ThreadLender(Lender, Protocol):
    """What a connection that is lent to a thread needs of its pool."""

    def exit_lent(self, connection: PooledConnection, failed: bool) -> None:
        """The end of `with connection`."""


class TaskLender(Lender, Protocol):
    """What a connection that is lent to a task needs of its pool."""

    def terminate_lent(self, connection: AsyncPooledConnection) -> None:
        """`terminate()`: close it at once, without a word to the server."""


class LentConnection:
    """A lent connection. What is not said here is the driver's own."""

    __slots__ = ("__weakref__", "_lease", "_pool")
    _lease: Lease
    _pool: Lender

    def __init__(self, lease: Lease, pool: Lender) -> None:
        _set_lease(self, lease)
        _set_pool(self, pool)

    @property
    def _raw(self) -> Any:
        """The driver's connection."""
        return self._lease.raw

    def __getattr__(self, name: str) -> Any:
        if self._lease.ended:
            self._pool.used_after_release(self, name)
        return getattr(self._lease.raw, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if self._lease.ended:
            self._pool.used_after_release(self, name)
        setattr(self._raw, name, value)

    def __delattr__(self, name: str) -> None:
        if self._lease.ended:
            self._pool.used_after_release(self, name)
        delattr(self._raw, name)

    @property
    def driver_connection(self) -> Any:
        """The driver's own object, for functions in C that insist on it. It does not know when it is given back."""
        if self._lease.ended:
            self._pool.used_after_release(self, "driver_connection")
        return without_faults(self._lease.raw)

    @property
    def __class__(self) -> type:
        """The driver's class, so that isinstance says what it said without a proxy."""
        return type(without_faults(self._raw))

    @__class__.setter
    def __class__(self, value: type) -> None:
        raise TypeError("the class of a lent connection cannot be changed")

    def __repr__(self) -> str:
        ended = " [released]" if self._lease.ended else ""
        return f"<{type(self).__name__} {self._lease.slot}{ended} of {self._raw!r}>"

    def __del__(self) -> None:
        if not self._lease.ended:
            self._pool.lose(self._lease)


# `self.x = y` sets an attribute of the driver's connection
_set_lease, _set_pool = (vars(LentConnection)[name].__set__ for name in ("_lease", "_pool"))

PROXIES: set[type] = set()
"""The classes of what is lent: to look here is quicker than `isinstance`, which every check-in asks."""


class PooledConnection(LentConnection):
    """A connection that is lent to a thread."""

    __slots__ = ()
    _pool: ThreadLender

    def close(self) -> None:
        """As in the profile's library: closes the connection and loses or frees its slot, or gives it back."""
        self._pool.close_lent(self)

    def __enter__(self) -> Self:
        if self._lease.ended:
            self._pool.used_after_release(self, "__enter__")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """As in the profile's library: ends the transaction, or gives the connection back."""
        self._pool.exit_lent(self, failed=kind is not None)


class AsyncPooledConnection(LentConnection):
    """A connection that is lent to a task. It is no context manager, as asyncpg's is none."""

    __slots__ = ()
    _pool: TaskLender

    async def close(self) -> None:
        """As in the profile's library: closes the connection and loses or frees its slot, or gives it back."""
        done = self._pool.close_lent(self)
        if done is not None:
            await done

    def terminate(self) -> None:
        """Close the connection at once and free its slot."""
        self._pool.terminate_lent(self)


def proxy_of(raw: Any, proxy: type[LentConnection]) -> type[LentConnection]:
    """The class of the proxy for a connection. asyncpg's `isinstance` asks for the class that its own proxies have."""
    driver = type(without_faults(raw))
    found = _proxies.get((driver, proxy))
    if found is None:
        found = _proxies[driver, proxy] = _made_for(driver, proxy)
        PROXIES.add(found)
    return found


PROXIES |= {PooledConnection, AsyncPooledConnection}
_proxies: dict[tuple[type, type[LentConnection]], type[LentConnection]] = {}


def _made_for(driver: type, proxy: type[LentConnection]) -> type[LentConnection]:
    library = sys.modules.get("asyncpg.connection")
    if library is None or library.Connection not in driver.__mro__:
        return proxy
    return type(proxy.__name__, (proxy, library._ConnectionProxy), {"__slots__": (), "_con": property(_unwrapped)})


def _unwrapped(connection: LentConnection) -> Any:
    """The driver's connection while it is lent. Private in asyncpg too, but read by many programs."""
    return None if connection._lease.ended else without_faults(connection._raw)
