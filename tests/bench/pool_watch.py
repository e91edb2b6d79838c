"""The price of watching, for every kind of pool that can be watched, in one run beside the bare pool.

    PYTHONPATH=src:tests/drivers:tests/pool python tests/bench/pool_watch.py [--nothing] [NAME...]

For each pool one get, one statement (`--nothing`: none) and one put, on a real PostgreSQL (and those of MySQL where
PUTBACK_TEST_MYSQL says so, as in the tests): bare, bare once more (what that differs is noise), with two functions
around its methods that do nothing else than call them, watched at the default, with each check-out's callers looked
for (`sample=1`: four of them), and with full stacks (`sample=1, depth=60`: all that there are).
A watch lasts for the whole run, as in a program; in a round its hooks are put on and taken off around short turns:
bare, watched, watched, bare; a turn that is not counted comes after each change, in which CPython gets used to it, and
the watch looks at what it looks at after a pause. The price is the median over the rounds of what the watched turns
took more: processor time of this thread, without the server's. Before it stand the instructions of Python, and the
calls, that one get and put executes more. The calls come from 30 frames deep, as those of a web application do.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from statistics import median
from types import FrameType
from typing import Any

from postgres import running_postgres
from watched import ON_MYSQL, ON_POSTGRES, Pool

from putback.pool import watch
from putback.pool.watching import hooks, sqlalchemy
from putback.pool.watching.watcher import BURST

Change = Callable[[], None]
DEEP = 30


class Hooked:
    """A pool, with hooks that are put on and taken off."""

    def __init__(self, target: Any, on: Callable[[Any, tuple[str, str]], None]) -> None:
        engine = sqlalchemy.engine_of(getattr(target, "engine", target))
        self._pool = target if engine is None else engine.pool
        library = hooks.library_of(self._pool) or sqlalchemy.POOL
        names = (library.take, library.give)
        self._bare = type(self._pool)
        on(self._pool, names)
        self._class = type(self._pool)
        by_name = hasattr(self._pool, "__dict__") and self._class is self._bare
        self._methods = {name: getattr(self._pool, name) for name in names if by_name}
        self.off()

    def on(self) -> None:
        if self._class is not self._bare:
            self._pool.__class__ = self._class
        for name, method in self._methods.items():
            setattr(self._pool, name, method)

    def off(self) -> None:
        if self._class is not self._bare:
            self._pool.__class__ = self._bare
        for name in self._methods:
            if name in vars(self._pool):
                delattr(self._pool, name)


def nothing(pool: Any, names: tuple[str, str]) -> None:
    """The bare pool once more."""


def empty(pool: Any, names: tuple[str, str]) -> None:
    """What no hook written in Python can be cheaper than."""
    take, give = (getattr(pool, name) for name in names)

    def taking(*args: Any) -> Any:
        return take()

    def giving(connection: Any) -> Any:
        return give(connection)

    if hasattr(pool, "__dict__"):
        for name, method in zip(names, (taking, giving), strict=True):
            setattr(pool, name, method)


def ways(target: Any) -> dict[str, Hooked]:
    def watched(**arguments: Any) -> Hooked:
        def on(pool: Any, names: tuple[str, str]) -> None:
            watch(target, **arguments)

        return Hooked(target, on)

    return {
        "bare again": Hooked(target, nothing),
        "empty hooks": Hooked(target, empty),
        "default": watched(),
        "sample=1": watched(sample=1),
        "full stacks": watched(sample=1, depth=60),
    }


def statement(connection: Any) -> None:
    if hasattr(connection, "get_bind"):  # a session
        connection = connection.connection()
    if hasattr(connection, "exec_driver_sql"):
        connection = connection.connection
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    cursor.fetchone()
    cursor.close()


async def statement_later(connection: Any) -> None:
    if hasattr(connection, "fetchval"):
        await connection.fetchval("SELECT 1")
    elif hasattr(connection, "exec_driver_sql"):
        await connection.exec_driver_sql("SELECT 1")
    else:
        async with connection.cursor() as cursor:
            await cursor.execute("SELECT 1")
            await cursor.fetchone()


def seconds(pool: Pool, times: int, ask: bool) -> float:
    """For one get, statement and put."""
    if pool.loop is not None:
        later: float = pool.run(_seconds_later(pool, times, ask, DEEP))
        return later
    return _seconds(pool.take, pool.give, times, ask, DEEP)


def _seconds(take: Callable[[], Any], give: Callable[[Any], Any], times: int, ask: bool, deep: int) -> float:
    if deep:
        return _seconds(take, give, times, ask, deep - 1)
    began = time.thread_time()
    for _ in range(times):
        connection = take()
        if ask:
            statement(connection)
        give(connection)
    return (time.thread_time() - began) / times


async def _seconds_later(pool: Pool, times: int, ask: bool, deep: int) -> float:
    if deep:
        return await _seconds_later(pool, times, ask, deep - 1)
    began = time.thread_time()
    for _ in range(times):
        connection = await pool.take()
        if ask:
            await statement_later(connection)
        if hasattr(given := pool.give(connection), "__await__"):
            await given
    return (time.thread_time() - began) / times


def measure(pool: Pool, ask: bool, times: int, rounds: int) -> tuple[float, dict[str, float]]:
    """The seconds of the bare pool, and the price of each way as a part of them."""
    bare: list[float] = []
    hooked = ways(pool.target)
    prices: dict[str, list[float]] = {name: [] for name in hooked}
    for _ in range(rounds):
        for name, way in hooked.items():
            seconds(pool, times, ask)
            before = seconds(pool, times, ask)
            way.on()
            seconds(pool, BURST, ask=False)
            seconds(pool, times, ask)
            watched = seconds(pool, times, ask) + seconds(pool, times, ask)
            way.off()
            seconds(pool, times, ask)
            both = before + seconds(pool, times, ask)
            bare.append(both / 2)
            prices[name].append(watched / both - 1)
    return median(bare), {name: median(found) for name, found in prices.items()}


def steps(pool: Pool) -> dict[str, tuple[int, int]]:
    """How many instructions and calls a get and put executes: bare, and with each way's hooks."""
    found = {"bare": counted(pool)}
    for name, way in ways(pool.target).items():
        way.on()
        found[name] = counted(pool)
        way.off()
    return found


