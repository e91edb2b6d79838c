"""Right fixes that were refused, and why a verdict is what it is now."""

from __future__ import annotations

import textwrap
from dataclasses import replace

from roles_by_hand import ROLES, case, proof, version

from putback.model.lifecycle import On
from putback.pipeline.verify import about_rule
from putback.verify import verify_here
from putback.verify.choices import Sort
from putback.verify.roles import Acquire, Bounds, Case, Parameter
from putback.verify.verdict import Verdict

TWO = """
def f(shop):
    conn = pool.getconn()
    conn.cursor().execute("select 1 from shops")
    pool.putconn(conn)
    other = pool.getconn()
    other.cursor().execute("select 2 from shops")
    pool.putconn(other)
"""
ONE_MENDED = """
def f(shop):
    conn = pool.getconn()
    try:
        conn.cursor().execute("select 1 from shops")
    finally:
        pool.putconn(conn)
    other = pool.getconn()
    other.cursor().execute("select 2 from shops")
    pool.putconn(other)
"""


def test_of_two_equal_acquires_one_may_be_mended() -> None:
    first, second = 2, 5
    pair = Case(
        version(TWO), version(ONE_MENDED), about=(about_rule("PB102")._replace(acquire="pool.getconn", row=first),)
    )
    found = verify_here(pair, Bounds(seconds=60.0))
    assert found.verdict is Verdict.PROVED
    assert found.reason.endswith("not part of this fix: leak")
    other = Case(
        version(TWO), version(ONE_MENDED), about=(about_rule("PB102")._replace(acquire="pool.getconn", row=second),)
    )
    assert verify_here(other, Bounds(seconds=60.0)).verdict is Verdict.REJECTED


def test_what_is_made_of_the_rows_does_not_own_the_connection() -> None:
    leaky = """
        def f(shop):
            conn = pool.getconn()
            return Response(json.dumps(rows_of(conn)), status=200)
        """
    fixed = """
        def f(shop):
            conn = pool.getconn()
            try:
                return Response(json.dumps(rows_of(conn)), status=200)
            finally:
                pool.putconn(conn)
        """
    assert proof(leaky, fixed).verdict is Verdict.PROVED


def test_what_is_made_of_the_connection_may_own_it() -> None:
    named = ("Shop(connection=conn)", "repository(conn)")
    for kept in ("Shop(conn)", *named, "Shop(Reader(conn), 1)", "(Shop(1, conn), 2)"):
        leak = proof(f"def f():\n    conn = pool.getconn()\n    return {kept}\n").leak
        assert leak is not None
        assert [choice.sort for choice in leak.schedule] == [Sort.FAULT], "only a class that fails keeps nothing"


def test_what_is_made_of_it_by_others_does_not_own_it_in_capitals_or_not() -> None:
    for read in ("Rows(conn)", "rows(conn)", "Shop(conn).rows()", "Shop(rows(conn))"):
        leak = proof(f"def f():\n    conn = pool.getconn()\n    return {read}\n").leak
        assert leak is not None
        assert not leak.schedule, "it leaks even when nothing fails"


def test_a_leak_that_needs_a_failing_rollback() -> None:
    leaky = """
        def f(shop):
            conn = pool.getconn()
            try:
                conn.cursor().execute("select 1 from shops")
            except BaseException:
                conn.rollback()
                pool.putconn(conn)
                raise
            pool.putconn(conn)
        """
    fixed = """
        def f(shop):
            conn = pool.getconn()
            try:
                conn.cursor().execute("select 1 from shops")
            except BaseException:
                conn.rollback()
                raise
            finally:
                pool.putconn(conn)
        """
    found = proof(leaky, fixed, Bounds(faults=2, seconds=60.0))
    assert found.verdict is Verdict.PROVED
    assert "2 faults of level 2" in found.reason


def test_a_parameter_may_fail_whatever_its_name() -> None:
    leaky = "def f(log):\n    conn = pool.getconn()\n    log(1)\n    pool.putconn(conn)\n"
    fixed = """
        def f(log):
            conn = pool.getconn()
            try:
                log(1)
            finally:
                pool.putconn(conn)
        """
    assert proof(leaky, fixed).verdict is Verdict.PROVED
    bare = leaky.replace("f(log)", "f()")
    told = replace(ROLES, logs=frozenset({"log"}))
    assert proof(bare).verdict is Verdict.LEAKS
    assert verify_here(case(bare, roles=told), Bounds(seconds=60.0)).verdict is Verdict.CLEAN


def test_a_pooled_connection_that_is_closed_for_good() -> None:
    closed = """
        async def f(self):
            conn = await self.pool.acquire()
            try:
                await conn.execute("select 1 from shops")
            finally:
                await conn.close()
        """
    mended = textwrap.dedent(closed).replace("conn.close()", "self.pool.release(conn)")
    found = verify_here(
        Case(version(closed), version(mended), about=(about_rule("PB104")._replace(acquire="self.pool.acquire"),)),
        Bounds(seconds=60.0),
    )
    assert found.verdict is Verdict.PROVED
    assert found.leak is not None
    assert found.leak.broken == "pooled connection destroyed"
    back = Case(version(mended), version(closed), about=(about_rule("PB102")._replace(acquire="self.pool.acquire"),))
    assert not verify_here(back, Bounds(seconds=60.0)).verdict.is_accepted


def test_too_many_runs_are_looked_at_with_one_item() -> None:
    loops = "".join(f"    for order in shop.orders{n}:\n        ship(order)\n" for n in range(8))
    leaky = f"def f(shop):\n    conn = pool.getconn()\n{loops}    pool.putconn(conn)\n"
    inside = textwrap.indent(loops, "    ")
    fixed = f"def f(shop):\n    conn = pool.getconn()\n    try:\n{inside}    finally:\n        pool.putconn(conn)\n"
    found = proof(leaky, fixed, Bounds(schedules=20, seconds=60.0))
    assert found.verdict is Verdict.BOUNDED
    assert "at most one item" in found.reason


