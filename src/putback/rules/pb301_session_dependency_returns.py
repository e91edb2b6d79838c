"""A FastAPI dependency returns its session instead of yielding it.

## What it finds
A function that is given to `Depends(...)`, also inside `Annotated`, anywhere in the project, and that makes a
session or takes a connection and `return`s it. `with SessionLocal() as db: return db` is the same mistake. The
finding stands at the `return`.

## Why it is bad
Whatever closes the session runs before the route does. The route's first statement opens it again, and nobody
closes that one:
`sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00`
after some fifteen requests that overlap.

## Example
```python
from fastapi import Depends, FastAPI
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(bind=create_engine("postgresql://shop"))

app = FastAPI()


def get_db():
    db = SessionLocal()
    return db


@app.get("/users")
def users(db=Depends(get_db)):
    return db.query("users").all()
```

## Use instead
```python
from fastapi import Depends, FastAPI
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(bind=create_engine("postgresql://shop"))

app = FastAPI()


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


@app.get("/users")
def users(db=Depends(get_db)):
    return db.query("users").all()
```

## Fix
`putback fix` acquires before a `try`, yields in it, and releases in the `finally`; the return annotation becomes a
`Generator` or `AsyncGenerator`, with its import. Safe, because only the framework calls the function. No fix where it
is also called directly, where it returns in several places, or where a handler of its own would catch what a route
raises.

## Stays silent
Without a visible `Depends`: a plain helper may return a session that its caller closes. For a dependency that
returns a session which a middleware or another dependency owns.

## Known gaps
A dependency that is only put in place through `app.dependency_overrides` is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from putback.fixes.declined import Declined
from putback.flow.solve import Edge
from putback.frameworks.schema import Role
from putback.model.finding import Finding, Severity
from putback.model.fix import Fix
from putback.ownership.analysis.domain import Phase
from putback.ownership.analysis.parts import RETURNED
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.facts.uses import other_uses
from putback.ownership.resolve.types import FunctionRef
from putback.rules import mending, wording
from putback.rules.rule import Rule, report
from putback.rules.weighing import worth_of

_NAMES = {"session": ("db", "session", "db_session"), "connection": ("conn", "connection", "db_conn")}


def _returning(site: SiteFacts) -> int | None:
    """The `return` that hands the session out."""
    for ending in site.exploration.endings:
        state = ending.state
        if ending.edge is Edge.NORMAL and RETURNED in state.refs and state.phase is not Phase.PENDING:
            return ending.at
    return None


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each dependency that returns what it acquired."""
    if Role.DEPENDENCY not in facts.roles or facts.unit.function.is_generator:
        return
    for site in facts.sites:
        at = _returning(site)
        if at is not None:
            found = report(
                RULE,
                site,
                f"this dependency returns {wording.subject(site)}: "
                f"nobody closes it after the request, {wording.cost(site)}",
                worth=worth_of(site),
                confidence=site.acquisition.confidence,
                trace=(
                    wording.acquired(site),
                    facts.step(at, "handed to the route here, with nothing left to close it"),
                ),
                at=at,
                help="yield it in a `try`, and close it in the `finally`",
            )
            yield mending.mended(found, partial(_fix, site, at))


def _fix(site: SiteFacts, at: int) -> Fix:
    from putback.fixes.provide import provide
    from putback.rules.holdings import holding

    facts = site.function
    use = next(other_uses(facts.analyzer, FunctionRef(facts.unit.path, facts.unit.key)), None)
    if use is not None:
        how = "called directly" if use.called else "used as something else than a dependency"
        raise Declined(f"it is also {how} ({facts.display(use.path)}:{use.row})")
    made = holding(site, _NAMES[wording.noun(site)])
    return provide(made, made.code.node(at), site.with_releases)


RULE = Rule("PB301", "session-dependency-returns", "framework", Severity.ERROR, __doc__, check)
