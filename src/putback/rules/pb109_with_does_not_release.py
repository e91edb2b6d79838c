"""A `with` that looks like a release and is not.

## What it finds
`with pool.getconn() as conn:`, `with conn:` as the only clean-up of a psycopg2, sqlite3 or pyodbc connection,
`closing(pool.getconn())` on a pool that wants its connection back, and `async with await pool.acquire()`.

## Why it is bad
With these libraries the end of the `with` ends the transaction and nothing else. The connection stays open, or its
slot stays taken: `connection pool exhausted`, `couldn't get a connection after 30.00 sec`. `closing` closes the
connection and leaves the slot taken. `async with await pool.acquire()` raises a `TypeError` with asyncpg and loses
the slot on the way; with aiomysql, asyncmy and aiopg it closes the connection and loses the slot. Python 3.13 says
`ResourceWarning: unclosed database` for sqlite3.

## Example
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def rename(user_id, name):
    with pool.getconn() as conn:
        conn.cursor().execute("UPDATE users SET name = %s WHERE id = %s", (name, user_id))
```

## Use instead
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def rename(user_id, name):
    conn = pool.getconn()
    try:
        with conn:
            conn.cursor().execute("UPDATE users SET name = %s WHERE id = %s", (name, user_id))
    finally:
        pool.putconn(conn)
```
A connection of one's own is closed by `contextlib.closing`:
```python
import sqlite3
from contextlib import closing


def create():
    with closing(sqlite3.connect("shop.db")) as db, db:
        db.execute("CREATE TABLE users (name TEXT)")
```

## Fix
`putback fix` writes `closing(...)` into the `with` where the release is a close, else acquires first, releases in a
`finally`, and leaves the `with` that ends the transaction inside. Where entering may give another object, as a class of
the project or a mock of a test says, the name goes on to mean that: `closing(...) as db, db as db`. An
`async with await pool.acquire()` loses its `await`. Safe. No fix where what leaves the `with` still needs the
connection: a cursor that is returned, an object around the connection, a generator.

## Stays silent
For the same `with` when the connection is released besides, or handed to somebody else (returned, or kept by an
object), and for libraries whose `with` releases: SQLAlchemy, psycopg 3, PyMySQL, mysql-connector, DBUtils, oracledb.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Finding, Severity
from putback.model.mending import LEAK
from putback.ownership.analysis.defects import Wrong
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.site_facts import SiteFacts
from putback.rules import mending, wording
from putback.rules.rule import Rule, report
from putback.rules.weighing import worth_of


def applies(site: SiteFacts) -> bool:
    """A `with` on the connection is the only thing that looks like a release."""
    leaks = bool(site.leaks) or site.has(Wrong.LOST)
    return site.has(Wrong.CLOSING_KEEPS) or (leaks and site.rests_on_with)


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each such `with`."""
    for site in facts.sites:
        if not applies(site):
            continue
        defect = next(site.defects(Wrong.CLOSING_KEEPS), None) or next(site.defects(Wrong.WITH_KEEPS))
        closing = defect.what == Wrong.CLOSING_KEEPS
        does = "closes the connection and keeps its slot" if closing else "only ends the transaction"
        found = report(
            RULE,
            site,
            f"this `with` {does}, it does not give {wording.subject(site)} back: {wording.cost(site)}",
            worth=worth_of(site),
            confidence=site.acquisition.confidence,
            trace=(wording.acquired(site), facts.step(defect.at, f"leaving this `with` {does}")),
            help=f"release it in a `finally`: {wording.release(site)}",
        )
        yield mending.released_around(found, site)


RULE = Rule("PB109", "with-does-not-release", "leak", Severity.ERROR, __doc__, check, mending=LEAK)
