"""A connection is taken and no path gives it back.

## What it finds
A connection, session or slot that is acquired in a function, while no path through that function releases it,
returns it or hands it to a new owner. Closing the cursor does not count: the cursor is not the connection. A
SQLAlchemy session counts from its first statement until `commit()`, `rollback()` or `close()`, because only then
does it hold a connection; closed, it opens again with the next one. So a session that a function closes and returns,
or keeps on an attribute that it asks before it opens another, is one that nobody closes. What a constructor takes, no
method of the class gives back and a function that makes the object drops is told where it is taken, as a hint.

## Why it is bad
Each call keeps one more connection. When the pool has none left, the next caller is the one who sees the error:

- psycopg2: `psycopg2.pool.PoolError: connection pool exhausted`, at once
- psycopg_pool: `psycopg_pool.PoolTimeout: couldn't get a connection after 30.00 sec`
- SQLAlchemy: `QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00`
- mysql-connector: `Failed getting connection; pool exhausted`
- asyncpg, aiomysql, aiopg: no error; `await pool.acquire()` waits for ever

A larger pool only moves the hour. Garbage collection helps for SQLAlchemy, some time later; for the pools of
psycopg2, psycopg, asyncpg and the aio libraries it never does: the slot is gone until the process ends. A plain
`connect()` is closed when its last reference goes, so it is a warning.

## Example
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def count_users():
    conn = pool.getconn()
    cur = conn.cursor()
    cur.execute("SELECT count(*) FROM users")
    return cur.fetchone()
```

## Use instead
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def count_users():
    conn = pool.getconn()
    try:
        cur = conn.cursor()
        cur.execute("SELECT count(*) FROM users")
        return cur.fetchone()
    finally:
        pool.putconn(conn)
```

## Fix
`putback fix` puts the statements from behind the acquire to the release, or to the last use, into a `try`, and the
paired release into its `finally`; a `try` that is there already gets it, with the name bound to None before where it
has to be. The releases on the normal paths go, so that it is never released twice. Safe, unless the connection would be
held longer than before on a path that did not leak.

No fix where another owner may have the connection, also an exit stack whose `pop_all()` is dropped, where the pool
has no name at the acquire and the project no function that gives back, or where a cursor leaves the function. Unsafe as
well where a session's objects are returned, or where the function that hands it out may answer with one that was there
before.

## Stays silent
When the connection is returned, yielded by a provider, stored on an attribute, a global, a container or `flask.g`
that something in the project releases, given to a function that takes it over, also with `locals()`, registered
with `ExitStack` (whose `pop_all()` is kept), `atexit` or `addCleanup`, or held by a `with` that really releases. When
something is called through it later on (asyncpg's `add_listener`, Oracle's `subscribe`). When a session ran no
statement, or is bound to a connection that somebody else owns, also by `Session.configure(bind=connection)`. When a
context manager gives it back on errors only, and all who enter it close it. A hint in a function that nobody uses,
though others use its file.

## Known gaps
A connection that is passed to code outside of the project is taken to be borrowed there, not kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from putback.model.finding import Finding, Severity
from putback.model.mending import LEAK
from putback.model.weighing import Loss
from putback.ownership.facts.dropped import Dropped
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.site_facts import SiteFacts, confidence_of
from putback.rules import mending, pb107_acquired_connection_lost, wording
from putback.rules.rule import Rule, report, report_lost
from putback.rules.weighing import worth_of


def applies(site: SiteFacts) -> bool:
    """Leaks on some path, no path releases or hands on, and no more specific rule speaks."""
    return (
        bool(site.leaks)
        and not site.is_released_somewhere
        and not site.is_passed_on_somewhere
        and not site.rests_on_with
        and not pb107_acquired_connection_lost.applies(site)
    )


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each such acquire."""
    for site in facts.sites:
        if applies(site):
            leak = site.leaks[0]
            found = report(
                RULE,
                site,
                f"{wording.subject(site)} is never given back: {wording.cost(site)}",
                worth=worth_of(site),
                confidence=confidence_of(site),
                trace=wording.trace(site, leak),
                help=wording.help_line(site),
            )
            yield mending.given_back(found, site)
        elif site.cached_closed:
            yield _cached_closed(facts, site)
    yield from map(_with_object, facts.dropped_with_objects)


def _with_object(dropped: Dropped) -> Finding:
    """The finding at the acquire, with the function that makes the object and drops it."""
    site, maker = dropped.taken, dropped.maker
    name = f"{site.function.unit.own}.{dropped.attribute}"
    first, made = wording.acquired(site), maker.function
    where = f"`{made.name}`" if made.name else "a lambda"
    found = report(
        RULE,
        site,
        f"`{name}` is never given back: nothing does that with the object, and {where} drops it: {wording.cost(site)}",
        worth=replace(worth_of(maker), loss=Loss.ADVICE),  # too few were read to show it
        confidence=confidence_of(maker),
        trace=(
            replace(first, text=f"{first.text}, and kept in `{name}`"),
            made.step(maker.site.acquired_at, f"the object is made here, and nobody has it when {where} has ended"),
        ),
        help="give the class a method that gives it back, and call that in a `finally`",
    )
    return report_lost(found, made.name, "its object keeps it, and has no method that gives it back")


def _cached_closed(facts: FunctionFacts, site: SiteFacts) -> Finding:
    where = f"`{site.cached_closed}`"
    found = report(
        RULE,
        site,
        f"{wording.subject(site)} stays on {where} after it was closed: the next call finds it there, its first "
        f"statement opens it again, and nothing closes it",
        worth=worth_of(site),
        confidence=site.acquisition.confidence,
        trace=(wording.acquired(site),),
        help=f"set {where} back to None in a `finally`",
    )
    return replace(found, no_fix_reason="whether the attribute is used elsewhere cannot be told")


RULE = Rule("PB101", "connection-never-released", "leak", Severity.ERROR, __doc__, check, mending=LEAK)
