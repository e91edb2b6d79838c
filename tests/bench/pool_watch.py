"""The price of watching a pool, in one run beside the bare pool.

    PYTHONPATH=src:tests/drivers python tests/bench/pool_watch.py

For each pool of ten one get and put, with and without a statement between them, on a real PostgreSQL: bare, watched at
the default, and with each check-out's callers looked for, four of them or all. Each round runs all ways one after the
other, forwards or backwards in turn; the price is the median over the rounds of what a way took more than the bare pool
in the same round: processor time of this thread, without the server's. The calls come from 30 frames deep, as those of
a web application do.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from typing import Any

from libraries import import_or_skip
from postgres import running_postgres

from putback.pool import watch
from putback.pool.watching.watcher import BURST

Take = Callable[[], Any]
Give = Callable[[Any], None]
HOWS: dict[str, dict[str, Any] | None] = {
    "bare": None,
    "default": {},
    "full stacks": {"depth": 60},
    "each": {"sample": 1},
    "each, full stacks": {"sample": 1, "depth": 60},
}
"""The arguments of `watch`."""


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


def measure(
    target: Any, take: Take, give: Give, use: Callable[[Any], None], rounds: int, times: int
) -> dict[str, list[float]]:
    """The seconds of each way, round by round."""
    found: dict[str, list[float]] = {how: [] for how in HOWS}
    for number in range(rounds):
        for how in list(HOWS) if number % 2 else reversed(HOWS):
            arguments = HOWS[how]
            with ExitStack() as stack:
                if arguments is not None:
                    watching = stack.enter_context(watch(target, **arguments))
                    for _ in range(2 * BURST):  # what a watch that has just begun looks at in any case
                        watching.callers()
                found[how].append(seconds(take, give, use, times))
    return found


def main() -> None:
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--times", type=int, default=2000)
    chosen = parser.parse_args()
    with running_postgres() as dsn:
        for name, (target, take, give) in pools(dsn).items():
            for what, use in {"get, SELECT 1, put": statement, "get, put": nothing}.items():
                found = measure(target, take, give, use, chosen.rounds, chosen.times)
                bare = found.pop("bare")
                told = ", ".join(f"{how} {price(times, bare):+.1%}" for how, times in found.items())
                print(f"{name:18} {what:20} bare {median(bare) * 1e6:5.1f} us; {told}", flush=True)


def price(watched: list[float], bare: list[float]) -> float:
    """What a way takes more, of the bare pool's time."""
    return median(one / other for one, other in zip(watched, bare, strict=True)) - 1


if __name__ == "__main__":
    main()
