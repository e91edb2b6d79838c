"""Every request opens a connection of its own.

## What it finds
A driver's `connect()` that runs for every request (in a route, in a dependency, or in a helper that one of them calls)
or for each item of a loop, where it is a hint: rounds come one after the other and cost only time. The path shows who
calls it; one finding for each function that connects, however many routes use it.

## Why it is bad
Opening a connection is dear: a handshake over the network, the authentication, and on PostgreSQL a process of its own.
For a small query it takes many times as long as the query itself. Measured with psycopg2 on a PostgreSQL of the same
machine, without network, TLS or password: `SELECT 1` took 12.4 ms with a connection of its own and 0.07 ms with one
from a pool (medians of 400, `tests/bench/engine_per_call.py`, on two cores that others used as well).

And nothing limits how many there are: under load the database refuses them, `FATAL: sorry, too many clients already` or
`FATAL: remaining connection slots are reserved for non-replication superuser connections`.

## Example
```python
import psycopg2
from fastapi import FastAPI

app = FastAPI()


@app.get("/users/{user_id}")
def user(user_id: int):
    conn = psycopg2.connect("dbname=shop")
    try:
        with conn.cursor() as cur:
            cur.execute("SELECT name FROM users WHERE id = %s", (user_id,))
            return cur.fetchone()
    finally:
        conn.close()
```

## Use instead
```python
from fastapi import FastAPI
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")
app = FastAPI()


@app.get("/users/{user_id}")
def user(user_id: int):
    conn = pool.getconn()
    try:
        with conn.cursor() as cur:
            cur.execute("SELECT name FROM users WHERE id = %s", (user_id,))
            return cur.fetchone()
    finally:
        pool.putconn(conn)
```

## Fix
None by itself: where the pool is made, and how large, is for you to decide. `putback.pool` has one to begin with.

## Stays silent
In scripts, commands, migrations, examples and tests; for a database inside of the process, such as SQLite; where the
connection is kept (in a global, or by an object that is made once), and in jobs. In loops that try again, and where
each item or request decides which database it is, as in a tool that looks after the databases of others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from putback.frameworks.schema import Role
from putback.model.finding import Finding, Place, Severity
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.makers.often import Often
from putback.rules import wording
from putback.rules.rule import Rule, report


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each function that opens connections again and again, at the first: where it opens one in each
    branch of an `if`, one pool takes the place of all."""
    takes = any(site.kind.pooled for site in facts.sites)  # from a pool, and connects where that is not there
    made = [site for site in facts.sites if site.making is not None and not takes]
    found: list[tuple[SiteFacts, Often]] = []
    for site in made if made and facts.place is Place.SERVICE else ():
        often = site.making.often if site.making is not None else None
        if often is not None and often.role is not Role.JOB and not often.differs:
            found.append((site, often))
    if found:
        yield _finding(*found[0], [site for site, _ in found[1:]])


def _finding(site: SiteFacts, often: Often, others: Sequence[SiteFacts]) -> Finding:
    assert site.making is not None
    when = "for each item" if often.role is None else "for every request"
    by = "" if often.role is None else f" of {often.name}"
    loss = Loss.ADVICE if often.role is None else Loss.CONNECTION
    many = "" if often.role is None else ", and nothing limits how many there are"
    return report(
        RULE,
        site,
        f"a new {site.kind.title} is opened {when}{by}: connecting takes many times as long as a small query{many}",
        worth=Worth(Likelihood.EACH_TIME, loss, site.function.frequency),
        confidence=site.acquisition.confidence,
        trace=(*site.making.way(often), wording.acquired(site), *map(wording.acquired, others)),
        help="connect once, before the loop"
        if often.role is None
        else "take connections from a pool that is made once",
    )


RULE = Rule("PB401", "connect-per-request", "pool", Severity.WARNING, __doc__, check, running=None)
