"""The result of an acquire is dropped, or its only name is bound to something else.

## What it finds
`pool.getconn().cursor()`, where no name holds the connection, and a name that is assigned again, set to `None` or
deleted while it still holds one, as in a loop that acquires in each round and releases once.

## Why it is bad
Nothing can give back what nothing refers to. The pools of psycopg2 and psycopg still count the slot as taken:
`connection pool exhausted`, `couldn't get a connection after 30.00 sec`. DBUtils takes the opposite way: the
connection goes back at once and is handed to somebody else while the cursor is in use.

## Example
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def count_users():
    cur = pool.getconn().cursor()
    cur.execute("SELECT count(*) FROM users")
    return cur.fetchone()
```

## Use instead
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def count_users():
    conn = pool.getconn()
    try:
        cur = conn.cursor()
        cur.execute("SELECT count(*) FROM users")
        return cur.fetchone()
    finally:
        pool.putconn(conn)
```

## Fix
`putback fix` gives the connection a name and a `try` with the release in its `finally`. Safe. No fix where a name is
bound to several connections in turn.

## Stays silent
For `with`, for a name that an assignment expression keeps, and when another name still holds the connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from putback.model.finding import Finding, Severity, Step
from putback.model.lifecycle import Gc
from putback.model.mending import LEAK
from putback.model.weighing import Loss, Worth
from putback.ownership.analysis.defects import Wrong
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.site_facts import SiteFacts, confidence_of
from putback.rules import mending, pb109_with_does_not_release, wording
from putback.rules.rule import Rule, report
from putback.rules.weighing import worth_of


def applies(site: SiteFacts) -> bool:
    """Lost by rebinding, or never bound at all; not what a `with` seems to release."""
    if pb109_with_does_not_release.applies(site):
        return False
    lost = site.has(Wrong.LOST) and all(leak.by_exception for leak in site.leaks)
    return lost or (site.is_never_bound and not site.has(Wrong.WITH_KEEPS))


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each lost connection."""
    for site in facts.sites:
        if not applies(site):
            continue
        lost = next(site.defects(Wrong.LOST), None)
        if lost is not None:
            text = f"{wording.subject(site)} is bound again while it still holds a connection: {wording.cost(site)}"
            trace: tuple[Step, ...] = (
                wording.acquired(site),
                facts.step(lost.at, "the only reference to it is lost here"),
            )
        else:
            text = f"no name holds the {wording.noun(site)}, so nothing can give it back: {wording.cost(site)}"
            trace = wording.trace(site, site.leaks[0])
        found = report(
            RULE,
            site,
            text,
            worth=_worth(site, lost is not None),
            confidence=confidence_of(site),
            trace=trace,
            help=wording.help_line(site),
        )
        yield mending.given_back(found, site)


def _worth(site: SiteFacts, is_bound_again: bool) -> Worth:
    worth = worth_of(site)
    return replace(worth, loss=Loss.ADVICE) if _goes_at_once(site, is_bound_again) else worth


def _goes_at_once(site: SiteFacts, is_bound_again: bool) -> bool:
    """Whether the last reference, which goes there, closes it: a plain connection, or one that has done nothing."""
    if site.kind.gc is Gc.REFCOUNT and is_bound_again:
        return True
    return site.kind.gc is not Gc.PERMANENT and not is_bound_again and not site.kind.lazy and not site.is_used


RULE = Rule("PB107", "acquired-connection-lost", "leak", Severity.ERROR, __doc__, check, mending=LEAK)
