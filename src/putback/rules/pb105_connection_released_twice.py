"""A connection is given back twice on one path.

## What it finds
Two releases of the same connection on one path, where the library raises for the second one or corrupts its pool.

## Why it is bad
psycopg2 answers `trying to put unkeyed connection`; mysql-connector adds a surplus connection, and somebody else's release fails later.

## Example
```python
conn = pool.getconn()
try:
    work(conn)
    pool.putconn(conn)
finally:
    pool.putconn(conn)
```

## Use instead
Release once, in the `finally`.

## Stays silent
Where a second release is documented as harmless: asyncpg, redis, SQLAlchemy, closing a plain psycopg2 or sqlite3 connection.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Finding, Severity
from putback.ownership import transfer
from putback.ownership.facts import FunctionFacts
from putback.rules import wording
from putback.rules.rule import Rule, report


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each second release."""
    for site in facts.sites:
        for defect in site.defects(transfer.TWICE):
            result = "raises" if site.kind.release_twice.value == "raises" else "corrupts the pool"
            yield report(
                RULE,
                site,
                f"{wording.subject(site)} has already been given back on this path: the second release {result}",
                severity=Severity.WARNING if facts.is_test else Severity.ERROR,
                confidence=site.acquisition.confidence,
                trace=(wording.acquired(site), facts.step(defect.at, "given back for the second time here")),
                at=defect.at,
                help="release once, in the `finally`",
            )


RULE = Rule("PB105", "connection-released-twice", "leak", Severity.ERROR, __doc__, check)
