"""Connecting may take as long as the network lets it.

## What it finds
An engine or a pool over a driver that waits without end for a connection (psycopg2, pg8000) and is not told how long it
may. A hint, opt-in.

## Why it is bad
When the database's host does not answer, as after a failover or behind a firewall that drops packets, each attempt
hangs until the operating system gives up, which takes minutes. The threads that wait fill the server, and requests that
need no database wait with them.

## Example
```python
from sqlalchemy import create_engine

engine = create_engine("postgresql+psycopg2://shop", pool_pre_ping=True)
```

## Use instead
```python
from sqlalchemy import create_engine

engine = create_engine("postgresql+psycopg2://shop", pool_pre_ping=True, connect_args={"connect_timeout": 10})
```

## Fix
None: how long is for you to decide; 10 seconds is a usual answer.

## Stays silent
For drivers that have a limit of their own (asyncpg, psycopg 3, PyMySQL); with the argument in `connect_args`, in the
URL or in the connection string; where one of these cannot be seen; in scripts, migrations, examples and tests.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.drivers.schema import Backend
from putback.model.finding import Finding, Severity
from putback.model.mending import MAKING
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.pool_facts import PoolFacts
from putback.ownership.makers.settings import Settings
from putback.ownership.makers.worth import HIDDEN
from putback.rules.rule import Rule
from putback.rules.setting_up import Told, found


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each pool whose connecting nothing bounds."""
    return found(RULE, facts, _waits, _told)


def _told(made: PoolFacts, settings: Settings) -> Told:
    return Told(
        f"nothing says how long this {made.pool.title} may take to connect: when the host does not answer, each "
        "attempt hangs for minutes",
        "say how long connecting may take, such as connect_timeout=10",
    )


def _waits(made: PoolFacts, settings: Settings, backend: Backend | None) -> bool:
    name = made.pool.timeout
    given = settings.arguments
    if backend is not None and not name:
        name = backend.timeouts.get(settings.dialect or backend.usual, "")
        options = settings.options
        if options is None or not options.whole:
            return False
        given = options.items
    whole_url = bool(settings.url) and not settings.url.endswith(HIDDEN)
    return bool(name) and settings.whole and whole_url and name not in given and f"{name}=" not in settings.url


RULE = Rule(
    "PB405",
    "pool-without-connect-timeout",
    "pool",
    Severity.INFO,
    __doc__,
    check,
    opt_in=True,
    running=None,
    mending=MAKING,
)
