"""An application context is pushed and never popped.

## What it finds
`app.app_context().push()`, and the same of request contexts, in a function that does not pop it again. In jobs,
threads and routes that is an error, elsewhere a hint. The finding stands at the `push`. This rule is opt-in:
`extend-select = ["PB309"]`. Contexts are nearly always pushed at the top of a file, where that is right, and it has had
nothing to find in the projects that it was tried on.

## Why it is bad
The end of an application context is where Flask-SQLAlchemy removes its session. In a thread that lives on, each call
pushes another context whose session is never removed, and its connection stays checked out:
`QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00`.

## Example
```python
from threading import Thread

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

app = Flask(__name__)
db = SQLAlchemy(app)


def purge_orders():
    app.app_context().push()
    db.session.execute(text("DELETE FROM orders WHERE open = false"))
    db.session.commit()


def start():
    Thread(target=purge_orders).start()
```

## Use instead
```python
from threading import Thread

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

app = Flask(__name__)
db = SQLAlchemy(app)


def purge_orders():
    with app.app_context():
        db.session.execute(text("DELETE FROM orders WHERE open = false"))
        db.session.commit()


def start():
    Thread(target=purge_orders).start()
```

## Fix
None: how far the context is needed is not said anywhere.

## Stays silent
At the top level of a file, in a function that makes the application itself, and where the context is popped, kept on
an object, returned, yielded or given to another function.

## Known gaps
A file that neither imports a driver nor names a session of the project is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.frameworks.schema import Role
from putback.model.finding import Confidence, Finding, Severity
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.facts.facts import FunctionFacts
from putback.rules.rule import Rule, report_at

_AGAIN = frozenset({Role.JOB, Role.THREAD, Role.ROUTE})


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each push."""
    again = not _AGAIN.isdisjoint(facts.roles)
    for at in facts.pushed:
        yield report_at(
            RULE,
            facts,
            facts.unit.span(at),
            "this context is never popped: what is removed at its end, such as the session of Flask-SQLAlchemy, stays",
            worth=Worth(Likelihood.EACH_TIME, Loss.SLOT if again else Loss.ADVICE, facts.frequency),
            confidence=Confidence.HIGH,
            trace=(facts.step(at, "pushed here, and nothing in this function pops it"),),
            driver="flask_sqlalchemy",
            help="use it in a `with` statement",
        )


RULE = Rule("PB309", "app-context-never-popped", "framework", Severity.ERROR, __doc__, check, opt_in=True, running=None)
