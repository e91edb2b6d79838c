"""One connection of a run: where it is, and the state of its transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from putback.verify.roles import Acquire, Begin, Profile


class Place(Enum):
    """Where a connection is. BROKEN: closed while its slot in the pool stays taken. VOID: the acquire returned None."""

    OUT = "out"
    BROKEN = "broken"
    BACK = "back"
    VOID = "void"


class Transaction(Enum):
    """The state of a connection's transaction."""

    IDLE = "idle"
    OPEN = "open"
    FAILED = "failed"


@dataclass(eq=False)
class Slot:
    """One connection. `pending` are the effects that a commit makes `durable`, `savepoints` how many of them each keeps.

    `is_lent`: the caller's, who gives it back; `is_shared`: he may commit before that. `handed_on`: a role says that
    somebody else owns it now. `left` is the transaction's state at the release. `refuses`: a session whose commit has
    failed takes nothing but a rollback.
    """

    name: str
    profile: Profile
    role: Acquire
    is_lent: bool = False
    is_shared: bool = False
    place: Place = Place.OUT
    transaction: Transaction = Transaction.IDLE
    autocommit: bool = False
    explicit: bool = False
    pending: list[str] = field(default_factory=list)
    savepoints: dict[str, int] = field(default_factory=dict)
    handed_on: bool = False
    tested: bool | None = None
    used: bool = False
    left: Transaction = Transaction.IDLE
    refuses: bool = False

    @property
    def is_out(self) -> bool:
        """Whether it has not been given back."""
        return self.place is Place.OUT

    @property
    def holds(self) -> bool:
        """Whether a connection of the pool is taken: a session takes one only from its first statement."""
        if self.place is Place.BROKEN:
            return True
        return self.is_out and not (self.profile.lazy and self.transaction is Transaction.IDLE)

    @property
    def keeps_effects(self) -> bool:
        """Whether what is written waits for a commit."""
        return self.explicit or not self.autocommit

    @property
    def is_in_transaction(self) -> bool:
        """Whether a transaction has begun, explicitly or by a statement."""
        return self.explicit or self.transaction is not Transaction.IDLE

    @property
    def is_aborted(self) -> bool:
        """Whether every statement fails until the rollback."""
        return self.refuses or (self.transaction is Transaction.FAILED and self.profile.aborts)

    def settle(self) -> None:
        """The transaction is over, with or without success."""
        self.pending.clear()
        self.savepoints.clear()
        self.transaction = Transaction.IDLE
        self.explicit = False
        self.refuses = False

    def fail_to_commit(self) -> None:
        """A session is as if a statement had failed, a database that never aborts goes on, all else has rolled back."""
        if self.profile.lazy:
            self.pending.clear()
            self.transaction = Transaction.FAILED
            self.refuses = True
        elif self.profile.begin is not Begin.WRITE:
            self.settle()

    def return_to(self, mark: int) -> None:
        """Roll back to a savepoint, which was made when so many effects were pending."""
        del self.pending[mark:]
        self.refuses = False
        if self.transaction is Transaction.FAILED:
            self.transaction = Transaction.OPEN
