"""What making anew costs: one engine, one pool, one connection for each request against one that all share.

    PYTHONPATH=src:tests/drivers python tests/bench/engine_per_call.py

A request runs one statement. The ways take turns; the median and the 95th percentile of all requests are shown, and
how many connections the server has more after the last round of each way, before the garbage collector has run. The
server listens on a Unix socket of the same machine and trusts everybody: over a network, with TLS and passwords,
connecting costs more.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

from libraries import import_or_skip
from postgres import running_postgres

Request = Callable[[], None]


def run(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    cursor.fetchall()
    cursor.close()


def ways(dsn: str) -> dict[str, Request]:
    """The requests, by what they do."""
    psycopg2 = import_or_skip("psycopg2", "psycopg2")
    pools = import_or_skip("psycopg2.pool", "psycopg2")
    sqlalchemy = import_or_skip("sqlalchemy", "sqlalchemy")
    url = sqlalchemy.make_url(dsn)
    shared, pool = sqlalchemy.create_engine(url), pools.ThreadedConnectionPool(1, 10, dsn)

    def query(engine: Any) -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1").all()

    def borrowing() -> None:
        connection = pool.getconn()
        try:
            run(connection)
        finally:
            pool.putconn(connection)

    def connecting() -> None:
        connection = psycopg2.connect(dsn)
        try:
            run(connection)
        finally:
            connection.close()

    def disposing() -> None:
        engine = sqlalchemy.create_engine(url)
        query(engine)
        engine.dispose()

    return {
        "psycopg2, one pool": borrowing,
        "psycopg2, connect for each": connecting,
        "SQLAlchemy, one engine": lambda: query(shared),
        "SQLAlchemy, an engine for each": lambda: query(sqlalchemy.create_engine(url)),
        "SQLAlchemy, an engine for each, disposed": disposing,
    }


def connections(dsn: str) -> int:
    """How many clients the server has, this one left out."""
    connection = import_or_skip("psycopg2", "psycopg2").connect(dsn)
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) - 1 FROM pg_stat_activity WHERE backend_type = 'client backend'")
        return int(cursor.fetchone()[0])
    finally:
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--requests", type=int, default=40, help="requests of each way in each round")
    options = parser.parse_args()
    with running_postgres() as dsn:
        found = ways(dsn)
        times: dict[str, list[float]] = {name: [] for name in found}
        left: dict[str, int] = {}
        for request in found.values():
            request()
        for _ in range(options.rounds):
            for name, request in found.items():
                gc.collect()
                before = connections(dsn)
                gc.disable()
                for _ in range(options.requests):
                    start = time.perf_counter()
                    request()
                    times[name].append(time.perf_counter() - start)
                left[name] = connections(dsn) - before
                gc.enable()
        for name, seconds in times.items():
            middle, late = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
            print(
                f"{name:42} median {middle * 1e3:6.2f} ms   95 % {late * 1e3:6.2f} ms   {left[name]:3} connections more"
            )


if __name__ == "__main__":
    main()
