"""Requests that come at once may each make the pool that there should be one of.

## What it finds
A function that makes a global pool when there is none yet (`if _pool is None`), without a lock, and that requests run,
so that several of them may be the first. A hint where the pool opens nothing before it is asked (a SQLAlchemy engine),
and where something that is no request uses the function too, most likely at the start.

## Why it is bad
Both find no pool, both make one, and one of the two is overwritten: its connections stay open without anybody who could
use them, as long as the one who made it holds on to it, and the database counts them.

## Example
```python
from flask import Flask
from psycopg2.pool import ThreadedConnectionPool

app = Flask(__name__)
_pool = None


def get_pool():
    global _pool
    if _pool is None:
        _pool = ThreadedConnectionPool(5, 20, "dbname=shop")
    return _pool


@app.route("/users")
def users():
    pool = get_pool()
    conn = pool.getconn()
    try:
        with conn.cursor() as cur:
            cur.execute("SELECT name FROM users")
            return {"users": cur.fetchall()}
    finally:
        pool.putconn(conn)
```

## Use instead
```python
import threading

from flask import Flask
from psycopg2.pool import ThreadedConnectionPool

app = Flask(__name__)
_pool = None
_lock = threading.Lock()


def get_pool():
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadedConnectionPool(5, 20, "dbname=shop")
    return _pool


@app.route("/users")
def users():
    pool = get_pool()
    conn = pool.getconn()
    try:
        with conn.cursor() as cur:
            cur.execute("SELECT name FROM users")
            return {"users": cur.fetchall()}
    finally:
        pool.putconn(conn)
```

## Fix
None. The simplest is to make the pool when the module is imported, or at startup.

## Stays silent
Under a lock, behind `lru_cache`, and when it is made at the top of a module; in `async` code where nothing is awaited
between the look and the making; where no request is seen to run the function.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Confidence, Finding, Place, Severity, Step
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.pool_facts import PoolFacts
from putback.ownership.makers.fates import Fate
from putback.ownership.makers.often import Race
from putback.rules.rule import Rule, at_making


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each pool that several requests may make."""
    for made in facts.pools if facts.place is Place.SERVICE else ():
        if made.pool.keeps and made.fate is Fate.KEPT and (race := made.race) is not None:
            yield _finding(facts, made, race)


def _finding(facts: FunctionFacts, made: PoolFacts, race: Race) -> Finding:
    likelihood = Likelihood.HARDLY if race.early else Likelihood.EXPECTED
    here: Step = facts.step(made.at, "each that finds none makes one here")
    return at_making(
        RULE,
        facts,
        made,
        f"requests that come at once may each find no {made.pool.title} and make one: all but the last are lost, with "
        "the connections that they have opened",
        worth=Worth(
            likelihood,
            Loss.ADVICE if made.pool.lazy else Loss.CONNECTION,
            facts.frequency,
        ),
        confidence=Confidence.HIGH if race.sure else Confidence.LOW,
        trace=(*made.way(race.entry), here),
        help="make it when the module is imported or at startup, or look and make it under a lock",
    )


RULE = Rule("PB408", "unguarded-lazy-pool", "pool", Severity.WARNING, __doc__, check, running=None)
