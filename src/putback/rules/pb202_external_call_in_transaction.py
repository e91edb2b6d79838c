"""Something slow outside of the process is waited for while a transaction is open or a connection is held.

## What it finds
An HTTP request, an e-mail, a chat service, a process, a sleep, an object store, a model, a queue or the other side of a
websocket that is waited for between the first statement of a transaction and its commit, rollback or release, directly
or through functions of the project, however many, also in a thread that is waited for; and, where others wait for the
slots of a pool (asyncpg, psycopg_pool), between acquire and release. Both ends have to be seen: a session that a route
has injected ends with the request. The finding stands at the call: the first one that takes long as a rule, or the
first at all.

It is a warning where rows are locked by then (a statement that writes, a flush, `FOR UPDATE`), where the wait comes
again in each round of a loop, where nothing bounds it (`requests` or a process without a `timeout`, which whoever makes
the client may have given, a socket), and where it takes long as a rule: a model, a sleep of a second or more. One call
with a bound, or a sleep of a time that is not known, after statements that have read, is a hint: most services are
built so. It is one, too, where the engine keeps no pool and no rows are locked.

## Why it is bad
The connection does nothing for as long as the other side takes, and nobody else can have it: a pool of fifteen is
empty when fifteen requests wait for a mail server:
`QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00`. The rows that the transaction
has locked stay locked, and PostgreSQL shows it as "idle in transaction".

## Example
```python
import requests
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(bind=create_engine("postgresql://shop"))


def ship(order_id):
    with SessionLocal() as session:
        address = session.scalar(text("SELECT address FROM orders WHERE id = :id"), {"id": order_id})
        session.execute(text("UPDATE orders SET shipped = true WHERE id = :id"), {"id": order_id})
        requests.post("https://carrier.example/parcels", json={"address": address}, timeout=10)
        session.commit()
```

## Use instead
```python
import requests
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(bind=create_engine("postgresql://shop"))


def ship(order_id):
    with SessionLocal() as session:
        address = session.scalar(text("SELECT address FROM orders WHERE id = :id"), {"id": order_id})
    requests.post("https://carrier.example/parcels", json={"address": address}, timeout=10)
    with SessionLocal() as session:
        session.execute(text("UPDATE orders SET shipped = true WHERE id = :id"), {"id": order_id})
        session.commit()
```

## Fix
None: what may happen before the call and what must come after it is yours to decide.

## Stays silent
Before the first statement, after a commit, a rollback or a close (an object that is read after a commit opens the next
transaction, unless the session is made with `expire_on_commit=False`), on a connection with autocommit, or of an engine
or pool with it, in an `except` of a called function, in what only the first call of a process runs
(`if _client is None: _client = ...` of a global, `@cache`), and for what is only started: background tasks,
`asyncio.create_task`. Calls that answer within milliseconds as a rule, such as redis and message queues, are hints; so
is a transaction that begins by reading, where the engine nearest by is for SQLite, or all databases that the project
names are. (That somebody may configure another one makes no difference, unless the code names a server.)
So is whoever calls a function that has the same connection and is told the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from putback.model.finding import Confidence, Finding, Severity, Step
from putback.model.lifecycle import Begin
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.analysis.extent import Extent
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.locking import locks
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.facts.surroundings import Surroundings
from putback.rules import wording
from putback.rules.rule import Rule, report
from putback.rules.scoping import step

_SURE = 3


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each connection, about the first call outside that it is held during."""
    told: set[str] = set()
    for site, extent in facts.extents:
        name = facts.name_of(site.site)
        if name not in told:
            told.add(name)
            yield _finding(site, extent)


def _finding(site: SiteFacts, extent: Extent) -> Finding:
    is_doubtful = extent.out.depth > _SURE or _is_guessed(site, extent)
    return report(
        RULE,
        site,
        f"{extent.out.outside.sort.noun} is waited for while {_what(site, extent)}: {_cost(site, extent)}",
        worth=_worth(site, extent),
        confidence=Confidence.MEDIUM if is_doubtful else site.acquisition.confidence,
        trace=tuple(_trace(site, extent)),
        at=extent.made,
        help=_help(site),
    )


def _is_guessed(site: SiteFacts, extent: Extent) -> bool:
    """Whether only a write begins a transaction, and what has run is not shown to be one."""
    begins = site.kind.autobegin is Begin.WRITE and extent.in_transaction
    return begins and not site.function.surely_writes(extent.since)


