"""Whoever asks an exhausted pool waits for ever.

## What it finds
An acquire from a pool that lets its callers wait without end (asyncpg, aiopg, aiomysql, asyncmy, aioodbc), with nothing
around it that ends the waiting. Opt-in.

## Why it is bad
When connections leak, or queries hang, the pool runs dry. Other pools raise then, and somebody reads it in the log;
here requests pile up without a word until the service stops answering.

## Example
```python
import asyncpg


async def count(pool: asyncpg.Pool):
    async with pool.acquire() as conn:
        return await conn.fetchval("SELECT count(*) FROM users")
```

## Use instead
```python
import asyncpg


async def count(pool: asyncpg.Pool):
    async with pool.acquire(timeout=10) as conn:
        return await conn.fetchval("SELECT count(*) FROM users")
```

## Fix
None: how long is for you to decide.

## Stays silent
With `timeout=`, inside of `asyncio.timeout()`, `asyncio.wait_for()` and the like; for pools that raise; in scripts,
migrations, examples and tests.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Finding, Place, Severity
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.facts.facts import FunctionFacts
from putback.rules import wording
from putback.rules.rule import Rule, report


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each acquire that may wait for ever."""
    for site in facts.sites if facts.place is Place.SERVICE else ():
        if site.kind.waits and not site.acquisition.through and not site.call.is_limited:
            yield report(
                RULE,
                site,
                "when the pool is exhausted, this waits for ever and nobody is told",
                worth=Worth(Likelihood.EACH_TIME, Loss.ASKED, facts.frequency),
                confidence=site.acquisition.confidence,
                trace=(wording.acquired(site),),
                help="give it a `timeout=`, or put it into `async with asyncio.timeout(10):`",
            )


RULE = Rule("PB409", "acquire-without-timeout", "pool", Severity.WARNING, __doc__, check, opt_in=True, running=None)
