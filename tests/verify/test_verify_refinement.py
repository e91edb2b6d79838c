"""What counts as the same, and what a verdict may say."""

from __future__ import annotations

import json
import textwrap

import pytest
from roles_by_hand import ROLES, labels, proof

from putback.pipeline.verify import about_rule
from putback.verify import verify_here
from putback.verify.roles import About, Bounds, Case, Version
from putback.verify.verdict import Verdict, report

pytestmark = pytest.mark.slow

LINEAR = """
def f(shop):
    conn = pool.getconn()
    cur = conn.cursor()
    cur.execute("select 1")
    rows = cur.fetchall()
    pool.putconn(conn)
    return rows
"""


def test_proved_says_within_what() -> None:
    found = proof(
        LINEAR,
        """
        def f(shop):
            conn = pool.getconn()
            try:
                cur = conn.cursor()
                cur.execute("select 1")
                rows = cur.fetchall()
            finally:
                pool.putconn(conn)
            return rows
        """,
    )
    assert found.verdict is Verdict.PROVED
    assert (found.exhaustive, found.coverage, found.bound) == (True, 1.0, None)
    assert (found.leaked_before, found.leaked_after) == (3, 0)
    assert found.reason == (
        "5 runs, 3 of them mended; within one fault of level 1, two rounds of a loop, at most 2 items of what is "
        "iterated, one thread"
    )


def test_nothing_is_proved_of_a_function_that_does_not_leak() -> None:
    safe = "def f():\n    conn = pool.getconn()\n    pool.putconn(conn)\n"
    found = proof(safe, safe)
    assert (found.verdict, found.reason) == (
        Verdict.UNKNOWN,
        "no run of the original shows what is to be mended",
    )


def test_a_statement_out_of_reach_is_no_proof() -> None:
    leaky = "def f():\n    conn = pool.getconn()\n    if False:\n        ship()\n"
    fixed = "def f():\n    conn = pool.getconn()\n    if False:\n        ship()\n    pool.putconn(conn)\n"
    found = proof(leaky, fixed)
    assert found.title == "bounded(all)"
    assert found.reason.endswith("row 4 of the original is never reached")


def test_too_small_a_budget_is_said() -> None:
    fixed = LINEAR.replace("    cur = conn", "    # mended elsewhere\n    cur = conn")
    found = proof(LINEAR, fixed, Bounds(schedules=1, seconds=60.0))
    assert found.verdict in (Verdict.UNKNOWN, Verdict.TESTED)
    assert not found.verdict.is_accepted


def test_deviations_bound_a_large_space() -> None:
    branches = "".join(f"    if flag{n}:\n        ship({n})\n" for n in range(14))
    leaky = f"def f({', '.join(f'flag{n}' for n in range(14))}):\n    conn = pool.getconn()\n{branches}"
    inside = "".join(f"    {line}\n" for line in branches.splitlines())
    fixed = leaky.replace(branches, f"    try:\n{inside}    finally:\n        pool.putconn(conn)\n")
    found = proof(leaky, fixed, Bounds(schedules=1_500, seconds=60.0))
    assert found.title == "bounded(2)"
    assert not found.exhaustive


def test_a_release_before_the_last_use_is_rejected() -> None:
    leaky = """
        def f(shop):
            conn = pool.getconn()
            cur = conn.cursor()
            cur.execute("select 1")
            notify(shop)
            rows = cur.fetchall()
            pool.putconn(conn)
            return rows
        """
    fixed = """
        def f(shop):
            conn = pool.getconn()
            try:
                cur = conn.cursor()
                cur.execute("select 1")
            finally:
                pool.putconn(conn)
            notify(shop)
            rows = cur.fetchall()
            return rows
        """
    found = proof(leaky, fixed)
    assert found.verdict is Verdict.REJECTED
    assert found.counterexample is not None
    assert labels(found.counterexample.schedule) == []


def test_a_release_after_the_hand_over_is_rejected() -> None:
    leaky = """
        def f(self):
            conn = self.pool.getconn()
            conn.cursor().execute("set timezone to utc")
            self.conn = conn
        """
    fixed = """
        def f(self):
            conn = self.pool.getconn()
            try:
                conn.cursor().execute("set timezone to utc")
                self.conn = conn
            finally:
                self.pool.putconn(conn)
        """
    found = proof(leaky, fixed)
    assert found.verdict is Verdict.REJECTED
    assert found.reason == "a connection is released although it was handed on"


def test_a_new_failure_in_what_the_fix_adds_is_explored() -> None:
    fixed = """
        def f(shop):
            conn = pool.getconn()
            try:
                cur = conn.cursor()
                cur.execute("select 1")
                rows = cur.fetchall()
            except Exception:
                tidy_up(conn)
                pool.putconn(conn)
                raise
            pool.putconn(conn)
            return rows
        """
    assert proof(LINEAR, fixed).verdict is Verdict.REJECTED


