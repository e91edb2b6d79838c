"""One connection of a run: where it is, and the state of its transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from putback.model.lifecycle import Begin, FailedCommit
from putback.verify.lender import Lease
from putback.verify.roles import Acquire, Profile


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
    """One connection. `pending` are the effects that a commit makes `durable`; `savepoints` says how many each keeps.

    `lease`: the pool says whether it is out. `is_dead`: closed while that lasts. `is_void`: the acquire returned None.

    `is_lent`: the caller's, who gives it back; `is_shared`: he may commit before that; `lives_on`: it is nobody's in
    particular, and used on when the function has ended. `is_scoped`: a registry keeps it
    for the thread; `outlives`: also when the function has ended. `handed_on`: a role says that
    somebody else owns it now. `row` is where its acquire stands, `given` what that was given, `pool` where it comes
    from ("": not known). `commits` counts them, `lost` the effects that were pending when a statement failed.
    `failed`: a statement of the transaction has; `handler` is the row of the last `except`
    since; `left_failed` and `left_handler`: as they were at the release. `refuses`: it takes nothing but a rollback, a
    commit neither. `unwritten`: a session has objects that it writes with its next statement or commit. `struck`: it
    may have lost its server when a statement failed.
    """

    name: str
    profile: Profile
    role: Acquire
    lease: Lease
    is_lent: bool = False
    lives_on: bool = False
    is_shared: bool = False
    is_scoped: bool = False
    outlives: bool = False
    is_dead: bool = False
    is_void: bool = False
    transaction: Transaction = Transaction.IDLE
    autocommit: bool = False
    explicit: bool = False
    pending: list[str] = field(default_factory=list)
    savepoints: dict[str, int] = field(default_factory=dict)
    handed_on: bool = False
    tested: bool | None = None
    used: bool = False
    row: int = 0
    pool: str = ""
    given: frozenset[str] = frozenset()
    is_async: bool = False
    commits: int = 0
    lost: int = 0
    failed: bool = False
    handler: int = 0
    left_failed: bool = False
    left_handler: int = 0
    refuses: bool = False
    unwritten: bool = False
    struck: bool = False

    @property
    def place(self) -> Place:
        """Where it is."""
        if self.is_void:
            return Place.VOID
        if not self.lease.is_held:
            return Place.BACK
        return Place.BROKEN if self.is_dead else Place.OUT

    @property
    def is_out(self) -> bool:
        """Whether it has not been given back."""
        return self.place is Place.OUT

    @property
    def holds(self) -> bool:
        """Whether a connection of the pool is taken: a session takes one only from its first statement.

        One without transactions keeps it until it is closed: whether its results have been read is not followed.
        """
        if self.place is Place.BROKEN:
            return True
        is_idle = self.transaction is Transaction.IDLE and not (self.used and self.profile.begin is Begin.NONE)
        return self.is_out and not (self.profile.lazy and is_idle)

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
        return self.refuses or self.transaction is Transaction.FAILED

    def fail(self) -> None:
        """A statement has failed, and the transaction with it where databases do that."""
        if self.keeps_effects:
            self.lost = len(self.pending)
            self.failed = True
            if self.profile.aborts:
                self.transaction = Transaction.FAILED

    def write_later(self, effect: str) -> None:
        """A session keeps an object, to write it with its next statement or commit."""
        self.pending.append(effect)
        self.unwritten = True

    def settle(self) -> None:
        """The transaction is over, with or without success."""
        self.pending.clear()
        self.savepoints.clear()
        self.transaction = Transaction.IDLE
        self.explicit = False
        self.failed = False
        self.handler = 0
        self.refuses = False
        self.unwritten = False
        self.struck = False
        self.lost = 0

    def recover(self) -> None:
        """What a rollback in time would have done: what was done since the failure stays."""
        kept, unwritten = self.pending[self.lost :], self.unwritten
        self.settle()
        self.pending += kept
        self.unwritten = unwritten and bool(kept)

    def fail_to_commit(self) -> None:
        """What the profile says of that; a session that has nothing to write takes no connection for it."""
        takes_none = self.profile.lazy and not self.pending and not self.is_in_transaction
        match self.profile.failed_commit:
            case FailedCommit.OVER:
                self.settle()
            case FailedCommit.INACTIVE:
                self.settle()
                self.failed = self.refuses = True
                self.transaction = Transaction.IDLE if takes_none else Transaction.FAILED

    def return_to(self, mark: int) -> None:
        """Roll back to a savepoint, which was made when so many effects were pending."""
        del self.pending[mark:]
        self.failed = self.refuses = False
        if self.transaction is Transaction.FAILED:
            self.transaction = Transaction.OPEN
