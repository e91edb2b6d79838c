"""Making operations fail by plan.

A pool with a plan gives out connections whose every operation asks the plan first; the pool asks it too before it
pings a connection and before it takes one back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any

from putback.pool.errors import PoolError
from putback.pool.faults import Faults, Faulty, Operation


class InjectedError(PoolError):
    """An operation failed because a fault plan says so."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The `nth` time (from 1) that `operation` is tried, and the `times - 1` times after that, raise `error`.
    With `connection`, only what happens on that connection counts."""

    operation: Operation
    nth: int = 1
    error: BaseException | Callable[[], BaseException] | None = None
    connection: int | None = None
    times: int = 1


class FaultPlan:
    """A list of faults. `trace` says what was tried, in order: with an empty plan, all the places for a fault."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self.faults = tuple(faults)
        self.trace: list[tuple[Operation, int]] = []
        self._tried: Counter[tuple[Operation, int | None]] = Counter()
        self._lock = Lock()

    def before(self, operation: Operation, connection: int) -> None:
        with self._lock:
            self.trace.append((operation, connection))
            self._tried[operation, None] += 1
            self._tried[operation, connection] += 1
            due = next((fault for fault in self.faults if self._is_due(fault, operation, connection)), None)
        if due is not None:
            raise _error(due, operation, connection)

    def around(self, connect: Callable[[], Any]) -> Callable[[], Any]:
        return faulty(connect, self)

    def _is_due(self, fault: Fault, operation: Operation, connection: int) -> bool:
        if fault.operation is not operation or fault.connection not in (None, connection):
            return False
        return fault.nth <= self._tried[operation, fault.connection] < fault.nth + fault.times


def _error(fault: Fault, operation: Operation, connection: int) -> BaseException:
    if fault.error is None:
        return InjectedError(f"injected: {operation.value} number {fault.nth} fails (connection {connection})")
    return fault.error if isinstance(fault.error, BaseException) else fault.error()


def faulty(connect: Callable[[], Any], faults: Faults) -> Callable[[], Any]:
    """A `connect` whose connections ask `faults` before each operation; for any pool of DB-API connections, and for
    asynchronous ones, whose operations then fail when they are called."""
    opened = 0
    lock = Lock()

    def connect_faulty() -> Any:
        nonlocal opened
        with lock:
            opened += 1
            number = opened
        faults.before(Operation.CONNECT, number)
        return _then(connect(), lambda raw: FaultyConnection(raw, faults, number))

    return connect_faulty


def _then(result: Any, wrap: Callable[[Any], Any]) -> Any:
    """Wrap a result, or what an awaitable gives."""
    if not hasattr(result, "__await__"):
        return wrap(result)

    async def awaited() -> Any:
        return wrap(await result)

    return awaited()


class _Forwarding(Faulty):
    """Everything that is not overridden goes to the real object, assignments too."""

    __slots__ = ("_faults", "_number")

    def __init__(self, real: Any, faults: Faults, number: int) -> None:
        object.__setattr__(self, "_real", real)
        object.__setattr__(self, "_faults", faults)
        object.__setattr__(self, "_number", number)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real, name, value)

    def _ask(self, operation: Operation) -> None:
        self._faults.before(operation, self._number)


class FaultyConnection(_Forwarding):
    """A DB-API connection whose operations can be made to fail."""

    __slots__ = ()

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        self._ask(Operation.CURSOR)
        return _then(self._real.cursor(*args, **kwargs), self._wrap_cursor)

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        """The short way without a cursor that sqlite3, psycopg 3 and asyncpg have."""
        self._ask(Operation.EXECUTE)
        return _then(self._real.execute(*args, **kwargs), self._wrap_cursor)

    def fetch(self, *args: Any, **kwargs: Any) -> Any:
        """asyncpg's way to execute and fetch in one."""
        self._ask(Operation.FETCH)
        return self._real.fetch(*args, **kwargs)

    def commit(self) -> Any:
        self._ask(Operation.COMMIT)
        return self._real.commit()

    def rollback(self) -> Any:
        self._ask(Operation.ROLLBACK)
        return self._real.rollback()

    def reset(self, *args: Any, **kwargs: Any) -> Any:
        """What asyncpg has in place of a rollback for connections that come back."""
        self._ask(Operation.ROLLBACK)
        return self._real.reset(*args, **kwargs)

    def close(self, *args: Any, **kwargs: Any) -> Any:
        self._ask(Operation.CLOSE)
        return self._real.close(*args, **kwargs)

    def _wrap_cursor(self, result: Any) -> Any:
        return FaultyCursor(result, self._faults, self._number) if hasattr(result, "fetchone") else result


class FaultyCursor(_Forwarding):
    """A DB-API cursor whose operations can be made to fail."""

    __slots__ = ()

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        return self._after(Operation.EXECUTE, self._real.execute, *args, **kwargs)

    def executemany(self, *args: Any, **kwargs: Any) -> Any:
        return self._after(Operation.EXECUTE, self._real.executemany, *args, **kwargs)

    def callproc(self, *args: Any, **kwargs: Any) -> Any:
        return self._after(Operation.EXECUTE, self._real.callproc, *args, **kwargs)

    def fetchone(self) -> Any:
        return self._after(Operation.FETCH, self._real.fetchone)

    def fetchmany(self, *args: Any, **kwargs: Any) -> Any:
        return self._after(Operation.FETCH, self._real.fetchmany, *args, **kwargs)

    def fetchall(self) -> Any:
        return self._after(Operation.FETCH, self._real.fetchall)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._after(Operation.FETCH, self._real.__next__)

    def close(self) -> Any:
        return self._after(Operation.CLOSE_CURSOR, self._real.close)

    def __enter__(self) -> FaultyCursor:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def _after(self, operation: Operation, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Ask, then call. A cursor that returns itself, as sqlite3's does, returns this one."""
        self._ask(operation)
        result = call(*args, **kwargs)
        return self if result is self._real else result
