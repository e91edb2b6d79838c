"""A thread uses a scoped session that nobody removes.

## What it finds
The target of a `threading.Thread` or `Timer`, the `run` of a `Thread` class, a function that is given to an executor,
to `asyncio.to_thread`, to a background task of Starlette or to `socketio.start_background_task`, and that uses a
global `scoped_session`, itself or through functions of the project that it calls, while nothing that it can reach
removes the session. Also one that uses Flask-SQLAlchemy's `db.session` outside of an application context, and one
that takes cursors of Django's `connection` or `connections[...]` and closes none. The finding stands at the function.

## Why it is bad
No request ends in this thread, so no teardown runs. The session keeps its connection until the thread ends and the
garbage collector has run: for a loop, and for a thread of a pool, that is never.
`QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00` for everybody else.
`db.session` outside of a context fails with `RuntimeError: Working outside of application context.` since
Flask-SQLAlchemy 3; version 2 makes a session for the thread, and never gives it back.

Django opens a connection for each thread that runs a statement, and closes it at the end of a request. A thread of
your own has none. Its connection lasts until the thread has ended and the garbage collector has run, in an executor as
long as the executor. With Django's own pool (`OPTIONS = {"pool": True}`) the slot is lost for good:
`couldn't get a connection after 30.00 sec`. `close_old_connections()` closes it where `CONN_MAX_AGE` is 0, as it is by
default; above, the connection stays until it is that old. `connections.close_all()` closes those of its thread always.

## Example
```python
import threading

from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker

db_session = scoped_session(sessionmaker(bind=create_engine("postgresql://shop")))


def mark_sent(order):
    db_session.execute(text("UPDATE orders SET sent = true WHERE id = :id"), {"id": order})
    db_session.commit()


def notify(order):
    threading.Thread(target=mark_sent, args=(order,)).start()
```

## Use instead
```python
import threading

from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker

db_session = scoped_session(sessionmaker(bind=create_engine("postgresql://shop")))


def mark_sent(order):
    try:
        db_session.execute(text("UPDATE orders SET sent = true WHERE id = :id"), {"id": order})
        db_session.commit()
    finally:
        db_session.remove()


def notify(order):
    threading.Thread(target=mark_sent, args=(order,)).start()
```

## Fix
`putback fix` puts the work of the function in a `try` whose `finally` removes the session, or closes Django's
connections, and imports it where the function only uses it through others; for Flask-SQLAlchemy it puts the work in
`with app.app_context():`, when the function or its file knows the application. Unsafe where the import is new, or where
the function returns something. No fix where the project calls it as a plain function, where it uses several scoped
sessions, or where it loops: a session is to be removed in each turn.

## Stays silent
Where anything that the function can reach removes or closes the session, also by a name that cannot be resolved or in
a decorator; in an application context; in handlers of Flask-SocketIO, which run in a request context; in processes of
their own. Of Django only cursors and `ensure_connection()` are seen: a thread that runs statements through models alone
is not reported.
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
    """One finding for each session that a thread leaves behind."""
    return scoping.neglected(RULE, facts, Role.THREAD, "thread")


RULE = Rule(
    "PB307", "thread-without-session-cleanup", "framework", Severity.ERROR, __doc__, check, running=LEFT_IN_REGISTRY
)
