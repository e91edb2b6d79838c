"""The exceptions that the model world raises: one tree that stands for those of every driver.

An `except` clause of the code under test names classes of its driver; by name they take their place in this tree. For
each clause that can be told apart there is one exception to raise, so that every handler is entered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast


class Modelled:
    """Marks exceptions of the model; attributes that the code asks of them are stand-ins made by `attribute`."""

    attribute: Any = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self.attribute is None:
            raise AttributeError(name)
        return self.attribute(f"{type(self).__name__}.{name}")


class _OfModel(type):
    """The metaclass of builtin exception classes in the model: each equals the one that it stands for."""

    def __eq__(cls, other: object) -> bool:
        return real(cls) is real(other)

    def __hash__(cls) -> int:
        return hash(real(cls))


_MADE: dict[type[BaseException], type[BaseException]] = {}


def modelled(cls: type[BaseException]) -> type[BaseException]:
    """A builtin class as one of the model, so that its appearance is explained."""
    if issubclass(cls, Modelled):
        return cls
    if cls not in _MADE:
        _MADE[cls] = cast("type[BaseException]", _OfModel(cls.__name__, (Modelled, cls), {}))
    return _MADE[cls]


def real(cls: Any) -> Any:
    """The builtin class that one of the model stands for; anything else as it is."""
    return type.__getattribute__(cls, "__bases__")[1] if type(cls) is _OfModel else cls


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
_WIDEST = {"Exception", "BaseException", "GeneratorExit", ""}
_WIDE = {*_WIDEST, "StopIteration"}
_MOST = 3
_MOST_OF_CODE = 2
_MOST_DISTINCT = 4
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

    The names are those that handlers of either version use; `custom` are classes of the code itself, and builtin ones,
    `reading` those of them that reading an attribute or an item raises, too: where only one version deals with them.
    `cancels`: some clause may tell a cancellation, which arrives at any `await` of a coroutine, from other errors.
    """

    database: tuple[type[BaseException], ...]
    acquire: tuple[type[BaseException], ...]
    other: tuple[type[BaseException], ...]
    custom: tuple[str, ...]
    reading: tuple[str, ...] = ()
    cancels: bool = False


def faults_for(
    handled: Sequence[str],
    errors: Mapping[str, str],
    *,
    interrupts: bool = False,
    distinct: Sequence[str] = (),
    cancels: bool = False,
) -> Faults:
    """The exceptions that tell the `except` clauses naming `handled` apart; `interrupts`: those of everything, too.

    `distinct` are the classes that one version deals with more often than the other. `cancels`: it may matter
    that a cancellation is no `Exception`.

    Where a clause names a driver's class, statements also raise what is none: a wrong argument, a text that is no text.
    """
    database: list[type[BaseException]] = [OperationalError]
    acquire: list[type[BaseException]] = [OperationalError]
    other: list[type[BaseException]] = [Failure]
    custom: list[str] = []
    for name in dict.fromkeys((*distinct, *handled)):
        found = place(name, errors)
        if found is Cancelled or name.rpartition(".")[2] in (_WIDEST if name in distinct else _WIDE):
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
    reading = tuple(name for name in custom[:_MOST_DISTINCT] if name in distinct)
    most = max(_MOST_OF_CODE, len(reading))
    return Faults(
        (*database[:_MOST], *narrow),
        tuple(acquire),
        tuple(other),
        tuple(custom[:most]),
        reading,
        cancels,
    )
