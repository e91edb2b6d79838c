"""A connection is taken by hand for one statement, although a function of the project does that.

## What it finds
A function that takes a connection from a wrapper of the project, runs one statement on it and gives it back, where
another function takes one from the same wrapper, runs the statement that it is given and surely gives it back: the
`execute_query` of many projects, whatever it is called. Opt-in: the two may differ in what the rows look like.

## Why it is bad
Each such function needs its own `try`, `finally` and `rollback`, and most leaks are in those that lack one. The helper
has them once.

## Example
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def get_connection():
    return pool.getconn()


def run(query, params=None):
    conn = get_connection()
    try:
        with conn.cursor() as cursor:
            cursor.execute(query, params)
            return cursor.fetchall()
    finally:
        pool.putconn(conn)


def open_orders():
    conn = get_connection()
    try:
        with conn.cursor() as cursor:
            cursor.execute("SELECT id FROM orders WHERE open")
            return cursor.fetchall()
    finally:
        pool.putconn(conn)
```

## Use instead
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def get_connection():
    return pool.getconn()


def run(query, params=None):
    conn = get_connection()
    try:
        with conn.cursor() as cursor:
            cursor.execute(query, params)
            return cursor.fetchall()
    finally:
        pool.putconn(conn)


def open_orders():
    return run("SELECT id FROM orders WHERE open")
```

## Fix
None: whether the helper returns the rows as this function needs them is for you to see.

## Stays silent
Where more than one statement is run, or one in a loop; where the connection or the cursor is used for anything else
(`cursor.rowcount`, a callback that is given it); where rows are read or a commit is made and the helper does not; where
the cursor is made with other arguments; for functions that are given their statement; and for a helper that can itself
lose the connection.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Finding, Severity
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.facts.facts import FunctionFacts
from putback.rules import wording
from putback.rules.rule import Rule, report
from putback.rules.scoping import step


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for the statement that a helper could run."""
    for site, bypass in facts.bypasses:
        helper = bypass.helper
        yield report(
            RULE,
            site,
            f"a connection is taken by hand for this statement alone, and `{helper.name}` does that",
            worth=Worth(Likelihood.EACH_TIME, Loss.ASKED, facts.frequency_of_place),
            confidence=site.acquisition.confidence,
            trace=(
                wording.acquired(site),
                facts.step(bypass.at, "the only statement on it"),
                step(
                    facts,
                    helper.path,
                    helper.row,
                    f"`{helper.name}` runs what it is given on one and gives it back",
                ),
            ),
            at=bypass.at,
            help=f"call `{helper.name}` instead",
        )


RULE = Rule("PB410", "helper-bypassed", "pool", Severity.WARNING, __doc__, check, opt_in=True, running=None)
