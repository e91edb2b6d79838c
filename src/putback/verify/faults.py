"""The exceptions that the model world raises: one tree that stands for those of every driver.

An `except` clause of the code under test names classes of its driver; by name they take their place in this tree. For
each clause that can be told apart there is one exception to raise, so that every handler is entered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class Modelled:
    """Marks exceptions of the model; attributes that the code asks of them are stand-ins made by `attribute`."""

    attribute: Any = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self.attribute is None:
            raise AttributeError(name)
        return self.attribute(f"{type(self).__name__}.{name}")


class Error(Modelled, Exception):
    """The base of all database errors."""


class InterfaceError(Error):
    """DB-API."""


class DatabaseError(Error):
    """DB-API."""


class OperationalError(DatabaseError):
    """DB-API; what a broken connection or server raises: the fault that is injected first."""


class IntegrityError(DatabaseError):
    """DB-API."""


class ProgrammingError(DatabaseError):
    """DB-API."""


class DataError(DatabaseError):
    """DB-API."""


class InternalError(DatabaseError):
    """DB-API."""


class NotSupportedError(DatabaseError):
    """DB-API."""


class InFailedTransaction(InternalError):
    """A statement after a failed one, before the rollback."""


class PoolError(Error):
    """A pool that is exhausted, or is given back what it did not hand out."""


class UniqueViolation(IntegrityError):
    """The commonest refinement that handlers name."""


class Failure(Modelled, Exception):
    """Something else went wrong: caught by `Exception` and wider only."""


class ConversionFailure(Modelled, ValueError):
    """A text that is no number."""


class Cancelled(Modelled, BaseException):
    """A cancellation that arrives at an `await`."""


class Interruption(Modelled, BaseException):
    """What only handlers catch that catch everything: KeyboardInterrupt, SystemExit and their like."""


class Cut(BaseException):
    """The explorer abandons this run."""


_OWN: tuple[type[Error], ...] = (
    Error, InterfaceError, DatabaseError, OperationalError, IntegrityError, ProgrammingError, DataError, InternalError,
    NotSupportedError, PoolError, UniqueViolation,
)  # fmt: skip
_PLACES: dict[str, type[Error]] = {c.__name__: c for c in _OWN} | {
    "SQLAlchemyError": Error,
    "DBAPIError": Error,
    "StatementError": Error,
    "MySQLError": Error,
    "PgError": Error,
    "PostgresError": DatabaseError,
    "PostgresConnectionError": OperationalError,
    "DisconnectionError": OperationalError,
    "UniqueViolationError": UniqueViolation,
    "InFailedSqlTransaction": InFailedTransaction,
    "PendingRollbackError": InFailedTransaction,
    "PoolTimeout": PoolError,
    "NoResultFound": Error,
    "TimeoutError": PoolError,
}
_NOT_A_DRIVERS = ("asyncio", "socket", "concurrent", "builtins")
_WIDE = {"Exception", "BaseException", "StopIteration", "GeneratorExit", ""}
_MOST = 3
_BUILTIN_TIMEOUT = "TimeoutError"


def place(path: str, errors: Mapping[str, str]) -> type[BaseException] | None:
    """The model class that takes the place of the exception class named `path`; None when it is not a driver's."""
    owner, _, last = path.rpartition(".")
    if last == "CancelledError":
        return Cancelled
    if owner.partition(".")[0] in _NOT_A_DRIVERS or path == _BUILTIN_TIMEOUT:
        return None
    return _PLACES.get(errors.get(last, last))


@dataclass(frozen=True, slots=True)
class Faults:
    """What can be raised where: `database` by statements, `acquire` by acquiring, `other` by everything else.

    The names are those that handlers of either version use; `custom` are classes of the code itself.
    """

    database: tuple[type[BaseException], ...]
    acquire: tuple[type[BaseException], ...]
    other: tuple[type[BaseException], ...]
    custom: tuple[str, ...]


def faults_for(handled: Sequence[str], errors: Mapping[str, str], *, interrupts: bool = False) -> Faults:
    """The exceptions that tell the `except` clauses naming `handled` apart; `interrupts`: those of everything, too.

    Where a clause names a driver's class, statements also raise what is none: a wrong argument, a text that is no text.
    """
    database: list[type[BaseException]] = [OperationalError]
    acquire: list[type[BaseException]] = [OperationalError]
    other: list[type[BaseException]] = [Failure]
    custom: list[str] = []
    for name in dict.fromkeys(handled):
        found = place(name, errors)
        if found is Cancelled or name.rpartition(".")[2] in _WIDE:
            continue
        if found is None:
            custom.append(name)
            continue
        if not issubclass(OperationalError, found) and found not in database:
            database.append(found)
        if found is PoolError and PoolError not in acquire:
            acquire.append(found)
        if OperationalError not in other:
            other.append(OperationalError)
    narrow: tuple[type[BaseException], ...] = (Failure,) if len(other) > 1 else ()
    if interrupts:
        narrow = (*narrow, Interruption)
        other.append(Interruption)
    return Faults((*database[:_MOST], *narrow), tuple(acquire), tuple(other), tuple(custom[:2]))
