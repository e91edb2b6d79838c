"""A connection is taken and no path gives it back.

## What it finds
An acquired connection, session or slot that no path through the function releases, returns or hands to a new owner.

## Why it is bad
Each call keeps one more of the pool's connections. When all are gone the next caller gets `connection pool exhausted`, or
waits for `QueuePool limit of size 5 overflow 10 reached`. A larger pool only delays it.

## Example
```python
def count_users(pool):
    conn = pool.getconn()
    return conn.cursor().execute("SELECT count(*) FROM users")
```

## Use instead
```python
def count_users(pool):
    conn = pool.getconn()
    try:
        return conn.cursor().execute("SELECT count(*) FROM users")
    finally:
        pool.putconn(conn)
```

## Stays silent
When the connection is returned, yielded by a provider, stored where something else owns it, passed to a function that takes it,
or held by a `with` that really releases.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Finding, Severity
from putback.ownership import transfer
from putback.ownership.facts import FunctionFacts, SiteFacts, confidence_of
from putback.rules import wording
from putback.rules.rule import Rule, report


def applies(site: SiteFacts) -> bool:
    """Leaks on some path, no path releases or hands on, and no more specific rule speaks."""
    return (
        bool(site.leaks)
        and not site.is_released_somewhere
        and not site.is_passed_on_somewhere
        and not site.is_never_bound
        and not site.has(transfer.WITH_KEEPS)
        and not site.has(transfer.LOST)
    )


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each such acquire."""
    for site in facts.sites:
        if applies(site):
            leak = site.leaks[0]
            yield report(
                RULE,
                site,
                f"{wording.subject(site)} is never given back: {wording.cost(site)}",
                severity=facts.severity(site.kind),
                confidence=confidence_of(site),
                trace=wording.trace(site, leak),
                help=wording.help_line(site),
            )


RULE = Rule("PB101", "connection-never-released", "leak", Severity.ERROR, __doc__, check)
