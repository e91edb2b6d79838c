"""What the tables call `listens`: a connection that has to stay, because something is called through it later on."""

from __future__ import annotations

import asyncio

import pytest
from libraries import import_or_skip

from putback.drivers.catalog import load_catalog


def test_asyncpg_calls_a_listener_as_long_as_its_connection_is_held(postgres_dsn: str) -> None:
    assert load_catalog().method("asyncpg.Connection", "add_listener").listens  # type: ignore[union-attr]
    library = import_or_skip("asyncpg", "asyncpg")

    async def heard() -> str:
        loop = asyncio.get_running_loop()
        async with library.create_pool(postgres_dsn, min_size=1, max_size=1) as pool:
            conn = await pool.acquire()
            called: asyncio.Future[str] = loop.create_future()
            await conn.add_listener("orders", lambda *message: called.set_result(message[-1]))
            sender = await library.connect(postgres_dsn)
            try:
                await sender.execute("NOTIFY orders, 'one'")
            finally:
                await sender.close()
            payload = await asyncio.wait_for(called, 30)
            with pytest.warns(library.InterfaceWarning, match="active notification listener"):
                await pool.release(conn)
            return payload

    assert asyncio.run(heard()) == "one"
