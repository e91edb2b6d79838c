"""What belongs to a connection without being it, and what the transfer functions remember of a function's result.

A state pairs such values with a part: a cursor with the type of its driver, an object that keeps the connection with
the attribute, a closure with its function.
"""

from __future__ import annotations

from enum import IntEnum, auto

from msgspec import Struct

from putback.flow.ir import Val
from putback.ownership.analysis.site import Owner
from putback.ownership.resolve.types import FunctionRef

RETURNED = "<returned>"
"""The value that stands for a function's result, in the states at its ends."""

RESUMED = "<resumed>"
"""The value that stands for a generator's `yield`, in the states behind it."""

OWNED = "owner#"
"""The name of a connection that is known by the object around it only."""


class Tie(IntEnum):
    """A part of which nothing more is to be said than what it is.

    CLOSING: `closing(conn)`; BORROWING: `nullcontext(conn)`; MANAGING: the `with` that has acquired; RELEASER: a bound
    release; CLOSER: a bound close; PARTIAL: a `partial` that uses it; BOUND: another method bound to it or to a cursor;
    NEEDING: what may need it later; STREAM: what reads from it later; NAMES: all local names;
    RETURNED_CLOSED: the result is the connection, closed; GOES_ON, THROWN: how a `yield` was left.
    """

    CLOSING = auto()
    BORROWING = auto()
    MANAGING = auto()
    RELEASER = auto()
    CLOSER = auto()
    PARTIAL = auto()
    BOUND = auto()
    NEEDING = auto()
    STREAM = auto()
    NAMES = auto()
    RETURNED_CLOSED = auto()
    GOES_ON = auto()
    THROWN = auto()

    def __str__(self) -> str:
        return f"<{self.name.lower().replace('_', ' ')}>"


class Typed(Struct, frozen=True, gc=False, cache_hash=True):
    """An object of a driver, as a cursor or a transaction is; `type` is its class."""

    type: str

    def __str__(self) -> str:
        return self.type


class Carrier(Struct, frozen=True, cache_hash=True):
    """An object around the connection; `owner` says which class keeps it where, as far as that is known.

    `closes`: the manager that `closing()` makes of such an object, which closes it when it is left.
    """

    owner: Owner | None = None
    closes: bool = False

    def __str__(self) -> str:
        return f"<{'closing ' if self.closes else ''}carrier>{self.owner or ''}"


class Closure(Struct, frozen=True, gc=False, cache_hash=True):
    """A nested function that captures the connection; `key` is its qualified name."""

    key: str

    def __str__(self) -> str:
        return f"<closure>{self.key}"


class Element(Struct, frozen=True, gc=False, cache_hash=True):
    """A tuple whose item `index` is the connection; `beside` are the constants in it, by their place."""

    index: int
    beside: tuple[tuple[int, Val], ...] = ()

    def constant(self, index: int | str | None) -> Val | None:
        """The constant at a place."""
        return next((constant for place, constant in self.beside if place == index), None)

    def __str__(self) -> str:
        return f"<tuple>{self.index}"


class Manager(Struct, frozen=True, cache_hash=True):
    """A context manager of the project that was given the connection, as `name`; leaving some of them gives it back."""

    function: FunctionRef
    name: str
    gives_back: bool

    def __str__(self) -> str:
        return f"<manager>{self.function.path}|{self.function.key}|{self.name}"


Part = Tie | Typed | Carrier | Closure | Element | Manager

LAZY = (Tie.NEEDING, Tie.STREAM)
"""What may need the connection when the function has ended."""

_OWNING = frozenset({Tie.CLOSING, Tie.RELEASER, Tie.CLOSER, Tie.PARTIAL})
_BORROWING = frozenset({*LAZY, Tie.BOUND, Tie.GOES_ON})


def owns(part: Part | None) -> bool:
    """Whether handing such a value on hands the connection on."""
    if isinstance(part, Tie):
        return part in _OWNING
    return isinstance(part, (Carrier, Closure, Element)) or (isinstance(part, Manager) and part.gives_back)


def borrows(part: Part | None) -> bool:
    """Whether such a value may keep the connection, or need it later, and says nothing of who owns it."""
    if isinstance(part, Tie):
        return part in _BORROWING
    return isinstance(part, Manager) and not part.gives_back
