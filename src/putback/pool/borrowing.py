"""The block of `with pool.connection() as conn`."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Protocol

from putback.pool.connection import LentConnection
from putback.pool.driver import CLOSED, condition
from putback.pool.profiles import Profile


class Pool(Protocol):
    """What the block needs of a pool."""

    profile: Profile

    def getconn(self, key: None = None, timeout: float | None = None) -> Any: ...

    def putconn(self, conn: Any = None, key: None = None, close: bool = False) -> None: ...


class Borrowing:
    """The block of `with pool.connection()`."""

    __slots__ = ("_connection", "_pool", "_timeout")

    def __init__(self, pool: Pool, timeout: float | None) -> None:
        self._pool = pool
        self._timeout = timeout

    def __enter__(self) -> Any:
        self._connection = self._pool.getconn(timeout=self._timeout)
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit a good block. The connection goes back whatever happens; if it cannot be reset it is closed, and the
        block's own error is kept."""
        try:
            if kind is None and commits(self._pool.profile, self._connection):
                self._connection.commit()
        except BaseException:
            self._put_back(quietly=True)
            raise
        self._put_back(quietly=kind is not None)

    def _put_back(self, quietly: bool) -> None:
        try:
            self._pool.putconn(self._connection)
        except Exception:
            self._pool.putconn(self._connection, close=True)
            if not quietly:
                raise
        except BaseException:
            if isinstance(self._connection, LentConnection) and not self._connection._lease.ended:
                self._pool.putconn(self._connection, close=True)
            raise


def commits(profile: Profile, connection: Any) -> bool:
    """Whether the end of a good block commits."""
    if not profile.get_commits:
        return False
    raw = connection._lease.raw if isinstance(connection, LentConnection) else connection
    return not (profile.closed_in_block and condition(raw) is CLOSED)
