"""A teardown does not remove its scoped session on every path.

## What it finds
A function that Flask calls at the end of a request or an application context, and that calls `remove()` on a scoped
session only in one branch, or behind something that can raise. The finding stands where a path turns away from the
removal.

## Why it is bad
Without `remove()` the session stays in its registry, and the next request of the same thread goes on with it: with
the objects it has loaded, and with whatever state the error has left it in. When something raises before the
removal, the connection stays checked out as well, and teardowns that were registered earlier do not run at all:
`QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00`.
`if error: rollback() else: remove()` is the plainest form; the rollback does give the connection back, and
`remove()` would have rolled back by itself.

## Example
```python
from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

db_session = scoped_session(sessionmaker(bind=create_engine("postgresql://shop")))
app = Flask(__name__)


@app.teardown_appcontext
def shutdown_session(exception=None):
    if exception:
        db_session.rollback()
    else:
        db_session.remove()
```

## Use instead
```python
from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

db_session = scoped_session(sessionmaker(bind=create_engine("postgresql://shop")))
app = Flask(__name__)


@app.teardown_appcontext
def shutdown_session(exception=None):
    try:
        if exception:
            db_session.rollback()
    finally:
        db_session.remove()
```

## Fix
`putback fix` takes the removal out of where it is, and puts it into a `finally` around everything else. Safe: where
the session was removed before, it still is, and later by no more than what the teardown itself does. No fix where the
removal is a part of a larger statement.

## Stays silent
Where the removal stands in a `finally`, or before everything that can raise; where it depends on something else than
what Flask tells the teardown (`if not app.testing:`). For Flask-SQLAlchemy's `db.session`, which the extension
removes as well, a missed branch is only a note.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from putback.model.finding import Confidence, Finding, Severity, SiteKey
from putback.model.fix import Fix
from putback.model.running import LEFT_IN_REGISTRY
from putback.model.weighing import Frequency, Likelihood, Loss, Worth, weigh
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.sessions.scoped import Lapse
from putback.ownership.sessions.teardowns import Gap
from putback.rules import mending, scoping
from putback.rules.rule import Rule

_WAYS = {
    Gap.BRANCH: "another branch leaves it out",
    Gap.RAISES: "this can raise before it",
    Gap.LEAVES: "this leaves the function before it",
}


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for a teardown that can miss its removal."""
    lapse = facts.duties.lapse
    if lapse is not None:
        yield mending.mended(_finding(facts, lapse), partial(_fix, facts, lapse))


def _finding(facts: FunctionFacts, lapse: Lapse) -> Finding:
    registry, missed = lapse.registry, lapse.missed
    name = f"`{registry.spelled(registry.name)}`"
    kept = "Flask-SQLAlchemy removes it by itself" if registry.is_managed else "its session lives on in the thread"
    is_note = registry.is_managed and missed.gap is Gap.BRANCH
    worth = Worth(Likelihood.EXPECTED, Loss.ADVICE if is_note else Loss.LATE, Frequency.AGAIN)
    removal = scoping.step(facts, facts.unit.path, lapse.removals[0], "removed here ...")
    turn = scoping.step(facts, facts.unit.path, missed.row, f"... but {_WAYS[missed.gap]}")
    return Finding(
        code=RULE.code,
        name=RULE.name,
        message=f"this teardown does not remove {name} on every path, {_WAYS[missed.gap]}: {kept}",
        severity=weigh(worth),
        confidence=Confidence.HIGH,
        path=facts.path,
        filename=facts.unit.path,
        span=scoping.row_of(facts, facts.unit.path, missed.row),
        function=facts.name,
        driver=registry.type.partition(".")[0],
        trace=(scoping.made(facts, registry), removal, turn),
        help=f"remove it in a `finally`: {registry.removal(registry.name)}",
        url=RULE.url,
        site=SiteKey(facts.unit.key),
    )


def _fix(facts: FunctionFacts, lapse: Lapse) -> Fix:
    from putback.fixes.teardown import always_remove
    from putback.rules.holdings import code_for

    return always_remove(code_for(facts), lapse.removals)


_RUNNING = replace(LEFT_IN_REGISTRY, level=2)
"""A teardown rolls back and removes: what it does when the rollback fails is the matter."""
RULE = Rule("PB305", "teardown-skips-remove", "framework", Severity.WARNING, __doc__, check, running=_RUNNING)
