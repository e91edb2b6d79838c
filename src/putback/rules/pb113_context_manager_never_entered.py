"""A connection's context manager is called without `with`.

## What it finds
The result of a `@contextmanager` wrapper, `pool.connection()` or `engine.begin()` used as if it were the connection, or dropped.

## Why it is bad
Nothing is acquired. The first use fails with `'_GeneratorContextManager' object has no attribute 'cursor'`.

## Example
```python
conn = get_connection()      # @contextmanager
conn.cursor()
```

## Use instead
```python
with get_connection() as conn:
    conn.cursor()
```

## Stays silent
When it is stored and entered later, or passed to an `ExitStack`.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Finding, Severity
from putback.ownership import transfer
from putback.ownership.facts import FunctionFacts
from putback.rules import wording
from putback.rules.rule import Rule, report


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each manager that is used without being entered."""
    for site in facts.sites:
        defect = next(site.defects(transfer.UNENTERED), None)
        if defect is not None:
            yield report(
                RULE,
                site,
                "this is a context manager and not a connection: without `with` nothing is acquired and the first use fails",
                severity=Severity.ERROR,
                confidence=site.acquisition.confidence,
                trace=(wording.acquired(site), facts.step(defect.at, "used here without having been entered")),
                help="use it in a `with` statement",
            )


RULE = Rule("PB113", "context-manager-never-entered", "leak", Severity.ERROR, __doc__, check)
