"""An engine lends connections that the database has closed long ago.

## What it finds
`create_engine` (or its asynchronous sister) for a database on a server, in code that serves, without
`pool_pre_ping=True`. The URL and the options are followed: literals, names, environment variables with a default,
settings classes, dictionaries of options, and the callers of a wrapper.

## Why it is bad
A restart of the database, a failover or a firewall closes the connections that lie in the pool, and the pool does not
notice. The request that borrows the first of them fails: `server closed the connection unexpectedly`,
`SSL connection has been closed unexpectedly`. SQLAlchemy then throws away all that the pool has, so that it is one
error for each process and outage. With the ping the connection is replaced before it is lent; the price is a round trip
at every checkout. It is a hint: whether that one error matters is for you to say. `putback budget` shows all pools.
Where the URL names a host that closes what is idle, or sleeps meanwhile (Neon, an RDS proxy), it is a warning: there it
comes with each long pause.

## Example
```python
from sqlalchemy import create_engine

engine = create_engine("postgresql://shop", pool_size=10)
```

## Use instead
```python
from sqlalchemy import create_engine

engine = create_engine("postgresql://shop", pool_size=10, pool_pre_ping=True)
```

## Fix
`putback fix --unsafe-fixes` adds the argument. Unsafe, because every checkout costs a round trip then.

## Stays silent
For SQLite and other databases inside of the process; with `NullPool`; where the file listens to `engine_connect` or
`checkout`, which is where such tests are written by hand; where options are passed on that cannot be seen; in scripts,
migrations, examples and tests, and for an engine that dies with the function that makes it. Where all that is
seen to make it comes to its end. For MySQL, of whose idle connections PB407 speaks.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.drivers.schema import Backend
from putback.model.finding import Finding, Severity
from putback.model.mending import MAKING
from putback.model.weighing import Loss
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.pool_facts import PoolFacts
from putback.ownership.makers.settings import Settings
from putback.rules.rule import Rule
from putback.rules.setting_up import Told, found, is_cut_off, is_missing


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each engine that lends without asking."""
    return found(RULE, facts, _lends_dead_ones, _told)


def _told(made: PoolFacts, settings: Settings) -> Told:
    is_cut = is_cut_off(made, settings)
    often, seldom = "this host closes what is idle, and then", "after a restart of the database, or a long pause,"
    when = often if is_cut else seldom
    return Told(
        f"this {made.pool.title} lends connections without a look whether they still live: {when} the first request "
        "that borrows one fails",
        f"add {made.pool.pre_ping}=True",
        f"{made.pool.pre_ping}=True",
        Loss.DOUBTFUL if is_cut else Loss.ADVICE,
    )


def _lends_dead_ones(made: PoolFacts, settings: Settings, backend: Backend | None) -> bool:
    if not made.pool.pre_ping or made.listens or made.pool.pool_class in settings.arguments:
        return False
    is_recycled = backend is not None and backend.idle_closes and bool(made.pool.recycle)  # PB407 speaks of those
    return is_missing(settings, made.pool.pre_ping) and not is_recycled


RULE = Rule("PB403", "pool-without-pre-ping", "pool", Severity.INFO, __doc__, check, running=None, mending=MAKING)
