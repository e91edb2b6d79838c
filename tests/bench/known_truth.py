"""Real functions that are given a connection, so that the truth is known: what does check say?

    python tests/bench/known_truth.py [--count N] [--seed N] [--from FOLDER ...] [--show N]

Each function of the standard library and of what is installed may get an acquire at its top, one use somewhere, and
releases in one of the shapes below. A shape leaks or it does not, whatever the function itself does, because the use
can raise. Prints, by shape, how many leak and are found, and how many are safe and flagged all the same; exits with 1
when fewer than 99 % of the leaks are found or more than 0.1 % of the safe functions are flagged.
"""

from __future__ import annotations

import argparse
import ast
import random
import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from putback.model.config import Config
from putback.model.finding import Finding
from putback.pipeline.check import check

RECALL, FALSE_ALARMS = 0.99, 0.001
IN_ONE_FILE, AT_ONCE = 50, 2_000
_LEAKS = {"PB101", "PB102", "PB103", "PB107", "PB108", "PB109"}
_JUMPS = (ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Break, ast.Continue)

SYNC_HEAD = """
import contextlib
import psycopg2
import psycopg2.pool
import sqlalchemy

the_pool = psycopg2.pool.ThreadedConnectionPool(1, 5, "dbname=shop")
the_engine = sqlalchemy.create_engine("postgresql:///shop")

@contextlib.contextmanager
def borrowed():
    lent = the_pool.getconn()
    try:
        yield lent
    finally:
        the_pool.putconn(lent)

def give_back(lent):
    the_pool.putconn(lent)
"""
ASYNC_HEAD = """
import contextlib
import asyncpg

the_pool = asyncpg.create_pool("postgresql:///shop")

@contextlib.asynccontextmanager
async def borrowed():
    lent = await the_pool.acquire()
    try:
        yield lent
    finally:
        await the_pool.release(lent)

async def give_back(lent):
    await the_pool.release(lent)
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """Where the releases are. In `text`, BEFORE and AFTER are the function's statements with the use between them."""

    name: str
    leaks: bool
    text: str
    jumps: bool = True  # also right for a function that returns or yields in the middle
    only: str = ""  # "sync" or "async", where one of them has no such way


SHAPES = (
    Shape("never", True, "held = ACQUIRE\nBODY"),
    Shape("at the end", True, "held = ACQUIRE\nBODY\nRELEASE"),
    Shape("on one branch", True, "held = ACQUIRE\nBODY\nif the_flag():\n    RELEASE"),
    Shape("narrow except", True, "held = ACQUIRE\ntry:\n    BODY\nexcept KeyError:\n    RELEASE\n    raise\nRELEASE"),
    Shape("window before the try", True, "held = ACQUIRE\nBEFORE\nUSE\ntry:\n    AFTER\nfinally:\n    RELEASE"),
    Shape(
        "early exit",
        True,
        "held = ACQUIRE\nif the_flag():\n    return None\ntry:\n    BODY\nfinally:\n    RELEASE",
    ),
    Shape(
        "acquired again in a loop",
        True,
        "for the_item in the_items():\n    held = ACQUIRE\ntry:\n    BODY\nfinally:\n    RELEASE",
    ),
    Shape(
        "helper on one way",
        True,
        "held = ACQUIRE\ntry:\n    BODY\nexcept LookupError:\n    RELEASE_BY_HELPER\n    raise\nRELEASE_BY_HELPER",
    ),
    Shape("finally", False, "held = ACQUIRE\ntry:\n    BODY\nfinally:\n    RELEASE"),
    Shape("finally by a helper", False, "held = ACQUIRE\ntry:\n    BODY\nfinally:\n    RELEASE_BY_HELPER"),
    Shape(
        "guarded finally",
        False,
        "held = None\ntry:\n    held = ACQUIRE\n    BODY\nfinally:\n    if held is not None:\n        RELEASE",
    ),
    Shape(
        "except and else",
        False,
        "held = ACQUIRE\ntry:\n    BODY\nexcept BaseException:\n    RELEASE\n    raise\nelse:\n    RELEASE",
        jumps=False,
    ),
    Shape("with of the project", False, "WITH borrowed() as held:\n    BODY"),
    Shape("with of the pool", False, "async with the_pool.acquire() as held:\n    BODY", only="async"),
    Shape("with of the engine", False, "with the_engine.connect() as held:\n    BODY", only="sync"),
    Shape("closing", False, "with contextlib.closing(psycopg2.connect()) as held:\n    BODY", only="sync"),
    Shape(
        "exit stack",
        False,
        "with contextlib.ExitStack() as the_stack:\n    held = ACQUIRE\n"
        "    the_stack.callback(the_pool.putconn, held)\n    BODY",
        only="sync",
    ),
)


