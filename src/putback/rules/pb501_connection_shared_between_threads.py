"""One connection or session is used by several threads or tasks at the same time.

## What it finds
A connection or session that is given to several things which run at once: calls in one `asyncio.gather`, tasks or
threads that are started in a loop, an executor's `map`. And one that is kept where requests have it in common: in a
global, in an attribute of a class, or in an object that is made once for the whole module.

## Why it is bad
A connection has one conversation with the server and one transaction. Two at once read each other's answers, or are
refused: `another operation is in progress`, `This session is provisioning a new connection; concurrent operations are
not permitted`, `Packet sequence number wrong`, `SQLite objects created in a thread can only be used in that same
thread`.
Where the driver lets threads share it (psycopg2), one thread's rollback takes back what the other has written, and its
commit makes half of it last.

## Example
```python
import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def totals(session: AsyncSession):
    return await asyncio.gather(
        session.scalar(text("SELECT count(*) FROM users")),
        session.scalar(text("SELECT count(*) FROM orders")),
    )
```

## Use instead
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def totals(session: AsyncSession):
    users = await session.scalar(text("SELECT count(*) FROM users"))
    return users, await session.scalar(text("SELECT count(*) FROM orders"))
```

## Fix
None: one connection for each, or one after the other, is for you to decide.

## Stays silent
For pools, engines and registries such as `scoped_session`, which are made to be shared, and clients that are (Neo4j,
Cassandra); under a lock, which is told by its class and not by its name (where that is not known, the finding has low
confidence); for a session without `await` that tasks of one event loop share, of which only one runs at a
time; where it is handed over to one thread or task; for a connection of a driver whose threads may share it that
commits by itself; and where no request is seen to use the global."""

from __future__ import annotations

from collections.abc import Iterator

from putback.drivers.schema import Kind
from putback.model.finding import Confidence, Finding, Place, Severity, SiteKey, Step
from putback.model.weighing import Frequency, Likelihood, Loss, Worth, weigh
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.facts.surroundings import Surroundings
from putback.ownership.makers.attributes import Shared
from putback.ownership.makers.sharing import Requested, Spawned
from putback.rules import wording
from putback.rules.rule import Rule, report, report_at
from putback.rules.scoping import step

_HELP = "take one from a pool for each request"


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each connection that is shared."""
    for spawned in facts.spawned:
        yield _at_once(facts, spawned)
    for shared, kind, used in facts.of_classes if facts.file_place is Place.SERVICE else ():
        if _has_own_conversation(facts, kind):
            yield _of_class(facts, shared, kind, used)
    for site in facts.acquires if facts.file_place is Place.SERVICE else ():
        if _is_own(site) and site.requested is not None:
            yield _global(site)


def _is_own(site: SiteFacts) -> bool:
    """Whether it has one conversation, and a transaction that others could spoil."""
    may_be_shared = site.function.analyzer.catalog.drivers[site.kind.driver].threadsafety >= 2
    return not site.kind.registry and not site.kind.shareable and not (may_be_shared and site.acquisition.autocommits)


def _has_own_conversation(facts: FunctionFacts, kind: Kind) -> bool:
    return not kind.registry and facts.analyzer.catalog.drivers[kind.driver].threadsafety < 3


def _of_class(facts: FunctionFacts, shared: Shared, kind: Kind, used: Requested) -> Finding:
    span = facts.row_span(shared.row, "")
    return report_at(
        RULE,
        facts,
        span,
        _said(shared.text, facts, kind),
        worth=Worth(Likelihood.SELDOM, Loss.BROKEN, Frequency.AGAIN),
        confidence=_sure(used),
        trace=(
            facts.step_at(span, f"the {kind.title} is made with the class"),
            step(facts, used.path, used.row, f"used for every request of {used.entry.name}"),
        ),
        driver=kind.driver,
        help=_HELP,
    )


def _sure(found: Requested | Spawned) -> Confidence:
    """What is entered around it and is not known may be a lock."""
    return Confidence.HIGH if found.sure else Confidence.LOW


def _said(name: str, facts: Surroundings, kind: Kind) -> str:
    return f"`{name}` is one {kind.title} for all requests, which run at the same time: {_harm(facts, kind)}"


def _at_once(facts: FunctionFacts, spawned: Spawned) -> Finding:
    span = facts.span_of(spawned.node)
    harm = _harm(facts, spawned.kind)
    return Finding(
        code=RULE.code,
        name=RULE.name,
        message=f"`{spawned.name}` is one {spawned.kind.title}, and these run at the same time: {harm}",
        severity=weigh(Worth(Likelihood.SELDOM, Loss.BROKEN, facts.frequency)),
        confidence=_sure(spawned),
        path=facts.path,
        filename=facts.unit.path,
        span=span,
        function=facts.name,
        driver=spawned.kind.driver,
        trace=(Step(facts.path, span, f"all that runs here has `{spawned.name}`"),),
        help="give each its own, or run them one after the other",
        url=RULE.url,
        place=facts.place,
        site=SiteKey(facts.unit.key),
    )


def _harm(facts: Surroundings, kind: Kind) -> str:
    if facts.analyzer.catalog.drivers[kind.driver].threadsafety >= 2:
        return "they share one transaction, which any of them may end"
    return "it has one conversation with the server, and cannot have two"


def _global(site: SiteFacts) -> Finding:
    assert site.requested is not None
    name, used = site.requested
    way = (Step(s.path, s.span, s.text) for s in site.call.way(used.entry))
    return report(
        RULE,
        site,
        _said(name, site.function, site.kind),
        worth=Worth(Likelihood.SELDOM, Loss.BROKEN, Frequency.AGAIN),
        confidence=site.acquisition.confidence if used.sure else Confidence.LOW,
        trace=(wording.acquired(site), *way, site.call.step(used.path, used.row, f"uses `{name}`")),
        help=_HELP,
    )


RULE = Rule("PB501", "connection-shared-between-threads", "sharing", Severity.WARNING, __doc__, check, running=None)
