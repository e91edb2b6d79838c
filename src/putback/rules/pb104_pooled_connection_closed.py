"""`close()` is called on a pooled connection that has to be given back.

## What it finds
`conn.close()` as the last act on a connection from a pool where close is not the release: with psycopg2, psycopg_pool, aiopg,
aiomysql, asyncmy and aioodbc the connection dies and its slot stays taken; with asyncpg the slot is freed and the next caller
has to open a new connection.

## Why it is bad
After as many calls as the pool has slots: `connection pool exhausted`, although no connection is open.

## Example
```python
conn = pool.getconn()
try:
    work(conn)
finally:
    conn.close()
```

## Use instead
```python
conn = pool.getconn()
try:
    work(conn)
finally:
    pool.putconn(conn)
```

## Stays silent
Where close gives back (SQLAlchemy, mysql-connector, DBUtils, oracledb, peewee, `close_returns=True`), for plain connections, for
`putconn(conn, close=True)`, and for a close that is followed by the release.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.drivers.schema import Close
from putback.model.finding import Finding, Severity
from putback.ownership import transfer
from putback.ownership.facts import FunctionFacts
from putback.rules import wording
from putback.rules.rule import Rule, report


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each wrong close."""
    for site in facts.sites:
        if not site.wrong_closes or site.has(transfer.CLOSING_KEEPS):
            continue
        frees = site.kind.close is Close.FREES
        base = Severity.WARNING if frees else Severity.ERROR
        result = "the connection is thrown away and the pool has to open a new one" if frees else wording.cost(site)
        for at in site.wrong_closes:
            trace = (wording.acquired(site), facts.step(at, f"closed here instead of {wording.release(site)}"))
            yield report(
                RULE,
                site,
                f"{wording.subject(site)} comes from a pool and is closed instead of given back: {result}",
                severity=base.lowered() if facts.is_test else base,
                confidence=site.acquisition.confidence,
                trace=trace,
                at=at,
                help=f"give it back: {wording.release(site)}",
            )


RULE = Rule("PB104", "pooled-connection-closed", "leak", Severity.ERROR, __doc__, check)
