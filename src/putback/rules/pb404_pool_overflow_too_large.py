"""A pool may open many more connections than it keeps.

## What it finds
An engine whose `max_overflow` is more than half of its `pool_size`, also where one of them is the default (5 and 10).
A hint, opt-in: where peaks are short, a large overflow can be meant.

## Why it is bad
What is above `pool_size` is closed as soon as it comes back. Under load the pool opens and closes connections all the
time, each with its handshake, and the database sees far more of them than the pool seems to hold.

## Example
```python
from sqlalchemy import create_engine

engine = create_engine("postgresql://shop", pool_size=5, max_overflow=20, pool_pre_ping=True)
```

## Use instead
```python
from sqlalchemy import create_engine

engine = create_engine("postgresql://shop", pool_size=20, max_overflow=5, pool_pre_ping=True)
```

## Fix
None: how large the pool should be is for you to decide. `putback budget` shows what it comes to.

## Stays silent
Where one of the numbers cannot be seen; for databases inside of the process, and with `NullPool`; in scripts,
migrations, examples and tests.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.drivers.schema import Backend
from putback.model.finding import Finding, Severity
from putback.model.mending import MAKING
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.pool_facts import PoolFacts
from putback.ownership.makers.settings import Settings
from putback.rules.rule import Rule
from putback.rules.setting_up import Told, found


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each pool that overflows by more than half of its size."""
    return found(RULE, facts, _overflows, _told)


def _told(made: PoolFacts, settings: Settings) -> Told:
    size, overflow = settings.number(made.pool.size).number, settings.number(made.pool.overflow).number
    more = "without a bound" if overflow == -1 else f"{overflow} more than its {size}"
    return Told(
        f"this {made.pool.title} may open {more}, and closes them as soon as they come back: under load it "
        "opens and closes connections all the time",
        "raise the size and lower the overflow to half of it, or less",
    )


def _overflows(made: PoolFacts, settings: Settings, backend: Backend | None) -> bool:
    size, overflow = settings.number(made.pool.size).number, settings.number(made.pool.overflow).number
    if made.pool.overflow is None or not size or overflow is None or made.pool.pool_class in settings.arguments:
        return False
    return overflow == -1 or overflow * 2 > size


RULE = Rule(
    "PB404",
    "pool-overflow-too-large",
    "pool",
    Severity.INFO,
    __doc__,
    check,
    opt_in=True,
    running=None,
    mending=MAKING,
)
