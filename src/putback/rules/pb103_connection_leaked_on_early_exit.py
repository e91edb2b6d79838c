"""A `return`, `break`, `continue` or `raise` skips the release.

## What it finds
A connection that some path gives back, while an early exit of the function, or of the round of a loop, goes around
the release.

## Why it is bad
The exit is usually the rare case: a missing row, a failed check, an empty result. Each one keeps a connection, so
the pool empties over days and the error, `connection pool exhausted` or
`QueuePool limit of size 5 overflow 10 reached`, shows up far from its cause.

## Example
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def balance(user_id):
    conn = pool.getconn()
    cur = conn.cursor()
    cur.execute("SELECT amount FROM balances WHERE id = %s", (user_id,))
    row = cur.fetchone()
    if row is None:
        return 0
    pool.putconn(conn)
    return row[0]
```

## Use instead
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def balance(user_id):
    conn = pool.getconn()
    try:
        cur = conn.cursor()
        cur.execute("SELECT amount FROM balances WHERE id = %s", (user_id,))
        row = cur.fetchone()
        return 0 if row is None else row[0]
    finally:
        pool.putconn(conn)
```

## Fix
`putback fix` puts the statements from behind the acquire to the release, or to the last use, into a `try`, and the
paired release into its `finally`; a `try` that is there already gets it, with the name bound to None before where it
has to be. The releases on the normal paths go, so that it is never released twice. Safe, unless the connection would be
held longer than before on a path that did not leak.

A function of the project that does more than give back stays on its path: one that commits as well must not do so after
an error. The errors alone give back then, in an `except BaseException` that raises again, by the paired release; no fix
where a `return` or `continue` leaves before that function is called.

## Stays silent
When the condition of the exit and the condition of the release belong together: `if conn:`, `conn is not None`,
`if not released:`, `if "conn" in locals()`, `isinstance(conn, ...)`, or a flag such as `owns = conn is None` that
says who acquired.

## Known gaps
A function of the project that gives its argument back on some of its paths is trusted to know when. A connection
that is handed on inside a loop is reported although the loop always runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Finding, Severity
from putback.model.mending import LEAK
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.leaks import Exit, Leak
from putback.ownership.facts.site_facts import SiteFacts, confidence_of
from putback.rules import mending, pb101_connection_never_released, pb107_acquired_connection_lost, wording
from putback.rules.rule import Rule, report
from putback.rules.weighing import worth_of


def _exit(site: SiteFacts) -> Leak | None:
    return next((leak for leak in site.leaks if leak.raised_at is None or leak.explicit), None)


def applies(site: SiteFacts) -> bool:
    """Some path releases, and an exit without an exception, or an explicit `raise`, does not."""
    return (
        _exit(site) is not None
        and not pb101_connection_never_released.applies(site)
        and not pb107_acquired_connection_lost.applies(site)
        and not site.rests_on_with
    )


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each acquire that an early exit loses."""
    for site in facts.sites:
        leak = _exit(site)
        if leak is not None and applies(site):
            raised_at = leak.raised_at if leak.explicit and leak.by_exception else None
            row = facts.unit.span(leak.left_at if raised_at is None else raised_at).start.row
            how = Exit.RETURN if raised_at is not None else leak.exit
            found = report(
                RULE,
                site,
                f"{wording.subject(site)} is not given back when {how.at(row)}: {wording.cost(site)}",
                worth=worth_of(site, leak),
                confidence=confidence_of(site),
                trace=wording.trace(site, leak),
                help=wording.help_line(site),
            )
            yield mending.given_back(found, site)


RULE = Rule("PB103", "connection-leaked-on-early-exit", "leak", Severity.ERROR, __doc__, check, mending=LEAK)
