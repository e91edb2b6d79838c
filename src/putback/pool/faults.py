"""What may make operations fail: asked before each of them, where a pool has been given one. Without it none of this is
in the way, and `putback.pool.testing` has the plans.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol


class Operation(Enum):
    """What can be made to fail."""

    CONNECT = "connect"
    CURSOR = "cursor"
    EXECUTE = "execute"
    FETCH = "fetch"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    CLOSE = "close"
    CLOSE_CURSOR = "close cursor"
    PING = "ping"
    PUT = "put"


class Faults(Protocol):
    """Decides which operations fail."""

    def before(self, operation: Operation, connection: int) -> None:
        """Called before each operation on the connection with this number (from 1, in the order of opening; that of
        the attempt for CONNECT). Whatever it raises, the operation raises, and does not happen."""

    def around(self, connect: Callable[[], Any]) -> Callable[[], Any]:
        """A `connect` whose connections ask before each operation."""


class Faulty:
    """What asks before each operation of a real connection or cursor."""

    __slots__ = ("_real",)


def without_faults(raw: Any) -> Any:
    """The real connection behind one that asks; any other as it is."""
    return object.__getattribute__(raw, "_real") if isinstance(raw, Faulty) else raw
