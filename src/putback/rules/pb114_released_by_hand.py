"""A connection is given back by hand where a `with` could hold it.

## What it finds
An acquire that is surely given back, by a call in a `finally`, where a context manager does the same: the connection's
own (`with Session() as session`), `contextlib.closing` for what is closed, or the project's for the pair of functions
that take and give back. And such a pair that has none yet, at the function that takes. This rule is opt-in:
`extend-select = ["PB114"]`, or `putback fix --style with` for one run.

## Why it is bad
It is not, as long as nobody edits it. A `try` and a `finally` in each of forty functions are forty places where the
forty-first is written without; a `with` cannot be forgotten half-way.

## Example
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def get_db_connection():
    return pool.getconn()


def release_db_connection(conn):
    pool.putconn(conn)


def count_users():
    conn = get_db_connection()
    try:
        with conn.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM users")
            return cursor.fetchone()[0]
    finally:
        release_db_connection(conn)
```

## Use instead
```python
from contextlib import contextmanager

from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def get_db_connection():
    return pool.getconn()


def release_db_connection(conn):
    pool.putconn(conn)


@contextmanager
def db_connection():
    conn = get_db_connection()
    try:
        yield conn
    finally:
        release_db_connection(conn)


def count_users():
    with db_connection() as conn:
        with conn.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM users")
            return cursor.fetchone()[0]
```

## Fix
`putback fix --style with` writes the context manager behind the pair, and the `with` in each function that gives
back in a `finally`; leaks that it mends on the way are held in a `with` as well. `--verify` proves it function by
function. What the functions no longer use stays imported: a linter for unused imports takes that out.

## Stays silent
Where the connection is lost on some path (PB101 to PB103 say so), is handed on, or lent by this very manager, and
where no context manager does the same: a pool's `getconn()` without a function of the project around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from putback.model.finding import Confidence, Finding, Severity
from putback.model.fix import Fix
from putback.model.mending import HARMLESS
from putback.model.running import NO_DEFECT
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.held_by_hand import ByHand, Unmanaged, by_hand, unmanaged
from putback.rules import mending, wording
from putback.rules.rule import Rule, report, report_at
from putback.rules.scoping import row_of, step


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each acquire that a `with` could hold, and one for a pair without a context manager."""
    for site in facts.sites:
        found = by_hand(site)
        if found is not None:
            yield mending.mended(_held(facts, found), partial(_held_in_with, found))
    pair = unmanaged(facts.analyzer, facts.unit)
    if pair is not None:
        yield mending.mended(_alone(facts, pair), partial(_new_manager, facts, pair))


def _held(facts: FunctionFacts, found: ByHand) -> Finding:
    site, pair = found.site, found.pair
    there = (step(facts, pair.release.path, found.release_row, f"`{found.release}` gives it back"),) if pair else ()
    return report(
        RULE,
        site,
        f"{wording.subject(site)} is given back by hand, and a `with` could hold it",
        worth=Worth(Likelihood.EACH_TIME, Loss.ASKED, facts.frequency_of_place),
        confidence=site.acquisition.confidence,
        trace=(
            wording.acquired(site),
            *(facts.step(at, "given back here") for at in site.release_points.releases),
            *there,
        ),
        help="hold it in a `with`: `putback fix --style with` writes it",
    )


def _alone(facts: FunctionFacts, pair: Unmanaged) -> Finding:
    return report_at(
        RULE,
        facts,
        row_of(facts, facts.unit.path, pair.row),
        f"`{pair.wrapper}` and `{pair.release}` have no context manager: whoever uses them pairs them by hand",
        worth=Worth(Likelihood.EACH_TIME, Loss.ASKED, facts.frequency_of_place),
        confidence=Confidence.HIGH,
        trace=(
            step(facts, facts.unit.path, pair.row, f"`{pair.wrapper}` takes it"),
            step(facts, facts.unit.path, pair.release_row, f"`{pair.release}` gives it back"),
        ),
        driver=pair.pair.acquisition.kinds[0].driver,
        help="write one beside them",
    )


def _held_in_with(found: ByHand) -> Fix:
    from putback.fixes.by_hand import hold
    from putback.rules.holdings import holding
    from putback.rules.openers import opener

    held = holding(found.site)
    return hold(held, opener(found, held))


def _new_manager(facts: FunctionFacts, pair: Unmanaged) -> Fix:
    from putback.fixes.new_manager import Manager, add_manager
    from putback.rules.holdings import code_for

    calls = f"{'await ' if pair.release_waits else ''}{'self.' if pair.is_method else ''}{pair.release}({{conn}})"
    maybe_none = pair.pair.acquisition.maybe_none
    manager = Manager(pair.name, calls, pair.end_row, pair.is_async, maybe_none, pair.is_method)
    return add_manager(code_for(facts), manager)


_MENDING = replace(HARMLESS, waits=True)
RULE = Rule(
    "PB114",
    "released-by-hand",
    "leak",
    Severity.WARNING,
    __doc__,
    check,
    opt_in=True,
    mending=_MENDING,
    running=NO_DEFECT,
)
