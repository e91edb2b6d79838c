"""A watch in a rush, and how long watched pools live."""

from __future__ import annotations

import asyncio
import gc
import importlib
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import program
import pytest
from libraries import import_or_skip
from watched import ON_POSTGRES, SIZE

from putback.pool import Kind, watch
from putback.pool.testing import ManualClock
from putback.pool.watching import Watch
from putback.pool.watching.places import belongs_to_library, callers, places_of
from putback.pool.watching.watcher import BURST, MANY

pytestmark = pytest.mark.slow


def test_in_a_rush_each_is_counted_and_few_are_asked_for_their_place(postgres_dsn: str) -> None:
    pool = ON_POSTGRES["psycopg2"](postgres_dsn)
    clock = ManualClock()
    with watch(pool.target, clock=clock) as watching:
        for _ in range(BURST):
            pool.give(pool.take())
        kept = program.browse(pool.take)
        (line,) = watching.holders()
        assert (line.caller.function, line.count) == ("unknown", 1)
        assert "a place that was not noted" in watching.table()
        assert watching.holdings()[0] is watching.holdings()[0]
        clock.advance(1)
        kept += program.order(pool.take)
        assert {line.caller.function: line.count for line in watching.holders()} == {"unknown": 1, "order": 2}
        kept += program.pay(pool.take)
        with pytest.raises(Exception, match="exhausted"):
            pool.take()
        assert {each["function"] for each in watching.seen_as_json()["holders"]} == {"order", "pay"}
        for conn in kept:
            pool.give(conn)
        assert (watching.taken, watching.holders()) == (BURST + SIZE, [])
    pool.end()


def test_what_was_taken_in_a_rush_and_is_held_too_long_is_told_once(postgres_dsn: str) -> None:
    pool = ON_POSTGRES["psycopg2"](postgres_dsn)
    clock = ManualClock()
    with watch(pool.target, clock=clock, sample=1000) as watching:
        watching.leaks.threshold = 30
        pool.give(pool.take())
        conn = pool.take()
        clock.advance(31)
        watching.check()
        watching.check()
        pool.give(conn)
        counts = watching.incidents.counts
        assert counts == {Kind.HELD_TOO_LONG: 1, Kind.RETURNED_AFTER_ALL: 1}
        assert "thread MainThread" in watching.incidents.recent[0].text
        pool.give(pool.take())
        assert watching.out == {}, "nothing is kept of what came back"
    pool.end()


def test_a_lost_connection_that_was_taken_in_a_rush_is_named_when_somebody_looks(postgres_dsn: str) -> None:
    pool = ON_POSTGRES["psycopg_pool"](postgres_dsn)
    with watch(pool.target, sample=1000) as watching:
        pool.give(pool.take())
        pool.take()
        gc.collect()
        assert watching.holders() == []
        assert watching.incidents.counts == {Kind.COLLECTED: 1}
    pool.end()


def test_those_who_share_one_connection_in_a_rush_are_asked_whether_they_have_it_when_they_are_many() -> None:
    library, pools = import_or_skip("sqlalchemy", "sqlalchemy"), import_or_skip("sqlalchemy.pool", "sqlalchemy")
    made = library.create_engine("sqlite://", poolclass=pools.StaticPool)
    with watch(made) as watching:
        for _ in range(MANY + 2):
            made.connect().close()
        assert len(watching.out) <= 2
        kept = [made.connect(), made.connect()]
        assert [line.count for line in watching.holders()] == [2]
        for conn in kept:
            conn.close()
        assert (watching.taken, watching.holders(), watching.seen) == (MANY + 4, [], {})
    made.dispose()


@pytest.mark.parametrize("name", ["psycopg2", "psycopg_pool"])
def test_a_watched_pool_is_gone_as_soon_as_nobody_has_it(name: str, postgres_dsn: str) -> None:
    """Tests of DBUtils and of aiopg count on that: no circle may be made."""
    made = ON_POSTGRES[name](postgres_dsn)
    pool = made.target
    watching = watch(pool)
    pool.putconn(pool.getconn())
    made.run(made.end())
    gone = weakref.ref(pool)
    gc.collect()
    gc.disable()
    try:
        del made, pool
        assert gone() is None
    finally:
        gc.enable()
    watching.stop()


@pytest.mark.parametrize("stops", [True, False])
def test_asyncpgs_pool_lives_as_long_as_its_watch_and_no_longer(stops: bool, postgres_dsn: str) -> None:
    made = ON_POSTGRES["asyncpg"](postgres_dsn)
    watching: Watch | None = watch(made.target)
    assert watching is not None
    number = id(made.target)
    made.run(made.end())
    assert made.loop is not None
    made.loop.close()
    del made
    gc.collect()
    assert id(watching.target) == number
    if stops:
        watching.stop()
        assert watching.target is None
    else:
        watching = None
    gc.collect()
    assert [each for each in gc.get_objects() if type(each).__name__ == "Pool" and id(each) == number] == []


def test_a_pool_of_aiopg_without_a_limit(postgres_dsn: str) -> None:
    aiopg = import_or_skip("aiopg", "aiopg")

    async def story() -> None:
        async with aiopg.create_pool(postgres_dsn, minsize=0, maxsize=0) as pool:
            with watch(pool) as watching:
                async with pool.acquire():
                    assert "1 connections are out" in watching.table()
                assert watching.holders() == []

    asyncio.run(story())


def test_a_library_outside_of_site_packages_is_no_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pip install --target`, the layers of AWS Lambda: SQLAlchemy's own files were named as what had leaked."""
    for name in ("layer_of_pools", "own_part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("def take(inner):\n    return inner()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    library, own = (importlib.import_module(name) for name in ("layer_of_pools", "own_part"))
    belongs_to_library("layer_of_pools.pool")
    found = places_of(own.take(lambda: library.take(lambda: callers(4))), 4)
    files = [code.co_filename for code, _ in found]
    assert library.__file__ not in files
    assert own.__file__ in files


GENERATED = "def take(inner):\n    return inner()\n"


def test_what_a_library_generates_is_no_caller_and_what_python_c_runs_is() -> None:
    """As SQLAlchemy's for sessions, which was named as what had leaked."""
    space: dict[str, Any] = {}
    exec(GENERATED, space)
    found = places_of(space["take"](lambda: callers(4)), 4)
    assert found[0][0].co_name == "<lambda>"
    assert space["take"].__code__ not in [code for code, _ in found]
    program = f"{GENERATED}from putback.pool.watching.places import *\nprint(places_of(take(lambda: callers(4)), 4))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "code object take" in told
    assert "code object <module>" in told
