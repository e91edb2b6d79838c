"""`close()` is called on a pooled connection that has to be given back.

## What it finds
`conn.close()` as the last act on a connection from a pool where close is not the release. With psycopg2,
psycopg_pool, aiopg, aiomysql, asyncmy, aioodbc and raw redis connections (`disconnect()`) the connection dies and
its slot stays taken. With asyncpg the slot is freed, but the next caller has to wait for a new connection: a
warning.

## Why it is bad
After as many calls as the pool has slots, psycopg2 raises `psycopg2.pool.PoolError: connection pool exhausted`
although not one connection is open; psycopg_pool raises `PoolTimeout: couldn't get a connection after 30.00 sec`;
the aio libraries wait for ever.

## Example
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def rename(user_id, name):
    conn = pool.getconn()
    try:
        conn.cursor().execute("UPDATE users SET name = %s WHERE id = %s", (name, user_id))
        conn.commit()
    finally:
        conn.close()
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
To throw a broken connection away and free its slot, psycopg2 has `pool.putconn(conn, close=True)`.

## Fix
`putback fix` writes the paired release in place of the close: the pool's, or the function of your project that gives
back, with its import. Where the close stands on the normal path only, the release moves into a `finally`. Safe. No fix
where your project has no function that gives back what its wrapper takes, and does nothing more, or where it is closed
by a function that commits as well.

## Stays silent
Where close gives back: SQLAlchemy, mysql-connector, DBUtils, oracledb, peewee, and psycopg_pool made with
`close_returns=True`. For plain connections, for `putconn(conn, close=True)`, for a close that the release follows,
and inside `with pool.connection()`. A hint where the other branch of the same `if` gives the connection back: a
connection that does not come from the pool, most likely.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Finding, Severity
from putback.model.lifecycle import Close
from putback.model.running import Broken, Running
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.analysis.defects import Wrong
from putback.ownership.facts.facts import FunctionFacts
from putback.rules import mending, wording
from putback.rules.rule import Rule, report


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each wrong close."""
    for site in facts.sites:
        if not site.wrong_closes or site.has(Wrong.CLOSING_KEEPS) or site.has(Wrong.UNENTERED):
            continue
        frees = site.kind.close is Close.FREES
        loss = Loss.CONNECTION if frees else facts.loss(site.kind)
        result = "the connection is thrown away and the pool has to open a new one" if frees else wording.cost(site)
        for at in site.wrong_closes:
            trace = (wording.acquired(site), facts.step(at, f"closed here instead of {wording.release(site)}"))
            found = report(
                RULE,
                site,
                f"{wording.subject(site)} comes from a pool and is closed instead of given back: {result}",
                worth=Worth(Likelihood.EACH_TIME, Loss.ADVICE if site.is_other_way(at) else loss, facts.frequency),
                confidence=site.acquisition.confidence,
                trace=trace,
                at=at,
                help=f"give it back: {wording.release(site)}",
            )
            yield mending.given_back(found, site)


_RUNNING = Running(frozenset((Broken.CLOSED, Broken.DESTROYED)))
RULE = Rule("PB104", "pooled-connection-closed", "leak", Severity.ERROR, __doc__, check, running=_RUNNING)
