"""A connection, or a cursor made from it, is used after it was given back.

## What it finds
A statement, cursor, commit or rollback on a connection that has been released on the same path, and a `fetch` from
a cursor whose connection has been.

## Why it is bad
With the pools of psycopg2 and psycopg it silently works, on a connection that another thread may hold by now and
inside its transaction. The other libraries raise: `InterfaceError: connection already closed`,
`ResourceClosedError: This Connection is closed`,
`cannot call Connection.execute(): connection has been released back to the pool`,
`Cannot operate on a closed database`.

## Example
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def rename(user_id, name):
    conn = pool.getconn()
    try:
        conn.cursor().execute("UPDATE users SET name = %s WHERE id = %s", (name, user_id))
    finally:
        pool.putconn(conn)
    conn.commit()
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
None: whether the use or the release stands in the wrong place cannot be told.

## Stays silent
For a SQLAlchemy session, which opens again by itself: when nothing closes it after that, it is reported as a leak
instead. For `conn.closed` and comparisons, and for rows that were fetched before the release.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.flow.solve import Defect
from putback.model.finding import Finding, Severity
from putback.model.lifecycle import After
from putback.model.running import Broken, Running
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.analysis.defects import Wrong
from putback.ownership.analysis.domain import State
from putback.ownership.facts.evidence import Weight
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.site_facts import SiteFacts
from putback.rules import wording
from putback.rules.rule import Rule, report


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each use after the release."""
    for site in facts.sites:
        for defect in site.defects(Wrong.AFTER):
            foreign = site.kind.use_after_release is After.FOREIGN
            result = "somebody else may hold it by now" if foreign else "this raises"
            yield report(
                RULE,
                site,
                f"{wording.subject(site)} is used after it was given back: {result}",
                worth=_worth(site, defect),
                confidence=site.acquisition.confidence,
                trace=(wording.acquired(site), facts.step(defect.at, "used here, after the release")),
                at=defect.at,
                help="move the release behind the last use",
            )


def _worth(site: SiteFacts, defect: Defect[State]) -> Worth:
    """Less likely where only an error behind the release leads to the use, and none of a database's."""
    likelihood = Likelihood.EACH_TIME
    if site.weight_after_release(defect.node) >= Weight.UNKNOWN:
        is_silent = site.kind.use_after_release is After.FOREIGN
        likelihood = Likelihood.SELDOM if is_silent else Likelihood.HARDLY
    return Worth(likelihood, Loss.BROKEN, site.function.frequency)


_RUNNING = Running(frozenset((Broken.USED_AFTER_RELEASE,)))
RULE = Rule("PB106", "connection-used-after-release", "leak", Severity.ERROR, __doc__, check, running=_RUNNING)
