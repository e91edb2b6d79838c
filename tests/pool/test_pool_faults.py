"""Every operation can be made to fail, and then no slot is lost."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from putback.pool import Kind, PoolError, ReferencePool, Settings
from putback.pool.testing import (
    PSYCOPG2,
    PSYCOPG_POOL,
    SQLALCHEMY,
    Fault,
    FaultPlan,
    InjectedError,
    Operation,
    Profile,
    faulty,
)


def work(pool: ReferencePool) -> None:
    """Something with every operation, as a careful program does it."""
    conn = pool.getconn()
    try:
        cursor = conn.cursor()
        cursor.execute("create table if not exists item (n int)")
        cursor.executemany("insert into item values (?)", [(1,), (2,)])
        conn.rollback()
        cursor.execute("select 1 union select 2")
        cursor.fetchone()
        cursor.fetchall()
        cursor.close()
        conn.commit()
        conn.execute("select 1").fetchone()
    finally:
        pool.putconn(conn)


def test_an_empty_plan_lists_every_place_for_a_fault() -> None:
    plan = FaultPlan()
    work(ReferencePool(0, 1, faults=plan, settings=Settings(pre_ping=True)))
    seen = [operation for operation, _ in plan.trace]
    assert seen[:3] == [Operation.CONNECT, Operation.CURSOR, Operation.EXECUTE]
    assert set(seen) == set(Operation) - {Operation.PING}, "a connection that was just opened is not pinged"


@pytest.mark.parametrize("profile", [PSYCOPG2, PSYCOPG_POOL, SQLALCHEMY], ids=lambda each: str(each.name))
@pytest.mark.parametrize("operation", [each for each in Operation if each is not Operation.PUT])
def test_a_fault_anywhere_loses_no_slot(operation: Operation, profile: Profile) -> None:
    places = FaultPlan()
    work(ReferencePool(0, 1, faults=places, profile=profile))
    count = max(1, sum(tried is operation for tried, _ in places.trace))
    for nth in range(1, count + 1):
        pool = ReferencePool(0, 1, profile=profile, faults=FaultPlan([Fault(operation, nth)]))
        try:
            work(pool)
        except InjectedError as error:
            assert f"injected: {operation.value} number {nth} fails" in str(error)
        assert pool.stats().in_use == 0
        work(pool)


def test_a_failed_put_leaves_the_connection_lent() -> None:
    pool = ReferencePool(1, 1, faults=FaultPlan([Fault(Operation.PUT)]))
    conn = pool.getconn()
    with pytest.raises(InjectedError):
        pool.putconn(conn)
    assert pool.stats().in_use == 1
    pool.putconn(conn)
    assert pool.stats().in_use == 0


def dirty(pool: ReferencePool) -> Any:
    conn = pool.getconn()
    conn.execute("create table if not exists item (n int)")
    conn.execute("insert into item values (1)")
    return conn


def test_as_in_psycopg2_a_failed_rollback_on_return_keeps_the_slot() -> None:
    lost = sqlite3.OperationalError("server closed the connection unexpectedly")
    pool = ReferencePool(1, 1, faults=FaultPlan([Fault(Operation.ROLLBACK, error=lost)]))
    conn = dirty(pool)
    with pytest.raises(sqlite3.OperationalError):
        pool.putconn(conn)
    assert pool.stats().in_use == 1
    assert pool.incidents.counts == {Kind.RESET_FAILED: 1}
    pool.putconn(conn, close=True)
    assert pool.stats().in_use == 0


@pytest.mark.parametrize("profile", [PSYCOPG_POOL, SQLALCHEMY], ids=lambda each: str(each.name))
def test_elsewhere_a_failed_rollback_on_return_closes_the_connection(profile: Profile) -> None:
    pool = ReferencePool(0, 1, profile=profile, faults=FaultPlan([Fault(Operation.ROLLBACK)]))
    pool.putconn(dirty(pool))
    assert (pool.stats().in_use, pool.stats().total) == (0, 0)


def test_a_block_keeps_its_own_error_when_the_return_fails_too() -> None:
    pool = ReferencePool(1, 1, faults=FaultPlan([Fault(Operation.ROLLBACK)]))
    with pytest.raises(ZeroDivisionError), pool.connection() as conn:
        conn.execute("create table item (n int)")
        conn.execute("insert into item values (1)")
        raise ZeroDivisionError
    assert pool.stats().in_use == 0


def test_a_ping_that_fails_replaces_the_connection() -> None:
    plan = FaultPlan([Fault(Operation.PING)])
    pool = ReferencePool(1, 1, faults=plan, settings=Settings(pre_ping=True))
    pool.putconn(pool.getconn())
    assert [operation for operation, _ in plan.trace][:4] == [
        Operation.CONNECT,
        Operation.PING,
        Operation.CLOSE,
        Operation.CONNECT,
    ]


def test_faults_count_on_one_connection_and_may_repeat() -> None:
    pool = ReferencePool(
        2, 2, faults=FaultPlan([Fault(Operation.EXECUTE, nth=2, connection=1, times=2, error=KeyError)])
    )
    second, first = pool.getconn(), pool.getconn()
    for _ in range(4):
        second.execute("select 1")
    first.execute("select 1")
    for _ in range(2):
        with pytest.raises(KeyError):
            first.execute("select 1")
    first.execute("select 1")


def test_any_pool_can_have_faulty_connections() -> None:
    connect = faulty(lambda: sqlite3.connect(":memory:"), FaultPlan([Fault(Operation.COMMIT)]))
    conn = connect()
    with conn.cursor() as cursor:
        assert list(cursor.execute("select 1 union select 2")) == [(1,), (2,)]
        assert cursor.description[0][0] == "1"
    with pytest.raises(InjectedError):
        conn.commit()
    conn.isolation_level = None
    assert conn.isolation_level is None


def test_an_exhausted_pool_is_no_place_for_a_fault() -> None:
    plan = FaultPlan()
    pool = ReferencePool(1, 1, faults=plan)
    pool.getconn()
    with pytest.raises(PoolError):
        pool.getconn()
    assert [operation for operation, _ in plan.trace] == [Operation.CONNECT]
