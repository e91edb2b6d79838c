"""Which `except` clause catches what: by class as far as it is known."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

UNKNOWN = "?"
CANCELLED = "!"

_EVERYTHING = {"BaseException", "builtins.BaseException"}
_CANCELLATIONS = {"CancelledError", "GeneratorExit", "KeyboardInterrupt", "SystemExit"}


def catches(types: Sequence[str], exception: str) -> bool | None:
    """Whether a clause for `types` catches `exception`: True, False, or None for perhaps.

    `exception` is a class name, UNKNOWN for some subclass of Exception, or CANCELLED for a cancellation.

    >>> catches(["Exception"], UNKNOWN), catches(["Exception"], CANCELLED), catches(["ValueError"], UNKNOWN)
    (True, False, None)
    """
    if not types:
        return True
    answers = [_catches(t, exception) for t in types]
    if True in answers:
        return True
    return None if None in answers else False


def _catches(type_: str, exception: str) -> bool | None:
    if type_ in _EVERYTHING:
        return True
    last = type_.rpartition(".")[2]
    if exception == CANCELLED:
        return None if last in _CANCELLATIONS else False
    if last == "Exception":
        return True if exception == UNKNOWN else _is_subclass(exception.rpartition(".")[2], Exception) is not False
    if exception == UNKNOWN:
        return False if last in _CANCELLATIONS else None
    if type_ == exception:
        return True
    raised, caught = _builtin(exception), _builtin(type_)
    if raised is not None and caught is not None:
        return issubclass(raised, caught)
    if raised is not None:
        return False
    return None


def _builtin(name: str) -> type[BaseException] | None:
    found = getattr(builtins, name, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def _is_subclass(name: str, base: type[BaseException]) -> bool | None:
    found = _builtin(name)
    return None if found is None else issubclass(found, base)
