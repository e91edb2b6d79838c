"""Runs a function before and after a fix on a model of its connections, under every fault and branch within bounds."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import TypeVar

from putback.verify.choices import Schedule
from putback.verify.explore import Clock, replay
from putback.verify.extract import extract
from putback.verify.faults import faults_for
from putback.verify.roles import Bounds, Case, Version
from putback.verify.run import Run, Runner
from putback.verify.verdict import Proof, verify

__all__ = ["Bounds", "Case", "Proof", "Run", "Version", "replay_here", "verify_here"]


T = TypeVar("T")


def verify_here(case: Case, bounds: Bounds | None = None, clock: Clock = time.perf_counter) -> Proof:
    """Verify a case in this process. It executes the code of the case: use `sandbox.verify` for code of others."""
    return _without_collection(lambda: verify(case, bounds or Bounds(), clock))


_WIDEST = Bounds(faults=9, level=3)


def replay_here(version: Version, schedule: Schedule, bounds: Bounds = _WIDEST) -> Run:
    """The run of one schedule, in this process, by default whatever bounds it was found within.

    Raises SourceError when the function cannot be taken out.
    """
    program = extract(version)
    runner = Runner(program, faults_for(program.handled, version.roles.errors))
    return _without_collection(lambda: replay(runner, bounds, schedule))


def _without_collection(work: Callable[[], T]) -> T:
    """Garbage of one run must not be finalised in the middle of another."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return work()
    finally:
        if collecting:
            gc.enable()
