"""A release that is a coroutine is called without `await`.

## What it finds
`pool.release(conn)`, `conn.close()` or `session.close()` of asyncpg, aioodbc or asynchronous SQLAlchemy as a
statement of its own, not awaited.

## Why it is bad
Nothing happens. Python says `RuntimeWarning: coroutine 'AsyncSession.close' was never awaited` where somebody may
or may not read it, and the connection stays out: with asyncpg for good, and `pool.acquire()` waits for ever; with
SQLAlchemy until the garbage collector terminates it
(`The garbage collector is trying to clean up non-checked-in connection`).

## Example
```python
import asyncpg


async def rename(pool: asyncpg.Pool, user_id, name):
    conn = await pool.acquire()
    try:
        await conn.execute("UPDATE users SET name = $1 WHERE id = $2", name, user_id)
    finally:
        pool.release(conn)
```

## Use instead
```python
import asyncpg


async def rename(pool: asyncpg.Pool, user_id, name):
    conn = await pool.acquire()
    try:
        await conn.execute("UPDATE users SET name = $1 WHERE id = $2", name, user_id)
    finally:
        await pool.release(conn)
```

## Fix
`putback fix` writes the `await`. Safe. No fix in a function that is not async.

## Stays silent
For aiopg, aiomysql and asyncmy, whose `pool.release` does its work without `await`; when the coroutine is awaited
through `asyncio.shield`, `wait_for` or a name; and when it is returned to a caller.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Finding, Severity
from putback.ownership.analysis.defects import Wrong
from putback.ownership.facts.facts import FunctionFacts
from putback.rules import mending, wording
from putback.rules.rule import Rule, report
from putback.rules.weighing import worth_of


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each release that is not awaited."""
    for site in facts.sites:
        for defect in site.defects(Wrong.UNAWAITED):
            release = f"the release of {wording.subject(site)}"
            found = report(
                RULE,
                site,
                f"{release} is not awaited, so nothing is given back: {wording.cost(site)}",
                worth=worth_of(site),
                confidence=site.acquisition.confidence,
                trace=(wording.acquired(site), facts.step(defect.at, "this coroutine never runs")),
                at=defect.at,
                help="write `await` in front of it",
            )
            yield mending.awaited(found, site, defect.at)


RULE = Rule("PB110", "release-not-awaited", "leak", Severity.ERROR, __doc__, check)