def test_returning_becomes_yielding() -> None:
    returning = """
        def f():
            db = SessionLocal()
            try:
                return db
            finally:
                db.close()
        """
    yielding = returning.replace("return db", "yield db")
    assert proof(returning, yielding).verdict is Verdict.PROVED
    assert proof(returning, yielding.replace("yield db", "yield None")).verdict is Verdict.REJECTED


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("conn.close()", "pool.putconn(conn)"),
        ("pool.putconn(conn)\n        pool.putconn(conn)", "pool.putconn(conn)"),
    ],
    ids=["closed", "released twice"],
)
def test_defects_other_than_leaks_are_mended(before: str, after: str) -> None:
    leaky = f"def f():\n    conn = pool.getconn()\n    try:\n        ship()\n    finally:\n        {before}\n"
    assert proof(leaky, leaky.replace(before, after)).verdict is Verdict.PROVED


def test_a_rollback_first_mends_the_use_after_an_error() -> None:
    leaky = """
        def f():
            conn = pool.getconn()
            try:
                cur = conn.cursor()
                try:
                    cur.execute("insert into orders values (1)")
                except Exception:
                    cur.execute("insert into failures values (1)")
                conn.commit()
            finally:
                pool.putconn(conn)
        """
    fixed = leaky.replace("except Exception:\n", "except Exception:\n                    conn.rollback()\n")
    assert proof(leaky, fixed).verdict is Verdict.PROVED


def test_only_the_connection_of_the_fix_is_judged() -> None:
    leaky = """
        def f():
            conn = pool.getconn()
            other = sqlite3.connect("shop.db")
            ship()
        """
    fixed = """
        def f():
            conn = pool.getconn()
            try:
                other = sqlite3.connect("shop.db")
                ship()
            finally:
                pool.putconn(conn)
        """
    one = Case(
        Version(_dedented(leaky), "f", ROLES), Version(_dedented(fixed), "f", ROLES), about=(About("pool.getconn"),)
    )
    assert verify_here(one, Bounds(seconds=60.0)).verdict is Verdict.PROVED
    every = Case(one.before, one.after)
    assert verify_here(every, Bounds(seconds=60.0)).verdict is Verdict.REJECTED


def test_the_pool_fills_before_and_stays_empty_after() -> None:
    found = proof(LINEAR, LINEAR.replace("    cur = conn", "    cur = conn"))
    assert found.verdict is Verdict.REJECTED
    good = proof(
        LINEAR,
        """
        def f(shop):
            conn = pool.getconn()
            try:
                cur = conn.cursor()
                cur.execute("select 1")
                return cur.fetchall()
            finally:
                pool.putconn(conn)
        """,
    )
    picture = good.occupancy
    assert picture is not None
    assert len(picture.before) == len(picture.after) == 50
    assert max(picture.before) == picture.size and picture.refused_before > 0
    assert max(picture.after) == 0 and picture.refused_after == 0


def test_the_report_has_the_agreed_keys() -> None:
    found = report([proof(LINEAR)], Bounds())
    assert json.loads(json.dumps(found)) == found
    assert found["bounds"]["faults"] == 1
    assert list(found["functions"][0]) == [
        "path", "function", "code", "verdict", "reason", "schedules", "exhaustive", "coverage", "leaked_before",
        "leaked_after", "counterexample", "seconds", "given",
    ]  # fmt: skip


def _dedented(text: str) -> str:
    return textwrap.dedent(text)


def test_what_follows_a_long_loop_still_fails() -> None:
    leaky = """
        def f(order):
            for name in ["id", "shop", "price", "state"]:
                if name not in order:
                    return None
            conn = pool.getconn()
            conn.cursor().execute("select 1")
            pool.putconn(conn)
        """
    assert proof(leaky).verdict is Verdict.LEAKS


def test_a_fix_need_not_mend_what_its_rule_is_not_about() -> None:
    leaky = """
        def f():
            conn = pool.getconn()
            cur = conn.cursor()
            try:
                cur.execute("insert into orders values (1)")
            except Exception:
                cur.execute("insert into failures values (1)")
            pool.putconn(conn)
        """
    fixed = """
        def f():
            conn = pool.getconn()
            try:
                cur = conn.cursor()
                try:
                    cur.execute("insert into orders values (1)")
                except Exception:
                    cur.execute("insert into failures values (1)")
            finally:
                pool.putconn(conn)
        """
    every = Case(Version(_dedented(leaky), "f", ROLES), Version(_dedented(fixed), "f", ROLES))
    assert verify_here(every, Bounds(seconds=60.0)).verdict is Verdict.REJECTED
    found = verify_here(Case(every.before, every.after, about=(about_rule("PB102"),)), Bounds(seconds=60.0))
    assert found.verdict is Verdict.PROVED
    assert "not part of this fix: used after a failed statement without rollback" in found.reason


