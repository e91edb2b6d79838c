"""A dependency that yields its session is called by hand, and closes it before it is used.

## What it finds
`next(get_db())`, `await anext(get_db())` and `get_db().__next__()`, where `get_db` is a generator of the project that
yields a session or connection and gives it back afterwards. A `for` or `async for` over it that is left by `return` or
`break` is a hint, and so is a session that the function closes in a `with` or a `finally` of its own, returns to
callers that do so, or keeps in an object that closes it; one that it closes only where nothing has raised is a
warning. The finding stands at the call.

## Why it is bad
Nobody keeps the generator, so Python ends it at once and its `finally` runs before the first use (an asynchronous one
ends at the next turn of the event loop, in the middle of the use). `next()` of an asynchronous generator, and
`anext()` of another, raise `TypeError` before anything is taken. A session that is used after that takes another
connection from the pool, and nobody gives that one back:
`QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00`. A loop that is left early ends
the generator rightly, but an exception is not thrown into it: its `except` with the rollback never runs, nor does what
it does after the `yield`.

## Example
```python
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(bind=create_engine("postgresql://shop"))


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


def purge_orders():
    db = next(get_db())
    db.execute(text("DELETE FROM orders WHERE open = false"))
    db.commit()
```

## Use instead
```python
from contextlib import contextmanager

from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(bind=create_engine("postgresql://shop"))


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


def purge_orders():
    with contextmanager(get_db)() as db:
        db.execute(text("DELETE FROM orders WHERE open = false"))
        db.commit()
```

## Fix
`putback fix --unsafe-fixes` writes `with contextmanager(get_db)() as db:` around the rest, up to the last use, and
takes out what closes the session by hand. Unsafe, because what the generator does behind its `yield`, such as a
commit, then happens at the end of that block. No fix for loops, and where the session is returned or stored.

## Stays silent
Where the generator is kept in a variable, for a loop that is never left early, and for a generator that does not
close what it yields.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from putback.fixes.declined import Declined
from putback.model.finding import Confidence, Finding, Severity
from putback.model.fix import Fix
from putback.model.lifecycle import After
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.pulls import Pull
from putback.rules import mending
from putback.rules.rule import Rule, report_at


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each generator that is not kept."""
    for pull in facts.pulls:
        name = pull.generator.key.rpartition(".")[2]
        kind = pull.site.kind
        noun = "session" if kind.lazy else "connection"
        at = facts.step(pull.at, f"the {noun} is taken out of `{name}()` here, which nobody keeps")
        home = FunctionFacts(facts.analyzer, pull.generator, facts.display)
        end = home.step(pull.site.acquired_at, f"`{name}` makes the {noun} here, and gives it back behind its `yield`")
        found = report_at(
            RULE,
            facts,
            facts.unit.span(pull.at),
            _message(pull, name, noun),
            worth=_worth(facts, pull),
            confidence=pull.site.acquisition.confidence if not pull.left_early else Confidence.HIGH,
            trace=(end, at),
            driver=kind.driver,
            help=f"keep it for as long as the {noun} is used: with {_manager(pull, name)} as {_variable(noun)}:",
        )
        yield mending.mended(found, partial(_fix, facts, pull, name))


def _worth(facts: FunctionFacts, pull: Pull) -> Worth:
    if pull.left_early or (pull.is_mended and not pull.never_works):
        return Worth(Likelihood.EXPECTED, Loss.ADVICE, facts.frequency)
    if pull.is_luckily_mended:
        return Worth(Likelihood.EXPECTED, Loss.LATE, facts.frequency)
    reopens = pull.site.kind.use_after_release is After.REOPENS and not pull.never_works
    return Worth(Likelihood.EACH_TIME, facts.loss(pull.site.kind) if reopens else Loss.BROKEN, facts.frequency)


def _message(pull: Pull, name: str, noun: str) -> str:
    if pull.left_early:
        late = "runs only when the event loop comes to it" if pull.is_async else "runs without the exception"
        return (
            f"the loop over `{name}()` may be left before that has ended: what it does behind its `yield` {late}, "
            "and an error in the loop is not rolled back by it"
        )
    if pull.never_works:
        other = "an asynchronous generator" if pull.is_async else "a generator that is not asynchronous"
        return f"`{pull.by}()` cannot take from `{name}()`, which is {other}: this raises TypeError, always"
    when = "while it is used" if pull.is_async else "before its first use"
    if pull.is_mended:
        return (
            f"nobody keeps `{name}()`, so it closes the {noun} {when}, and does nothing when an error comes; "
            "the connection of the next statement is given back by hand"
        )
    if pull.is_luckily_mended:
        return (
            f"nobody keeps `{name}()`, so it closes the {noun} {when}: the next statement takes another connection "
            "from the pool, and what is closed by hand further down stays open when an error comes before"
        )
    if pull.site.kind.use_after_release is After.REOPENS:
        return (
            f"nobody keeps `{name}()`, so it closes the {noun} {when}: "
            "the next statement takes another connection from the pool, and nobody gives that back"
        )
    return f"nobody keeps `{name}()`, so it gives the {noun} back {when}"


def _manager(pull: Pull, name: str) -> str:
    return f"{'asynccontextmanager' if pull.is_async else 'contextmanager'}({name})()"


def _variable(noun: str) -> str:
    return "db" if noun == "session" else "conn"


def _fix(facts: FunctionFacts, pull: Pull, name: str) -> Fix:
    from putback.fixes.pulled import hold
    from putback.rules.holdings import taken

    if pull.never_works:
        raise Declined("whether it has ever run like this is not clear")
    if pull.left_early:
        raise Declined("what the loop stands for is not clear")
    return hold(taken(facts, pull.at, pull.site.kind), pull.made, pull.is_async)


RULE = Rule("PB303", "dependency-called-directly", "framework", Severity.ERROR, __doc__, check)
