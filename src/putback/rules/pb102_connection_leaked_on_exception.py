"""A connection is released on the normal path only, and something before that can raise.

## What it finds
A connection that is given back when all goes well, while an exception between the acquire and the release leaves
the function, or ends in a handler, without giving it back. Counted as well: the window between the acquire and the
`try`, an `except psycopg2.Error` that does not cover a `KeyError`, a statement in the `finally` that can raise in
front of the release, a `cursor.close()` or `if cursor:` there although `cursor` is not bound when `conn.cursor()` has
failed, and an `await` that can be cancelled (`asyncio.CancelledError` is no `Exception`).

What an object takes when it is entered, or made, is followed into its `__exit__`: a commit there that fails in front of
the release loses it. A hint where a method that works ends what the constructor has taken, and makers call no other.

## Why it is bad
Errors come in bursts: a restarted database, a deadlock, a bad request repeated. Each one keeps a connection, so a
short outage empties the pool and the service stays down after the database is back: `connection pool exhausted`,
`QueuePool limit of size 5 overflow 10 reached, connection timed out`, `couldn't get a connection after 30.00 sec`.

## Example
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def rename(user_id, name):
    conn = pool.getconn()
    conn.cursor().execute("UPDATE users SET name = %s WHERE id = %s", (name, user_id))
    conn.commit()
    pool.putconn(conn)
```

## Use instead
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def rename(user_id, name):
    conn = pool.getconn()
    try:
        conn.cursor().execute("UPDATE users SET name = %s WHERE id = %s", (name, user_id))
        conn.commit()
    finally:
        pool.putconn(conn)
```

## Fix
`putback fix` puts the statements from behind the acquire to the release, or to the last use, into a `try`, and the
paired release into its `finally`; a `try` that is there already gets it, with the name bound to None before where it
has to be. A cursor that may be unbound in its clean-up is bound to None as well, and closed only if it is there. The
releases on the normal paths go, so that it is never released twice. Safe, unless the connection would be held longer
than before on a path that did not leak.

A connection that the function hands on when all goes well is released in an `except BaseException` that raises again.
So is one that ends in a function of the project which does more than give back, as one that commits as well: that stays
on its path, because it must not commit after an error. To roll back and to write a log are a part of giving back; a
statement, or a call that is not known, is more. No fix where a `return` leaves before that function is called.
No fix where it is released only under a condition of its own, or in different ways on different paths.

## Stays silent
When nothing between the acquire and the release can raise: assignments of names and constants, logging, `print`,
`len`, `str` and `isinstance` on locals, `cursor.close()`. When the handler that catches everything releases, too.

## Known gaps
A `rollback()` that fails in a handler goes around the release behind it. That happens when the server has died, and
is not reported.

It is a hint where the error ends the run (a command, a script), and in a function that opens a connection for its
caller, where the collector closes it.

A statement that only reads seldom fails: that is a warning at most. What only a mistake in the data makes fail (a
subscript, `int()`) is one where a slot is lost for good, else a hint; so is, whatever is lost, the making of a cursor,
`datetime` arithmetic, or a function of the project that only counts and keeps lists. A file of SQLite is shown where
rows have been changed by then: others read `database is locked`. Of all that can raise, what does so most likely is
shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from putback.model.finding import Finding, Severity
from putback.model.lifecycle import Gc
from putback.model.mending import LEAK
from putback.model.weighing import Loss, Worth
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.leaks import Leak
from putback.ownership.facts.objects import Ended
from putback.ownership.facts.site_facts import SiteFacts, confidence_of
from putback.rules import (
    mending,
    pb101_connection_never_released,
    pb103_connection_leaked_on_early_exit,
    pb107_acquired_connection_lost,
    pb108_provider_without_finally,
    pb109_with_does_not_release,
    wording,
)
from putback.rules.rule import Rule, report, report_lost
from putback.rules.weighing import worth_of


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each acquire that only exceptions lose."""
    for site in facts.sites:
        if _applies(site):
            leak = next((x for x in site.leaks if not x.cancelled), site.leaks[0])
            found = report(
                RULE,
                site,
                f"{wording.subject(site)} is not given back if {_cause(site, leak)}: {wording.cost(site)}",
                worth=_worth(site, leak),
                confidence=confidence_of(site),
                trace=wording.trace(site, leak),
                help=wording.help_line(site),
            )
            yield mending.given_back(found, site)
    yield from map(_by_object, facts.ended_by_objects)


def _by_object(ended: Ended) -> Finding:
    """The finding at the acquire, with the way through the method that should give back."""
    site, there, leak = ended.taken, ended.given_back, ended.leak
    name = wording.subject(there)
    first, worth = wording.acquired(site), worth_of(there, leak)
    found = report(
        RULE,
        site,
        f"{name} is not given back if {_cause(there, leak)} in `{ended.method}`: {wording.cost(site)}",
        worth=replace(worth, loss=Loss.ADVICE) if ended.by_maker else worth,
        confidence=confidence_of(there),
        trace=(replace(first, text=f"{first.text}, and kept in {name}"), *wording.trace(there, leak)[1:]),
        help=f"in `{ended.method}`, release it in a `finally`: {wording.release(there)}",
    )
    return report_lost(found, ended.method, f"its object keeps it, and `{ended.method}` has to give it back")


def _worth(site: SiteFacts, leak: Leak) -> Worth:
    """What a function hands out that it opens goes with the error: nobody goes on with it."""
    kind, worth = site.kind, worth_of(site, leak)
    opens = site.is_handed_out and not kind.pooled and kind.gc is not Gc.PERMANENT
    return replace(worth, loss=Loss.HANDLE) if opens else worth


def _applies(site: SiteFacts) -> bool:
    return bool(site.leaks) and not any(
        rule.applies(site)
        for rule in (
            pb101_connection_never_released,
            pb103_connection_leaked_on_early_exit,
            pb107_acquired_connection_lost,
            pb108_provider_without_finally,
            pb109_with_does_not_release,
        )
    )


def _cause(site: SiteFacts, leak: Leak) -> str:
    unit = site.function.unit
    text = " ".join(unit.text(leak.raised_at).split()) if leak.raised_at is not None else ""
    shown = text if len(text) <= 48 else f"{text[:45]}..."
    verb = "is cancelled" if leak.cancelled else "fails" if wording.is_assert(site, leak) else "raises"
    return f"`{shown}` {verb}"


RULE = Rule("PB102", "connection-leaked-on-exception", "leak", Severity.ERROR, __doc__, check, mending=LEAK)