@dataclass(frozen=True, slots=True)
class Body:
    """A real function without its name: the statements, cut where the use is put, and what has to stand before them."""

    header: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    is_async: bool
    jumps: bool


def goes_on(statement: ast.stmt) -> bool:
    """Whether what stands behind the statement is reached, as far as one can tell without running it."""
    return not any(isinstance(node, (*_JUMPS, ast.While, ast.Await, ast.Call)) for node in ast.walk(statement))


def bodies(text: str, chance: random.Random) -> Iterator[Body]:
    """The functions and methods of a module."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or len(node.body) < 2:
            continue
        inside = list(ast.walk(node))
        if len(inside) > 1_500 or any(isinstance(each, ast.Nonlocal | ast.Global) for each in inside):
            continue
        if any(isinstance(each, ast.Name) and each.id in ("held", "the_pool", "borrowed") for each in inside):
            continue
        reached = next((at for at, each in enumerate(node.body) if not goes_on(each)), len(node.body))
        cut = chance.randint(0, reached)
        statements = tuple(ast.unparse(each) for each in node.body)
        yield Body(
            ast.unparse(node.args),
            statements[:cut],
            statements[cut:],
            isinstance(node, ast.AsyncFunctionDef),
            any(isinstance(each, _JUMPS) for each in inside),
        )


def written(body: Body, shape: Shape, name: str) -> str:
    """The function with its connection."""
    awaited = "await " if body.is_async else ""
    words = {
        "ACQUIRE": f"{awaited}the_pool.{'acquire' if body.is_async else 'getconn'}()",
        "RELEASE_BY_HELPER": f"{awaited}give_back(held)",
        "RELEASE": f"{awaited}the_pool.{'release' if body.is_async else 'putconn'}(held)",
        "USE": 'await held.execute("select 1")' if body.is_async else 'held.cursor().execute("select 1")',
        "WITH": "async with" if body.is_async else "with",
        "BEFORE": "\n".join(body.before) or "pass",
        "AFTER": "\n".join(body.after) or "pass",
    }
    words["BODY"] = "\n".join([*body.before, words["USE"], *body.after])
    rows = [f"{awaited and 'async '}def {name}({body.header}):"]
    for row in shape.text.splitlines():
        depth = len(row) - len(row.lstrip())
        filled = row.strip()
        for word, value in words.items():
            if filled == word or (word not in ("BODY", "BEFORE", "AFTER") and word in filled):
                filled = filled.replace(word, value)
        rows.append(indent(filled, " " * (depth + 4)))
    return "\n".join(rows) + "\n"


def fits(body: Body, shape: Shape) -> bool:
    """Whether the shape can be written for the function."""
    if shape.only and (shape.only == "async") != body.is_async:
        return False
    return shape.jumps or not body.jumps


def sources(folders: list[Path], chance: random.Random) -> Iterator[str]:
    """Texts of modules, in an order that the seed decides."""
    paths = sorted(path for folder in folders for path in folder.rglob("*.py") if "putback" not in path.parts)
    chance.shuffle(paths)
    for path in paths:
        try:
            yield path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue


def cases(folders: list[Path], chance: random.Random) -> Iterator[tuple[str, bool, Shape]]:
    """Functions, each with whether it is a coroutine and its shape; the name CASE is still to be filled in."""
    for text in sources(folders, chance):
        for body in bodies(text, chance):
            shape = chance.choice([shape for shape in SHAPES if fits(body, shape)])
            function = written(body, shape, "CASE")
            try:
                compile(function, "case", "exec")
                function.encode()
            except (SyntaxError, ValueError, RecursionError):
                continue
            yield function, body.is_async, shape


def lay_out(batch: list[tuple[str, bool, Shape]], folder: Path, at: int) -> dict[str, tuple[Shape, str]]:
    """Write the functions to files, those of one colour together; which is which by the name it got."""
    named: dict[str, tuple[Shape, str]] = {}
    for colour, head in ((False, SYNC_HEAD), (True, ASYNC_HEAD)):
        mine = [(text, shape) for text, is_async, shape in batch if is_async is colour]
        for begin in range(0, len(mine), IN_ONE_FILE):
            rows = [head]
            for offset, (text, shape) in enumerate(mine[begin : begin + IN_ONE_FILE]):
                name = f"case_{at}_{int(colour)}_{begin + offset}"
                function = text.replace("def CASE(", f"def {name}(", 1)
                named[name] = (shape, function)
                rows.append(function)
            (folder / f"m{at}_{int(colour)}_{begin}.py").write_text("\n\n".join(rows), encoding="utf-8")
    return named


@dataclass(slots=True)
class Tally:
    """What came of it."""

    by_shape: Counter[str]
    flagged: Counter[str]
    wrong: list[str]

    def judge(self, named: dict[str, tuple[Shape, str]], findings: tuple[Finding, ...]) -> None:
        """Compare what was found in some functions with the truth."""
        unread = [each for each in findings if each.code in ("PB001", "PB009")]
        if unread:
            raise SystemExit("\n".join(f"{each.filename}:{each.span.start.row}: {each.message}" for each in unread))
        flagged = {each.function.rsplit(".", 1)[-1] for each in findings if each.code in _LEAKS}
        for name, (shape, text) in named.items():
            self.by_shape[shape.name] += 1
            self.flagged[shape.name] += name in flagged
            if (name in flagged) is not shape.leaks:
                self.wrong.append(f"{'MISSED' if shape.leaks else 'FLAGGED'} {shape.name}\n{text}")


def main() -> int:
    """Generate, check, print; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", dest="folders", type=Path, nargs="*", default=[])
    parser.add_argument("--show", type=int, default=0, help="how many of the wrong ones to print")
    given = parser.parse_args()
    paths = sysconfig.get_paths()
    folders = given.folders or [Path(paths["stdlib"]), Path(paths["purelib"])]
    made = cases(folders, random.Random(given.seed))
    tally = Tally(Counter(), Counter(), [])
    done = 0
    while done < given.count and (batch := [each for each, _ in zip(made, range(AT_ONCE), strict=False)]):
        with tempfile.TemporaryDirectory() as place:
            Path(place, "pyproject.toml").touch()
            named = lay_out(batch, Path(place), done)
            tally.judge(named, tuple(check([place], Config(gates=False, root=place)).findings))
        done += len(batch)
        print(f"{done} functions", file=sys.stderr, flush=True)
    return report(tally, given.show)


def report(tally: Tally, show: int) -> int:
    """Print the table and some of what was wrong; the exit code."""
    sums = Counter[bool](), Counter[bool]()
    for shape in SHAPES:
        total, flagged = tally.by_shape[shape.name], tally.flagged[shape.name]
        sums[0][shape.leaks] += total
        sums[1][shape.leaks] += flagged
        print(f"{shape.name:24}{'leaks' if shape.leaks else 'safe':>6}{total:8}{flagged:8} flagged")
    recall, alarms = (sums[1][leaks] / max(sums[0][leaks], 1) for leaks in (True, False))
    print(f"{sums[1][True]} of {sums[0][True]} leaks found: {recall:.4f}")
    print(f"{sums[1][False]} of {sums[0][False]} safe functions flagged: {alarms:.5f}")
    for each in tally.wrong[:show]:
        print(f"\n{each}")
    return int(recall < RECALL or alarms > FALSE_ALARMS)


if __name__ == "__main__":
    sys.exit(main())
