"""What every fix promises, on 10,000 generated modules: `python tests/bench/fix_properties.py [EXAMPLES] [SEED]`.

Prints what was generated, found and fixed, and every broken promise with its module; exits with 1 if there was one.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "fixes"))
sys.path.insert(0, str(Path(__file__).parents[1] / "generated"))

from grammar import Module, modules
from hypothesis import HealthCheck, Phase, given, seed, settings
from mending import Mender
from oracle import leaks
from properties import broken_promises


def main(examples: int, start: int) -> int:
    """Run and print; the exit code."""
    counts: Counter[str] = Counter()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        mender = Mender(folder)

        @seed(start)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=[*HealthCheck],
        )
        @given(modules())
        def check(module: Module) -> None:
            _examine(module, mender, counts)

        check()
    for name, count in sorted(counts.items()):
        print(f"{count:7} {name}")
    print(f"{time.monotonic() - begin:7.0f} seconds")
    return 1 if counts["with a broken promise"] else 0


def _examine(module: Module, mender: Mender, counts: Counter[str]) -> None:
    """Check one module and count what it was."""
    found = mender.findings(module.text)
    counts["modules"] += 1
    for finding in found:
        counts[f"{finding.code} {'fixed' if finding.fix else 'no fix: ' + finding.no_fix_reason}"] += 1
    if not found and any(leaks(module.text, function) for function in module.functions):
        counts["leaking without a finding"] += 1
    broken = list(broken_promises(module, mender))
    if broken:
        counts["with a broken promise"] += 1
        print(module.text, *broken, sep="\n", end="\n\n" + "=" * 80 + "\n", flush=True)


if __name__ == "__main__":
    given_numbers = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(*given_numbers, *(10_000, 1)[len(given_numbers) :]))
