"""What an operation can show to be wrong, as the defects of an exploration."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from putback.ownership.analysis.domain import Harm


class Wrong(Enum):
    """A defect of which nothing more is to be said.

    LOST: the last name of a held connection means something else; YIELDED: a generator lends it; UNBOUND: a release
    reads a name that an error has kept from being bound; WITH_KEEPS, CLOSING_KEEPS: a `with` is left that does not give
    it back; UNSTACKED: an exit stack is kept from giving it back; KEPT, LATER: somebody unknown may keep it, or use it
    when the function has ended.
    """

    LOST = "lost"
    YIELDED = "yielded"
    TWICE = "released-twice"
    AFTER = "used-after-release"
    UNAWAITED = "release-not-awaited"
    UNBOUND = "release-of-unbound"
    UNENTERED = "never-entered"
    WITH_KEEPS = "with-keeps"
    CLOSING_KEEPS = "closing-keeps"
    UNSTACKED = "taken-out-of-its-stack"
    KEPT = "may-be-kept"
    LATER = "may-be-used-later"

    def __str__(self) -> str:
        return self.value


class ReadUnbound(Struct, frozen=True, gc=False):
    """While the connection is held, `name` is read, which an error has kept from being bound."""

    name: str

    def __str__(self) -> str:
        return f"unbound-read:{self.name}"


class UnboundBeside(Struct, frozen=True, gc=False):
    """A clean-up reads `name`, which is not the connection's, although the acquire has failed before it was bound."""

    name: str

    def __str__(self) -> str:
        return f"unbound-beside:{self.name}"


class UnmendedUsed(Struct, frozen=True, gc=False):
    """The connection is used after the `except` clause at operation `handler`, which has not rolled back."""

    handler: int
    harm: Harm

    def __str__(self) -> str:
        return f"unmended-used:{self.handler}:{self.harm.value}"


Found = Wrong | ReadUnbound | UnboundBeside | UnmendedUsed
