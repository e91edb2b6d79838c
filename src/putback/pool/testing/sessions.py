"""A stand-in for SQLAlchemy's sessionmaker on the reference pool: the same moments of taking and giving back.

A session holds no connection until its first statement; commit, rollback and close give it back; a closed session can
be used again and then takes another one, which is how sessions leak. No mapping: statements are text.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from putback.pool.errors import PoolError
from putback.pool.threaded import ReferencePool


class Session:
    """One unit of work. Not to be shared between threads."""

    def __init__(self, pool: ReferencePool) -> None:
        self.pool = pool
        self._connection: Any = None
        self._pending: list[tuple[str, Sequence[Any]]] = []

    def execute(self, statement: object, parameters: Sequence[Any] = ()) -> Any:
        """Run a statement and give its cursor. The first one since the last commit, rollback or close takes a
        connection."""
        self.flush()
        return self._run(str(statement), parameters)

    def scalar(self, statement: object, parameters: Sequence[Any] = ()) -> Any:
        """The first value of the first row; None without rows."""
        row = self.execute(statement, parameters).fetchone()
        return None if row is None else row[0]

    def add(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Something to write at the next flush. Takes no connection yet."""
        self._pending.append((statement, parameters))

    def flush(self) -> None:
        """Write what was added."""
        while self._pending:
            self._run(*self._pending[0])
            del self._pending[0]

    def commit(self) -> None:
        """Make everything permanent and give the connection back. If it fails, the connection stays out until
        `rollback`."""
        self.flush()
        if self._connection is not None:
            self._connection.commit()
            self._give_back()

    def rollback(self) -> None:
        """Undo everything and give the connection back."""
        self._pending.clear()
        if self._connection is not None:
            try:
                self._connection.rollback()
            finally:
                self._give_back()

    def close(self) -> None:
        """Undo what was not committed and give the connection back. The session can be used again."""
        self.rollback()

    def in_transaction(self) -> bool:
        """Whether a connection is out."""
        return self._connection is not None

    @contextmanager
    def begin(self) -> Iterator[Self]:
        """A block that is committed, or rolled back if it raises."""
        if self.in_transaction():
            raise PoolError("A transaction is already begun on this Session.")
        try:
            yield self
        except BaseException:
            self.rollback()
            raise
        self.commit()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close; nothing is committed."""
        self.close()

    def _run(self, statement: str, parameters: Sequence[Any]) -> Any:
        if self._connection is None:
            self._connection = self.pool.getconn()
        cursor = self._connection.cursor()
        cursor.execute(statement, parameters)
        return cursor

    def _give_back(self) -> None:
        connection, self._connection = self._connection, None
        self.pool.putconn(connection)


class sessionmaker:
    """Makes sessions on a pool: `SessionLocal = sessionmaker(pool)`, `db = SessionLocal()`."""

    def __init__(self, pool: ReferencePool) -> None:
        self.pool = pool

    def __call__(self) -> Session:
        return Session(self.pool)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A session in a block that is committed, or rolled back if it raises, and closed."""
        with self() as session, session.begin():
            yield session


class scoped_session:
    """One session for each thread, until the thread calls `remove`."""

    def __init__(self, factory: sessionmaker) -> None:
        self._factory = factory
        self._registry = threading.local()

    def __call__(self) -> Session:
        if not hasattr(self._registry, "session"):
            self._registry.session = self._factory()
        session: Session = self._registry.session
        return session

    def __getattr__(self, name: str) -> Any:
        return getattr(self(), name)

    def remove(self) -> None:
        """Close this thread's session, if it has one, and forget it."""
        if hasattr(self._registry, "session"):
            session: Session = self._registry.session
            session.close()
            del self._registry.session
