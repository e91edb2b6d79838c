"""The reference pool beside the real ones, in lock step, on a real PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest
from libraries import import_or_skip
from sides import (
    OursAsPsycopg2,
    OursAsPsycopgPool,
    OursAsQueuePool,
    Psycopg2,
    PsycopgPool,
    QueuePool,
    Schedule,
    Side,
)

from putback.pool import ThreadedConnectionPool

pytestmark = pytest.mark.slow

COMMON = {"get": 30, "put": 22, "insert": 12, "fail": 5, "commit": 6, "roll_back": 3, "use_after": 3}
MISUSE = {"put_again": 4, "put_foreign": 2, "put_none": 2}


@pytest.fixture
def tables(postgres_dsn: str) -> Any:
    """Two empty tables, one for each side, and a connection to look at them."""
    connection = import_or_skip("psycopg2", "psycopg2").connect(postgres_dsn)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("set lock_timeout = '2s'")  # a side that forgot a transaction is an error, not a hang
        for table in ("real_side", "our_side"):
            cursor.execute(f"drop table if exists {table}; create table {table} (n int)")
    yield connection
    connection.close()


def run(real: Side, ours: Side, tables: Any, weights: dict[str, int], seed: int, steps: int) -> None:
    try:
        Schedule(real, ours, weights, seed).run(steps)
    finally:
        for side in (real, ours):
            side.end()
    committed = []
    for table in ("real_side", "our_side"):
        with tables.cursor() as cursor:
            cursor.execute(f"select n from {table} order by n")
            committed.append(cursor.fetchall())
    assert committed[1] == committed[0], "other rows were committed"


@pytest.mark.parametrize("seed", range(40))
def test_as_psycopg2(postgres_dsn: str, tables: Any, seed: int) -> None:
    low = seed % 3
    weights = COMMON | MISUSE | {"put_close": 4, "close": 4, "get_key": 6, "put_key": 4, "drop": 1}
    if seed % 5 == 0:
        weights |= {"shut": 1}
    real = Psycopg2(postgres_dsn, "real_side", low)
    run(real, OursAsPsycopg2(postgres_dsn, "our_side", low), tables, weights, seed, 60)


@pytest.mark.parametrize("seed", range(12))
def test_as_psycopg_pool(postgres_dsn: str, tables: Any, seed: int) -> None:
    low = 1 + seed % 3
    real = PsycopgPool(postgres_dsn, "real_side", low)
    ours = OursAsPsycopgPool(postgres_dsn, "our_side", low)
    run(real, ours, tables, COMMON | MISUSE | {"close": 4}, seed, 60)


@pytest.mark.parametrize("seed", range(12))
def test_as_sqlalchemy(postgres_dsn: str, tables: Any, seed: int) -> None:
    real = QueuePool(postgres_dsn, "real_side", 0)
    ours = OursAsQueuePool(postgres_dsn, "our_side", 0)
    run(real, ours, tables, COMMON | {"put_again": 6, "drop": 5}, seed, 60)


def test_arguments_alone_are_for_psycopg2_and_its_error_is_caught(postgres_dsn: str) -> None:
    library = import_or_skip("psycopg2.pool", "psycopg2")
    pool = ThreadedConnectionPool(1, 1, postgres_dsn, application_name="shop")
    conn = pool.getconn()
    with conn.cursor() as cursor:
        cursor.execute("show application_name")
        assert cursor.fetchone() == ("shop",)
    with pytest.raises(library.PoolError, match="connection pool exhausted"):
        pool.getconn()
    pool.closeall()
