"""The mutation run: how many wrong fixes are accepted, and how many good ones are not.

    python tests/bench/verify_mutations.py [EVERY]

EVERY takes each n-th function only.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "verify"))

from fixes import before, good, leaky_functions, wrong
from roles_by_hand import case

from putback.verify import Bounds, verify_here


def main() -> None:
    """Print the figures and every verdict that should be another."""
    every = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    bounds = Bounds(seconds=30.0)
    verdicts: dict[str, Counter[str]] = {"good": Counter(), "wrong": Counter()}
    taken: list[float] = []
    for leaky in list(leaky_functions())[::every]:
        original = before(leaky)
        for sort, fixes in (("good", good(leaky)), ("wrong", wrong(leaky))):
            for name, after in fixes:
                started = time.process_time()
                proof = verify_here(case(original, after), bounds)
                taken.append(time.process_time() - started)
                verdicts[sort][proof.verdict.value] += 1
                if proof.verdict.is_accepted != (sort == "good"):
                    print(f"{sort}: {leaky.name}: {name}: {proof.title}: {proof.reason}")
    taken.sort()
    for sort, counts in verdicts.items():
        accepted = counts["proved"] + counts["bounded"]
        print(f"{sort}: {sum(counts.values())} fixes, {accepted} accepted, {dict(counts)}")
    print(f"median {taken[len(taken) // 2] * 1e3:.1f} ms, p95 {taken[int(len(taken) * 0.95)] * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
