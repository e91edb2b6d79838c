"""The check and the explorer say the same of generated functions, but for the gaps that are named here."""

from __future__ import annotations

from pathlib import Path

import pytest
from agreeing import compared
from holders import NAME, SHOPS, Holder, Shop, holders
from hypothesis import HealthCheck, Phase, given, settings

pytestmark = pytest.mark.slow

_EACH = 56
_LIMITS = settings(
    max_examples=3 * _EACH,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[*HealthCheck],
)
_BY_TITLE = {shop.dialect.title: shop for shop in SHOPS}


@pytest.mark.parametrize("shop", SHOPS, ids=lambda shop: shop.dialect.title)
def test_the_check_reports_what_running_a_function_shows(shop: Shop, tmp_path: Path) -> None:
    found: dict[str, Holder] = {}

    @_LIMITS
    @given(holders(shop))
    def keep(holder: Holder) -> None:
        found[holder.text] = holder

    keep()
    chosen = list(found.values())[:_EACH]
    every = list(compared(chosen, tmp_path))
    assert len(every) == len(chosen) == _EACH
    assert [each.obstacle for each in every if each.obstacle] == []
    different = [each for each in every if each.disagreements]
    assert not different, "\n".join(f"{each.holder.text}{each.disagreements}" for each in different)


# What only one side says; a gap that is closed has to go from here.

CHECK_ALONE = {
    "a condition that is asked twice and decides nothing about the connection: the paths that contradict it count": (
        "psycopg2 pool",
        "leak",
        """
        if a:
            conn = pool.getconn()
            while True:
                if a: continue
                return
        """,
    ),
    "two loops over one thing: that the first ran is not remembered": (
        "SQLAlchemy session",
        "leak",
        """
        session = SessionLocal()
        for item in items:
            return
        for item in items:
            session.execute("s1")
        """,
    ),
    "an error that a clause for a builtin class has caught is of that class, which a clause further out forgets": (
        "psycopg2 connection",
        "used after release",
        """
        conn = psycopg2.connect("dbname=shop")
        try:
            try:
                conn.commit()
            except (ValueError, KeyError):
                conn.close()
                raise
        except psycopg2.Error:
            conn.rollback()
            conn.close()
            return
        except BaseException:
            return
        conn.close()
        """,
    ),
    "what stands behind the use of a name that nothing has bound counts, although it never runs": (
        "psycopg2 pool",
        "leak",
        """
        while flag("s1"):
            cur.close()
            conn = pool.getconn()
            return
        cur = work("s2")
        """,
    ),
    "the use of a pooled connection that was closed always raises, so that nothing behind it runs": (
        "psycopg2 pool",
        "released twice",
        """
        conn = pool.getconn()
        conn.close()
        conn.commit()
        pool.putconn(conn)
        pool.putconn(conn)
        """,
    ),
}
EXPLORER_ALONE = {
    "what a second release raises goes to no handler": (
        "psycopg2 pool",
        "used after release",
        """
        conn = pool.getconn()
        pool.putconn(conn)
        try:
            pool.putconn(conn)
        except Exception:
            conn.rollback()
        """,
    ),
    "a method that the driver's table does not have is no use after the release": (
        "psycopg2 pool",
        "used after release",
        """
        conn = pool.getconn()
        pool.putconn(conn)
        conn.ping_it()
        """,
    ),
}
GAPS = [(*gap, True, reason) for reason, gap in CHECK_ALONE.items()]
GAPS += [(*gap, False, reason) for reason, gap in EXPLORER_ALONE.items()]


@pytest.mark.parametrize(("title", "sort", "body", "by_check", "reason"), GAPS, ids=[gap[-1] for gap in GAPS])
def test_known_gaps(title: str, sort: str, body: str, by_check: bool, reason: str, tmp_path: Path) -> None:
    rows = "\n".join(row[4:] for row in body.strip("\n").split("\n"))
    holder = Holder(_BY_TITLE[title], f"def {NAME}(a, b, items, others):\n{rows}\n")
    (found,) = compared([holder], tmp_path)
    assert [(each.claim[0], each.by_check) for each in found.disagreements] == [(sort, by_check)], reason
