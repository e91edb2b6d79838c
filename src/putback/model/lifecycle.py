"""What taking, closing, leaving, losing and giving back mean for a thing that is held.

The words of the driver tables, by which the analysis follows a connection and the verifier runs its stand-in.
"""

from __future__ import annotations

from enum import Enum


class Close(Enum):
    """What `close()` on the handed-out object does."""

    LEAKS = "leaks"  # the connection dies and its slot in the pool stays taken
    FREES = "frees"  # the connection dies, the slot becomes free: churn, no leak
    RETURNS = "returns"  # the right release: back into the pool
    DESTROYS = "destroys"  # the right release of a plain connection
    IGNORED = "ignored"  # nothing happens


class With(Enum):
    """What leaving `with obj:` on the handed-out object does."""

    TRANSACTION = "transaction"  # commit or rollback, the object stays held
    RELEASES = "releases"
    CLOSES = "closes"  # calls close(): see Close
    ERROR = "error"  # not a context manager of this sort


class Gc(Enum):
    """What garbage collection does for an object that nobody released."""

    PERMANENT = "permanent"  # the slot is lost for the life of the pool
    CYCLIC = "cyclic"  # returned when the cyclic collector runs
    REFCOUNT = "refcount"  # closed as soon as the last reference goes


class Twice(Enum):
    """What a second release does."""

    RAISES = "raises"
    CORRUPTS = "corrupts"
    HARMLESS = "harmless"


class After(Enum):
    """What using the object after its release does."""

    FOREIGN = "foreign"  # silently works on a connection that others may own
    RAISES = "raises"
    REOPENS = "reopens"  # silently takes a new connection


class Begin(Enum):
    """Which statement opens a transaction."""

    ANY = "any"
    WRITE = "write"
    NONE = "none"


class FailedCommit(Enum):
    """What a commit that fails leaves behind."""

    OVER = "over"  # the transaction has been rolled back
    OPEN = "open"  # the transaction goes on: the commit may be tried again
    INACTIVE = "inactive"  # nothing works until the rollback


class On(Enum):
    """When an acquiring call really acquires."""

    CALL = "call"
    AWAIT = "await"
    ENTER = "enter"
