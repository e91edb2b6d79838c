"""Watching pools that are not ours: who holds what, taken where, for each kind of pool that is known."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import re
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import program
import program_async
import pytest
from libraries import import_or_skip
from together import run_together
from watched import ON_MYSQL, ON_POSTGRES, SIZE, Pool

from putback.pool import Incident, Kind, SettingsError, watch
from putback.pool.adapters import stats_of
from putback.pool.testing import ManualClock
from putback.pool.watching import serving
from putback.pool.watching.requests import current

JOBS = {"browse": 1, "order": 2, "pay": 1}


@pytest.fixture(params=[*ON_POSTGRES, *ON_MYSQL])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    name = request.param
    if name in ON_POSTGRES:
        made = ON_POSTGRES[name](request.getfixturevalue("postgres_dsn"))
    else:
        made = ON_MYSQL[name](request.getfixturevalue("mysql_url"))
    yield made
    made.run(made.end())
    if made.loop is not None:
        made.loop.close()


@pytest.fixture
def engine(postgres_dsn: str) -> Iterator[Pool]:
    made = ON_POSTGRES["engine"](postgres_dsn)
    yield made
    made.end()


def test_three_callers_of_one_wrapper_are_three_places_and_an_exhausted_pool_names_them(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    with watch(pool.target) as watching, caplog.at_level(logging.WARNING, logger="putback.pool"):
        watching.patience = 0.0
        callers: Any = program if pool.loop is None else program_async
        kept = [conn for job in (callers.browse, callers.order, callers.pay) for conn in pool.run(job(pool.take))]
        lines = [(line.caller.function, line.count, line.through[-1].function) for line in watching.holders()]
        assert sorted(lines) == [(job, count, "get_db_connection") for job, count in JOBS.items()], watching.table()
        with pytest.raises(Exception) as caught:
            pool.run(pool.take())
        error: BaseException | None = caught.value
        notes: list[str] = []
        while error is not None:
            notes += getattr(error, "__notes__", [])
            error = error.__cause__ or error.__context__
        assert any(f"{SIZE} of {SIZE} connections are out" in note and "in order" in note for note in notes)
        for job, count in JOBS.items():
            assert re.search(rf"^ +{count} x .* in {job}, through .* in get_db_connection;", caplog.text, re.MULTILINE)
        numbers = stats_of(watching)
        assert (numbers.waiters, numbers.timeouts, numbers.in_use) == (0, 1, SIZE)
        for conn in kept:
            pool.run(pool.give(conn))
        assert watching.holders() == []


def test_good_requests_leave_nothing(pool: Pool) -> None:
    with watch(pool.target) as watching:
        for _ in range(50):
            pool.run(pool.give(pool.run(pool.take())))
        assert (watching.taken, watching.holders(), watching.seen) == (50, [], {})
        numbers = stats_of(watching)
        assert numbers.waits is not None
        assert numbers.uses is not None
        assert (numbers.waits.count, numbers.uses.count) == (50, 50)
        assert (numbers.waiters, numbers.timeouts, numbers.in_use) == (0, 0, 0)


def test_after_stop_the_pool_is_as_it_was(pool: Pool) -> None:
    pool.run(pool.give(pool.run(pool.take())))
    hooked = getattr(pool.target, "pool", pool.target)
    cls = type(hooked)
    before = set(getattr(hooked, "__dict__", ()))
    watching = watch(pool.target)
    pool.run(pool.give(pool.run(pool.take())))
    watching.stop()
    assert type(hooked) is cls
    assert set(getattr(hooked, "__dict__", ())) == before
    pool.run(pool.give(pool.run(pool.take())))
    assert watching.taken == 1


@pytest.mark.parametrize("name", ["psycopg2", "psycopg_pool"])
def test_two_watches_of_one_pool_see_the_same(name: str, postgres_dsn: str) -> None:
    made = ON_POSTGRES[name](postgres_dsn)
    cls = type(made.target)
    with watch(made.target) as first:
        with watch(made.target) as second:
            assert type(made.target) is cls, "CPython calls the methods of an object whose class was changed slowly"
            conn = made.take()
            assert [len(each.holdings()) for each in (first, second)] == [1, 1]
            made.give(conn)
        made.give(made.take())
        assert (first.taken, second.taken, first.holders()) == (2, 1, [])
    made.end()


def test_a_pool_is_not_kept_alive_by_being_watched(postgres_dsn: str) -> None:
    psycopg2 = import_or_skip("psycopg2.pool", "psycopg2")
    pool = psycopg2.ThreadedConnectionPool(1, SIZE, postgres_dsn)
    gone = weakref.ref(pool)
    watching = watch(pool)
    pool.closeall()
    del pool
    gc.collect()
    assert gone() is None
    assert watching.target is None
    assert "0 connections are out" in watching.table()
    watching.stop()


def test_dbutils_simple_pool_is_nothing_that_is_known() -> None:
    library = import_or_skip("dbutils.simple_pooled_db", "dbutils")
    with pytest.raises(SettingsError, match="is nothing that can be watched"):
        watch(library.PooledDB(import_or_skip("sqlite3", "sqlite3"), 1, database=":memory:"))


def test_what_is_held_too_long_is_logged_once_with_its_stack(engine: Pool) -> None:
    clock = ManualClock()
    heard: list[Incident] = []
    with watch(engine.target, clock=clock, on_incident=heard.append) as watching:
        watching.leaks.threshold = 30
        kept = program.order(engine.take)
        clock.advance(31)
        watching.check()
        watching.check()
        assert [incident.kind for incident in heard] == [Kind.HELD_TOO_LONG] * 2
        assert heard[0].stack[0].function == "get_db_connection"
        assert heard[0].stack[1].function == "order"
        for conn in kept:
            conn.close()
        assert heard[-1].kind is Kind.RETURNED_AFTER_ALL


def test_a_thread_looks_for_what_is_held_too_long(engine: Pool) -> None:
    told = threading.Event()
    watching = watch(engine.target, leak_threshold=0.001, on_incident=lambda _: told.set())
    kept = program.browse(engine.take)
    assert told.wait(30)
    watching.stop()
    kept[0].close()


def test_a_connection_that_is_garbage_collected_is_named(engine: Pool) -> None:
    with watch(engine.target) as watching:
        engine.target.connect()
        gc.collect()
        assert watching.incidents.counts == {Kind.COLLECTED: 1}
        assert "taken back" in watching.incidents.recent[0].text
        assert watching.holders() == []


def test_a_lost_connection_of_psycopg_pool_is_named(postgres_dsn: str) -> None:
    pool = ON_POSTGRES["psycopg_pool"](postgres_dsn)
    with watch(pool.target) as watching:
        pool.take()
        gc.collect()
        assert "its slot is lost" in watching.incidents.recent[0].text
    pool.end()


def test_a_failed_put_of_psycopg2_leaves_it_with_the_borrower(postgres_dsn: str) -> None:
    pool = ON_POSTGRES["psycopg2"](postgres_dsn)
    with watch(pool.target) as watching:
        conn = pool.take()
        pool.target.putconn(conn)
        with pytest.raises(Exception, match="unkeyed"):
            pool.target.putconn(conn)
        assert watching.holders() == []
        kept = pool.take()
        assert kept is conn
        assert len(watching.holders()) == 1
        pool.target.closeall()
        assert watching.holders() == []


def test_a_key_of_psycopg2_stands_for_one_connection(postgres_dsn: str) -> None:
    pool = ON_POSTGRES["psycopg2"](postgres_dsn)
    with watch(pool.target) as watching:
        for _ in range(3):
            conn = pool.target.getconn("a")
        assert [line.count for line in watching.holders()] == [1]
        pool.target.putconn(conn, "a")
        assert watching.holders() == []
    pool.end()


def test_those_who_share_one_connection_are_told_apart() -> None:
    library, pools = import_or_skip("sqlalchemy", "sqlalchemy"), import_or_skip("sqlalchemy.pool", "sqlalchemy")
    made = library.create_engine("sqlite://", poolclass=pools.StaticPool)
    with watch(made) as watching:
        kept = [*program.browse(made.connect), *program.order(made.connect)]
        for _ in range(20):
            made.connect().close()
        assert {line.caller.function: line.count for line in watching.holders()} == {"browse": 1, "order": 2}
        kept.pop().close()
        kept.pop()
        gc.collect()
        assert {line.caller.function: line.count for line in watching.holders()} == {"browse": 1}
        kept.pop().close()
        made.connect().detach()
        assert (watching.taken, watching.holders(), watching.seen) == (24, [], {})
    made.dispose()


def test_what_a_thread_has_once_is_out_for_who_took_it_first_until_all_have_closed_it() -> None:
    library = import_or_skip("sqlalchemy", "sqlalchemy")
    made = library.create_engine("sqlite://", poolclass=library.pool.SingletonThreadPool)
    with watch(made) as watching:
        first, second = program.browse(made.connect), program.pay(made.connect)
        first.pop().close()
        assert {line.caller.function: line.count for line in watching.holders()} == {"browse": 1}
        second.pop().close()
        assert (watching.taken, watching.holders()) == (1, [])
    made.dispose()


def test_a_hook_is_called_as_the_method_that_it_stands_for(postgres_dsn: str) -> None:
    pool = ON_POSTGRES["psycopg2"](postgres_dsn).target
    with watch(pool) as watching:
        assert pool.getconn(key="a") is pool.getconn("a")
        conn = pool.getconn("a")
        pool.putconn(key="a", conn=conn, close=True)
        assert conn.closed
        with pytest.raises(TypeError, match="argument"):
            pool.getconn("a", "b")
        with pytest.raises(TypeError, match="argument"):
            pool.putconn(conn, closed=True)
        assert (watching.taken, watching.holders()) == (1, [])
    pool.closeall()
    modern = ON_POSTGRES["psycopg_pool"](postgres_dsn)
    with watch(modern.target) as watching:
        modern.target.putconn(conn=modern.target.getconn(timeout=1))
        with pytest.raises(TypeError, match="argument"):
            modern.target.putconn(None, None)
        assert (watching.taken, watching.holders()) == (1, [])
    modern.end()


def test_a_pool_of_the_programs_own_kind_that_takes_whatever_comes(postgres_dsn: str) -> None:
    library = import_or_skip("psycopg2.pool", "psycopg2")

    class Waiting(library.ThreadedConnectionPool):  # type: ignore[misc, name-defined]
        def getconn(self, *args: Any, **kwargs: Any) -> Any:
            return super().getconn(*args, **kwargs)

        def putconn(self, *args: Any, **kwargs: Any) -> None:
            super().putconn(*args, **kwargs)

    pool = Waiting(1, SIZE, postgres_dsn)
    with watch(pool, sample=3) as watching:
        for _ in range(10):
            pool.putconn(pool.getconn(), close=False)
        kept = program.browse(lambda: pool.getconn(key=1))
        assert [(line.count, line.caller.function) for line in watching.holders()] == [(1, "unknown")]
        pool.putconn(kept[0], 1)
        kept = program.browse(pool.getconn)
        assert [(line.count, line.caller.function) for line in watching.holders()] == [(1, "unknown")]
        pool.putconn(kept[0])
        kept = program.browse(pool.getconn)
        assert [(line.count, line.caller.function) for line in watching.holders()] == [(1, "browse")]
        assert watching.taken == 13
    pool.closeall()


def test_connections_that_asyncpg_gets_back_by_their_close(postgres_dsn: str) -> None:
    pool = ON_POSTGRES["asyncpg"](postgres_dsn)
    with watch(pool.target) as watching:
        pool.run(pool.run(pool.take()).close())
        assert watching.holders() == []
        assert pool.run(pool.target.fetchval("select 1")) == 1
        assert watching.taken == 2
    pool.end()
    assert pool.loop is not None
    pool.loop.close()


def test_an_invalidated_and_a_detached_connection_of_sqlalchemy(engine: Pool) -> None:
    with watch(engine.target) as watching:
        conn = engine.target.connect()
        conn.invalidate()
        conn.close()
        assert watching.holders() == []
        conn = engine.target.connect()
        conn.detach()
        assert watching.holders() == [], "its place in the pool is free"
        conn.close()


def test_a_session_is_taken_where_its_first_statement_is(engine: Pool) -> None:
    library, orm = (import_or_skip(name, "sqlalchemy") for name in ("sqlalchemy", "sqlalchemy.orm"))

    def asked() -> Any:
        session = orm.Session(engine.target)
        session.execute(library.text("select 1"))
        return session

    with watch(engine.target) as watching:
        kept = program.browse(asked)
        (line,) = watching.holders()
        assert line.caller.function == "browse"
        assert [each.function.rpartition(".")[2] for each in line.through] == ["asked", "get_db_connection"]
        kept[0].close()


def test_a_new_pool_after_dispose_is_watched_too(engine: Pool) -> None:
    with watch(engine.target):
        engine.target.dispose()
        kept = [engine.target.connect() for _ in range(SIZE)]
        with pytest.raises(Exception) as caught:
            engine.target.connect()
        assert f"{SIZE} of {SIZE} connections are out" in caught.value.__notes__[0]
        for conn in kept:
            conn.close()


def test_the_request_is_named(engine: Pool) -> None:
    flask = import_or_skip("flask", "flask")
    app = flask.Flask("shop")
    with watch(engine.target) as watching:
        with app.test_request_context("/orders/3", method="POST"):
            kept = program.browse(engine.take)
        assert watching.holders()[0].who.endswith("POST /orders/3")
        kept[0].close()
        with serving("GET /pay"):
            kept = program.pay(engine.take)
        assert watching.holders()[0].who.endswith("GET /pay")
        kept[0].close()
    assert current() is None


def test_the_request_of_an_asgi_application_is_named(engine: Pool) -> None:
    applications = import_or_skip("starlette.applications", "starlette")
    routing, responses = (import_or_skip(f"starlette.{name}", "starlette") for name in ("routing", "responses"))
    client = import_or_skip("starlette.testclient", "starlette")
    from putback.pool.web.asgi import Requests

    kept: list[Any] = []

    def order(request: Any) -> Any:  # in a thread of Starlette's
        kept.extend(program.browse(engine.take))
        return responses.PlainTextResponse("good")

    async def pay(request: Any) -> Any:
        kept.extend(program.pay(engine.take))
        return responses.PlainTextResponse("good")

    routes = [routing.Route("/orders", order, methods=["POST"]), routing.Route("/pay", pay)]
    app = applications.Starlette(routes=routes)
    app.add_middleware(Requests)
    with watch(engine.target) as watching, client.TestClient(app) as browser:
        browser.post("/orders")
        browser.get("/pay")
        who = {line.caller.function: line.who for line in watching.holders()}
        assert who["browse"].endswith("POST /orders")
        assert who["pay"].endswith("GET /pay")
        for conn in kept:
            conn.close()
    assert current() is None


def test_the_job_of_celery_is_named(engine: Pool) -> None:
    celery = import_or_skip("celery", "celery")
    app = celery.Celery("shop", set_as_current=False)

    @app.task(name="shop.browse")  # type: ignore[untyped-decorator]
    def job() -> str:
        kept.extend(program.browse(engine.take))
        return str(watching.holders()[0].who)

    kept: list[Any] = []
    with watch(engine.target) as watching:
        assert "task shop.browse[" in job.apply().get()
        kept.pop().close()


def test_cancelled_requests_of_good_times_are_no_news(postgres_dsn: str) -> None:
    pool = ON_POSTGRES["asyncpg"](postgres_dsn)
    assert pool.loop is not None

    async def request() -> None:
        async with pool.target.acquire() as conn:
            await conn.fetchval("select 1")

    async def traffic() -> None:
        for _ in range(20):
            requests = [asyncio.create_task(request()) for _ in range(3 * SIZE)]
            await asyncio.sleep(0)
            for each in requests[::3]:
                each.cancel()
            await asyncio.gather(*requests, return_exceptions=True)

    with watch(pool.target) as watching:
        pool.loop.run_until_complete(traffic())
        assert (watching.holders(), watching.seen, watching.incidents.counts) == ([], {}, {})
        assert watching.taken >= 20 * 2 * SIZE
    pool.end()
    pool.loop.close()


def test_a_greenlet_has_the_callers_of_its_own(engine: Pool) -> None:
    greenlet = import_or_skip("greenlet", "greenlet")
    with watch(engine.target, depth=30) as watching:
        kept = greenlet.greenlet(lambda: program.browse(engine.take)).switch()
        (holding,) = watching.holdings()
        functions = [frame.function.rpartition(".")[2] for frame in holding.stack]
        assert [name for name in functions if name != "<listcomp>"] == ["get_db_connection", "browse", "<lambda>"]
        kept[0].close()


def test_callers_of_an_asynchronous_engine_are_there_once(postgres_dsn: str) -> None:
    pool = ON_POSTGRES["async engine"](postgres_dsn)
    with watch(pool.target, depth=30) as watching:
        kept = pool.run(program_async.browse(pool.take))
        (holding,) = watching.holdings()
        functions = [frame.function for frame in holding.stack]
        assert functions.count("browse") == functions.count("get_db_connection") == 1
        pool.run(kept[0].close())
    pool.run(pool.end())
    assert pool.loop is not None
    pool.loop.close()


def test_what_was_seen_is_written_for_check(engine: Pool, tmp_path: Path) -> None:
    with watch(engine.target) as watching:
        kept = [*program.order(engine.take), *program.browse(engine.take), *program.pay(engine.take)]
        with pytest.raises(Exception):  # noqa: B017
            engine.target.connect()
        for conn in kept:
            conn.close()
        watching.dump(tmp_path / "holders.json")
    found = json.loads((tmp_path / "holders.json").read_text())["holders"]
    assert sum(each["times"] for each in found) == SIZE
    assert {each["function"] for each in found} == {"order", "browse", "pay"}
    assert {each["file"] for each in found} == {program.__file__}


def test_64_threads_lose_count_of_nothing(postgres_dsn: str) -> None:
    pool = ON_POSTGRES["psycopg2"](postgres_dsn)
    pool.target.minconn = pool.target.maxconn = 64
    with watch(pool.target) as watching:

        def work() -> None:
            for _ in range(200):
                pool.target.putconn(pool.target.getconn())

        first = pool.target.getconn()
        pool.target.putconn(first)
        run_together([work] * 64)
        assert (watching.taken, watching.holders()) == (64 * 200 + 1, [])
    pool.end()


def test_a_sample_has_every_place_once_half_of_the_pool_is_out(engine: Pool) -> None:
    with watch(engine.target, sample=100) as watching:
        kept = [conn for job in (program.browse, program.order, program.pay) for conn in job(engine.take)]
        assert {line.caller.function: line.count for line in watching.holders()} == {
            "browse": 1,
            "unknown": 1,
            "order": 1,
            "pay": 1,
        }
        for conn in kept:
            conn.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_in_the_child_of_a_fork_what_the_parent_holds_is_not_held(engine: Pool) -> None:
    with watch(engine.target) as watching:
        kept = program.browse(engine.take)
        child = os.fork()
        if not child:
            os._exit(len(watching.holders()))
        assert os.waitpid(child, 0)[1] == 0
        assert len(watching.holders()) == 1
        kept[0].close()


@pytest.mark.parametrize("target", [object(), None, "postgresql://"])
def test_what_cannot_be_watched_is_refused_with_what_can(target: object) -> None:
    with pytest.raises(SettingsError, match="is nothing that can be watched; known: a SQLAlchemy engine"):
        watch(target)
