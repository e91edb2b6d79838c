"""Time of `putback check` beside `ruff check --select SIM115 --no-cache`, in alternation on the same trees.

    python tests/bench/scan_ratio.py [--runs N] [--ruff PATH] TREE...

Both programs run from the tree's own directory, one after the other, so that a busy machine slows both. Printed are
medians and minima of wall time, of CPU time (user and system, children included), their ratios, and the peak memory
of the largest process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src"


@dataclass(frozen=True)
class Run:
    """Seconds of wall and CPU time; peak memory of the largest process in MB."""

    wall: float
    cpu: float
    memory: float


def measured(command: list[str], tree: str) -> Run:
    """One run of a program in a directory."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    begin = time.perf_counter()
    process = subprocess.Popen(command, cwd=tree, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read() if process.stderr is not None else b""
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)} failed in {tree}:\n{errors.decode(errors='replace')}")
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def compared(tree: str, ours: list[str], other: list[str], runs: int) -> None:
    """Alternate between two programs, after one run of each that is not counted, and print the figures."""
    pairs = [(measured(ours, tree), measured(other, tree)) for _ in range(runs + 1)][1:]
    print(tree)
    for name in ("wall", "cpu"):
        mine = [getattr(pair[0], name) for pair in pairs]
        theirs = [getattr(pair[1], name) for pair in pairs]
        middle = statistics.median(mine) / statistics.median(theirs)
        print(
            f"  {name:4}  putback {statistics.median(mine):.2f} s (min {min(mine):.2f})"
            f"  ruff {statistics.median(theirs):.2f} s (min {min(theirs):.2f})"
            f"  ratio {middle:.2f} (of minima {min(mine) / min(theirs):.2f})"
        )
    print(f"  peak memory of one process: {max(pair[0].memory for pair in pairs):.0f} MB")


def main() -> None:
    """Read the command line and measure each tree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", nargs="+", metavar="TREE")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--ruff", default="ruff", help="the ruff to compare with")
    given = parser.parse_args()
    ours = [sys.executable, "-m", "putback", "check", "--quiet", "--output-format", "concise", "."]
    other = [given.ruff, "check", "--select", "SIM115", "--no-cache", "--quiet", "."]
    for tree in given.trees:
        compared(tree, ours, other, given.runs)


if __name__ == "__main__":
    main()