def test_a_manager_that_is_never_entered() -> None:
    leaky = "def f():\n    conn = pool.connection()\n    conn.execute('select 1')\n"
    fixed = "def f():\n    with pool.connection() as conn:\n        conn.execute('select 1')\n"
    assert proof(leaky).verdict is Verdict.BROKEN
    assert proof(leaky, fixed).verdict is Verdict.PROVED


def test_what_comes_after_long_loops_is_reached() -> None:
    leaky = """
        def f():
            conn = pool.getconn()
            cur = conn.cursor()
            for shop in range(1000):
                for n in range(5):
                    cur.execute("select 1")
            rows = cur.fetchall()
            pool.putconn(conn)
            return rows
        """
    half_way = """
        def f():
            conn = pool.getconn()
            try:
                cur = conn.cursor()
                for shop in range(1000):
                    for n in range(5):
                        cur.execute("select 1")
            finally:
                pool.putconn(conn)
            rows = cur.fetchall()
            return rows
        """
    assert proof(leaky).coverage == 1.0
    assert proof(leaky, half_way).verdict is Verdict.REJECTED


def test_a_fix_may_mend_more_than_its_rule_is_about() -> None:
    leaky = """
        def f():
            conn = pool.getconn()
            conn.cursor().execute("select 1")
            try:
                pool.putconn(conn)
                ship()
            except Exception:
                pool.putconn(conn)
        """
    fixed = """
        def f():
            conn = pool.getconn()
            try:
                conn.cursor().execute("select 1")
            except BaseException:
                pool.putconn(conn)
                raise
            pool.putconn(conn)
            try:
                ship()
            except Exception:
                pass
        """
    both = Case(
        Version(_dedented(leaky), "f", ROLES), Version(_dedented(fixed), "f", ROLES), about=(about_rule("PB102"),)
    )
    assert verify_here(both, Bounds(seconds=60.0)).verdict is Verdict.PROVED


SWALLOWED_IN_CLEAN_UP = """
def f(shop):
    {first}
    try:
        conn = pool.getconn()
        cur = conn.cursor()
        cur.execute("select 1 from shop")
    except Exception:
        return "sorry"
    finally:
        try:
            if cur:
                cur.close()
            {release}
        except Exception as error:
            print(error)
        {always}
"""


def test_an_unbound_name_in_a_clean_up_is_told_by_nobody_once_it_is_bound() -> None:
    before = SWALLOWED_IN_CLEAN_UP.format(first="", release="note()\n            pool.putconn(conn)", always="")
    bound = {"first": "conn = cur = None", "release": "note()"}
    after = SWALLOWED_IN_CLEAN_UP.format(**bound, always="if conn is not None:\n            pool.putconn(conn)")
    assert proof(before, after).verdict is Verdict.PROVED
    assert proof(before, SWALLOWED_IN_CLEAN_UP.format(**bound, always="")).verdict is Verdict.REJECTED


MORE = [
    "except Exception:\n    conn.commit()\n    raise",
    "except Exception:\n    log.error('not written')\n    raise",
    "except Exception:\n    shop.failed = True\n    raise",
    "except Exception:\n    return None",
    "finally:\n    lock.release()",
]
"""What a `try` does of an error of the statement before it as well, once that stands in it."""


@pytest.mark.parametrize("more", MORE)
def test_a_try_that_takes_in_what_stood_before_it_runs_its_clean_up_for_that(more: str) -> None:
    taking = textwrap.indent(more, "        ")
    begin = "def f(lock, log, shop):\n    conn = pool.getconn()\n    try:\n        lock.acquire()\n"
    work = "        try:\n            conn.cursor().execute('insert into t values (1)')\n"
    end = "    finally:\n        pool.putconn(conn)\n"
    leaky = textwrap.dedent(f"{work}{taking}\n        pool.putconn(conn)\n")
    before = f"def f(lock, log, shop):\n    conn = pool.getconn()\n    lock.acquire()\n{textwrap.indent(leaky, '    ')}"
    apart = f"{begin}{work}{taking}\n{end}"
    inside = (
        begin.replace("        lock", "        try:\n            lock") + work.partition("\n")[2] + f"{taking}\n{end}"
    )
    assert proof(before, apart).verdict is Verdict.PROVED
    assert proof(before, inside).verdict is Verdict.REJECTED
