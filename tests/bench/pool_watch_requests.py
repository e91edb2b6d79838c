"""Ten thousand good requests on each pool that can be watched: nobody is named, nothing is out, everything is counted.

    PYTHONPATH=src:tests/drivers:tests/pool python tests/bench/pool_watch_requests.py [--requests 10000]

Those for asyncio run in tasks of which every twelfth is cancelled. Then 64 threads take and give back 10,000 times
each. The pools of MySQL need PUTBACK_TEST_MYSQL, as the tests do. Exits with 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from postgres import running_postgres
from watched import ON_MYSQL, ON_POSTGRES, Pool

from putback.pool import watch
from putback.pool.watching import Watch

AT_A_TIME = 12
THREADS = 64


async def in_tasks(pool: Pool, requests: int) -> None:
    """In rounds of more tasks than there are connections; the first ones of a round are cancelled while they work."""

    async def request() -> None:
        connection = await pool.take()
        try:
            await asyncio.sleep(0)
        finally:
            result = pool.give(connection)
            if hasattr(result, "__await__"):
                await result

    limit = asyncio.Semaphore(3)  # some of these pools wait for 10 ms only

    async def limited() -> None:
        async with limit:
            await request()

    for _ in range(requests // AT_A_TIME):
        tasks = [asyncio.create_task(limited()) for _ in range(AT_A_TIME)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def one_after_the_other(pool: Pool, requests: int) -> None:
    """In this thread."""
    for _ in range(requests):
        pool.give(pool.take())


def wrong(watching: Watch) -> list[str]:
    """What a watch says of requests that were all good."""
    found = [str(line) for line in watching.holders()]
    return found + [f"{kind.value}: {times}" for kind, times in watching.incidents.counts.items()]


def good_requests(make: Callable[[str], Pool], server: str, requests: int) -> tuple[int, list[str], float]:
    """How many were taken, what was wrong, and the seconds of processor time."""
    pool = make(server)
    began = time.process_time()
    with watch(pool.target) as watching:
        if pool.loop is not None:
            pool.loop.run_until_complete(in_tasks(pool, requests))
        else:
            one_after_the_other(pool, requests)
        found = watching.taken, wrong(watching), time.process_time() - began
    pool.run(pool.end())
    return found


def many_threads(server: str, operations: int) -> tuple[int, list[str], float]:
    """64 threads on psycopg2's pool, of which each gets one at any time."""
    pool: Any = ON_POSTGRES["psycopg2"](server).target
    pool.minconn = pool.maxconn = THREADS

    def work() -> None:
        for _ in range(operations):
            pool.putconn(pool.getconn())

    began = time.process_time()
    with watch(pool) as watching:
        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = watching.taken, wrong(watching), time.process_time() - began
    pool.closeall()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    chosen = parser.parse_args()
    mysql = os.environ.get("PUTBACK_TEST_MYSQL")
    bad = 0
    with running_postgres() as dsn:
        makes = {name: (make, dsn) for name, make in ON_POSTGRES.items()}
        makes |= {name: (make, mysql) for name, make in ON_MYSQL.items() if mysql}
        for name, (make, server) in makes.items():
            bad += told(name, good_requests(make, server, chosen.requests))
        bad += told(f"{THREADS} threads, psycopg2", many_threads(dsn, chosen.requests))
    return 1 if bad else 0


def told(name: str, result: tuple[int, list[str], float]) -> bool:
    """Print a line; whether something was wrong."""
    taken, errors, seconds = result
    print(f"{name:20} {taken:7} taken, {seconds:5.1f} s, wrong: {'; '.join(errors) or 'nothing'}", flush=True)
    return bool(errors)


if __name__ == "__main__":
    sys.exit(main())
