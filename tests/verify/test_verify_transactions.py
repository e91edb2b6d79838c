"""What a rollback gives up, what a savepoint keeps, and what a failed commit leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from roles_by_hand import case, proof

from putback.pipeline.verify import about_rule
from putback.verify import verify_here
from putback.verify.roles import Bounds
from putback.verify.verdict import Proof, Verdict

POOLED = """
def f(shop):
    conn = pool.getconn()
    try:
        cur = conn.cursor()
        {body}
        conn.commit()
    finally:
        pool.putconn(conn)
"""
SAVEPOINT = """
        cur.execute("insert into orders values (1)")
        try:
            cur.execute("savepoint one")
            cur.execute("insert into audit values (1)")
            cur.execute("release savepoint one")
        except Exception:
            {handler}
            print("not written")
"""


def pooled(handler: str) -> str:
    return POOLED.format(body=SAVEPOINT.format(handler=handler).strip())


def about(before: str, after: str, *handlers: int) -> Proof:
    found = replace(case(before, after), about=(about_rule("PB201"),), handlers=frozenset(handlers))
    return verify_here(found, Bounds(seconds=60.0), clock=lambda: 0.0)


def test_rolling_back_to_a_savepoint_mends_the_transaction() -> None:
    swallowed = verify_here(
        replace(case(pooled("pass")), about=(about_rule("PB201"),)), Bounds(seconds=60.0), clock=lambda: 0.0
    )
    assert swallowed.verdict is Verdict.BROKEN
    returned = pooled('cur.execute("rollback to savepoint one")')
    assert proof(returned).verdict is Verdict.CLEAN


def test_a_rollback_takes_the_savepoint_with_it() -> None:
    kept = 'cur.execute("rollback to savepoint one")'
    found = about(pooled(kept), pooled(f"conn.rollback()\n            {kept}"))
    assert found.verdict is Verdict.REJECTED


def test_a_savepoint_object_keeps_what_was_written_before() -> None:
    body = """
def f(shop):
    with SessionLocal() as db:
        db.execute("insert into orders values (1)")
        try:
            with db.begin_nested():
                db.execute("insert into audit values (1)")
        except Exception:
            {handler}
        db.commit()
"""
    found = about(body.format(handler="pass"), body.format(handler="db.rollback()"))
    assert found.verdict is Verdict.REJECTED
    assert found.reason == "committed before: s1.execute('insert into orders values (1)'); after: nothing else"


@pytest.mark.parametrize("handler, is_accepted", [("db.rollback()", True), ("print('again')", False)])
def test_a_session_takes_nothing_after_a_failed_commit_but_a_rollback(handler: str, is_accepted: bool) -> None:
    body = """
def f(order):
    with SessionLocal() as db:
        order.state = 1
        try:
            db.commit()
        except Exception:
            {handler}
            db.execute("update orders set state = 2")
            db.commit()
"""
    found = about(body.format(handler="pass"), body.format(handler=handler))
    assert found.verdict.is_accepted == is_accepted


WITHIN = """
def f(shop):
    conn = pool.getconn()
    try:
        conn.cursor().execute("update a set n = 1")
    except Exception as error:
        {outer}
        try:
            raise KeyError("names")
        except KeyError:
            print("no names")
    finally:
        pool.putconn(conn)
"""


GUARDED = "with suppress(Error):\n            conn.rollback()"


def test_a_rollback_on_a_lost_connection_must_not_replace_the_answer() -> None:
    found = about(WITHIN.format(outer="pass"), WITHIN.format(outer="conn.rollback()"), 5)
    assert found.verdict is Verdict.REJECTED
    assert "when the connection is lost" in found.reason


def test_a_rollback_may_replace_the_answer_where_the_fix_says_so() -> None:
    made = case(WITHIN.format(outer="pass"), WITHIN.format(outer="conn.rollback()"))
    made = replace(made, about=(about_rule("PB201"),), handlers=frozenset((5,)), rolls_back_plainly=True)
    found = verify_here(made, Bounds(seconds=60.0), clock=lambda: 0.0)
    assert found.verdict is Verdict.BOUNDED
    assert found.reason.endswith("the rollback raises in place of the handler's answer, as the style has it")


def test_a_handler_in_the_handler_for_another_error_does_not_take_its_place() -> None:
    found = about(WITHIN.format(outer="pass"), WITHIN.format(outer=GUARDED), 5)
    assert found.verdict is Verdict.PROVED, found.reason


TWO = """
def f(shop):
    conn = pool.getconn()
    try:
        cur = conn.cursor()
        try:
            cur.execute("update a set n = 1")
        except Exception:
            {first}
        cur.execute("update b set n = 1")
        conn.commit()
        try:
            cur.execute("update c set n = 1")
        except Exception:
            {second}
        cur.execute("update d set n = 1")
        conn.commit()
    finally:
        pool.putconn(conn)
"""


def test_a_fix_of_one_handler_is_judged_by_that_handler() -> None:
    before = TWO.format(first="pass", second="pass")
    after = TWO.format(first="pass", second="conn.rollback()")
    assert about(before, after).verdict is Verdict.REJECTED
    found = about(before, after, 13)
    assert found.verdict is Verdict.PROVED
    assert found.reason.endswith("not part of this fix: used after a failed statement without rollback")
    assert about(before, after, 7).verdict is Verdict.REJECTED


def test_what_is_closed_wrongly_in_an_endless_loop_is_lost() -> None:
    source = """
def f(shop):
    while True:
        conn = pool.getconn()
        conn.cursor().execute("select 1 from shop")
        conn.close()
"""
    found = proof(source)
    assert found.verdict is Verdict.LEAKS
    assert found.leak is not None and found.leak.broken == "pooled connection closed"


def test_new_code_that_never_runs_is_no_proof() -> None:
    leaky = "def f():\n    conn = pool.getconn()\n    ready = 1\n    pool.putconn(conn)\n    ship()\n"
    before = leaky.replace("ready = 1", "conn.cursor()")
    after = """
def f():
    conn = pool.getconn()
    try:
        conn.cursor()
    finally:
        pool.putconn(conn)
        if False:
            lose(conn)
    ship()
"""
    found = proof(before, after)
    assert found.verdict is Verdict.TESTED
    assert found.reason == "row 8 of the fixed version is never reached"
