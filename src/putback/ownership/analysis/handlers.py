"""Which `except` clause catches what: by class as far as it is known."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

UNKNOWN = "?"
CANCELLED = "!"
_SEPARATOR = "|"
DRIVERS = "?<driver>"
"""Some exception of a driver's call: one of the driver's, of the system or of what converts arguments."""

DATA = "?<data>"
"""Some exception of a subscript of data, or of what iterates over it: one of Python's own."""

_EVERYTHING = {"BaseException", "builtins.BaseException"}
_CANCELLATIONS = {"CancelledError", "GeneratorExit", "KeyboardInterrupt", "SystemExit"}
_OF_CODE = (
    ArithmeticError, AssertionError, AttributeError, BufferError, EOFError, ImportError, LookupError, NameError,
    RuntimeError, StopAsyncIteration, StopIteration, SyntaxError, TypeError, ValueError,
    FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError,
)  # fmt: skip


def catches(types: Sequence[str], exception: str) -> bool | None:
    """Whether a clause for `types` catches `exception`: True, False, or None for perhaps.

    `exception` is a class name, UNKNOWN for some subclass of Exception, which may be followed by the classes that it is
    none of, or CANCELLED for a cancellation.

    >>> catches(["Exception"], UNKNOWN), catches(["Exception"], CANCELLED), catches(["ValueError"], UNKNOWN)
    (True, False, None)
    """
    if not types:
        return True
    answers = [_catches(t, exception) for t in types]
    if True in answers:
        return True
    return None if None in answers else False


def caught_as(types: Sequence[str], exception: str) -> str:
    """What is known of an exception behind a clause for `types` that has perhaps caught it.

    A builtin class stays unknown, because what is raised may be of a class derived from it.

    >>> caught_as(["db.Error"], UNKNOWN), caught_as(["ValueError"], UNKNOWN)
    ('db.Error', '?')
    """
    is_told = len(types) == 1 and exception.startswith(UNKNOWN) and builtin_exception(types[0]) is None
    return types[0] if is_told else exception


def passed_by(types: Sequence[str], exception: str) -> str:
    """What is known of an exception that a clause for `types` has not caught.

    >>> passed_by(["db.Error"], UNKNOWN), catches(["db.Error"], passed_by(["db.Error"], UNKNOWN))
    ('?db.Error', False)
    """
    if not exception.startswith(UNKNOWN):
        return exception
    return UNKNOWN + _SEPARATOR.join(sorted({*_not(exception), *types}))


def is_about_code(types: Sequence[str]) -> bool:
    """Whether a clause for `types` catches only what Python code or a file raises, and no statement that has failed.

    >>> is_about_code(["KeyError", "ValueError"]), is_about_code(["ValueError", "OSError"]), is_about_code([])
    (True, False, False)
    """
    classes = [builtin_exception(each) for each in types]
    return bool(classes) and all(cls is not None and issubclass(cls, _OF_CODE) for cls in classes)


def is_class(exception: str) -> bool:
    """Whether an exception is known by its class."""
    return exception != CANCELLED and not exception.startswith(UNKNOWN)


def is_of_no_other(exception: str) -> bool:
    """Whether an exception comes straight from a driver's call or from data, whatever clauses it has passed since."""
    return any(each.removeprefix(UNKNOWN) in exception for each in (DRIVERS, DATA))


def _not(exception: str) -> list[str]:
    """The classes that an unknown exception is none of."""
    return [name for name in exception.removeprefix(UNKNOWN).split(_SEPARATOR) if name]


def _catches(type_: str, exception: str) -> bool | None:
    if type_ in _EVERYTHING:
        return True
    last = type_.rpartition(".")[2]
    if exception == CANCELLED:
        return None if last in _CANCELLATIONS else False
    if exception.startswith(UNKNOWN) and type_ in _not(exception):
        return False
    if last == "Exception":
        return (
            True
            if exception.startswith(UNKNOWN)
            else _is_subclass(exception.rpartition(".")[2], Exception) is not False
        )
    if exception.startswith(UNKNOWN):
        return False if last in _CANCELLATIONS else None
    if type_ == exception:
        return True
    raised, caught = builtin_exception(exception), builtin_exception(type_)
    if raised is not None and caught is not None:
        return issubclass(raised, caught)
    if raised is not None:
        return False
    return None


def builtin_exception(name: str) -> type[BaseException] | None:
    """The exception class that Python itself has under this name."""
    found = getattr(builtins, name, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def _is_subclass(name: str, base: type[BaseException]) -> bool | None:
    found = builtin_exception(name)
    return None if found is None else issubclass(found, base)
