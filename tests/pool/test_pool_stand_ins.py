"""What a lent connection is to code that does unusual things: mocks, deleted attributes, its driver's own object."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any
from unittest.mock import MagicMock, Mock

import pytest
from libraries import import_or_skip

from putback.pool import InterfaceError, ReferencePool, Settings, SettingsError
from putback.pool.driver import UNKNOWN, condition
from putback.pool.testing import ASYNCPG, PSYCOPG2, PSYCOPG_POOL, SQLALCHEMY, Profile


class Roomy:
    """A connection with room for attributes."""

    closed = False

    def rollback(self) -> None: ...

    def close(self) -> None:
        self.closed = True


def test_an_attribute_is_set_and_deleted_on_the_drivers_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = ReferencePool(1, 1, Roomy)
    conn = pool.getconn()
    conn.note = "mine"
    assert vars(conn.driver_connection)["note"] == "mine"
    del conn.note
    assert "note" not in vars(conn.driver_connection)
    with monkeypatch.context() as patched:
        patched.setattr(conn, "rollback", lambda: None)
        assert "rollback" in vars(conn.driver_connection)
    pool.putconn(conn)
    with pytest.raises(InterfaceError):
        del conn.note


@pytest.mark.parametrize("double", [Mock, MagicMock])
def test_a_mock_in_place_of_a_connection_is_open_and_lent_again(double: type[Any]) -> None:
    raw = double()
    assert condition(raw) is UNKNOWN
    pool = ReferencePool(1, 1, lambda: raw)
    pool.putconn(pool.getconn())
    conn = pool.getconn()
    assert conn.driver_connection is raw
    assert (raw.rollback.call_count, raw.close.call_count) == (1, 0)


def test_overflow_without_a_limit_is_closed_when_it_comes_back() -> None:
    pool = ReferencePool(0, 2, Roomy, settings=Settings(overflow=None, timeout=0))
    lent = [pool.getconn() for _ in range(7)]
    assert (pool.stats().total, pool.stats().overflow, pool.stats().capacity) == (7, 5, None)
    for conn in lent:
        pool.putconn(conn)
    assert pool.stats().available == 0, "psycopg2 keeps the minimum"
    with pytest.raises(SettingsError, match="must be 0 or more"):
        Settings(overflow=-1)


def test_what_only_lends_proxies_takes_back_nothing_else() -> None:
    pool = ReferencePool(1, 1, Roomy, profile=ASYNCPG, settings=Settings(timeout=math.inf))
    conn = pool.getconn()
    with pytest.raises(InterfaceError, match="is not a member of this pool"):
        pool.putconn(conn.driver_connection)
    assert pool.stats().in_use == 1
    pool.putconn(conn)
    bare = ReferencePool(1, 1, Roomy, profile=ASYNCPG, settings=Settings(bare=True))
    bare.putconn(bare.getconn())
    assert bare.stats().in_use == 0


def test_a_lent_connection_says_in_its_repr_that_it_was_given_back() -> None:
    pool = ReferencePool(1, 1, Roomy)
    conn = pool.getconn()
    assert "[released]" not in repr(conn)
    assert repr(conn.driver_connection) in repr(conn)
    pool.putconn(conn)
    assert "[released]" in repr(conn)


@pytest.mark.parametrize("profile", [PSYCOPG2, PSYCOPG_POOL])
def test_an_engine_that_would_lose_every_slot_is_refused_with_what_works(profile: Profile) -> None:
    library = import_or_skip("sqlalchemy", "sqlalchemy")
    pool = ReferencePool(1, 2, profile=profile)
    for poolclass in (library.NullPool, library.QueuePool):
        engine = library.create_engine("sqlite://", creator=pool.getconn, poolclass=poolclass)
        with pytest.raises(SettingsError, match=r"Use profile=SQLALCHEMY with .*NullPool"):
            engine.connect()
    pool.putconn(pool.getconn())
    assert (pool.stats().total, pool.stats().in_use) == (1, 0)


@pytest.mark.parametrize("url", ["sqlite://", "postgresql+psycopg://"])
def test_an_engine_over_the_pool_gives_back_what_it_closes(url: str, request: pytest.FixtureRequest) -> None:
    library = import_or_skip("sqlalchemy", "sqlalchemy")
    connect = None
    if url != "sqlite://":
        dsn = request.getfixturevalue("postgres_dsn")
        driver = import_or_skip("psycopg", "psycopg")
        connect = lambda: driver.connect(dsn)  # noqa: E731
    pool = ReferencePool(1, 2, connect, profile=SQLALCHEMY, settings=Settings(timeout=0))
    engine = library.create_engine(url, creator=pool.getconn, poolclass=library.NullPool)
    for _ in range(5):
        with engine.begin() as conn:
            assert conn.execute(library.text("select 1")).scalar() == 1
        assert pool.stats().in_use == 0
    with engine.connect(), engine.connect():
        assert pool.stats().in_use == 2
        with pytest.raises(library.exc.TimeoutError):
            engine.connect()
    assert (pool.stats().in_use, pool.stats().available) == (0, 2)
    engine.dispose()
    pool.closeall()


def test_an_engine_with_psycopg2_is_refused_with_what_works(postgres_dsn: str) -> None:
    library = import_or_skip("sqlalchemy", "sqlalchemy")
    driver = import_or_skip("psycopg2", "psycopg2")
    pool = ReferencePool(1, 2, lambda: driver.connect(postgres_dsn), profile=SQLALCHEMY)
    engine = library.create_engine("postgresql+psycopg2://", creator=pool.getconn, poolclass=library.NullPool)
    with pytest.raises(SettingsError, match=r"use postgresql.psycopg with creator="):
        engine.connect()
    pool.closeall()


def test_helpers_of_psycopg2_work_on_a_lent_connection_or_on_the_drivers_own(postgres_dsn: str) -> None:
    driver = import_or_skip("psycopg2", "psycopg2")
    extras = import_or_skip("psycopg2.extras", "psycopg2")
    sql = import_or_skip("psycopg2.sql", "psycopg2")
    extensions = import_or_skip("psycopg2.extensions", "psycopg2")
    pool = ReferencePool(1, 1, lambda: driver.connect(postgres_dsn))
    conn = pool.getconn()
    for factory in (extras.DictCursor, extras.RealDictCursor, extras.NamedTupleCursor, extras.LoggingCursor):
        assert isinstance(conn.cursor(cursor_factory=factory), factory)
    cursor = conn.cursor()
    extras.execute_values(cursor, "insert into item values %s", [(1,), (2,)])
    extras.execute_batch(cursor, "insert into item values (%s)", [(3,)])
    cursor.execute(sql.SQL("select {} from {}").format(sql.Literal(1), sql.Identifier("item")))
    assert sql.Identifier("a").as_string(cursor) == '"a"'
    extras.wait_select(conn)
    assert isinstance(conn, extensions.connection)
    helpers: list[Callable[[Any], Any]] = [
        lambda it: sql.Identifier("a").as_string(it),
        lambda it: sql.Literal("x").as_string(it),
        lambda it: extensions.quote_ident("a", it),
        lambda it: extras.register_uuid(conn_or_curs=it),
        lambda it: extras.register_inet(conn_or_curs=it),
        lambda it: extras.register_default_json(it),
        lambda it: extras.register_default_jsonb(it),
        lambda it: extras.register_composite("item", it),
        lambda it: extras.register_range("int4range", "Numbers", it),
        lambda it: extensions.register_type(extensions.UNICODE, it),
        lambda it: extensions.adapt("x").prepare(it),
        lambda it: extensions.cursor(it),
    ]
    for helper in helpers:
        with pytest.raises(TypeError, match="connection"):
            helper(conn)
        helper(conn.driver_connection)
    pool.putconn(conn)
    with pytest.raises(InterfaceError):
        _ = conn.driver_connection


def test_helpers_of_psycopg_work_on_a_lent_connection(postgres_dsn: str) -> None:
    driver = import_or_skip("psycopg", "psycopg")
    sql = import_or_skip("psycopg.sql", "psycopg")
    types = import_or_skip("psycopg.types", "psycopg")
    pool = ReferencePool(1, 1, lambda: driver.connect(postgres_dsn), profile=PSYCOPG_POOL)
    with pool.connection() as conn:
        assert sql.Literal("x").as_string(conn) == "'x'"
        types.TypeInfo.fetch(conn, "item").register(conn)
        assert driver.ClientCursor(conn).mogrify("select %s", (1,)) == "select 1"
        with conn.transaction(), conn.pipeline():
            conn.execute("select 1")
    pool.closeall()
