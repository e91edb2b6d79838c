"""A `with` that looks like a release and is not.

## What it finds
`with pool.getconn() as conn:`, `with conn:` as the only clean-up of a psycopg2, sqlite3 or pyodbc connection,
`closing(pool.getconn())`, and `async with await pool.acquire()`.

## Why it is bad
With these libraries leaving the `with` ends the transaction and nothing else. The connection stays open or its slot stays taken:
`connection pool exhausted`.

## Example
```python
with pool.getconn() as conn:
    conn.cursor().execute(SQL)
```

## Use instead
```python
conn = pool.getconn()
try:
    with conn:
        conn.cursor().execute(SQL)
finally:
    pool.putconn(conn)
```
For sqlite3 and psycopg2 connections of your own, `with contextlib.closing(connect(...)) as conn:` closes.

## Stays silent
For the same `with` when the connection is released besides.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Finding, Severity
from putback.ownership import transfer
from putback.ownership.facts import FunctionFacts, SiteFacts, confidence_of
from putback.rules import wording
from putback.rules.rule import Rule, report


def applies(site: SiteFacts) -> bool:
    """A `with` on the connection is the only thing that looks like a release."""
    return site.has(transfer.CLOSING_KEEPS) or (
        bool(site.leaks) and site.has(transfer.WITH_KEEPS) and not site.is_released_somewhere
    )


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each such `with`."""
    for site in facts.sites:
        if not applies(site):
            continue
        defect = next(site.defects(transfer.CLOSING_KEEPS), None) or next(site.defects(transfer.WITH_KEEPS))
        closing = defect.what == transfer.CLOSING_KEEPS
        does = "closes the connection and keeps its slot" if closing else "only ends the transaction"
        yield report(
            RULE,
            site,
            f"this `with` {does}, it does not give {wording.subject(site)} back: {wording.cost(site)}",
            severity=facts.severity(site.kind),
            confidence=site.acquisition.confidence,
            trace=(wording.acquired(site), facts.step(defect.at, f"leaving this `with` {does}")),
            help=f"release it in a `finally`: {wording.release(site)}",
        )


RULE = Rule("PB109", "with-does-not-release", "leak", Severity.ERROR, __doc__, check)
