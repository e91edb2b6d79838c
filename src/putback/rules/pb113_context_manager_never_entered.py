"""A connection's context manager is called without `with`.

## What it finds
The result of a `@contextmanager` wrapper, of psycopg_pool's `pool.connection()` or of SQLAlchemy's
`engine.begin()`, used as if it were the connection. The finding stands at the call.

## Why it is bad
Nothing is acquired. The first use fails with
`AttributeError: '_GeneratorContextManager' object has no attribute 'cursor'`. With SQLAlchemy 1.4 `engine.begin()`
checks a connection out at once, and that one is never given back.

## Example
```python
from psycopg_pool import ConnectionPool

pool = ConnectionPool("dbname=shop")


def count_users():
    conn = pool.connection()
    return conn.execute("SELECT count(*) FROM users").fetchone()
```

## Use instead
```python
from psycopg_pool import ConnectionPool

pool = ConnectionPool("dbname=shop")


def count_users():
    with pool.connection() as conn:
        return conn.execute("SELECT count(*) FROM users").fetchone()
```

## Fix
`putback fix` puts the call into a `with` around the rest, up to the last use, and takes releases by hand out of it.
Safe, because nothing worked before. No fix where the manager is returned, stored or used outside of its block.

## Stays silent
When it is entered later, returned, stored, passed to an `ExitStack`, or one side of a choice with `nullcontext`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from putback.model.finding import Finding, Severity
from putback.model.fix import Fix
from putback.model.running import Broken, Running
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.analysis.defects import Wrong
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.site_facts import SiteFacts
from putback.rules import mending, wording
from putback.rules.rule import Rule, report


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each manager that is used without being entered."""
    for site in facts.sites:
        defect = next(site.defects(Wrong.UNENTERED), None)
        if defect is not None:
            found = report(
                RULE,
                site,
                "this is a context manager and not a connection: "
                "without `with` nothing is acquired and the first use fails",
                worth=Worth(Likelihood.EACH_TIME, Loss.BROKEN, facts.frequency),
                confidence=site.acquisition.confidence,
                trace=(wording.acquired(site), facts.step(defect.at, "used here without having been entered")),
                help="use it in a `with` statement",
            )
            yield mending.mended(found, partial(_fix, site))


def _fix(site: SiteFacts) -> Fix:
    from putback.fixes.enter import Manager, enter
    from putback.rules.holdings import entered

    made = entered(site)
    released = replace(made, closers=tuple(made.code.node(at) for at in site.releasing_calls(made.name)))
    return enter(Manager(released, site.is_async))


_RUNNING = Running(frozenset((Broken.UNENTERED,)))
RULE = Rule("PB113", "context-manager-never-entered", "leak", Severity.ERROR, __doc__, check, running=_RUNNING)
