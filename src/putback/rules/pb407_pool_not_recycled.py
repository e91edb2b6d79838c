"""An engine for MySQL or MariaDB keeps connections that the server closes when they are idle.

## What it finds
`create_engine` for MySQL or MariaDB, in code that serves, with neither `pool_recycle` nor `pool_pre_ping`.

## Why it is bad
These servers close a connection that was idle for `wait_timeout`, eight hours unless somebody has set it lower. The
pool does not notice: the first requests of the morning fail with `MySQL server has gone away` or
`Lost connection to MySQL server during query`.

## Example
```python
from sqlalchemy import create_engine

engine = create_engine("mysql+pymysql://shop")
```

## Use instead
```python
from sqlalchemy import create_engine

engine = create_engine("mysql+pymysql://shop", pool_recycle=3600, pool_pre_ping=True)
```

## Fix
`putback fix --unsafe-fixes` adds `pool_recycle=3600`. Unsafe, because connections are opened anew every hour then, and
because your server may need less.

## Stays silent
For other databases; with `pool_pre_ping`, which finds what was closed, and with `NullPool`; where options are passed on
that cannot be seen; in scripts, migrations, examples and tests.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Finding, Severity
from putback.model.mending import MAKING
from putback.model.weighing import Loss
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.pool_facts import PoolFacts
from putback.ownership.makers.settings import Settings
from putback.rules.rule import Rule
from putback.rules.setting_up import Told, found, is_closed_while_idle


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each engine whose connections the server closes while they are idle."""
    return found(RULE, facts, is_closed_while_idle, _told)


def _told(made: PoolFacts, settings: Settings) -> Told:
    return Told(
        f"this {made.pool.title} keeps connections for ever, and the server closes those that are idle for eight "
        "hours: MySQL server has gone away",
        f"add {made.pool.recycle}=3600, or less than the server's wait_timeout",
        f"{made.pool.recycle}=3600",
        Loss.DOUBTFUL,
    )


RULE = Rule("PB407", "pool-not-recycled", "pool", Severity.WARNING, __doc__, check, running=None, mending=MAKING)
