"""What pooling saves: a request that opens its own connection against one that borrows it, on a real PostgreSQL.

    PYTHONPATH=src:tests/drivers python tests/bench/pool_against_connect.py

A request takes a connection, runs one statement and gives the connection back or closes it. Rounds alternate; the
median and the 95th percentile of all requests are shown. The server listens on a Unix socket of the same machine and
trusts everybody: over a network, with TLS and passwords, connecting costs more and the factor is larger.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

from libraries import import_or_skip
from postgres import running_postgres

from putback.pool import ReferencePool, Settings

STATEMENTS = {
    "a trivial statement": "SELECT 1",
    "a statement of about 1 ms": "SELECT sum(n) FROM generate_series(1, 10000) AS n",
}


def seconds_each(request: Callable[[], None], threads: int, requests: int) -> list[float]:
    """The time of each of so many requests, made by so many threads at once."""
    start = threading.Barrier(threads)
    times: list[list[float]] = []

    def work() -> None:
        mine: list[float] = []
        times.append(mine)
        start.wait()
        for _ in range(requests // threads):
            before = time.perf_counter()
            request()
            mine.append(time.perf_counter() - before)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [seconds for mine in times for seconds in mine]


def run(connection: Any, sql: str) -> None:
    cursor = connection.cursor()
    cursor.execute(sql)
    cursor.fetchall()
    cursor.close()


def compare(dsn: str, sql: str, threads: int, rounds: int, requests: int) -> tuple[list[float], list[float]]:
    """Times of requests that connect, and of requests that borrow."""
    library = import_or_skip("psycopg2", "psycopg2")
    pool = ReferencePool(2, max(2, threads), lambda: library.connect(dsn), settings=Settings(timeout=30))

    def connecting() -> None:
        connection = library.connect(dsn)
        try:
            run(connection, sql)
        finally:
            connection.close()

    def borrowing() -> None:
        connection = pool.getconn()
        try:
            run(connection, sql)
        finally:
            pool.putconn(connection)

    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        found[0].extend(seconds_each(connecting, threads, requests))
        found[1].extend(seconds_each(borrowing, threads, requests))
    pool.closeall()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=100, help="for each round and way")
    chosen = parser.parse_args()
    with running_postgres() as dsn:
        for what, sql in STATEMENTS.items():
            for threads in (1, 5):
                connect, pooled = compare(dsn, sql, threads, chosen.rounds, chosen.requests)
                print(f"{what}, {threads} threads")
                for name, times in (("connect", connect), ("pooled", pooled)):
                    ordered = sorted(times)
                    p95 = ordered[int((len(ordered) - 1) * 0.95)]
                    print(f"  {name:8} median {statistics.median(times) * 1e3:7.2f} ms, p95 {p95 * 1e3:7.2f} ms")
                print(f"  factor   {statistics.median(connect) / statistics.median(pooled):7.1f}")


if __name__ == "__main__":
    main()
