"""What a lent connection is to code that does unusual things: mocks, deleted attributes, its driver's own object."""

from __future__ import annotations

import math
from typing import Any
from unittest.mock import MagicMock, Mock

import pytest

from putback.pool import ASYNCPG, InterfaceError, ReferencePool, Settings, SettingsError
from putback.pool.driver import UNKNOWN, condition


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
