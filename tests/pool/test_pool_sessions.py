"""Sessions take and give back at the moments at which SQLAlchemy's do."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from putback.pool import PoolError, ReferencePool
from putback.pool.testing import PSYCOPG_POOL, SQLALCHEMY, Fault, FaultPlan, Operation
from putback.pool.testing.sessions import Session, scoped_session, sessionmaker


@pytest.fixture
def pool() -> ReferencePool:
    pool = ReferencePool(1, 1, profile=SQLALCHEMY)
    with pool.connection() as conn:
        conn.execute("create table item (n int)")
        conn.commit()
    return pool


def lent(pool: ReferencePool) -> int:
    return pool.stats().in_use


def test_no_connection_until_the_first_statement(pool: ReferencePool) -> None:
    db = sessionmaker(pool)()
    db.add("insert into item values (?)", (1,))
    assert lent(pool) == 0
    db.execute("select 1")
    assert lent(pool) == 1
    db.close()
    assert lent(pool) == 0


@pytest.mark.parametrize("end", ["commit", "rollback", "close"])
def test_the_end_of_a_transaction_gives_back(pool: ReferencePool, end: str) -> None:
    db = sessionmaker(pool)()
    db.execute("insert into item values (1)")
    getattr(db, end)()
    assert lent(pool) == 0
    assert db.scalar("select count(*) from item") == (1 if end == "commit" else 0)
    db.close()


def test_a_closed_session_that_is_used_again_takes_another_connection(pool: ReferencePool) -> None:
    db = sessionmaker(pool)()
    db.close()
    db.execute("select 1")
    assert lent(pool) == 1, "which is how sessions leak"
    db.close()


def test_with_closes_and_commits_nothing(pool: ReferencePool) -> None:
    with sessionmaker(pool)() as db:
        db.execute("insert into item values (1)")
    assert lent(pool) == 0
    assert sessionmaker(pool)().scalar("select count(*) from item") == 0


def test_begin_commits_or_rolls_back(pool: ReferencePool) -> None:
    factory = sessionmaker(pool)
    with factory.begin() as db:
        db.add("insert into item values (?)", (1,))
    with pytest.raises(ZeroDivisionError), factory.begin() as db:
        db.execute("insert into item values (2)")
        raise ZeroDivisionError
    db = factory()
    assert db.scalar("select sum(n) from item") == 1
    with pytest.raises(PoolError, match="A transaction is already begun on this Session"), db.begin():
        pass
    db.close()
    assert lent(pool) == 0


def test_a_failed_commit_keeps_the_connection_until_rollback() -> None:
    pool = ReferencePool(1, 1, profile=PSYCOPG_POOL, faults=FaultPlan([Fault(Operation.COMMIT)]))
    db = Session(pool)
    db.execute("create table item (n int)")
    with pytest.raises(PoolError):
        db.commit()
    assert lent(pool) == 1
    db.rollback()
    assert lent(pool) == 0


def test_a_failed_statement_keeps_the_connection_until_close(pool: ReferencePool) -> None:
    db = sessionmaker(pool)()
    with pytest.raises(sqlite3.OperationalError):
        db.execute("select * from nowhere")
    assert db.in_transaction()
    db.close()
    assert lent(pool) == 0


def test_each_thread_has_a_session_of_its_own_until_it_removes_it(pool: ReferencePool) -> None:
    session = scoped_session(sessionmaker(pool))
    seen = []
    thread = threading.Thread(target=lambda: seen.append(session()))
    thread.start()
    thread.join()
    assert session() is session()
    assert seen[0] is not session()
    before = session()
    session.execute("select 1")
    session.remove()
    session.remove()
    assert lent(pool) == 0
    assert session() is not before
