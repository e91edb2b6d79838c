"""What interrupts the driver (KeyboardInterrupt, a cancellation) while a connection is reset, asked or closed reaches
the program, and costs no slot."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from putback.pool import (
    ASYNCPG,
    PSYCOPG2,
    PSYCOPG_POOL,
    SQLALCHEMY,
    Fault,
    FaultPlan,
    Operation,
    Profile,
    ReferencePool,
    Settings,
)
from putback.pool.aio import AsyncReferencePool

PROFILES = [PSYCOPG2, PSYCOPG_POOL, SQLALCHEMY, ASYNCPG]
INTERRUPTIONS: list[Callable[[], BaseException]] = [KeyboardInterrupt, asyncio.CancelledError, SystemExit]


def names(each: Any) -> str:
    return str(getattr(each, "name", getattr(each, "__name__", each)))


@pytest.mark.parametrize("interruption", INTERRUPTIONS, ids=names)
@pytest.mark.parametrize("profile", PROFILES, ids=names)
def test_an_interrupted_reset_frees_the_slot(profile: Profile, interruption: Callable[[], BaseException]) -> None:
    faults = FaultPlan([Fault(Operation.ROLLBACK, error=interruption)])
    pool = ReferencePool(1, 1, profile=profile, settings=Settings(timeout=1), faults=faults)
    conn = pool.getconn()
    conn.execute("create table item (n int)")
    conn.execute("insert into item values (1)")
    with pytest.raises(interruption):  # type: ignore[call-overload]
        pool.putconn(conn)
    assert (pool.stats().in_use, pool.stats().total) == (0, 0)
    pool.putconn(pool.getconn(timeout=1))


@pytest.mark.parametrize("profile", PROFILES, ids=names)
def test_an_interrupted_close_frees_the_slot(profile: Profile) -> None:
    faults = FaultPlan([Fault(Operation.CLOSE, error=KeyboardInterrupt)])
    pool = ReferencePool(1, 1, profile=profile, settings=Settings(timeout=1), faults=faults)
    with pytest.raises(KeyboardInterrupt):
        pool.putconn(pool.getconn(), close=True)
    assert pool.stats().total == 0
    pool.getconn(timeout=1)


def test_an_interrupted_close_of_the_pool_closes_the_others() -> None:
    faults = FaultPlan([Fault(Operation.CLOSE, error=KeyboardInterrupt)])
    pool = ReferencePool(3, 3, faults=faults)
    with pytest.raises(KeyboardInterrupt):
        pool.closeall()
    assert pool.stats().total == 0
    assert [operation for operation, _ in faults.trace].count(Operation.CLOSE) == 3


def test_an_interrupted_ping_frees_the_slot() -> None:
    faults = FaultPlan([Fault(Operation.PING, error=KeyboardInterrupt)])
    pool = ReferencePool(1, 1, settings=Settings(pre_ping=True), faults=faults)
    with pytest.raises(KeyboardInterrupt):
        pool.getconn()
    assert pool.stats().total == 0, "what was asked in vain is of no use to the next"
    pool.getconn()


@pytest.mark.parametrize("operation", [Operation.ROLLBACK, Operation.CLOSE], ids=names)
def test_a_driver_that_is_cancelled_costs_a_pool_for_tasks_no_slot(operation: Operation) -> None:
    async def story() -> None:
        faults = FaultPlan([Fault(operation, error=asyncio.CancelledError)])
        pool = AsyncReferencePool(0, 1, faults=faults)
        conn = await pool.acquire()
        conn.execute("create table item (n int)")
        conn.execute("insert into item values (1)")
        with pytest.raises(asyncio.CancelledError):
            await (pool.release(conn) if operation is Operation.ROLLBACK else conn.close())
        async with pool.acquire(timeout=1) as again:
            again.execute("select 1")
        assert pool.stats().in_use == 0

    asyncio.run(story())


def test_a_pool_whose_first_connections_cannot_all_be_opened_closes_those_that_were() -> None:
    opened: list[Any] = []

    def connect() -> Any:
        if len(opened) == 2:
            raise sqlite3.OperationalError("unable to open database file")
        opened.append(sqlite3.connect(":memory:", check_same_thread=False))
        return opened[-1]

    with pytest.raises(sqlite3.OperationalError):
        ReferencePool(3, 3, connect)
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError):
            connection.execute("select 1")
