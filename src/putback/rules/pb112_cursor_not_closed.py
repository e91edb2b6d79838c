"""A cursor is not closed, or only when nothing goes wrong.

## What it finds
A `cursor()` whose result stays in the function and is closed neither by a `with` nor in a `finally`. The finding stands
at the call. This rule is opt-in: `extend-select = ["PB112"]`.

## Why it is bad
A cursor is closed when its last reference goes, so that this is mostly a matter of style. It is not where the exception
is kept, with named cursors, which hold rows on the server, and with drivers whose connection does nothing else before
the rows are read: `mysql.connector.errors.InternalError: Unread result found`.

## Example
```python
import psycopg2


def count_users():
    conn = psycopg2.connect("dbname=shop")
    try:
        cur = conn.cursor()
        cur.execute("SELECT count(*) FROM users")
        return cur.fetchone()[0]
    finally:
        conn.close()
```

## Use instead
```python
import psycopg2


def count_users():
    conn = psycopg2.connect("dbname=shop")
    try:
        with conn.cursor() as cur:
            cur.execute("SELECT count(*) FROM users")
            return cur.fetchone()[0]
    finally:
        conn.close()
```

## Fix
`putback fix` closes it in the `finally` that gives its connection back, in front of that, with the name bound to None
before the `try` where it has to be; where there is no such `finally`, in one of its own behind its last use. Unsafe
where closing it can raise: a cursor of the server's (`conn.cursor("rows")`), and drivers that complain of rows that
nobody has read (`Unread result found`). The release stands in a `finally` behind it then.

With `fix-style = "explicit"` this rule runs without being asked for.

## Stays silent
For a cursor that is returned, yielded, stored, used in a nested function or passed to another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from putback.fixes.declined import Declined
from putback.model.config import FixStyle
from putback.model.finding import Confidence, Finding, Severity
from putback.model.fix import Fix
from putback.model.running import NO_DEFECT
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.facts.cursors import Cursor
from putback.ownership.facts.facts import FunctionFacts
from putback.rules import mending
from putback.rules.rule import Rule, report_at


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each cursor."""
    for cursor in facts.cursors:
        name = f"`{cursor.name}`" if cursor.name else "the cursor"
        how = "is closed only when nothing raises" if cursor.closes else "is never closed"
        found = report_at(
            RULE,
            facts,
            facts.unit.span(cursor.at),
            f"{name} {how}",
            worth=Worth(Likelihood.EACH_TIME, Loss.ASKED, facts.frequency_of_place),
            confidence=Confidence.HIGH,
            trace=(facts.step(cursor.at, "made here"), *(facts.step(at, "closed here") for at in cursor.closes)),
            driver=cursor.driver,
            help="use it in a `with` statement, or close it in a `finally`",
        )
        yield mending.mended(found, partial(_fix, facts, cursor))


def _fix(facts: FunctionFacts, cursor: Cursor) -> Fix:
    from putback.fixes.cursors import close_cursor
    from putback.fixes.holding import Holding, Release
    from putback.rules.holdings import asks_truth, code_for

    if not cursor.name:
        raise Declined("the cursor has no name")
    code = code_for(facts)
    name, awaited = cursor.name, "await " if cursor.closing.awaited else ""
    held = Holding(
        code,
        code.node(cursor.at),
        name,
        frozenset({name}),
        Release(f"{awaited}{name}.close()"),
        closers=tuple(code.node(at) for at in cursor.closes),
        asks_truth=asks_truth(facts, cursor.type),
    )
    return close_cursor(held, [code.node(at) for at in _releases(facts, name)], cursor.closes_calmly)


def _releases(facts: FunctionFacts, name: str) -> Iterator[int]:
    """The calls that give back the connection of a cursor."""
    for site in facts.acquires:
        if name in site.release_points.parts:
            yield from site.release_points.releases


RULE = Rule(
    "PB112",
    "cursor-not-closed",
    "leak",
    Severity.WARNING,
    __doc__,
    check,
    opt_in=True,
    style=FixStyle.EXPLICIT,
    running=NO_DEFECT,
)
