"""Throughput and latency of the reference pool beside psycopg2's, psycopg_pool's and SQLAlchemy's, in one run.

    PYTHONPATH=src:tests/drivers python tests/bench/pool_throughput.py

Rounds alternate between the pools, so that a machine that slows down slows all of them; medians are shown. psycopg2's
pool raises at once when it is exhausted: under contention it is guarded by a semaphore, as its users do. The server is
a real PostgreSQL. "cpu" is the processor time of this process for one get and put, which other programs on the machine
disturb less than the rate; for one thread it is the best round.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from libraries import import_or_skip
from postgres import running_postgres

from putback.pool import ReferencePool, Settings
from putback.pool.testing import PSYCOPG_POOL


@dataclass
class Contender:
    """A pool under its name: how to take and how to give back."""

    name: str
    take: Callable[[], Any]
    give_back: Callable[[Any], None]
    shut: Callable[[], None]
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)


def contenders(dsn: str, size: int) -> list[Contender]:
    """Each pool with this many open connections."""

    def connect() -> Any:
        return import_or_skip("psycopg2", "psycopg2").connect(dsn)

    def ours(name: str, depth: int) -> Contender:
        settings = Settings(stack_depth=depth, timeout=60)
        pool = ReferencePool(size, size, connect, profile=PSYCOPG_POOL, settings=settings)
        return Contender(name, pool.getconn, pool.putconn, pool.closeall)

    theirs = import_or_skip("psycopg2.pool", "psycopg2").ThreadedConnectionPool(size, size, dsn)
    permits = threading.BoundedSemaphore(size)

    def take() -> Any:
        permits.acquire()
        return theirs.getconn()

    def give_back(connection: Any) -> None:
        theirs.putconn(connection)
        permits.release()

    modern = import_or_skip("psycopg_pool", "psycopg_pool").ConnectionPool(
        dsn, min_size=size, max_size=size, timeout=60, open=True
    )
    modern.wait(30)
    queue = import_or_skip("sqlalchemy.pool", "sqlalchemy").QueuePool(
        connect, pool_size=size, max_overflow=0, timeout=60
    )
    opened = [queue.connect() for _ in range(size)]
    for connection in opened:
        connection.close()
    return [
        ours("putback, stacks of 8", 8),
        ours("putback, no stacks", 0),
        Contender("psycopg2 + semaphore", take, give_back, theirs.closeall),
        Contender("psycopg_pool", modern.getconn, modern.putconn, modern.close),
        Contender("QueuePool", queue.connect, lambda connection: connection.close(), queue.dispose),
    ]


@contextmanager
def measured(contender: Contender, operations: int) -> Iterator[None]:
    """Note the rate and the processor time of so many operations."""
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    contender.rates.append(operations / (time.perf_counter() - wall))
    contender.cpu.append((time.process_time() - cpu) / operations)


def contend(contender: Contender, threads: int, operations: int, use: Callable[[Any], None]) -> None:
    """All threads take and give back so many times each; notes operations a second and the times to get one."""
    start = threading.Barrier(threads + 1)
    waits: list[list[float]] = []

    def work() -> None:
        mine: list[float] = []
        waits.append(mine)
        start.wait()
        for _ in range(operations):
            before = time.perf_counter()
            connection = contender.take()
            mine.append(time.perf_counter() - before)
            use(connection)
            contender.give_back(connection)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    with measured(contender, threads * operations):
        start.wait()
        for worker in workers:
            worker.join()
    contender.waits += [wait for mine in waits for wait in mine]


def let_others_run(connection: Any) -> None:
    """Hold it for a moment in which another thread may run: what is measured is the handing over."""
    time.sleep(0)


def run_statement(connection: Any) -> None:
    """A round trip to the server and the end of its transaction."""
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    cursor.close()
    connection.rollback()


def alone(contender: Contender, operations: int) -> None:
    """One thread, nobody else."""
    with measured(contender, operations):
        for _ in range(operations):
            contender.give_back(contender.take())


def show(title: str, each: list[Contender]) -> None:
    print(f"\n{title}")
    for contender in each:
        rate = statistics.median(contender.rates)
        line = f"  {contender.name:22} {rate:10,.0f}/s, cpu {min(contender.cpu) * 1e6:6.1f} us"
        if contender.waits:
            ordered = sorted(contender.waits)
            p50, p95, p99 = (ordered[int((len(ordered) - 1) * part)] * 1e3 for part in (0.5, 0.95, 0.99))
            line += f"   to get one: p50 {p50:7.2f} ms, p95 {p95:7.2f} ms, p99 {p99:7.2f} ms"
            line += f", longest {ordered[-1] * 1e3:8.2f} ms"
        print(line)
        contender.rates.clear()
        contender.cpu.clear()
        contender.waits.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=32)
    parser.add_argument("--size", type=int, default=8)
    parser.add_argument("--operations", type=int, default=300, help="for each thread and round")
    chosen = parser.parse_args()
    with running_postgres() as dsn:
        each = contenders(dsn, chosen.size)
        for _ in range(chosen.rounds):
            for contender in each:
                alone(contender, 5000)
        show("get + put, one thread", each)
        for what, use in {"handing over": let_others_run, "with a statement": run_statement}.items():
            for _ in range(chosen.rounds):
                for contender in each:
                    contend(contender, chosen.threads, chosen.operations, use)
            show(f"{chosen.threads} threads on {chosen.size} connections, {what}", each)
        for contender in each:
            contender.shut()


if __name__ == "__main__":
    main()
