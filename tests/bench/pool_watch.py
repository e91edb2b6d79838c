"""The price of watching a pool, in one run beside the bare pool.

    PYTHONPATH=src:tests/drivers python tests/bench/pool_watch.py

For each pool one get and put, with and without a statement between them, on a real PostgreSQL: bare, watched at the
default, watched with full stacks. Rounds alternate, and the best one counts: processor time of this thread, without the
server's. The calls come from 30 frames deep, as those of a web application do.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from libraries import import_or_skip
from postgres import running_postgres

from putback.pool import watch

Take = Callable[[], Any]
Give = Callable[[Any], None]
HOWS: dict[str, int | None] = {"bare": None, "watched": 4, "full stacks": 60}
"""How many callers are remembered."""


def pools(dsn: str) -> dict[str, tuple[Any, Take, Give]]:
    psycopg2 = import_or_skip("psycopg2.pool", "psycopg2").ThreadedConnectionPool(1, 1, dsn)
    modern = import_or_skip("psycopg_pool", "psycopg_pool").ConnectionPool(dsn, min_size=1, max_size=1, open=True)
    modern.wait(30)
    url = dsn.replace("postgresql://", "postgresql+psycopg2://")
    engine = import_or_skip("sqlalchemy", "sqlalchemy").create_engine(url, pool_size=1, max_overflow=0)
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
) -> dict[str, float]:
    """The best round of each way, in seconds."""
    best = dict.fromkeys(HOWS, float("inf"))
    for _ in range(rounds):
        for how, depth in HOWS.items():
            with ExitStack() as stack:
                if depth is not None:
                    stack.enter_context(watch(target, depth=depth))
                best[how] = min(best[how], seconds(take, give, use, times))
    return best


def main() -> None:
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--times", type=int, default=300)
    chosen = parser.parse_args()
    with running_postgres() as dsn:
        for name, (target, take, give) in pools(dsn).items():
            for what, use in {"get, SELECT 1, put": statement, "get, put": nothing}.items():
                best = measure(target, take, give, use, chosen.rounds, chosen.times)
                bare = best["bare"]
                told = ", ".join(
                    f"{how} {best[how] * 1e6:6.1f} us ({best[how] / bare - 1:+.0%})" for how in HOWS if how != "bare"
                )
                print(f"{name:18} {what:20} bare {bare * 1e6:6.1f} us, {told}")


if __name__ == "__main__":
    main()
