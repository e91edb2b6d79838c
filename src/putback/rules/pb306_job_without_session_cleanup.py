"""A job uses a scoped session that nobody removes.

## What it finds
A function that APScheduler, Celery, RQ, Dramatiq or Flask-APScheduler runs, and that uses a global `scoped_session`,
itself or through functions of the project that it calls, while nothing that it can reach removes the session. Also
one that uses Flask-SQLAlchemy's `db.session` outside of an application context. The finding stands at the job.

## Why it is bad
A request has a teardown, a job has none. A `scoped_session` keeps one session for each thread until `remove()`, and
the worker's thread lives on: its connection stays checked out between the runs, with a transaction that is open since
the first statement, and objects that were loaded long ago.
`QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00` once enough threads have one.
With `NullPool` there is no such limit: the thread keeps a connection open, a warning where it has a transaction, and a
hint where the engine has none (`AUTOCOMMIT`).
`db.session` outside of a context fails with `RuntimeError: Working outside of application context.` since
Flask-SQLAlchemy 3; version 2 makes a session for the thread, and never gives it back.

## Example
```python
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker

db_session = scoped_session(sessionmaker(bind=create_engine("postgresql://shop")))
scheduler = BackgroundScheduler()


@scheduler.scheduled_job("interval", minutes=5)
def count_orders():
    print(db_session.execute(text("SELECT count(*) FROM orders")).scalar())
```

## Use instead
```python
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker

db_session = scoped_session(sessionmaker(bind=create_engine("postgresql://shop")))
scheduler = BackgroundScheduler()


@scheduler.scheduled_job("interval", minutes=5)
def count_orders():
    try:
        print(db_session.execute(text("SELECT count(*) FROM orders")).scalar())
    finally:
        db_session.remove()
```

## Fix
`putback fix` puts the work of the job in a `try` whose `finally` removes the session, and imports it where the job only
uses it through others; for Flask-SQLAlchemy it puts the work in `with app.app_context():`, when the function or its
file knows the application. Unsafe where the import is new, where the job returns something, or where a decorator makes
the job: whoever runs it in place has the same session. No fix where the project calls the job as a plain function,
where it uses several scoped sessions, or where it loops: a session is to be removed in each turn.

## Stays silent
Where anything that the job can reach removes or closes the session, also by a name that cannot be resolved or in a
decorator; in an application context; where a signal or a listener may clean up around every job, or the class that the
job is made of, by `base=` or for all jobs. A job that hands its work to something that cannot be resolved is not
followed further.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.frameworks.schema import Role
from putback.model.finding import Finding, Severity
from putback.model.running import LEFT_IN_REGISTRY
from putback.ownership.facts.facts import FunctionFacts
from putback.rules import scoping
from putback.rules.rule import Rule


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each session that a job leaves behind."""
    return scoping.neglected(RULE, facts, Role.JOB, "job")


RULE = Rule(
    "PB306", "job-without-session-cleanup", "framework", Severity.ERROR, __doc__, check, running=LEFT_IN_REGISTRY
)
