"""An `except` swallows an error after statements have run, and nothing rolls back.

## What it finds
A handler behind which somebody works on in a transaction that is broken or half done, because it neither rolls back
nor re-raises. The finding stands at the `except`. It is an error

- when the connection is used or committed afterwards and the failure has broken the transaction: with the drivers of
  PostgreSQL, and in a SQLAlchemy session after a failed `flush()` or `commit()`;
- when it is used or committed afterwards and of two writes in one `try` the first may be committed alone: with sqlite3
  and the drivers of MySQL, which undo a failed statement and keep the transaction; a hint if both can be done again
  (`DELETE`, `INSERT OR IGNORE`, `ON CONFLICT`), as the next run does the rest.

The connection may be the function's own, one that a caller lends, or one that lives longer than the function: a global,
an attribute, a scoped session, Flask-SQLAlchemy's `db.session`. A global that is left so is an error, whoever uses it
next; an attribute, and a scoped session that nobody removes, a warning.

Where all statements in the `try` only read, it is a warning at most, and a hint where something else in it fails more
often and the handler names no error of the database: then it is there for that.

It is a warning after another failed statement in SQLAlchemy, which breaks the transaction on PostgreSQL only (a hint
where nobody acquires the connection here), and a hint when the connection is only given back: the release rolls back
then, but nobody reading the handler can tell.

## Why it is bad
The transaction is broken or half done. PostgreSQL answers the next statement with
`current transaction is aborted, commands ignored until end of transaction block`
(`psycopg2.errors.InFailedSqlTransaction`); a `commit()` on it raises nothing, and the data is gone. MySQL commits
the half that worked. SQLAlchemy answers
`PendingRollbackError: This Session's transaction has been rolled back due to a previous exception during flush`.

## Example
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def move(amount, log):
    conn = pool.getconn()
    try:
        cur = conn.cursor()
        try:
            cur.execute("UPDATE accounts SET amount = amount - %s WHERE id = 1", (amount,))
            cur.execute("UPDATE accounts SET amount = amount + %s WHERE id = 2", (amount,))
        except Exception:
            log.exception("not moved")
        conn.commit()
    finally:
        pool.putconn(conn)
```

## Use instead
```python
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def move(amount, log):
    conn = pool.getconn()
    try:
        cur = conn.cursor()
        cur.execute("UPDATE accounts SET amount = amount - %s WHERE id = 1", (amount,))
        cur.execute("UPDATE accounts SET amount = amount + %s WHERE id = 2", (amount,))
        conn.commit()
    except Exception:
        conn.rollback()
        log.exception("not moved")
        raise
    finally:
        pool.putconn(conn)
```

## Fix
Where the connection is used or committed afterwards, `putback fix` writes the rollback as the first statement of the
handler, guarded where the name may be unset. A rollback fails when the connection is lost, and that must not take the
place of the handler's own answer, so what the driver raises is suppressed: `with suppress(psycopg2.Error):`. Unsafe:
what had been done before the error is given up with it. No fix where the connection is only released afterwards and the
release rolls back by itself, and where somebody else may have it by then.

With `fix-style = "explicit"` a handler whose connection is only released afterwards is a warning, and the rollback is
written, too: plainly, `conn.rollback()`, where the function ends behind a handler for every error of the database.
When the connection is lost it raises there, in place of what the handler answers, and the connection is given back
all the same. In front of another attempt, and in a handler for a certain error, it is suppressed.

## Stays silent
After one failed statement of sqlite3 or MySQL: only the statement is undone, and `try: INSERT … except: UPDATE` is an
idiom there; with SQLAlchemy as well where the URLs are of MySQL, SQL Server or Oracle and no file names PostgreSQL, or
the engine nearest by is made for SQLite by a URL that nobody can set otherwise, and after a failed `commit()` of a
session that has run nothing but text there.
When the handler re-raises, also by a function that always does, and the release or the `with` of the owner rolls back,
when it gives the connection back itself, when a helper rolls back, when whoever has made the object gives back the
session in its attribute, when the function that failed has rolled back before it raised, or a statement does
(`ROLLBACK TO SAVEPOINT one`). When the handler cannot see a failed statement: it catches what only code raises (`except
ValueError`), what a statement raises that has worked (`NoResultFound`), what no database raises (`queue.Empty`, an
exception of one's own), or stands behind one that has taken the database's errors. When nothing has run or all has
been committed before, when sqlite3 has only read, in a savepoint (`begin_nested()`), when the handler puts a new
connection in the place of a global or an attribute, when `db.session` is not used again before the function, or the
`with app.app_context():` around it, ends, when a scoped session is removed anywhere in the project, when the error is
asked whether the connection was lost (`connection_invalidated`), and in autocommit: asyncpg, `autocommit=True`,
`isolation_level=None`, `conn.autocommit = True`, also where a wrapper, an engine or a pool switches it on.

## Known gaps
That a caller or a request goes on with what it has lent, or with `db.session`, is not followed: only what the function
itself does with it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from putback.flow.solve import Edge
from putback.model.config import FixStyle
from putback.model.finding import Finding, Severity
from putback.model.mending import Mending
from putback.model.running import ABOUT_HANDLERS, Running
from putback.model.weighing import Frequency, Likelihood, Loss, Worth, weigh
from putback.ownership.analysis.defects import UnmendedUsed
from putback.ownership.analysis.domain import Harm, Phase
from putback.ownership.analysis.site import Home
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.site_facts import SiteFacts
from putback.rules import mending, wording
from putback.rules.rule import Rule, report
from putback.rules.weighing import LIKELIHOODS


def check(facts: FunctionFacts) -> Iterator[Finding]:
    """One finding for each handler, the worst consequence first.

    Of a connection that the caller lends, only a use after the handler counts: the caller may still roll back.
    """
    own = [(site, [*_by_use(site), *_at_end(site)]) for site in facts.sites]
    lent = [(site, [*_by_use(site)]) for site in facts.borrowed]
    ambient = [(site, [*_by_use(site), *_living_on(site)]) for site in facts.ambient]
    found = [
        (site, lapse)
        for site, lapses in [*own, *lent, *ambient]
        for lapse in lapses
        if not _is_seen_to(site, lapse.handler) and not _is_undone_alone(site, lapse)
    ]
    seen: set[int] = set()
    for site, lapse in sorted(found, key=lambda each: (-weigh(each[1].worth).rank, each[1].handler)):
        row = facts.unit.span(lapse.handler).start.row
        if row not in seen:
            seen.add(row)
            yield _finding(facts, site, lapse)


@dataclass(frozen=True, slots=True)
class _Lapse:
    """A handler that does not roll back, what that costs, and the use afterwards (None: there is none here).

    `lives_on`: the connection is there for others when the function has ended; else it is only released.
    """

    handler: int
    worth: Worth
    harm: Harm
    used: int | None
    lives_on: bool = False

    @property
    def is_worked_on(self) -> bool:
        """Whether somebody goes on in the transaction."""
        return self.used is not None or self.lives_on


def _finding(facts: FunctionFacts, site: SiteFacts, lapse: _Lapse) -> Finding:
    steps = [*wording.origin(site), facts.step(lapse.handler, "this handler does not roll back")]
    if lapse.used is not None:
        is_behind = facts.unit.span(lapse.used).start.row > facts.unit.span(lapse.handler).start.row
        later = "" if is_behind else " in the next round of the loop,"
        steps.append(facts.step(lapse.used, f"used here{later} with the transaction still open"))
    name = site.held_as(lapse.handler) or facts.name_of(site.site)
    found = report(
        RULE,
        site,
        f"the error is handled without a rollback{_consequence(site, lapse)}",
        worth=lapse.worth,
        confidence=site.acquisition.confidence,
        trace=tuple(steps),
        at=lapse.handler,
        help=f"roll back first in the handler: {name or 'conn'}.rollback()",
    )
    return mending.rolled_back(found, site, lapse.handler, lapse.is_worked_on)


def _consequence(site: SiteFacts, lapse: _Lapse) -> str:
    if not lapse.is_worked_on:
        return ": only the release undoes what was half done"
    what = "lives on" if lapse.lives_on else "is used or committed afterwards"
    after = f" and {wording.subject(site)} {what}"
    if lapse.harm is Harm.SOME:
        return f"{after}: what was written before the error is committed, the rest has to be written again"
    if lapse.harm is Harm.HALF:
        return f"{after}: what was written before the error is committed without the rest"
    if lapse.harm is Harm.PERHAPS:
        return f"{after}: on PostgreSQL the transaction is aborted, and each further statement fails"
    return f"{after}: the transaction is aborted, and each further statement fails"


def _by_use(site: SiteFacts) -> Iterator[_Lapse]:
    """Handlers after which the connection is used or committed, with that use."""
    for defect in site.exploration.defects:
        if not isinstance(defect.what, UnmendedUsed):
            continue
        harm, handler = defect.what.harm, defect.what.handler
        is_ambient = site.acquisition.ambient is not None
        loss = Loss.DOUBTFUL if harm is Harm.PERHAPS else Loss.BROKEN
        is_advice = harm is Harm.SOME or (is_ambient and harm is Harm.PERHAPS)
        yield _Lapse(handler, _worth(site, handler, Loss.ADVICE if is_advice else loss), harm, defect.at)


def _at_end(site: SiteFacts) -> Iterator[_Lapse]:
    """Handlers after which the connection is only given back."""
    for ending in site.exploration.endings:
        state = ending.state
        is_lapse = state.harm is not Harm.NOTHING and state.phase is not Phase.PASSED
        if ending.edge is Edge.NORMAL and state.lapse is not None and is_lapse:
            loss = Loss.ASKED if site.function.style is FixStyle.EXPLICIT else Loss.ADVICE
            worth = Worth(Likelihood.EXPECTED, loss, _frequency(site))
            yield _Lapse(state.lapse, worth, state.harm, None)


def _living_on(site: SiteFacts) -> Iterator[_Lapse]:
    """Handlers after which the function ends, and the connection lives on as it is."""
    losses = _LOSSES.get(site.home, {})
    for ending in site.exploration.endings if losses and not site.is_removed_elsewhere else ():
        state = ending.state
        is_there = ending.edge is Edge.NORMAL and site.site.name in state.refs
        if is_there and state.lapse is not None and state.harm is not Harm.NOTHING:
            loss = losses.get(state.harm)
            if loss is not None:
                yield _Lapse(state.lapse, _worth(site, state.lapse, loss), state.harm, None, lives_on=True)


def _worth(site: SiteFacts, handler: int, loss: Loss) -> Worth:
    """How likely it is that the database has failed when the handler is entered."""
    return Worth(LIKELIHOODS[site.failing_before(handler)], loss, _frequency(site))


def _frequency(site: SiteFacts) -> Frequency:
    return site.function.frequency


def _is_undone_alone(site: SiteFacts, lapse: _Lapse) -> bool:
    """Whether the statement that has failed is all that is undone: the database is a file, as its engine says."""
    return lapse.harm is Harm.PERHAPS and site.function.is_surely_in_process


def _is_seen_to(site: SiteFacts, handler: int) -> bool:
    """Whether the handler gives the connection back itself, or asks the error whether the connection was lost.

    An object that is told to forget something (`self.db._conn = None`) opens the connection behind its property anew.
    """
    facts = site.function
    unit, analyzer = facts.unit, facts.analyzer
    attempt = analyzer.attempt_at(unit, unit.span(handler).start.row)
    if attempt is None:
        return False
    ended = (*site.release_points.releases, *site.release_points.closes)
    driver = analyzer.catalog.drivers.get(site.kind.driver)
    asks = driver is not None and not attempt.words.isdisjoint(driver.lost)
    forgets = site.site.name.rpartition(".")[0] in attempt.cleared
    return asks or forgets or any(unit.span(at).start.row in attempt.handler for at in ended)


_LOSSES: Mapping[Home, Mapping[Harm, Loss]] = {
    Home.GLOBAL: {Harm.BROKEN: Loss.BROKEN, Harm.HALF: Loss.BROKEN},
    Home.OBJECT: {Harm.BROKEN: Loss.DOUBTFUL, Harm.HALF: Loss.DOUBTFUL},
    Home.REGISTRY: {Harm.BROKEN: Loss.DOUBTFUL},
}
"""How bad it is to leave a connection behind so; a caller, or the end of an application context, may yet mend it."""

RULE = Rule(
    "PB201",
    "missing-rollback",
    "transaction",
    Severity.ERROR,
    __doc__,
    check,
    mending=Mending(harmless=frozenset((Severity.INFO,)), follows=True),
    running=Running(ABOUT_HANDLERS),
)
