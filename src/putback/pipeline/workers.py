"""Work shared out over forked processes: children inherit what the parent has built and send back plain data.

Where there is no `fork`, everything runs in this process.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def cores(jobs: int) -> int:
    """How many processes to use: `jobs`, or one a core when it is 0; 1 where forking is not to be had."""
    if not hasattr(os, "fork") or sys.platform == "darwin":
        return 1
    return (
        jobs if jobs > 0 else len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )


def shared_out(work: Callable[[Sequence[T]], R], shares: Sequence[Sequence[T]]) -> list[R]:
    """`work` on each share: the first here, the others in forked children, results in the order of the shares.

    A child that dies has its share done here instead.
    """
    rest = started(work, shares[1:])
    return [work(shares[0]), *rest()] if shares else []


def started(work: Callable[[Sequence[T]], R], shares: Sequence[Sequence[T]]) -> Callable[[], list[R]]:
    """Begin to work on each share in a child of its own; what is returned waits for the results, in order."""
    children = [_spawn(work, share) for share in shares]

    def results() -> list[R]:
        found = []
        for (pid, reader), share in zip(children, shares, strict=True):
            with os.fdopen(reader, "rb") as pipe:
                data = pipe.read()
            os.waitpid(pid, 0)
            found.append(pickle.loads(data) if data else work(share))
        return found

    return results


def _spawn(work: Callable[[Sequence[T]], R], share: Sequence[T]) -> tuple[int, int]:
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    try:
        gc.disable()
        os.close(reader)
        data = pickle.dumps(work(share), pickle.HIGHEST_PROTOCOL)
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(data)
    finally:
        os._exit(0)


def dealt(items: Sequence[T], size: Callable[[T], int], hands: int) -> list[list[T]]:
    """`items` in `hands` shares of about equal total size, the large ones first."""
    shares: list[list[T]] = [[] for _ in range(max(1, hands))]
    totals = [0] * len(shares)
    for item in sorted(items, key=size, reverse=True):
        least = totals.index(min(totals))
        shares[least].append(item)
        totals[least] += size(item) + 1
    return shares
