"""What interrupts the driver (KeyboardInterrupt, a cancellation) while a connection is reset, asked or closed reaches
the program, and costs no slot."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from putback.pool import ReferencePool, Settings
from putback.pool.aio import AsyncReferencePool
from putback.pool.connection import PooledConnection, proxy_of
from putback.pool.testing import ASYNCPG, PSYCOPG2, PSYCOPG_POOL, SQLALCHEMY, Fault, FaultPlan, Operation, Profile

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


# -- whatever is raised, wherever

KINDS: list[Callable[[], BaseException]] = [
    *INTERRUPTIONS,
    GeneratorExit,
    sqlite3.OperationalError,
]
OPERATIONS = [*(each for each in Operation if each is not Operation.FETCH)]


def used(conn: Any) -> None:
    """Leave a transaction open."""
    conn.execute("create table item (n int)")
    conn.execute("insert into item values (1)")


def give_back(pool: ReferencePool) -> None:
    conn = pool.getconn()
    try:
        used(conn)
    finally:
        pool.putconn(conn)


def put_to_be_closed(pool: ReferencePool) -> None:
    pool.putconn(pool.getconn(), close=True)


def end_a_block(pool: ReferencePool) -> None:
    with pool.connection() as conn:
        used(conn)


def fail_in_a_block(pool: ReferencePool) -> None:
    with pool.connection() as conn:
        used(conn)
        raise LookupError


def ask_the_next(pool: ReferencePool) -> None:
    pool.putconn(pool.getconn())
    pool.putconn(pool.getconn())


STORIES = [give_back, put_to_be_closed, end_a_block, fail_in_a_block, ask_the_next]


@pytest.mark.parametrize("story", STORIES, ids=names)
@pytest.mark.parametrize("kind", KINDS, ids=names)
@pytest.mark.parametrize("profile", PROFILES, ids=names)
def test_nothing_that_a_driver_raises_costs_a_slot(
    profile: Profile, kind: Callable[[], BaseException], story: Callable[[ReferencePool], None]
) -> None:
    for operation in OPERATIONS:
        for nth in (1, 2, 3):
            faults = FaultPlan([Fault(operation, nth, error=kind)])
            pool = ReferencePool(0, 2, profile=profile, settings=Settings(timeout=1, pre_ping=True), faults=faults)
            with contextlib.suppress(kind, LookupError):  # type: ignore[arg-type]
                story(pool)
            faults.faults = ()
            for lease in list(pool.leases.values()):  # only a failure leaves one to whoever gave it back
                assert kind is sqlite3.OperationalError or operation is Operation.PUT, (operation, nth)
                pool.putconn(proxy_of(lease.raw, PooledConnection)(lease, pool), close=True)
            assert len(pool.state.phases) == len(pool.state.shelf), (operation, nth)
            for conn in [pool.getconn(), pool.getconn()]:
                pool.putconn(conn)


class Waiting:
    """A connection of an asynchronous driver: each operation waits for the server once, then may raise."""

    def __init__(self, raises: dict[str, list[BaseException]]) -> None:
        self.raises = raises

    async def answer(self, operation: str) -> None:
        await asyncio.sleep(0)
        if self.raises.get(operation):
            raise self.raises[operation].pop()

    async def ping(self) -> None:
        await self.answer("ping")

    async def commit(self) -> None:
        await self.answer("commit")

    async def rollback(self) -> None:
        await self.answer("rollback")

    async def close(self) -> None:
        await self.answer("close")


@pytest.mark.parametrize("operation", ["connect", "ping", "rollback", "close"])
@pytest.mark.parametrize("kind", [asyncio.CancelledError, GeneratorExit, OSError], ids=names)
@pytest.mark.parametrize("profile", PROFILES, ids=names)
def test_nothing_that_an_asynchronous_driver_raises_while_it_is_awaited_costs_a_slot(
    profile: Profile, kind: type[BaseException], operation: str
) -> None:
    async def story() -> None:
        raises: dict[str, list[BaseException]] = {"rollback": [OSError()]} if operation == "close" else {}
        raises[operation] = [kind()]

        async def connect() -> Waiting:
            conn = Waiting(raises)
            await conn.answer("connect")
            return conn

        pool = AsyncReferencePool(0, 1, connect, profile=profile, settings=Settings(timeout=1, pre_ping=True))
        with contextlib.suppress(kind, OSError):
            async with pool.acquire():
                pass
            async with pool.acquire():
                pass
        assert pool.stats().in_use == 0 or kind is OSError
        for lease in list(pool.leases.values()):
            await pool.release(lease.raw)
        async with pool.acquire(timeout=1):
            assert pool.stats().in_use == 1

    asyncio.run(story())


@pytest.mark.parametrize("is_inside", [True, False], ids=["in its loop", "outside of any loop"])
@pytest.mark.parametrize("turns", range(1, 8))
def test_a_coroutine_that_is_closed_while_it_awaits_costs_no_slot(turns: int, is_inside: bool) -> None:
    """As the garbage collector does it with one that nobody runs any more."""

    async def connect() -> Waiting:
        await asyncio.sleep(0)
        return Waiting({})

    async def use() -> None:
        async with pool.acquire():
            await asyncio.sleep(0)

    async def begin() -> asyncio.Task[None]:
        task = asyncio.create_task(use())
        for _ in range(turns):
            await asyncio.sleep(0)
        if is_inside:
            end(task)
            async with pool.acquire(timeout=1):
                assert pool.stats().in_use == 1
        return task

    def end(task: asyncio.Task[None]) -> None:
        coroutine = task.get_coro()
        assert isinstance(coroutine, Coroutine)
        coroutine.close()

    pool = AsyncReferencePool(0, 1, connect, settings=Settings(pre_ping=True))
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)  # the task will find its coroutine closed
    task = loop.run_until_complete(begin())
    end(task)
    loop.run_until_complete(asyncio.sleep(0.01))
    assert pool.stats().in_use == 0
    loop.close()
