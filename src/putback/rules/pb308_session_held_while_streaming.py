"""A session that FastAPI has injected is used by a stream or a background task.

## What it finds
A session of `Depends(...)` that the generator of a `StreamingResponse` or an `EventSourceResponse` uses, or that is
given to `BackgroundTasks.add_task`, also by a function that a route hands both. The finding stands at that call. What
FastAPI does depends on its version, which is read from the lock and requirement files of the project.

## Why it is bad
FastAPI 0.106 to 0.117 end the dependency before the response is sent: the session is closed when the stream begins.
Its first statement takes another connection from the pool, and nobody gives that one back:
`QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00`. Before and after these versions
the session stays open for as long as the stream runs.

## Example
```python
from fastapi import Depends, FastAPI
from fastapi.responses import StreamingResponse
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker

SessionLocal = sessionmaker(bind=create_engine("postgresql://shop"))

app = FastAPI()


def get_db():
    with SessionLocal() as db:
        yield db


@app.get("/export")
def export(db: Session = Depends(get_db)):
    def rows():
        for row in db.execute(text("SELECT * FROM orders")):
            yield f"{row}\\n"

    return StreamingResponse(rows())
```

## Use instead
```python
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(bind=create_engine("postgresql://shop"))

app = FastAPI()


def rows():
    with SessionLocal() as db:
        for row in db.execute(text("SELECT * FROM orders")):
            yield f"{row}\\n"


@app.get("/export")
def export():
    return StreamingResponse(rows())
```

## Fix
None: what runs later has to open a session of its own.

## Stays silent
Where the project's lock or requirement files settle on FastAPI before 0.106 or from 0.118 on; for a stream that opens
its own session, and for tasks that are not given the session, or never look at it. Where no version is settled on, the
finding says less surely what these versions do. A websocket that is given a session keeps it for as long as it is open:
PB202 (external-call-in-transaction) says where a transaction is open meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator

from putback.model.finding import Confidence, Finding, Severity
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.facts.streaming import Outliving
from putback.rules import wording
from putback.rules.rule import Rule, report

_FIRST, _LAST = (0, 106), (0, 117)


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each stream or task that has an injected session."""
    for site, found in facts.outliving:
        version = facts.version_of("fastapi")
        if version is None or _FIRST <= version <= _LAST:
            yield _finding(site, found, version)


def _finding(site: SiteFacts, found: Outliving, version: tuple[int, int] | None) -> Finding:
    facts = site.function
    which = "0.106 to 0.117 end" if version is None else f"{version[0]}.{version[1]} ends"
    later = "stream" if found.is_stream else "task"
    subject = wording.subject(site)
    return report(
        RULE,
        site,
        f"FastAPI {which} the dependency before this {later} runs: {subject} takes another connection there, "
        "and nobody gives that back",
        worth=Worth(Likelihood.EACH_TIME, Loss.LATE, facts.frequency),
        confidence=Confidence.HIGH if version is not None else Confidence.MEDIUM,
        trace=(wording.acquired(site), facts.step(found.at, f"used by this {later}, after the dependency has ended")),
        at=found.at,
        help=f"open a session of its own in the {later}",
    )


RULE = Rule("PB308", "session-held-while-streaming", "framework", Severity.ERROR, __doc__, check, running=None)
