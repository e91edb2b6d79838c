"""A release that is a coroutine is called without `await`.

## What it finds
`pool.release(conn)` or `session.close()` of an asynchronous library as a statement of its own, not awaited.

## Why it is bad
Nothing happens: the coroutine is thrown away with a `RuntimeWarning`, and the connection stays out.

## Example
```python
conn = await pool.acquire()
try:
    await conn.execute(SQL)
finally:
    pool.release(conn)
```

## Use instead
```python
finally:
    await pool.release(conn)
```

## Stays silent
For aiopg, aiomysql and asyncmy, whose `pool.release` does its work without `await`.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Finding, Severity
from putback.ownership import transfer
from putback.ownership.facts import FunctionFacts
from putback.rules import wording
from putback.rules.rule import Rule, report


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each release that is not awaited."""
    for site in facts.sites:
        for defect in site.defects(transfer.UNAWAITED):
            yield report(
                RULE,
                site,
                f"the release of {wording.subject(site)} is not awaited, so nothing is given back: {wording.cost(site)}",
                severity=facts.severity(site.kind),
                confidence=site.acquisition.confidence,
                trace=(wording.acquired(site), facts.step(defect.at, "this coroutine never runs")),
                at=defect.at,
                help="write `await` in front of it",
            )


RULE = Rule("PB110", "release-not-awaited", "leak", Severity.ERROR, __doc__, check)
