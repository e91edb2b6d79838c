"""A `finally` or `except` releases a name that the acquire may not have bound.

## What it finds
A release in a clean-up whose `try` contains the acquire, with no earlier binding of the name; an `if conn:` around it
does not help, because it reads the name as well. The finding stands at the acquire.

## Why it is bad
When the acquire itself fails, the clean-up raises
`UnboundLocalError: cannot access local variable 'conn' where it is not associated with a value` (before Python
3.11: `local variable 'conn' referenced before assignment`), and whoever called the function gets that instead of the
real error, such as `connection pool exhausted`. At the top level of a module it is a `NameError`. In a loop that is so
in the first round; in a later one the name still means the connection of the round before, which is released again.

## Example
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def rename(user_id, name):
    try:
        conn = pool.getconn()
        conn.cursor().execute("UPDATE users SET name = %s WHERE id = %s", (name, user_id))
    finally:
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
    finally:
        pool.putconn(conn)
```
Where a handler of the same `try` has to see an acquire that fails, bind the name to None before it instead.

## Fix
`putback fix` binds the name to None before the `try` and releases only what is there; other names that the clean-up
reads are bound as well, or what it raises for them would hide the error. Safe.

## Stays silent
When the clean-up keeps its errors to itself (`with suppress(Exception):`, a `try` of its own),
with `conn = None` before the `try` and a guarded release, with `if "conn" in locals()`, with a flag that is set
behind the acquire, and where making the object cannot fail: a SQLAlchemy session connects with its first statement.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Finding, Severity
from putback.model.running import Broken, Running
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.analysis.attempts import is_hushed
from putback.ownership.analysis.defects import Wrong
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.site_facts import SiteFacts
from putback.rules import mending, wording
from putback.rules.rule import Rule, report


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each acquire whose failure is hidden so."""
    for site in facts.sites:
        defect = next(site.defects(Wrong.UNBOUND), None)
        if defect is not None and not _is_hushed(facts, defect.at):
            error = wording.unbound_error(site)
            found = report(
                RULE,
                site,
                f"if this acquire fails, {wording.subject(site)} is not bound{_first(facts, site)} "
                f"and the clean-up that reads it raises {error}{_later(facts, site)}",
                worth=Worth(Likelihood.EXPECTED, Loss.DOUBTFUL, facts.frequency),
                confidence=site.acquisition.confidence,
                trace=(
                    facts.step(site.site.acquired_at, "if this raises, the name is never bound ..."),
                    facts.step(defect.at, f"... and this raises {error} in place of that error"),
                ),
                help=f"bind {wording.subject(site)} to None in front of the `try`, and release it only if it is there",
            )
            yield mending.guarded(found, site)


def _first(facts: FunctionFacts, site: SiteFacts) -> str:
    return " in the first round of the loop" if facts.unit.repeats(site.site.acquired_at) else ""


def _later(facts: FunctionFacts, site: SiteFacts) -> str:
    is_again = facts.unit.repeats(site.site.acquired_at)
    return "; in a later one that of the round before is released again" if is_again else ""


def _is_hushed(facts: FunctionFacts, at: int) -> bool:
    unit, analyzer = facts.unit, facts.analyzer
    row = unit.span(at).start.row
    return is_hushed(analyzer.reader, unit.path, unit.info, row, analyzer.swallowing_rows(unit))


_RUNNING = Running(frozenset((Broken.UNBOUND, Broken.NONE_RELEASED)))
RULE = Rule("PB111", "release-of-unbound-name", "leak", Severity.WARNING, __doc__, check, running=_RUNNING)
