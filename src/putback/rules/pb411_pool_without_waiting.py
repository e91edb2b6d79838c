"""The pool of psycopg2 raises where another would wait, and the library that came after it has one that waits.

## What it finds
A `SimpleConnectionPool` or `ThreadedConnectionPool` of psycopg2. This rule is opt-in: it is there to go over to
psycopg_pool step by step. `putback check --select PB411` names what stands in the way, one thing at a time, and
`putback fix --select PB411 --unsafe-fixes --diff` shows the change when nothing does.

## Why it is bad
When all connections are lent, `getconn()` raises `connection pool exhausted` at once, and a short peak is an error for
users. It lends connections that a restart of the database has closed, has no `with`, and counts nothing.
psycopg_pool waits (`timeout`, 30 s), replaces what is broken, has `with pool.connection()` and `get_stats()`.

## Example
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, host="db", database="shop")


def count_users():
    conn = pool.getconn()
    try:
        with conn.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM users")
            return cursor.fetchone()[0]
    finally:
        pool.putconn(conn)
```

## Use instead
```python
from psycopg_pool import ConnectionPool

pool = ConnectionPool(min_size=1, max_size=10, kwargs={"host": "db", "dbname": "shop"}, open=True)


def count_users():
    conn = pool.getconn()
    try:
        with conn.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM users")
            return cursor.fetchone()[0]
    finally:
        pool.putconn(conn)
```

## Fix
`putback fix --unsafe-fixes` writes the import, the call, annotations and `closeall()` anew; `getconn()` and `putconn()`
stay. `putback verify --select PB411` runs each function that takes a connection, with the one library and with the
other: the same statements and commits, the same answers, and a connection that goes back or stays out as before. Never
safe all the same, as no statement is sent: psycopg sends parameters apart from the statement (no tuple for `IN %s`, one
statement at a time), connects in the background, and raises other errors. Read your statements, run your tests, and
install `psycopg[binary,pool]`. No fix while something outside of tests uses what only psycopg2 has: its errors, extras,
extensions and `connect()`, keys of `getconn`, `putconn(close=True)`, `copy_from`, `mogrify`, `set_session` and such,
or a `with conn:`, which commits with psycopg2 and closes with psycopg; nor where several pools are made in one file,
where not all arguments can be seen, or where a class derives from the pool's.

## Stays silent
For every other pool; in tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from putback.model.finding import Confidence, Finding, Place, Severity
from putback.model.fix import Fix
from putback.model.mending import SUCCEEDING
from putback.model.weighing import Frequency, Likelihood, Loss, Worth
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.pool_facts import PoolFacts
from putback.ownership.facts.successors import hindrances
from putback.rules import mending
from putback.rules.rule import Rule, at_making


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each pool of a library that another has come after."""
    for made in facts.pools if facts.file_place is not Place.TEST else ():
        if made.pool.successor is not None:
            yield mending.mended(_finding(facts, made, made.pool.successor.by), partial(_fix, facts, made))


def _finding(facts: FunctionFacts, made: PoolFacts, successor: str) -> Finding:
    return at_making(
        RULE,
        facts,
        made,
        f"this {made.pool.title} raises at once when all its connections are lent; `{successor}` waits",
        worth=Worth(Likelihood.EACH_TIME, Loss.ASKED, Frequency.AGAIN),
        confidence=Confidence.HIGH,
        help=f"make it with `{successor}`, and read the statements: parameters are sent apart from them",
    )


def _fix(facts: FunctionFacts, made: PoolFacts) -> Fix:
    from putback.fixes.declined import Declined
    from putback.fixes.new_pool import Successor, succeed

    first = next(hindrances(facts.analyzer, made.pool, facts.unit.path), None)
    if first is not None:
        raise Declined(f"{first.what} is used ({facts.display(first.path)}:{first.row})")
    told = made.pool.successor
    assert told is not None
    successor = Successor(
        makers=frozenset(name.rpartition(".")[2] for name in made.pool.made_by),
        roots=facts.analyzer.catalog.drivers[made.pool.driver].imports,
        by=told.by,
        arguments=told.arguments,
        options=told.options,
        added=told.added,
        renamed=told.renamed,
        refused=told.refused,
        methods=told.methods,
    )
    return succeed(facts.rows, successor, made.span)


RULE = Rule(
    "PB411",
    "pool-without-waiting",
    "pool",
    Severity.WARNING,
    __doc__,
    check,
    opt_in=True,
    running=None,
    mending=SUCCEEDING,
)
