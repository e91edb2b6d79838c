"""The price of watching a pool, in one run beside the bare pool.

    PYTHONPATH=src:tests/drivers python tests/bench/pool_watch.py

For each pool of ten one get and put, with and without a statement between them, on a real PostgreSQL: bare, with two
functions around its methods that do nothing else than call them, watched at the default, and with each check-out's
callers looked for, four of them or all. Each round runs all ways one after the other, forwards or backwards; the
price is the median over the rounds of what a way took more than the bare pool in the same round: processor time of this
thread, without the server's. The calls come from 30 frames deep, as those of a web application do.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from statistics import median
from typing import Any

from libraries import import_or_skip
from postgres import running_postgres

from putback.pool import watch
from putback.pool.watching.watcher import BURST

Take = Callable[[], Any]
Give = Callable[[Any], None]
Way = Callable[[Any], AbstractContextManager[Any]]


@contextmanager
def empty_hooks(target: Any) -> Iterator[None]:
    """What no hook written in Python can be cheaper than."""
    pool = getattr(target, "pool", target)
    names = ("connect", "_do_return_conn") if pool is not target else ("getconn", "putconn")
    take, give = (getattr(pool, name) for name in names)

    def taking() -> Any:
        return take()

    def giving(connection: Any) -> None:
        give(connection)

    for name, hook in zip(names, (taking, giving), strict=True):
        setattr(pool, name, hook)
    yield
    for name in names:
        delattr(pool, name)


def watched(**arguments: Any) -> Way:
    """Watched, after what a watch that has just begun looks at in any case."""

    @contextmanager
    def way(target: Any) -> Iterator[None]:
        with watch(target, **arguments) as watching:
            for _ in range(BURST):
                watching.callers()
            yield

    return way


WAYS: dict[str, Way] = {
    "bare": nullcontext,
    "empty hooks": empty_hooks,
    "default": watched(),
    "full stacks": watched(depth=60),
    "each": watched(sample=1),
    "each, full stacks": watched(sample=1, depth=60),
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


def measure(
    target: Any, take: Take, give: Give, use: Callable[[Any], None], rounds: int, times: int
) -> dict[str, list[float]]:
    """The seconds of each way, round by round."""
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    for number in range(rounds):
        for name in list(WAYS) if number % 2 else reversed(WAYS):
            with WAYS[name](target):
                found[name].append(seconds(take, give, use, times))
    return found


def main() -> None:
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=75)
    parser.add_argument("--times", type=int, default=100, help="statements in a round; without, five times as many")
    chosen = parser.parse_args()
    with running_postgres() as dsn:
        for pool, (target, take, give) in pools(dsn).items():
            for what, use, times in (
                ("get, SELECT 1, put", statement, chosen.times),
                ("get, put", nothing, 5 * chosen.times),
            ):
                found = measure(target, take, give, use, chosen.rounds, times)
                bare = found.pop("bare")
                told = ", ".join(f"{name} {price(taken, bare):+.1%}" for name, taken in found.items())
                print(f"{pool:18} {what:20} bare {median(bare) * 1e6:5.1f} us; {told}", flush=True)


def price(watched: list[float], bare: list[float]) -> float:
    """What a way takes more, of the bare pool's time."""
    return median(one / other for one, other in zip(watched, bare, strict=True)) - 1


if __name__ == "__main__":
    main()
