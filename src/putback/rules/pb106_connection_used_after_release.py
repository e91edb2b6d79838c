"""A connection, or a cursor made from it, is used after it was given back.

## What it finds
A statement, cursor, commit or rollback on a connection that has been released on the same path.

## Why it is bad
With psycopg2 and psycopg_pool it silently works on a connection that somebody else may hold by now, inside their transaction.
Other libraries raise `InterfaceError`.

## Example
```python
pool.putconn(conn)
conn.commit()
```

## Use instead
Release last.

## Stays silent
For a SQLAlchemy session, which opens again by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.drivers.schema import After
from putback.model.finding import Finding, Severity
from putback.ownership import transfer
from putback.ownership.facts import FunctionFacts
from putback.rules import wording
from putback.rules.rule import Rule, report


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each use after the release."""
    for site in facts.sites:
        for defect in site.defects(transfer.AFTER):
            foreign = site.kind.use_after_release is After.FOREIGN
            result = "somebody else may hold it by now" if foreign else "this raises"
            yield report(
                RULE,
                site,
                f"{wording.subject(site)} is used after it was given back: {result}",
                severity=Severity.WARNING if facts.is_test else Severity.ERROR,
                confidence=site.acquisition.confidence,
                trace=(wording.acquired(site), facts.step(defect.at, "used here, after the release")),
                at=defect.at,
                help="move the release behind the last use",
            )


RULE = Rule("PB106", "connection-used-after-release", "leak", Severity.ERROR, __doc__, check)
