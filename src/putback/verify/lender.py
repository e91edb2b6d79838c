"""The pools behind the connections of a run: the state machine of `putback.pool`, without anything real to open.

What a run calls lent, given back or leaked is what this state says, as it is for the pool that a program runs on.
Without a limit nobody waits: the schedules decide when an acquire fails.
"""

from __future__ import annotations

from putback.pool.state import Close, Give, Open, PoolState, Reset, StepError
from putback.verify.roles import Profile


class Lender:
    """One pool a kind. It keeps what comes back; what belongs to no pool is closed instead."""

    def __init__(self) -> None:
        self._pools: dict[str, PoolState] = {}
        self._tickets = 0

    def lend(self, profile: Profile) -> Lease:
        """A slot that nobody else holds."""
        keep = float("inf") if profile.pooled else 0
        pool = self._pools.setdefault(profile.name, PoolState(limit=None, keep=keep))
        self._tickets += 1
        match pool.ask(self._tickets, patient=False):
            case Open(slot):
                pool.opened(slot)
                return Lease(pool, slot)
            case Give(slot):
                return Lease(pool, slot)
            case answer:
                raise StepError(f"a pool without a limit answers {answer}")


class Lease:
    """A slot that was lent once. It does not become lent again when the pool lends its connection to somebody else."""

    def __init__(self, pool: PoolState, slot: int) -> None:
        self._pool = pool
        self._slot: int | None = slot

    @property
    def is_held(self) -> bool:
        """Whether the pool counts the slot as lent to this borrower."""
        return self._slot is not None and self._pool.is_lent(self._slot)

    def end(self) -> None:
        """The borrower gives it back."""
        if self._slot is None:
            return
        for action in self._pool.give_back(self._slot, clean=False):
            match action:
                case Reset(slot):
                    self._pool.settled(slot, fit=True)
                case Close(slot):
                    self._pool.closed_one(slot)
        self._slot = None
