"""A FastAPI dependency catches what the route raises and does not raise it again.

## What it finds
A generator that is given to `Depends(...)`, yields a session or connection inside of a `try`, and has an `except` that
ends without `raise`. The finding stands at the `except`. This rule is opt-in: `extend-select = ["PB203"]`. Nearly all
projects that it was tried on, and that have the shape, are on a FastAPI that answers as the route meant it.

## Why it is bad
The exception of the route is thrown in at the `yield`, `HTTPException` included. Where the dependency swallows it,
FastAPI (from 0.110 on) answers every one with 500 and hides the cause:
`fastapi.exceptions.FastAPIError: Response not awaited. There's a high chance that the application code is raising an
exception and a dependency with yield has a block with a bare except, or a block with except Exception, and is not
raising the exception again.` A route's 400 or 404 never reaches its client.

## Example
```python
from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(bind=create_engine("postgresql://shop", pool_pre_ping=True))

app = FastAPI()


def get_db():
    db = SessionLocal()
    try:
        yield db
        db.commit()
    except Exception:
        db.rollback()
    finally:
        db.close()


@app.get("/orders/{id}")
def order(id: int, db=Depends(get_db)):
    found = db.execute(text("SELECT * FROM orders WHERE id = :id"), {"id": id}).first()
    if found is None:
        raise HTTPException(404)
    return found
```

## Use instead
```python
from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(bind=create_engine("postgresql://shop", pool_pre_ping=True))

app = FastAPI()


def get_db():
    db = SessionLocal()
    try:
        yield db
        db.commit()
    except Exception:
        db.rollback()
        raise
    finally:
        db.close()


@app.get("/orders/{id}")
def order(id: int, db=Depends(get_db)):
    found = db.execute(text("SELECT * FROM orders WHERE id = :id"), {"id": id}).first()
    if found is None:
        raise HTTPException(404)
    return found
```

## Fix
`putback fix --unsafe-fixes` adds `raise` at the end of the handler. Unsafe, because the exception then reaches the
client, as the route meant it. No fix where the handler returns.

## Stays silent
Where every path of the handler raises, for handlers of cancellation, and for generators that are no dependencies of
FastAPI: a context manager may swallow what it likes. Where the project's lock or requirement files settle on FastAPI
before 0.110, which answers as the route meant it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from putback.model.finding import Confidence, Finding, Severity
from putback.model.fix import Fix
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.facts.swallowing import Swallowing, swallowing
from putback.rules import mending, wording
from putback.rules.rule import Rule, report

_FIRST = (0, 110)


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each handler that ends the route's exception."""
    told: set[int] = set()
    lent = facts.sites[0] if facts.must_rethrow and facts.sites and _hides(facts.version_of("fastapi")) else None
    for found in swallowing(facts.unit) if lent is not None else ():
        if found.handler not in told:
            assert lent is not None
            told.add(found.handler)
            yield mending.mended(_finding(lent, found), partial(_fix, facts, found))


def _hides(version: tuple[int, int] | None) -> bool:
    return version is None or version >= _FIRST


def _finding(site: SiteFacts, found: Swallowing) -> Finding:
    facts = site.function
    what = "what the route raises, HTTPException included" if found.is_broad else "such an error of the route"
    return report(
        RULE,
        site,
        f"this dependency swallows {what}: FastAPI answers with 500 and hides the cause",
        worth=Worth(Likelihood.EACH_TIME, Loss.BROKEN if found.is_broad else Loss.DOUBTFUL, facts.frequency),
        confidence=Confidence.HIGH,
        trace=(
            wording.acquired(site),
            facts.step(found.at_yield, "the exception of the route is thrown in here ..."),
            facts.step(found.handler, "... and ends in this handler, which does not raise it again"),
        ),
        at=found.handler,
        help="end the handler with `raise`",
    )


def _fix(facts: FunctionFacts, found: Swallowing) -> Fix:
    from putback.fixes.rethrow import rethrow
    from putback.rules.holdings import code_for

    code = code_for(facts)
    return rethrow(code, code.node(found.handler))


RULE = Rule("PB203", "dependency-swallows-exception", "transaction", Severity.ERROR, __doc__, check, opt_in=True)
