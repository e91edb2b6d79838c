"""An `except` swallows an error after statements have run, and nothing rolls back.

## What it finds
A handler that neither rolls back nor re-raises, although a statement has run on the connection. The finding stands
at the `except`. It is an error when the connection is used, committed or handed back to a block that commits
afterwards, and a warning when it is only released: the release rolls back then, but nobody reading the handler can
tell.

## Why it is bad
The transaction is broken or half done. PostgreSQL answers the next statement with
`current transaction is aborted, commands ignored until end of transaction block`
(`psycopg2.errors.InFailedSqlTransaction`); a `commit()` on it raises nothing, and the data is gone. MySQL commits
the half that worked. SQLAlchemy answers
`PendingRollbackError: This Session's transaction has been rolled back due to a previous exception during flush`.

## Example
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def move(amount, log):
    conn = pool.getconn()
    try:
        cur = conn.cursor()
        try:
            cur.execute("UPDATE accounts SET amount = amount - %s WHERE id = 1", (amount,))
            cur.execute("UPDATE accounts SET amount = amount + %s WHERE id = 2", (amount,))
        except Exception:
            log.exception("not moved")
        conn.commit()
    finally:
        pool.putconn(conn)
```

## Use instead
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def move(amount, log):
    conn = pool.getconn()
    try:
        cur = conn.cursor()
        cur.execute("UPDATE accounts SET amount = amount - %s WHERE id = 1", (amount,))
        cur.execute("UPDATE accounts SET amount = amount + %s WHERE id = 2", (amount,))
        conn.commit()
    except Exception:
        conn.rollback()
        log.exception("not moved")
        raise
    finally:
        pool.putconn(conn)
```

## Fix
`putback fix` writes the rollback as the first statement of the handler, guarded where the name may be unset. Safe where
the connection is only released afterwards, which rolls back anyway. Unsafe where it is used or committed afterwards:
what had been done before the error is given up with it. No fix where it may have been given back before the handler.

## Stays silent
When the handler re-raises and the release or the `with` of the owner rolls back, when a helper rolls back or a
statement does (`ROLLBACK TO SAVEPOINT one`), when the handler catches only what no statement raises
(`except ValueError`), when nothing has run or all has been committed before, when sqlite3 has only read, in a
savepoint (`begin_nested()`), and in autocommit: asyncpg, `autocommit=True`, `isolation_level=None`,
`conn.autocommit = True`, also where a wrapper switches it on.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.flow.solve import Edge
from putback.model.finding import Finding, Severity
from putback.ownership import marks
from putback.ownership.domain import Phase
from putback.ownership.facts import FunctionFacts
from putback.ownership.site_facts import SiteFacts
from putback.rules import mending, wording
from putback.rules.rule import Rule, report


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each handler, the worst consequence first.

    Of a connection that the caller lends, only a use after the handler counts: the caller may still roll back.
    """
    own = [(site, [*_by_use(site), *_at_end(site)]) for site in facts.sites]
    lent = [(site, [*_by_use(site)]) for site in facts.borrowed]
    seen: set[int] = set()
    for site, handlers in [*own, *lent]:
        for handler, used in handlers:
            row = facts.unit.span(handler).start.row
            if row not in seen:
                seen.add(row)
                yield _finding(facts, site, handler, used)


def _finding(facts: FunctionFacts, site: SiteFacts, handler: int, used: int | None) -> Finding:
    after = f" and {wording.subject(site)} is used or committed afterwards" if used is not None else ""
    steps = [wording.acquired(site), facts.step(handler, "this handler does not roll back")]
    if used is not None:
        steps.append(facts.step(used, "used here with the transaction still open"))
    severity = Severity.ERROR if used is not None else Severity.WARNING
    found = report(
        RULE,
        site,
        f"the error is swallowed without a rollback{after}: the transaction stays half done",
        severity=facts.here(severity),
        confidence=site.acquisition.confidence,
        trace=tuple(steps),
        at=handler,
        help=f"roll back first in the handler: {facts.name_of(site.site) or 'conn'}.rollback()",
    )
    return mending.rolled_back(found, site, handler, used is not None)


def _by_use(site: SiteFacts) -> Iterator[tuple[int, int | None]]:
    """Handlers after which the connection is used or committed, with that use."""
    for defect in site.defects(f"{marks.UNMENDED_USED}:"):
        yield int(defect.what.partition(":")[2]), defect.at


def _at_end(site: SiteFacts) -> Iterator[tuple[int, int | None]]:
    for ending in site.exploration.endings:
        if ending.edge is Edge.NORMAL and ending.state.unmended >= 0 and ending.state.phase is not Phase.PASSED:
            yield ending.state.unmended, None


RULE = Rule("PB201", "missing-rollback", "transaction", Severity.ERROR, __doc__, check)
