"""A session factory is given to FastAPI as if it were a dependency.

## What it finds
`Depends(SessionLocal)`, where `SessionLocal` is a `sessionmaker`, an `async_sessionmaker` or a `scoped_session`, in a
parameter's default or in `Annotated`. The finding stands at the `Depends`.

## Why it is bad
FastAPI reads the signature of what it is given. A `sessionmaker` takes any keyword arguments, so every request must
have a query parameter of that name: it is answered with
`422 {"detail": [{"loc": ["query", "local_kw"], "msg": "Field required"}]}`, and whoever sends it chooses how the
session is made. Nothing closes the session either.

## Example
```python
from fastapi import Depends, FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker

SessionLocal = sessionmaker(bind=create_engine("postgresql://shop"))

app = FastAPI()


@app.get("/users")
def users(db: Session = Depends(SessionLocal)):
    return db.execute(text("SELECT name FROM users")).scalars().all()
```

## Use instead
```python
from fastapi import Depends, FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker

SessionLocal = sessionmaker(bind=create_engine("postgresql://shop"))

app = FastAPI()


def get_db():
    with SessionLocal() as db:
        yield db


@app.get("/users")
def users(db: Session = Depends(get_db)):
    return db.execute(text("SELECT name FROM users")).scalars().all()
```

## Fix
`putback fix --unsafe-fixes` puts the project's own dependency for this factory in its place, where this file has it.
Unsafe, because requests that were answered with 422 then reach the route.

## Stays silent
For a generator or a function that makes the session, for factories that are given to anything but FastAPI, and in the
signature of a function that the project only calls itself: nobody reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from putback.fixes.declined import Declined
from putback.model.finding import Confidence, Finding, Severity
from putback.model.fix import Applicability, Edit, Fix
from putback.model.weighing import Frequency, Likelihood, Loss, Worth
from putback.ownership.analysis.context import Misgiven
from putback.ownership.facts.dependencies import dependencies_on
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.resolve.identity import Defined, global_identity
from putback.rules import mending
from putback.rules.rule import Rule, report_at


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each factory that is given as a dependency."""
    for given in facts.misgiven:
        span = facts.row_span(given.row, given.name)
        found = report_at(
            RULE,
            facts,
            span,
            f"`{given.name}` is a session factory and no dependency: "
            "FastAPI asks each request for its keyword arguments (422), and nothing closes the session",
            worth=Worth(Likelihood.EACH_TIME, Loss.BROKEN, facts.frequency if facts.name else Frequency.AGAIN),
            confidence=Confidence.HIGH,
            trace=(facts.step_at(span, "every request that comes here is answered with 422"),),
            driver=given.kind.driver,
            help="give it a generator that yields the session and closes it",
        )
        yield mending.mended(found, partial(_fix, facts, given))


def _fix(facts: FunctionFacts, given: Misgiven) -> Fix:
    analyzer = facts.analyzer
    module = analyzer.project.module(facts.unit.path)
    found = dependencies_on(analyzer, given.given, facts.unit.scope)
    if len(found) != 1 or module is None:
        raise Declined("the project has no single dependency that yields this session")
    wanted = Defined(found[0].path, found[0].key)
    above = (name for name, info in module.functions.items() if info.def_row < given.row)
    names = [n for n in (*module.imports, *above) if global_identity(analyzer.project, module, n) == wanted]
    if not names or not given.name or given.name not in facts.rows[given.row - 1]:
        raise Declined(f"`{wanted.name}` is not known where it is needed")
    edit = Edit(facts.row_span(given.row, given.name), names[0])
    return Fix(Applicability.UNSAFE, f"depend on `{names[0]}`", (edit,))


RULE = Rule("PB310", "sessionmaker-as-dependency", "framework", Severity.ERROR, __doc__, check)
