"""A route opens its own session instead of having one injected.

## What it finds
A session that a route handler of FastAPI, Starlette or Flask makes by hand, whatever the session factory is called: a
warning where the project has a dependency that yields such a session, a hint where it has none, where a `with` closes
it, and where the framework does not inject. That it leaks is another rule's finding: beside that it is a hint, and the
message says so as well.

## Why it is bad
Each route has to get the release right by itself, and the one that does not empties the pool for all:
`QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00`. An injected session is closed
in one place and can be replaced in tests.

## Example
```python
from fastapi import FastAPI
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(bind=create_engine("postgresql://shop"))

app = FastAPI()


@app.get("/users")
def users():
    db = SessionLocal()
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
Where the framework injects, `putback fix --unsafe-fixes` adds a parameter with the project's own dependency for the
same factory, written as its neighbours write it, and takes the creation and the close out. Unsafe, because the
signature changes and the session lives as long as the request. No fix where the project has no such dependency, or
more than one. In other frameworks the session is released in a `finally`.

## Stays silent
Outside of routes, in Flask for a session that is closed on all paths, and in a websocket: what is injected there is
held for as long as somebody stays connected.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from putback.frameworks.schema import Role
from putback.model.finding import Finding, Severity
from putback.model.fix import Fix
from putback.model.mending import HARMLESS
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.facts.dependencies import dependencies_for
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.site_facts import SiteFacts
from putback.rules import mending, wording
from putback.rules.rule import Rule, report


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each session that a route makes."""
    if Role.ROUTE not in facts.roles:
        return
    framework = facts.route_framework
    injects = framework is not None and framework.injects and not facts.is_lasting
    for site in facts.sites:
        if site.kind.lazy and not site.acquisition.generator and (injects or site.leaks):
            yield _finding(facts, site, injects)


def _finding(facts: FunctionFacts, site: SiteFacts, injects: bool) -> Finding:
    also = f", and it leaks: {wording.cost(site)}" if site.leaks else ""
    is_otherwise = injects and not site.is_closed_by_with and not facts.unit.repeats(site.site.acquired_at)
    loss = Loss.ASKED if is_otherwise and not site.leaks and _could_be_injected(site) else Loss.ADVICE
    name = facts.name_of(site.site)
    cure = "have it injected: `db: Session = Depends(get_db)`" if injects else "use `with` around it"
    found = report(
        RULE,
        site,
        f"this route makes its own session{f' `{name}`' if name else ''} by hand{also}",
        worth=Worth(Likelihood.EACH_TIME, loss, facts.frequency),
        confidence=site.acquisition.confidence,
        trace=(wording.acquired(site),),
        help=cure,
    )
    return mending.mended(found, partial(_injected, site)) if injects else mending.given_back(found, site)


def _could_be_injected(site: SiteFacts) -> bool:
    """Whether the project has a dependency that yields such a session."""
    facts = site.function
    return bool(dependencies_for(facts.analyzer, facts.unit, site.site))


def _injected(site: SiteFacts) -> Fix:
    from putback.fixes.inject import inject
    from putback.rules.holdings import holding
    from putback.rules.injecting import parameter

    return inject(holding(site), parameter(site))


RULE = Rule("PB302", "manual-session-in-route", "framework", Severity.WARNING, __doc__, check, mending=HARMLESS)
