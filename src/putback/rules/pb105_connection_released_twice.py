"""A connection is given back twice on one path.

## What it finds
Two releases of the same connection on one path, where the library raises for the second one or takes harm from it.
The usual shape is a release at the end of the `try` and once more in its `finally`.

## Why it is bad
psycopg2 answers `psycopg2.pool.PoolError: trying to put unkeyed connection`, psycopg_pool
`ValueError: can't return connection to pool`, PyMySQL `pymysql.err.Error: Already closed`, aiomysql fails an
assertion: an error in the clean-up that replaces the real one. mysql-connector accepts the second close and adds a
surplus connection to its pool; somebody else's release then fails with `Failed adding connection; queue is full`.

## Example
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def rename(user_id, name):
    conn = pool.getconn()
    try:
        conn.cursor().execute("UPDATE users SET name = %s WHERE id = %s", (name, user_id))
        conn.commit()
        pool.putconn(conn)
    finally:
        pool.putconn(conn)
```

## Use instead
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def rename(user_id, name):
    conn = pool.getconn()
    try:
        conn.cursor().execute("UPDATE users SET name = %s WHERE id = %s", (name, user_id))
        conn.commit()
    finally:
        pool.putconn(conn)
```

## Fix
`putback fix` removes the earlier release where a `finally` or the block around makes it superfluous, else all of
them become one `finally`. Safe, unless the connection would be held longer than before. No fix where the later release
is not reached on every path, or where one of them does more than give back.

## Stays silent
Where a second release is harmless: asyncpg, synchronous redis, SQLAlchemy, DBUtils, and closing a plain psycopg2 or
sqlite3 connection. When a flag, or setting the name to `None`, keeps the second release from running.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Finding, Severity
from putback.model.running import Broken, Running
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.analysis.defects import Wrong
from putback.ownership.facts.facts import FunctionFacts
from putback.rules import mending, wording
from putback.rules.rule import Rule, report


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each second release."""
    for site in facts.sites:
        for defect in site.defects(Wrong.TWICE):
            result = "raises" if site.kind.release_twice.value == "raises" else "corrupts the pool"
            found = report(
                RULE,
                site,
                f"{wording.subject(site)} has already been given back on this path: the second release {result}",
                worth=Worth(Likelihood.EACH_TIME, Loss.BROKEN, facts.frequency),
                confidence=site.acquisition.confidence,
                trace=(wording.acquired(site), facts.step(defect.at, "given back for the second time here")),
                at=defect.at,
                help="release once, in the `finally`",
            )
            yield mending.released_once(found, site, defect.at)


_RUNNING = Running(frozenset((Broken.RELEASED_TWICE,)))
RULE = Rule("PB105", "connection-released-twice", "leak", Severity.ERROR, __doc__, check, running=_RUNNING)
