"""The price of watching a pool, in one run beside the bare pool.

    PYTHONPATH=src:tests/drivers python tests/bench/pool_watch.py

For each pool of ten one get and put, with and without a statement between them, on a real PostgreSQL: bare, with two
functions around its methods that do nothing else than call them, watched at the default, and with full stacks, which
means that each check-out's callers are looked for (`sample=1`); both with four callers, and deep, with up to sixty.
A watch lasts for the whole run, as in a program; in a round its hooks are put on and taken off around short turns:
bare, watched, watched, bare; a turn that is not counted comes after each change, in which CPython gets used to it, and
the watch looks at what it looks at after a pause. The price is the median over the rounds of what the watched turns
took more: processor time of this thread, without the server's. Beside it stand the instructions of Python, and the
calls, that one get and put executes more. The calls come from 30 frames deep, as those of a web application do.
"""

from __future__ import annotations

import argparse
import gc
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from statistics import median
from types import FrameType
from typing import Any

from libraries import import_or_skip
from postgres import running_postgres

from putback.pool import watch
from putback.pool.watching.watcher import BURST

Take = Callable[[], Any]
Give = Callable[[Any], None]
Hooks = dict[str, Callable[..., Any]]


def methods_of(target: Any) -> tuple[Any, tuple[str, str]]:
    """The pool, and the names of its methods that are hooked."""
    if hasattr(target, "pool"):
        return target.pool, ("connect", "_do_return_conn")
    return target, ("getconn", "putconn")


def empty_hooks(target: Any) -> Hooks:
    """What no hook written in Python can be cheaper than."""
    pool, names = methods_of(target)
    take, give = (getattr(pool, name) for name in names)

    def taking() -> Any:
        return take()

    def giving(connection: Any) -> None:
        give(connection)

    return dict(zip(names, (taking, giving), strict=True))


def watched(**arguments: Any) -> Callable[[Any], Hooks]:
    """The hooks of a watch, taken off."""

    def way(target: Any) -> Hooks:
        pool, names = methods_of(target)
        watch(target, **arguments)
        return {name: vars(pool).pop(name) for name in names}

    return way


WAYS: dict[str, Callable[[Any], Hooks]] = {
    "empty hooks": empty_hooks,
    "default": watched(),
    "default, deep": watched(depth=60),
    "full stacks": watched(sample=1),
    "full stacks, deep": watched(sample=1, depth=60),
}


def pools(dsn: str) -> dict[str, tuple[Any, Take, Give]]:
    psycopg2 = import_or_skip("psycopg2.pool", "psycopg2").ThreadedConnectionPool(1, 10, dsn)
    modern = import_or_skip("psycopg_pool", "psycopg_pool").ConnectionPool(dsn, min_size=1, max_size=10, open=True)
    modern.wait(30)
    url = dsn.replace("postgresql://", "postgresql+psycopg2://")
    engine = import_or_skip("sqlalchemy", "sqlalchemy").create_engine(url, pool_size=10)
    return {
        "SQLAlchemy engine": (engine, engine.connect, lambda conn: conn.close()),
        "SQLAlchemy pool": (engine, engine.raw_connection, lambda conn: conn.close()),
        "psycopg2 pool": (psycopg2, lambda: psycopg2.getconn(), lambda conn: psycopg2.putconn(conn)),
        "psycopg_pool": (modern, lambda: modern.getconn(), lambda conn: modern.putconn(conn)),
    }


def statement(connection: Any) -> None:
    raw = connection.connection if hasattr(connection, "exec_driver_sql") else connection
    cursor = raw.cursor()
    cursor.execute("SELECT 1")
    cursor.fetchone()
    cursor.close()


def nothing(connection: Any) -> None:
    pass


def seconds(take: Take, give: Give, use: Callable[[Any], None], times: int, deep: int = 30) -> float:
    """For one get, use and put."""
    if deep:
        return seconds(take, give, use, times, deep - 1)
    began = time.thread_time()
    for _ in range(times):
        connection = take()
        use(connection)
        give(connection)
    return (time.thread_time() - began) / times


def put_on(pool: Any, hooks: Hooks) -> None:
    for name, hook in hooks.items():
        setattr(pool, name, hook)


def take_off(pool: Any, hooks: Hooks) -> None:
    for name in hooks:
        delattr(pool, name)


def measure(
    pool: Any, take: Take, give: Give, use: Callable[[Any], None], times: int, rounds: int
) -> tuple[float, dict[str, float]]:
    """The seconds of the bare pool, and the price of each way as a part of them."""
    prices: dict[str, list[float]] = {name: [] for name in WAYS}
    bare: list[float] = []
    ways = {name: way(pool) for name, way in WAYS.items()}
    turn = partial(seconds, take, give, use, times)
    hooked, _ = methods_of(pool)
    for _ in range(rounds):
        for name, hooks in ways.items():
            turn()
            before = turn()
            put_on(hooked, hooks)
            for _ in range(BURST):
                give(take())
            turn()
            watched = turn() + turn()
            take_off(hooked, hooks)
            turn()
            both = before + turn()
            bare.append(both / 2)
            prices[name].append(watched / both - 1)
    return median(bare), {name: median(found) for name, found in prices.items()}


def steps(target: Any, take: Take, give: Give) -> dict[str, tuple[int, int]]:
    """How many instructions and calls a get and put executes: bare, and with each way's hooks."""
    pool, _ = methods_of(target)
    counted(take, give, 100)
    found = {"bare": counted(take, give)}
    for name, way in WAYS.items():
        hooks = way(target)
        put_on(pool, hooks)
        found[name] = counted(take, give)
        take_off(pool, hooks)
    return found


def counted(take: Take, give: Give, times: int = 2000) -> tuple[int, int]:
    """The median get and put: in a rush few are asked for their callers. Calls are those of Python and of C."""
    instructions: list[int] = []
    calls: list[int] = []
    seen: Counter[str] = Counter()

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
        give(take())
        sys.settrace(None)
        sys.setprofile(None)
        if number % 2:
            instructions.append(seen["opcode"])
        else:
            calls.append(seen["call"] + seen["c_call"])
    return int(median(instructions)), int(median(calls)) - 1  # the call that ends the profile


def main() -> None:
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--milliseconds", type=float, default=3, help="that a turn takes")
    chosen = parser.parse_args()
    with running_postgres() as dsn:
        for pool, (target, take, give) in pools(dsn).items():
            count = steps(target, take, give)
            instructions, calls = count["bare"]
            told = ", ".join(f"{name} +{i - instructions} +{c - calls}" for name, (i, c) in count.items())
            print(f"{pool:18} instructions and calls {instructions} {calls}; {told}", flush=True)
            for what, use in ("get, SELECT 1, put", statement), ("get, put", nothing):
                times = int(chosen.milliseconds / 1000 / seconds(take, give, use, 100))
                gc.collect()
                gc.freeze()
                bare, prices = measure(target, take, give, use, times, chosen.rounds)
                told = ", ".join(f"{name} {price:+.1%}" for name, price in prices.items())
                print(f"{pool:18} {what:20} bare {bare * 1e6:5.1f} us; {told}", flush=True)


if __name__ == "__main__":
    main()
