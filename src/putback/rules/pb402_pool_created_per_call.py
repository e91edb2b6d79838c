"""An engine or a pool is made anew with every call.

## What it finds
An engine, a pool or a session factory that is made in a function which runs again and again: a route, a dependency, a
job, a helper that one of them calls, or the constructor of an object that they make. The path shows who calls it, and
all others who make one of their own by it.
Where nobody is seen to call it often, an engine that the function neither keeps nor disposes is a hint, and so is one
for a database in the process itself (SQLite), and one that a command makes in each round of a loop.

## Why it is bad
A pool saves the opening of connections only to those who share it. One of their own opens at least one connection for
each call, which stays open until the garbage collector has found the engine, or for ever: they add up until the
database refuses more, `FATAL: sorry, too many clients already`, although each pool is far below its limit.

Measured with SQLAlchemy on a PostgreSQL of the same machine, without network, TLS or password: `SELECT 1` took 37 ms
with an engine of its own, 34 ms with one that is disposed of afterwards, and 0.3 ms with one for all. After 40 calls
the server had 40 connections more, before the garbage collector ran (medians of 400,
`tests/bench/engine_per_call.py`, on two cores that others used as well).

## Example
```python
from fastapi import FastAPI
from sqlalchemy import create_engine, text

app = FastAPI()


@app.get("/users")
def users():
    engine = create_engine("postgresql://shop", pool_pre_ping=True)
    with engine.connect() as conn:
        return conn.execute(text("SELECT name FROM users")).scalars().all()
```

## Use instead
```python
from fastapi import FastAPI
from sqlalchemy import create_engine, text

engine = create_engine("postgresql://shop", pool_pre_ping=True)
app = FastAPI()


@app.get("/users")
def users():
    with engine.connect() as conn:
        return conn.execute(text("SELECT name FROM users")).scalars().all()
```

## Fix
None by itself: where the one engine should live is for you to decide. At the top of a module, or behind
`functools.lru_cache`, are the usual places.

## Stays silent
Where it is made once: at the top of a module, in a global behind `if _engine is None`, behind `lru_cache`, in an
application factory, a startup handler, an object that is made once, a fixture, a script or a migration. In a job that
disposes of the engine at its end, and where the URL is given with each call and the engine is disposed of.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.frameworks.schema import Role
from putback.model.finding import Confidence, Finding, Place, Severity, Step
from putback.model.lifecycle import Gc
from putback.model.mending import MAKING
from putback.model.weighing import Frequency, Likelihood, Loss, Worth
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.pool_facts import PoolFacts
from putback.ownership.makers.fates import Fate
from putback.ownership.makers.often import Often
from putback.rules.rule import Rule, at_making

_PLACES = "at the top of a module or behind `functools.lru_cache`"


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each call that makes a pool again and again."""
    for made in facts.pools if facts.place is Place.SERVICE and facts.name else ():
        often = made.often
        if often is None:
            if made.fate is Fate.LOCAL and made.pool.gc is not Gc.REFCOUNT and not made.is_without_pool:
                yield _hint(facts, made)
        elif not (made.fate is Fate.ENDED and _is_meant(made, often)):
            yield _finding(facts, made, often)


def _is_meant(made: PoolFacts, often: Often) -> bool:
    """Whether one that is closed at the end is as it should be."""
    return often.role is Role.JOB or made.is_without_pool or made.is_for_others


def _finding(facts: FunctionFacts, made: PoolFacts, often: Often) -> Finding:
    when = {Role.JOB: f"for every job of {often.name}", None: "for each item"}.get(
        often.role, f"for every request of {often.name}"
    )
    others = made.others
    if others:
        when += f" and of {len(others)} other{'s' * (len(others) > 1)}"
    costs = made.pool.keeps and not made.is_without_pool and not made.is_embedded
    frequency = Frequency.ONCE if made.is_for_command(often) else facts.frequency
    what = "its connections are shared with nobody, and add up in the database" if costs else "once would do"
    return at_making(
        RULE,
        facts,
        made,
        f"a new {made.pool.title} is made {when}: {what}",
        worth=Worth(Likelihood.EACH_TIME, Loss.CONNECTION if costs else Loss.ADVICE, frequency),
        confidence=Confidence.HIGH,
        trace=(*made.way(often), _here(facts, made), *made.elsewhere(others)),
        help=_close(made) if made.is_for_others else f"make the {made.pool.title} once, {_PLACES}",
    )


def _hint(facts: FunctionFacts, made: PoolFacts) -> Finding:
    return at_making(
        RULE,
        facts,
        made,
        f"each call of {facts.name} makes a new {made.pool.title} and closes none of its connections",
        worth=Worth(Likelihood.EACH_TIME, Loss.ADVICE, facts.frequency),
        confidence=Confidence.MEDIUM,
        trace=(_here(facts, made),),
        help=f"make the {made.pool.title} once, or {_close(made)}",
    )


def _close(made: PoolFacts) -> str:
    return f"close it at the end: {made.pool.ends[0]}()" if made.pool.ends else "close it at the end"


def _here(facts: FunctionFacts, made: PoolFacts) -> Step:
    return facts.step(made.at, f"the {made.pool.title} is made here")


RULE = Rule("PB402", "pool-created-per-call", "pool", Severity.WARNING, __doc__, check, running=None, mending=MAKING)
