"""The asynchronous reference pool beside asyncpg's, in lock step, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from libraries import import_or_skip
from sides import BRIEF, HIGH, Outcome, outcome_of

from putback.pool import Settings
from putback.pool.aio import AsyncReferencePool

pytestmark = pytest.mark.slow

WEIGHTS = {
    "get": 30,
    "put": 20,
    "put_again": 4,
    "put_none": 2,
    "put_foreign": 2,
    "insert": 10,
    "begin": 6,
    "commit": 5,
    "fail": 4,
    "close": 5,
    "terminate": 2,
    "use_after": 3,
    "drop": 1,
}


class AsyncSide:
    """A pool of at most HIGH connections; asyncpg's or ours, which have the same methods."""

    def __init__(self, pool: Any, dsn: str, table: str) -> None:
        self.pool = pool
        self.dsn = dsn
        self.table = table
        self.handles: list[Any] = []
        self.former: list[Any] = []

    async def get(self, full: bool) -> None:
        self.handles.append(await self.pool.acquire(timeout=BRIEF if full else None))

    async def put(self, place: int) -> None:
        self.former.append(self.handles.pop(place))
        await self.pool.release(self.former[-1])

    async def put_again(self) -> None:
        await self.pool.release(self.former[-1])

    async def put_none(self) -> None:
        await self.pool.release(None)

    async def put_foreign(self) -> None:
        foreign = await import_or_skip("asyncpg", "asyncpg").connect(self.dsn)
        try:
            await self.pool.release(foreign)
        finally:
            await foreign.close()

    async def insert(self, place: int, value: int) -> None:
        await self.handles[place].execute(f"insert into {self.table} values ({value})")

    async def begin(self, place: int) -> None:
        await self.handles[place].execute("begin")

    async def commit(self, place: int) -> None:
        await self.handles[place].execute("commit")

    async def fail(self, place: int) -> None:
        await self.handles[place].execute("select 1/0")

    async def close(self, place: int) -> None:
        await self.handles[place].close()

    async def terminate(self, place: int) -> None:
        self.handles[place].terminate()

    async def use_after(self) -> None:
        await self.former[-1].execute("select 1")

    async def drop(self, place: int) -> None:
        del self.handles[place]
        gc.collect()

    def lent(self) -> int:
        if isinstance(self.pool, AsyncReferencePool):
            return self.pool.stats().in_use
        in_use: int = self.pool.get_size() - self.pool.get_idle_size()
        return in_use

    async def end(self) -> None:
        for handle in self.handles:
            with suppress(Exception):
                await self.pool.release(handle)
        self.pool.terminate()


async def did(step: Callable[..., Awaitable[None]], arguments: tuple[Any, ...]) -> Outcome:
    try:
        await step(*arguments)
    except Exception as error:
        return outcome_of(error)
    return Outcome(None, "fine")


async def lock_step(dsn: str, seed: int, steps: int) -> list[list[int]]:
    """Run a random schedule on both; gives the rows that each committed."""
    library = import_or_skip("asyncpg", "asyncpg")
    observer = await library.connect(dsn)
    for table in ("real_side", "our_side"):
        await observer.execute(f"set lock_timeout = '2s'; drop table if exists {table}; create table {table} (n int)")
    real = AsyncSide(await library.create_pool(dsn, min_size=0, max_size=HIGH), dsn, "real_side")
    ours = AsyncSide(AsyncReferencePool(0, HIGH, lambda: library.connect(dsn), settings=Settings()), dsn, "our_side")
    try:
        await random_steps(real, ours, random.Random(seed), steps)
    finally:
        await real.end()
        await ours.end()
    rows = [await observer.fetch(f"select n from {side.table} order by n") for side in (real, ours)]
    await observer.close()
    return [[row["n"] for row in each] for each in rows]


async def random_steps(real: AsyncSide, ours: AsyncSide, chance: random.Random, steps: int) -> None:
    story: list[str] = []
    while len(story) < steps:
        name = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        arguments: tuple[Any, ...] = ()
        if name == "get":
            arguments = (ours.lent() >= HIGH,)
        elif name in ("put_again", "use_after"):
            if not ours.former:
                continue
        elif not name.startswith("put_"):
            if not ours.handles:
                continue
            arguments = (chance.randrange(len(ours.handles)),)
            if name == "insert":
                arguments += (chance.randrange(1_000_000),)
        said = [await did(getattr(side, name), arguments) for side in (real, ours)]
        story.append(f"{name}{arguments} -> {said[1]}")
        assert said[1].is_like(said[0]), "\n".join([*story, f"the real pool: {said[0]}"])
        assert ours.lent() == real.lent(), "\n".join([*story, f"lent: {real.lent()}, ours: {ours.lent()}"])


@pytest.mark.parametrize("seed", range(16))
def test_as_asyncpg(postgres_dsn: str, seed: int) -> None:
    real, ours = asyncio.run(lock_step(postgres_dsn, seed, 60))
    assert ours == real, "other rows were committed"
