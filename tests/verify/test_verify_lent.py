"""Connections that the caller lends or a framework injects: what a fix may do with them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from roles_by_hand import ROLES, proof, version

from putback.pipeline.verify import about_rule
from putback.verify import verify_here
from putback.verify.roles import Bounds, Case, Lent, Roles
from putback.verify.verdict import Proof, Verdict

LENT = replace(ROLES, lent=(Lent("db", "sqlalchemy.session"),))
INJECTED = replace(ROLES, lent=(Lent("db", "sqlalchemy.session", is_injected=True),))

SWALLOWED = """
def f(db, name):
    try:
        db.execute("insert into shop values (1)")
    except Exception:
        {rollback}
        print("known already")
    db.execute("insert into log values (1)")
"""


def lent(before: str, after: str, code: str = "PB201", roles: Roles = LENT) -> Proof:
    case = Case(version(before, roles), version(after, roles), about=(about_rule(code),))
    return verify_here(case, Bounds(seconds=60.0), clock=lambda: 0.0)


def test_a_rollback_after_a_failed_statement_is_proved() -> None:
    found = lent(SWALLOWED.format(rollback="pass"), SWALLOWED.format(rollback="db.rollback()"))
    assert found.verdict is Verdict.PROVED


def test_a_rollback_that_gives_up_what_the_caller_wrote_is_rejected() -> None:
    other = SWALLOWED.replace("    try:\n", "    try:\n        price = ask(name)\n")
    found = lent(other.format(rollback="pass"), other.format(rollback="db.rollback()"))
    assert found.verdict is Verdict.REJECTED
    assert found.reason.startswith("left for the caller to commit before: what the caller wrote before")


def test_closing_what_the_caller_lends_is_rejected() -> None:
    before = SWALLOWED.format(rollback="pass")
    found = lent(before, SWALLOWED.format(rollback="db.rollback()") + "    db.close()\n")
    assert (found.verdict, found.reason) == (Verdict.REJECTED, "the fix adds: the caller's connection released: s1")


def test_a_lent_connection_that_stays_out_is_no_leak() -> None:
    source = "def f(db):\n    db.execute('select 1 from shop')\n    ship()\n"
    found = verify_here(Case(version(source, LENT)), Bounds(seconds=60.0), clock=lambda: 0.0)
    assert found.verdict is Verdict.CLEAN


def test_none_may_be_lent() -> None:
    roles = replace(LENT, lent=(LENT.lent[0]._replace(maybe_none=True),))
    before = SWALLOWED.replace("    try:\n", "    if db is None:\n        return\n    try:\n")
    found = lent(before.format(rollback="pass"), before.format(rollback="db.rollback()"), roles=roles)
    assert found.verdict is Verdict.PROVED


OWN = """
def f(shop):
    db = SessionLocal()
    rows = db.execute("select * from orders")
    total = count(rows)
    db.close()
    return total
"""
GIVEN = """
def f(shop, db):
    rows = db.execute("select * from orders")
    {more}
    total = count(rows)
    return total
"""


def injected(more: str) -> Proof:
    case = Case(
        version(OWN),
        version(GIVEN.format(more=more), INJECTED),
        about=(about_rule("PB302")._replace(acquire="SessionLocal"),),
    )
    return verify_here(case, Bounds(seconds=60.0), clock=lambda: 0.0)


def test_an_injected_session_is_judged_but_not_the_dependency() -> None:
    found = injected("pass")
    assert found.title == "bounded(all)"
    assert found.reason.endswith("the dependency is taken to lend the session and close it, no more")
    assert (found.leaked_before, found.leaked_after) == (3, 0)


def test_an_injected_session_is_not_committed_instead() -> None:
    found = injected("db.commit()")
    assert (found.verdict, found.reason) == (
        Verdict.REJECTED,
        "before: count(s1.execute('select * from orders')); after: s1.commit()",
    )


def test_a_function_without_a_connection_has_no_verdict() -> None:
    assert proof("def f(shop):\n    return shop\n").verdict is Verdict.UNKNOWN


LEFT = """
def f(self, name):
    try:
        self.db.execute("insert into shop values (1)")
        self.db.commit()
    except Exception:
        {rollback}
        print("known already")
"""


@pytest.mark.parametrize("known", ["self.db", "store"])
def test_what_a_function_knows_by_itself_is_left_for_others(known: str) -> None:
    roles = replace(ROLES, lent=(Lent(known, "sqlalchemy.session"),))
    before = LEFT.format(rollback="pass").replace("self.db", known)
    after = LEFT.format(rollback=f"{known}.rollback()").replace("self.db", known)
    assert lent(before, after, roles=roles).verdict is Verdict.PROVED


@pytest.mark.parametrize(
    "wrong",
    [
        "self.db.commit()",
        "self.db.close()",
        "self.db = connect()",
        "self.db.rollback()\n        raise",
        "self.db.flush()",
    ],
)
def test_nothing_but_a_rollback_mends_it(wrong: str) -> None:
    roles = replace(ROLES, lent=(Lent("self.db", "sqlalchemy.session"),))
    found = lent(LEFT.format(rollback="pass"), LEFT.format(rollback=wrong), roles=roles)
    assert not found.verdict.is_accepted


def test_one_that_nothing_has_failed_on_is_left_as_it_was() -> None:
    roles = replace(ROLES, lent=(Lent("self.db", "sqlalchemy.session"),))
    source = "def f(self):\n    self.db.execute('insert into shop values (1)')\n"
    assert verify_here(Case(version(source, roles)), Bounds(seconds=60.0), clock=lambda: 0.0).verdict is Verdict.CLEAN
