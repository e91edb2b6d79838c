"""Programs of every shape, many of them no programs at all: no crash, no slow file, nothing left out in silence.

    python tests/bench/fuzz.py [--count N] [--smiths N] [--seed N] [--seconds S] [--keep FOLDER]

Four sorts take turns: the grammar of tests/generated; statements of the standard library put together at random; both
of them with characters and rows lost, doubled and swapped; and hypothesmith's, where it is installed (`pip install
hypothesmith`). Every file ends with a known leak: a file has to show that, or say by PB001 what was not checked. What
is wrong with a file is decided by `watching.py`, for which each of its functions has to be analysed or named.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "generated"))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from programs import LEAK, damaged, from_grammar

BATCH = 100
SLOW = 5.0
WATCHING = Path(__file__).with_name("watching.py")
Program = Callable[[random.Random], str]


class Library:
    """Statements of the standard library."""

    def __init__(self, chance: random.Random) -> None:
        folder = Path(sysconfig.get_paths()["stdlib"])
        files = [*folder.glob("*.py"), *folder.glob("asyncio/*.py"), *folder.glob("test/test_*.py")]
        self.statements: list[str] = []
        for path in chance.sample(sorted(files), min(150, len(files))):
            try:
                text = path.read_text(encoding="utf-8")
                tree = ast.parse(text)
            except (SyntaxError, ValueError):
                continue
            parts = (
                ast.get_source_segment(text, node) for node in tree.body if (node.end_lineno or 0) - node.lineno < 60
            )
            self.statements += [part for part in parts if part]

    def program(self, chance: random.Random) -> str:
        """Some statements, now and then inside of a function or a class that takes a connection."""
        rows = "\n".join(chance.choices(self.statements, k=chance.randint(1, 6))).split("\n")
        if chance.random() < 0.5:
            head = chance.choice(["def f(self):", "async def f(self):", "class C:\n  def f(self):"])
            depth = "    " if "class" not in head else "      "
            return "\n".join(
                [head, f"{depth}c = psycopg2.connect()", *(depth + row for row in rows), f"{depth}c.close()"]
            )
        return "\n".join(rows)


def from_hypothesmith(count: int, seed: int) -> list[str]:
    """Programs of Python's whole grammar, from trees and from productions; none without the library."""
    if not count:
        return []
    try:
        import hypothesmith
    except ImportError:
        return []
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    found: list[str] = []

    @seeded(seed)
    @settings(
        max_examples=2 * count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(hypothesmith.from_node(auto_target=False) | hypothesmith.from_grammar(auto_target=False))
    def take(text: str) -> None:
        found.append(text)

    take()
    return list(dict.fromkeys(found))[:count]


def programs(count: int, seed: int, smiths: int) -> Iterator[tuple[str, str]]:
    """Programs, each with its sort."""
    chance = random.Random(seed)
    library = Library(chance)
    smith = iter(from_hypothesmith(smiths, seed))
    each = count / (smiths or 1)
    sorts: list[tuple[str, Program]] = [("grammar", from_grammar), ("library", library.program)]
    for number in range(count):
        name, make = sorts[number // 2 % 2]
        text = make(chance)
        if number % each < 1 and (given := next(smith, None)) is not None:
            name, text = "hypothesmith", given
        elif number % 2:
            name, text = f"{name}, damaged", damaged(text, chance)
        yield name, text


def checked(paths: list[Path], limit: float) -> Iterator[tuple[Path, float, str]]:
    """For each file the seconds of processor time, and what is wrong with it; each is given `limit` on the clock.

    One process looks at them in turn. Where it ends early, the next file was too much for it.
    """
    rest = list(paths)
    while rest:
        child = subprocess.Popen(
            [sys.executable, str(WATCHING), *map(str, rest)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for path, row in zip(list(rest), _rows(child, limit), strict=False):
            yield path, row["seconds"], row["wrong"]
            rest.remove(path)
        child.kill()
        told = child.communicate()[1]
        if rest:
            yield rest.pop(0), limit, f"no end, or the end of the process: {told[-300:]}"


def _rows(child: subprocess.Popen[str], limit: float) -> Iterator[dict[str, Any]]:
    """What it prints, until it takes longer than `limit` for a row."""
    assert child.stdout is not None
    while True:
        timer = threading.Timer(limit, child.kill)
        timer.start()
        row = child.stdout.readline()
        timer.cancel()
        if not row.endswith("}\n"):
            return
        yield json.loads(row)


def main() -> None:
    """Generate, check, and print what went wrong and how long it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--smiths", type=int, default=2_000, help="how many of them hypothesmith writes, slowly")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=30.0, help="seconds that one file may take on the clock")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="when to stop")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    given = parser.parse_args()
    given.keep.mkdir(parents=True, exist_ok=True)
    begin, sorts, wrong, times = time.monotonic(), Counter[str](), 0, list[float]()
    with tempfile.TemporaryDirectory() as made:
        batch: list[Path] = []
        for number, (sort, text) in enumerate(programs(given.count, given.seed, given.smiths)):
            sorts[sort] += 1
            path = Path(made, f"p{given.seed}_{number}", "it.py")
            path.parent.mkdir()
            path.write_text("import psycopg2\n" + text + LEAK, encoding="utf-8", errors="replace", newline="")
            batch.append(path)
            if len(batch) < BATCH and number < given.count - 1:
                continue
            for each, seconds, what in checked(batch, given.limit):
                times.append(seconds)
                if what or seconds > SLOW:
                    wrong += 1
                    (given.keep / f"{each.parent.name}.py").write_bytes(each.read_bytes())
                    print(f"{each.parent.name}: {seconds:.2f} s {what}", flush=True)
                shutil.rmtree(each.parent)
            batch = []
            if time.monotonic() - begin > given.seconds:
                break
    print(f"{sum(sorts.values())} programs: {dict(sorts)}")
    print(f"{wrong} wrong; processor time a file: {sum(times) / len(times):.3f} s, at most {max(times):.2f} s")


if __name__ == "__main__":
    main()
