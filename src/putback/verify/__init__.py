"""Runs a function before and after a fix on a model of its connections, under every fault and branch within bounds."""

from __future__ import annotations

import gc
import time

from putback.verify.explore import Clock
from putback.verify.roles import Bounds, Case
from putback.verify.verdict import Proof, Verifier

__all__ = ["Bounds", "Case", "Proof", "verify_here"]


def verify_here(case: Case, bounds: Bounds | None = None, clock: Clock = time.perf_counter) -> Proof:
    """Verify a case in this process. It executes the code of the case: use `sandbox.verify` for code of others."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return Verifier(case, bounds or Bounds(), clock).verify()
    finally:
        if collecting:
            gc.enable()
