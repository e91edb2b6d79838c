"""A scoped session is used by requests and never removed.

## What it finds
A global `scoped_session` or `async_scoped_session` that a route uses, itself or through functions that it calls, in a
project where nothing removes or closes it. The finding stands where it is made.

## Why it is bad
A `scoped_session` keeps one session for each thread until somebody calls `remove()`. Without that every thread of the
server keeps a connection, with a transaction that began at the first statement of some request long ago:
`QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00` as soon as there are more threads
than connections, `Too many connections` on the server, and rows as they were when the transaction began.

## Example
```python
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker

db_session = scoped_session(sessionmaker(bind=create_engine("postgresql://shop")))
app = Flask(__name__)


@app.get("/orders")
def orders():
    return {"orders": db_session.execute(text("SELECT count(*) FROM orders")).scalar()}
```

## Use instead
```python
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker

db_session = scoped_session(sessionmaker(bind=create_engine("postgresql://shop")))
app = Flask(__name__)


@app.teardown_appcontext
def remove_session(exception=None):
    db_session.remove()


@app.get("/orders")
def orders():
    return {"orders": db_session.execute(text("SELECT count(*) FROM orders")).scalar()}
```

## Fix
`putback fix --unsafe-fixes` adds the teardown behind the Flask application, when the same file makes both. Unsafe,
because objects that are kept from one request to the next can no longer be loaded through the session.

## Stays silent
For Flask-SQLAlchemy's `db.session`, which every version of the extension removes by itself. Where anything outside of
tests, routes, jobs, threads and `atexit` removes or closes the session, also by a name that cannot be resolved; where
sessions join a manager of transactions (`zope.sqlalchemy`). A route that removes the session covers itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from putback.fixes.declined import Declined
from putback.model.finding import Confidence, Finding, Severity, SiteKey
from putback.model.fix import Fix
from putback.model.mending import MAKING
from putback.model.running import Running
from putback.model.weighing import Frequency, Likelihood, Loss, Worth, weigh
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.sessions.local_names import application_at
from putback.ownership.sessions.registries import Registry
from putback.ownership.sessions.scoped import Way, sessions_of
from putback.rules import mending, scoping
from putback.rules.rule import Rule


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each scoped session that the module makes and nobody removes."""
    for registry, way in facts.duties.unremoved:
        yield mending.mended(_finding(facts, registry, way), partial(_fix, facts, registry))


def _finding(facts: FunctionFacts, registry: Registry, way: Way) -> Finding:
    made = scoping.made(facts, registry)
    confidence = Confidence.HIGH if not way.steps else Confidence.MEDIUM
    worth = Worth(Likelihood.EACH_TIME, scoping.loss_of(facts, registry, Loss.SLOT), Frequency.AGAIN)
    return Finding(
        code=RULE.code,
        name=RULE.name,
        message=f"`{registry.name}` is used by requests and nothing removes it: "
        f"every thread keeps its connection{scoping.shown_as(facts, registry)}",
        severity=weigh(worth, confidence),
        confidence=confidence,
        path=facts.path,
        filename=facts.unit.path,
        span=made.span,
        function="",
        driver=registry.type.partition(".")[0],
        trace=(made, *scoping.way(facts, way, "a request uses it here, and nothing removes it when the request ends")),
        help=f"remove it in a teardown: {registry.removal(registry.name)}",
        url=RULE.url,
        site=SiteKey(facts.unit.key),
    )


def _fix(facts: FunctionFacts, registry: Registry) -> Fix:
    from putback.fixes.teardown import add_teardown

    found = application_at(facts.analyzer, facts.unit.path)
    if found is None:
        raise Declined("the Flask application is not made at the top of this file")
    name, row = found
    _, last = sessions_of(facts.analyzer).registries.made_at(registry)
    return add_teardown(facts.rows, name, registry.removal(registry.name), max(row, last))


RULE = Rule(
    "PB304",
    "scoped-session-never-removed",
    "framework",
    Severity.ERROR,
    __doc__,
    check,
    mending=MAKING,
    running=Running(in_requests=True),
)
