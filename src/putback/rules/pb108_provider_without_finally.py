"""A provider gives its connection back behind the `yield`, but not in a `finally`.

## What it finds
A context manager or dependency that hands out a connection by `yield` and releases it in the lines behind it,
outside of any `finally` or `with`. The finding stands at the `yield`.

## Why it is bad
When the code that uses the connection raises, the exception arrives at the `yield` and the lines behind it never
run. FastAPI throws every `HTTPException` in there, so each 404 keeps a connection. All users of the provider leak
together, until `QueuePool limit of size 5 overflow 10 reached, connection timed out` or
`connection pool exhausted`.

## Example
```python
from contextlib import contextmanager

from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


@contextmanager
def connection():
    conn = pool.getconn()
    yield conn
    pool.putconn(conn)
```

## Use instead
```python
from contextlib import contextmanager

from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


@contextmanager
def connection():
    conn = pool.getconn()
    try:
        yield conn
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

No fix for a `yield` inside a loop that may try again.

## Stays silent
For `try/finally`, for a `with` around the `yield`, and for pytest fixtures, which pytest resumes after a failed
test as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Finding, Severity
from putback.model.mending import Mending
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.leaks import Leak
from putback.ownership.facts.site_facts import SiteFacts, confidence_of
from putback.rules import mending, wording
from putback.rules.rule import Rule, report
from putback.rules.weighing import worth_of


def _at_yield(site: SiteFacts) -> Leak | None:
    return next((leak for leak in site.leaks if leak.at_yield and not leak.twice), None)


def applies(site: SiteFacts) -> bool:
    """Every leak starts with an exception at a `yield`, and the normal path releases."""
    return (
        _at_yield(site) is not None
        and site.is_released_somewhere
        and all(leak.raised_at is not None and not leak.explicit for leak in site.leaks)
    )


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each provider that loses its connection when its user raises."""
    for site in facts.sites:
        leak = _at_yield(site)
        if leak is not None and applies(site):
            found = report(
                RULE,
                site,
                f"{wording.subject(site)} is not given back if the code that uses it raises: {wording.cost(site)}",
                worth=worth_of(site, leak),
                confidence=confidence_of(site),
                trace=wording.trace(site, leak),
                at=leak.raised_at,
                help=f"put the `yield` in a `try` and the release in its `finally`: {wording.release(site)}",
            )
            yield mending.given_back(found, site)


RULE = Rule(
    "PB108", "provider-without-finally", "leak", Severity.ERROR, __doc__, check, mending=Mending(keeps_acquire=True)
)
