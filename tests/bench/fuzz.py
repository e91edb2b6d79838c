"""Programs of every shape, many of them no programs at all: no crash, no slow file, none left out in silence.

    python tests/bench/fuzz.py [--count N] [--seed N] [--seconds S] [--keep FOLDER]

Four sorts take turns: the grammar of tests/generated; statements of the standard library put together at random; both
of them with characters and rows lost, doubled and swapped; and hypothesmith's, where it is installed (`pip install
hypothesmith`). Every file ends with a known leak: a file has to show that, or say by PB001 what was not checked.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "generated"))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from dialects import DIALECTS
from grammar import Writer, rendered

LEAK = "\n\nimport psycopg2\n\ndef known_leak():\n    known = psycopg2.connect()\n    known.cursor()\n"
BATCH = 100
Program = Callable[[random.Random], str]


def from_grammar(chance: random.Random) -> str:
    """A function that holds a connection, as the tests of the fixes generate them."""
    dialect = chance.choice(list(DIALECTS))
    writer = Writer(chance.randint, dialect)
    head = f"{'async def' if dialect.is_async else 'def'} work(a, b, items):"
    return f"{dialect.imports}\n{rendered([(0, head), *writer.body(1)], '    ')}"


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


def damaged(text: str, chance: random.Random) -> str:
    """The text with a few characters or rows lost, doubled, or put elsewhere."""
    for _ in range(chance.randint(1, 4)):
        parts: list[str] = text.splitlines(keepends=True) if chance.random() < 0.5 else list(text)
        if len(parts) < 3:
            break
        at, to = sorted(chance.sample(range(len(parts)), 2))
        size = chance.randint(1, 3)
        match chance.randint(0, 3):
            case 0:
                del parts[at : at + size]
            case 1:
                parts[at:at] = parts[to : to + size]
            case 2:
                parts[at], parts[to] = parts[to], parts[at]
            case _:
                parts[at:at] = [chance.choice("()[]{}:;\\\"'\t\f\r\n#@*é\u2028\x00")]
        text = "".join(parts)
    return text


def from_hypothesmith(count: int, seed: int) -> list[str]:
    """Programs of Python's whole grammar; none without the library."""
    try:
        import hypothesmith
    except ImportError:
        return []
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    found: list[str] = []

    @seeded(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(hypothesmith.from_node())
    def take(text: str) -> None:
        found.append(text)

    take()
    return found


def programs(count: int, seed: int, smiths: int) -> Iterator[tuple[str, str]]:
    """Programs, each with its sort."""
    chance = random.Random(seed)
    library = Library(chance)
    smith = iter(from_hypothesmith(smiths, seed))
    sorts: list[tuple[str, Program]] = [("grammar", from_grammar), ("library", library.program)]
    for number in range(count):
        name, make = sorts[number // 2 % 2]
        text = make(chance)
        if number % 10 == 9 and (given := next(smith, None)) is not None:
            name, text = "hypothesmith", given
        elif number % 2:
            name, text = f"{name}, damaged", damaged(text, chance)
        yield name, text


CHILD = """
import sys, time
sys.setrecursionlimit(1000)
from putback.model.config import Config
from putback.pipeline.check import check
begin = time.process_time()
result = check(sys.argv[1:], Config(gates=False, jobs=1))
print("took", time.process_time() - begin)
for finding in result.findings:
    if finding.code in ("PB001", "PB009") or finding.function == "known_leak":
        print(finding.code, finding.filename)
"""


def checked(paths: list[Path], limit: float) -> tuple[float, Counter[str], dict[str, set[str]]]:
    """Seconds of processor time, the codes found, and those by file. A crash or a run over the limit takes for ever."""
    command = [sys.executable, "-c", CHILD, *map(str, paths)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "PYTHONWARNINGS": "ignore"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, env=environment, check=False)
    except subprocess.TimeoutExpired:
        return float("inf"), Counter(), {}
    if done.returncode:
        print(done.stderr[-600:])
        return float("inf"), Counter(), {}
    seconds, by_file = float("inf"), dict[str, set[str]]()
    for row in done.stdout.splitlines():
        word, _, rest = row.partition(" ")
        if word == "took":
            seconds = float(rest)
        else:
            by_file.setdefault(rest, set()).add(word)
    return seconds, Counter(code for codes in by_file.values() for code in codes), by_file


def judged(paths: list[Path], limit: float, keep: Path) -> Iterator[str]:
    """What is wrong with the check of some files."""
    seconds, _, by_file = checked(paths, limit * len(paths) if len(paths) == 1 else limit * 10)
    if seconds == float("inf") and len(paths) > 1:
        middle = len(paths) // 2
        yield from judged(paths[:middle], limit, keep)
        yield from judged(paths[middle:], limit, keep)
        return
    for path in paths:
        codes = by_file.get(str(path), set())
        wrong = "crash or no end" if seconds == float("inf") else "PB009" if "PB009" in codes else ""
        if wrong or not codes:
            (keep / path.name).write_bytes(path.read_bytes())
            yield f"{path.name}: {wrong or 'left out in silence'}"
    if seconds < float("inf"):
        TIMES.append(seconds / len(paths))


TIMES: list[float] = []


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
    begin, sorts, wrong = time.monotonic(), Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as made:
        batch: list[Path] = []
        for number, (sort, text) in enumerate(programs(given.count, given.seed, given.smiths)):
            sorts[sort] += 1
            path = Path(made, f"p{given.seed}_{number}.py")
            path.write_text("import psycopg2\n" + text + LEAK, encoding="utf-8", errors="replace", newline="")
            batch.append(path)
            if len(batch) == BATCH or number == given.count - 1:
                for each in judged(batch, given.limit, given.keep):
                    wrong.append(each)
                    print(each, flush=True)
                for done in batch:
                    done.unlink()
                batch = []
            if time.monotonic() - begin > given.seconds:
                break
    print(f"{sum(sorts.values())} programs: {dict(sorts)}")
    print(f"{len(wrong)} wrong; processor time a file, mean of a batch: at most {max(TIMES, default=0):.2f} s")


if __name__ == "__main__":
    main()