def test_what_a_function_that_is_registered_gives_back_is_handed_on() -> None:
    later = """
        def f(app):
            conn = pool.getconn()

            @app.teardown
            def finish(error):
                pool.putconn(conn)
        """
    early = """
        def f(app):
            conn = pool.getconn()
            try:

                @app.teardown
                def finish(error):
                    pool.putconn(conn)
            finally:
                pool.putconn(conn)
        """
    assert proof(later).verdict is Verdict.CLEAN
    assert not proof(later, early).verdict.is_accepted


def test_what_a_function_that_is_registered_only_uses_is_not() -> None:
    used = """
        def f(app):
            conn = pool.getconn()

            @app.get("/")
            def show():
                return conn.cursor().execute("select 1 from shops")
        """
    assert proof(used).verdict is Verdict.LEAKS


def test_an_object_whose_class_gives_back_owns() -> None:
    kept = """
        def f():
            conn = pool.getconn()

            class Closing:
                def close(self):
                    pool.putconn(conn)

            return Closing(){release}
        """
    assert proof(kept.format(release="")).verdict is Verdict.CLEAN


def test_a_partial_gives_nothing_back_by_itself() -> None:
    lazy = """
        from functools import partial

        def f(shop):
            conn = pool.getconn()
            try:
                conn.cursor().execute("select 1 from shops")
            finally:
                partial(pool.putconn, conn)
        """
    assert proof(lazy).verdict is Verdict.LEAKS
    assert proof(lazy.replace("conn)\n        ", "conn)()\n        ")).verdict is Verdict.CLEAN
    assert ROLES.passes


def test_a_context_manager_of_an_object_is_not_called_on_its_class() -> None:
    leaky = """
        def f(shop):
            conn = get_db_connection()
            conn.cursor().execute("select 1 from shops")
            release_db_connection(conn)
        """
    fixed = """
        def f(shop):
            with Store.connection() as conn:
                conn.cursor().execute("select 1 from shops")
        """
    lending = Acquire("Store.connection", "psycopg2.pooled", (On.ENTER,), lends="get_db_connection")
    roles = replace(ROLES, acquires=(*ROLES.acquires, lending))
    of_objects = replace(roles, signatures={"Store.connection": (Parameter("self", "", True),)})
    assert verify_here(case(leaky, fixed, roles), Bounds(seconds=60.0)).verdict is Verdict.PROVED
    assert verify_here(case(leaky, fixed, of_objects), Bounds(seconds=60.0)).verdict is Verdict.REJECTED


def test_which_assertion_fails_is_seen_where_one_must() -> None:
    """To the model, what a view says of itself stays as it was: the second assertion of these fails in every run."""
    leaky = """
        def f(view, log):
            conn = pool.getconn()
            assert not view.shown
            view.show(conn.cursor())
            assert view.shown
            pool.putconn(conn)
        """
    fixed = """
        def f(view, log):
            conn = pool.getconn()
            try:
                assert not view.shown
                view.show(conn.cursor())
                assert view.shown
            finally:
                pool.putconn(conn)
        """
    assert proof(leaky, fixed).verdict is Verdict.TESTED
    asks_more = fixed.replace("view.show(conn", "assert log\n                view.show(conn")
    behind = fixed.replace("assert view.shown", "assert log\n                assert view.shown")
    for wrong in (asks_more, behind, fixed.replace("assert not view.shown", "pass")):
        assert proof(leaky, wrong).verdict is Verdict.REJECTED


def test_what_is_read_of_a_closed_connection() -> None:
    leaky = """
        def f(shop):
            conn = sqlite3.connect("shop.db")
            shop.tell(conn.info.version)
        """
    fixed = """
        def f(shop):
            conn = sqlite3.connect("shop.db")
            try:
                shop.tell(conn.info.version)
            finally:
                conn.close()
        """
    assert proof(leaky, fixed).verdict is Verdict.PROVED
    assert (
        proof(leaky, fixed.replace("shop.tell(", "conn.close()\n                shop.tell(")).verdict
        is Verdict.REJECTED
    )


def test_what_is_read_of_a_closed_connection_already() -> None:
    leaky = """
        def f(shop):
            conn = sqlite3.connect("shop.db")
            conn.execute("select 1 from shops")
            conn.close()
            shop.tell(conn.total_changes)
        """
    fixed = """
        def f(shop):
            conn = sqlite3.connect("shop.db")
            try:
                conn.execute("select 1 from shops")
            finally:
                conn.close()
            shop.tell(conn.total_changes)
        """
    about = (about_rule("PB102"),)
    found = verify_here(Case(version(leaky), version(fixed), about=about), Bounds(seconds=60.0))
    assert found.verdict is Verdict.PROVED
    assert found.reason.endswith("not part of this fix: used after release")


def test_an_end_that_no_run_comes_to_hides_a_leak() -> None:
    leaky = """
        def f(shop):
            conn = pool.getconn()
            with shop.expects(ZeroDivisionError):
                conn.cursor().execute("select 1 from shops")
                1 / 0
            shop.check(conn)
        """
    on_errors = """
        def f(shop):
            conn = pool.getconn()
            try:
                with shop.expects(ZeroDivisionError):
                    conn.cursor().execute("select 1 from shops")
                    1 / 0
                shop.check(conn)
            except BaseException:
                pool.putconn(conn)
                raise
        """
    found = proof(leaky, on_errors)
    assert found.verdict is Verdict.TESTED
    assert found.reason.endswith("is never reached")
