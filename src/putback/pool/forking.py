"""What happens to pools when the process forks.

The child has the parent's sockets: using one, or only closing it, would spoil the parent's session. So a pool in the
child begins without connections; those of the parent are kept, untouched, until the child ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """A pool."""

    def after_fork(self) -> Iterable[Any]:
        """In the child: forget what is the parent's, and give it."""


_pools: WeakSet[Forkable] = WeakSet()
_of_parents: list[Any] = []


def notice_forks(pool: Forkable) -> None:
    """From now on the pool hears of forks."""
    _pools.add(pool)


def _tell_pools() -> None:
    for pool in list(_pools):
        _of_parents.extend(pool.after_fork())


def left_to_parent(name: str, number: int) -> str:
    """What is told once, at the first use in the child."""
    return (
        f"the process forked while pool {name!r} had {number} connections open: they are left to the parent, and the "
        "child opens its own; build the pool after the fork"
    )


def of_the_parent(slot: int) -> str:
    """What is told of a connection that was lent before the fork."""
    return f"connection {slot} was taken before the process forked: it is the parent's, and cannot be used here"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tell_pools)
