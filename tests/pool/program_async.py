"""The program of `program`, with asyncio."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any


async def get_db_connection(take: Callable[[], Awaitable[Any]]) -> Any:
    conn = await take()
    return conn  # noqa: RET504 (the wrapper keeps it in a variable, as most do)


async def browse(take: Callable[[], Awaitable[Any]]) -> list[Any]:
    return [await get_db_connection(take) for _ in range(1)]


async def order(take: Callable[[], Awaitable[Any]]) -> list[Any]:
    kept: list[Any] = []
    while len(kept) < 2:
        one = await get_db_connection(take)
        kept.append(one)
    return kept


async def pay(take: Callable[[], Awaitable[Any]]) -> list[Any]:
    kept: list[Any] = []
    kept.append(await get_db_connection(take))
    return kept
