"""The picture people remember: how many connections of a pool are taken after each of the same requests, before and
after the fix."""

from __future__ import annotations

from collections.abc import Sequence

from putback.model.occupancy import Occupancy
from putback.verify.run import Run

REQUESTS = 50
SIZE = 10


def occupancy(pairs: Sequence[tuple[Run, Run]], requests: int = REQUESTS, size: int = SIZE) -> Occupancy | None:
    """The same requests served by both versions; each request meets the fate of one compared run, in turn.

    The plainest fates come first. None when nothing was compared.
    """
    if not pairs:
        return None
    fates = sorted(pairs, key=lambda pair: len(pair[0].schedule))
    served = [fates[number % len(fates)] for number in range(requests)]
    before, refused_before = _taken([_lost(b) for b, _ in served], size)
    after, refused_after = _taken([_lost(a) for _, a in served], size)
    return Occupancy(size, before, after, refused_before, refused_after)


def _lost(run: Run) -> int:
    return sum(v.broken.is_leak for v in run.violations)


def _taken(lost: Sequence[int], size: int) -> tuple[tuple[int, ...], int]:
    taken, refused = 0, 0
    found: list[int] = []
    for count in lost:
        if taken >= size:
            refused += 1
        else:
            taken = min(size, taken + count)
        found.append(taken)
    return tuple(found), refused