def _worth(site: SiteFacts, extent: Extent) -> Worth:
    """A call that is bounded, in a session that has only read, is how most services are built."""
    is_told = _is_told_below(site.function, extent) or _keeps_nobody_out(site, extent)
    is_short = extent.out.outside.sort.brief or not (_locks(site, extent) or _goes_on(site, extent))
    loss = Loss.ADVICE if is_told or is_short else Loss.HELD
    return Worth(Likelihood.EACH_TIME, loss, site.function.frequency)


def _locks(site: SiteFacts, extent: Extent) -> str:
    """What has locked rows, in this function, before the call."""
    facts = site.function
    return locks(facts.analyzer, facts.unit, extent.since, extent.made) if extent.in_transaction else ""


def _goes_on(site: SiteFacts, extent: Extent) -> str:
    """Why the wait may be long."""
    if extent.out.outside.sort.long:
        return extent.out.outside.sort.long
    is_again = site.function.unit.repeats(extent.made, (extent.since, extent.end))
    return "that comes again in each round of a loop" if is_again else ""


def _keeps_nobody_out(site: SiteFacts, extent: Extent) -> bool:
    """Whether nobody waits for it: nothing is seen that writes, and its connection is in no pool, or only a write would
    begin a transaction, or the database is in the process, so that no server has one."""
    facts = site.function
    if _locks(site, extent):
        return False
    if _is_guessed(site, extent) or (site.kind.pooled and site.comes_without_pool):
        return True
    return site.kind.pooled and facts.is_in_process and not facts.surely_writes(extent.since)


def _is_told_below(facts: Surroundings, extent: Extent) -> bool:
    """Whether a function on the way out is lent the same connection, and told of the same call."""
    way = facts.way_out(extent)
    units = (facts.analyzer.unit(here.path, above.name) for above, here in pairwise(way))
    theirs = (FunctionFacts(facts.analyzer, unit, facts.display).extents for unit in units if unit is not None)
    return any(s.site.at is None and facts.leaves_at(e) == way[-1] for found in theirs for s, e in found)


def _what(site: SiteFacts, extent: Extent) -> str:
    subject = wording.subject(site)
    return f"{subject} has a transaction open" if extent.in_transaction else f"{subject} is held"


def _cost(site: SiteFacts, extent: Extent) -> str:
    locking, going_on = _locks(site, extent), _goes_on(site, extent)
    if locking:
        return f"the rows that {locking} has locked stay locked for as long as that takes"
    if site.kind.pooled and site.comes_without_pool:
        return "it keeps a connection of its own, and what it has begun to read, for as long as that takes"
    if going_on:
        return f"{going_on}, and nobody else can use its connection meanwhile"
    if site.kind.pooled:
        return "nobody else can use its connection for as long as that takes"
    return "its locks stay for as long as that takes"


def _help(site: SiteFacts) -> str:
    if site.kind.lazy:
        return (
            "commit or close the session before the call, and do not read its objects in between: "
            "after a commit that opens a new transaction, unless `expire_on_commit=False`"
        )
    return "give the connection back before the call, and take another one behind it"


def _trace(site: SiteFacts, extent: Extent) -> Iterator[Step]:
    facts = site.function
    yield from wording.origin(site)
    if extent.in_transaction and extent.since not in (site.site.at, extent.made):
        begins = "the first statement begins the transaction here"
        guessed = "if this writes, it begins the transaction"
        yield facts.step(extent.since, guessed if _is_guessed(site, extent) else begins)
    first, *further = facts.way_out(extent)
    if not further:
        yield facts.step(extent.made, f"waits for {extent.out.outside.sort.noun} here")
    else:
        yield facts.step(extent.made, f"calls {first.name} ...")
        for station in further[:-1]:
            yield step(facts, station.path, station.row, f"calls {station.name} ...")
        yield step(facts, further[-1].path, further[-1].row, f"... which waits for {extent.out.outside.sort.noun} here")
    ended = facts.ended_at(extent)
    if ended is not None:
        yield step(facts, ended.path, ended.row, "it ends only here")
    elif extent.end is not None:
        yield facts.step(extent.end, "it ends only here")
    else:
        yield facts.step(facts.unit.function.at, "it ends when the request ends")


RULE = Rule("PB202", "external-call-in-transaction", "transaction", Severity.WARNING, __doc__, check, running=None)