def counted(pool: Pool, times: int = 60) -> tuple[int, int]:
    """The median get and put: in a rush few are asked for their callers. Calls are those of Python and of C."""
    instructions: list[int] = []
    calls: list[int] = []
    seen: Counter[str] = Counter()
    for _ in range(BURST):
        pool.run(pool.give(pool.run(pool.take())))

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        seen[event] += 1
        return trace

    def profile(frame: FrameType, event: str, argument: object) -> None:
        seen[event] += 1

    for number in range(times):
        seen.clear()
        if number % 2:
            sys.settrace(trace)
        else:
            sys.setprofile(profile)
        pool.run(pool.give(pool.run(pool.take())))
        sys.settrace(None)
        sys.setprofile(None)
        if number % 2:
            instructions.append(seen["opcode"])
        else:
            calls.append(seen["call"] + seen["c_call"])
    return int(median(instructions)), int(median(calls)) - 1  # the call that ends the profile


def told(pool: Pool, name: str, ask: bool, rounds: int, milliseconds: float) -> None:
    """Print what there is to say of a pool."""
    count = steps(pool)
    instructions, calls = count.pop("bare")
    more = ", ".join(f"{way} {i - instructions:+} {c - calls:+}" for way, (i, c) in count.items())
    print(f"{name:18} instructions and calls {instructions} {calls}; {more}", flush=True)
    if not milliseconds:
        return
    times = max(1, int(milliseconds / 1000 / seconds(pool, 100, ask)))
    gc.collect()
    gc.freeze()
    bare, prices = measure(pool, ask, times, rounds)
    found = ", ".join(f"{way} {price:+.1%}" for way, price in prices.items())
    print(f"{name:18} {'get, SELECT 1, put' if ask else 'get, put'} bare {bare * 1e6:5.1f} us; {found}", flush=True)


def main() -> None:
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--milliseconds", type=float, default=3, help="that a turn takes (0: nothing is timed)")
    parser.add_argument("--nothing", action="store_true", help="no statement between get and put")
    parser.add_argument("names", nargs="*", help="of pools (default: all)")
    chosen = parser.parse_args()
    mysql = os.environ.get("PUTBACK_TEST_MYSQL")
    with running_postgres() as dsn:
        makes = {name: (make, dsn) for name, make in ON_POSTGRES.items()}
        makes |= {name: (make, mysql) for name, make in ON_MYSQL.items() if mysql}
        for name, (make, server) in makes.items():
            if not chosen.names or name in chosen.names:
                pool = make(server)
                told(pool, name, not chosen.nothing, chosen.rounds, chosen.milliseconds)
                pool.run(pool.end())


if __name__ == "__main__":
    main()
