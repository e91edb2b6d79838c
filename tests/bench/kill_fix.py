"""Kill `putback fix` at random points of its run, many times, and look whether a file is damaged or something is left.

    python tests/bench/kill_fix.py [RUNS]

Half of the runs are killed at any time, half while they write. Prints what was seen; exits with 1 for any damage.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src"
COMMAND = [sys.executable, "-m", "putback", "fix", "-q", "--fixable", "PB110"]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
FILES = 60
WRONG = """\
import asyncpg


async def rename(pool: asyncpg.Pool, name):
    conn = await pool.acquire()
    try:
        await conn.execute("UPDATE users SET name = $1", name)
    finally:
        pool.release(conn)
"""
RIGHT = WRONG.replace("  pool.release", "  await pool.release")


def spoil(folder: Path) -> None:
    """Make every file as it was before any fix."""
    for number in range(FILES):
        (folder / f"m{number}.py").write_text(WRONG)


def start(folder: Path) -> subprocess.Popen[bytes]:
    """A run."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    return subprocess.Popen(COMMAND, cwd=folder, env=environment, stderr=subprocess.DEVNULL)


def wait_for_writing(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Return when the first sign of writing is seen, or the run has ended."""
    first = folder / "m0.py"
    before = first.stat().st_ino
    while process.poll() is None and first.stat().st_ino == before:
        if any(name.startswith(".putback-") for name in os.listdir(folder)):
            return


def seen(folder: Path) -> Counter[str]:
    """How many files are as before, fixed, damaged, and how many others are there."""
    count: Counter[str] = Counter()
    for path in folder.iterdir():
        if path.suffix == ".py":
            text = path.read_text()
            count["before" if text == WRONG else "fixed" if text == RIGHT else "damaged"] += 1
        else:
            count["left"] += 1
    count["lost"] = FILES - count["before"] - count["fixed"] - count["damaged"]
    return count


def main(runs: int) -> int:
    """Do the runs; the exit code."""
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spoil(folder)
        begin = time.monotonic()
        assert start(folder).wait() == 0, "the run does not work at all"
        length = time.monotonic() - begin
        for number in range(runs):
            spoil(folder)
            process = start(folder)
            if number % 2:
                wait_for_writing(process, folder)
                time.sleep(random.uniform(0, 0.03))
            else:
                time.sleep(random.uniform(0, length))
            chosen = random.choice(SIGNALS)
            process.send_signal(chosen)
            process.wait()
            found = seen(folder)
            total["damaged"] += found["damaged"] + found["lost"]
            kind = "none" if not found["fixed"] else "all" if not found["before"] else "some"
            total[f"runs with {kind} of the files fixed"] += 1
            total[f"{chosen.name}: runs with files left behind"] += bool(found["left"])
            if found["left"]:
                assert start(folder).wait() == 0
                total["left after the next run"] += seen(folder)["left"]
    print(f"{runs} runs of {length:.1f} s over {FILES} files")
    for what, count in sorted(total.items()):
        print(f"{count:5}  {what}")
    spared = sum(total[f"{each.name}: runs with files left behind"] for each in SIGNALS[:2])
    return int(bool(total["damaged"] or total["left after the next run"] or spared))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
