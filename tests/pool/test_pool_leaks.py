"""Connections that are held too long, forgotten or lost are reported with where they were taken."""

from __future__ import annotations

import gc
import logging
import threading
from typing import Any

import pytest

from putback.pool import Incident, Kind, PoolError, ReferencePool, Settings
from putback.pool.testing import ManualClock


def test_a_connection_held_too_long_is_reported_once_with_where_and_by_whom(caplog: Any) -> None:
    clock = ManualClock()
    heard: list[Incident] = []
    pool = ReferencePool(0, 3, settings=Settings(leak_threshold=30), clock=clock, on_incident=heard.append)
    conn = pool.getconn()
    clock.advance(29)
    pool.putconn(pool.getconn())
    assert heard == []
    clock.advance(2)
    with caplog.at_level(logging.INFO, logger="putback.pool"):
        pool.putconn(pool.getconn())  # any use of the pool notices
        pool.check_leaks()
        clock.advance(10)
        pool.putconn(conn)
    assert [incident.kind for incident in heard] == [Kind.HELD_TOO_LONG, Kind.RETURNED_AFTER_ALL]
    assert "is held for 31.0 s by thread MainThread (the threshold is 30 s)" in heard[0].text
    assert heard[0].stack[0].function == "test_a_connection_held_too_long_is_reported_once_with_where_and_by_whom"
    assert "after all, after 41.0 s" in heard[1].text
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_second_connection_held_too_long_is_reported_too() -> None:
    clock = ManualClock()
    pool = ReferencePool(0, 3, settings=Settings(leak_threshold=30), clock=clock)
    held = [pool.getconn()]
    clock.advance(20)
    held.append(pool.getconn())
    clock.advance(11)
    pool.check_leaks()
    clock.advance(20)
    pool.check_leaks()
    assert pool.incidents.counts == {Kind.HELD_TOO_LONG: 2}
    assert pool.stats().suspected == 2
    assert [suspect.age for suspect in pool.suspects(age=30)] == [51, 31]


@pytest.mark.parametrize(("reclaim", "in_use"), [(False, 1), (True, 0)])
def test_a_garbage_collected_connection_is_reported_with_its_stack(reclaim: bool, in_use: int) -> None:
    pool = ReferencePool(1, 1, settings=Settings(reclaim=reclaim))

    def careless() -> None:
        pool.getconn().execute("create table item (n int)")

    careless()
    gc.collect()
    assert (pool.stats().in_use, pool.stats().leaked) == (in_use, in_use)
    incident = pool.incidents.recent[0]
    assert incident.kind is Kind.COLLECTED
    assert incident.stack[0].function.endswith("careless")


def test_a_thread_that_ended_with_a_connection_is_named() -> None:
    pool = ReferencePool(0, 1)
    kept: list[Any] = []
    thread = threading.Thread(target=lambda: kept.append(pool.getconn()), name="import-job")
    thread.start()
    thread.join()
    assert pool.suspects()[0].holder == "thread import-job, which has ended"


def test_an_exhausted_pool_says_who_holds_what() -> None:
    pool = ReferencePool(0, 2)
    held = [pool.getconn() for _ in range(2)]
    with pytest.raises(PoolError) as refused:
        pool.getconn()
    text = pool.incidents.recent[0].text
    assert refused.value.__notes__ == [text], "the error carries what the log has, as that of a pool that is watched"
    assert text.startswith(f"pool {pool.name}: 2 of 2 connections are out\n")
    assert f"2 x {__file__}" in text
    assert "in test_an_exhausted_pool_says_who_holds_what; the oldest for" in text
    assert list(pool.stats().sites.values()) == [len(held)]


def test_the_note_names_the_caller_of_a_wrapper_as_that_of_a_watched_pool_does() -> None:
    pool = ReferencePool(0, 1)

    def get_db() -> Any:
        return pool.getconn()

    held = get_db()
    with pytest.raises(PoolError) as refused:
        pool.getconn()
    (note,) = refused.value.__notes__
    assert "in test_the_note_names_the_caller_of_a_wrapper" in note.splitlines()[1].partition(", through ")[0]
    assert "get_db; the oldest for" in note
    pool.putconn(held)


def test_stacks_are_as_deep_as_asked() -> None:
    pool = ReferencePool(0, 3, settings=Settings(stack_depth=2))
    conn = pool.getconn()
    assert len(pool.suspects()[0].stack) == 2
    pool.putconn(conn)
    none = ReferencePool(0, 3, settings=Settings(stack_depth=0))
    conn = none.getconn()
    assert none.stats().sites == {"unknown": 1}
