"""How a finding is weighed: three things decide error, warning or hint, for all rules, in the table below.

Rules say how likely the path is, what is lost on it, and how often it runs. `docs/pages/guides/how-it-decides.md` shows
the table with its examples, and a test compares both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from putback.model.finding import Confidence, Severity


class Likelihood(Enum):
    """How likely the path is that the finding tells of. The words say why that made it milder."""

    EACH_TIME = "no error is needed"
    EXPECTED = "such an error comes now and then"
    SELDOM = "on a live connection that seldom fails"
    RARELY = "only a mistake in the data makes that fail"
    TWICE = "two errors have to come together"
    HARDLY = "that hardly ever fails"


class Loss(Enum):
    """What is lost on that path."""

    BROKEN = "what comes next fails, or is wrong"
    DOUBTFUL = "what comes next fails on some databases"
    SLOT = "a slot of the pool is gone"
    LATE = "a slot of the pool comes back late"
    HELD = "others wait for its locks, or for the connection"
    PROCESS = "the process does not end"
    CONNECTION = "a connection is closed late"
    HANDLE = "one handle stays open for a while"
    ASKED = "the project wants it otherwise"
    ADVICE = "nothing is lost yet"


class Frequency(Enum):
    """How often the code runs: AGAIN for each request, job or item, or nobody knows; ONCE at a start, by hand or in a
    run that ends; ASIDE in tests, in examples, and where nobody uses it."""

    AGAIN = "it runs again and again"
    ONCE = "this runs at a start, by hand or in a run that ends"
    ASIDE = "nobody is served by this code"


@dataclass(frozen=True, slots=True)
class Worth:
    """What a rule says of a finding, in place of a severity."""

    likelihood: Likelihood
    loss: Loss
    frequency: Frequency


@dataclass(frozen=True, slots=True)
class Cell:
    """What the table says of a likelihood and a loss where code runs again and again, and where it runs once."""

    again: Severity
    once: Severity
    example: str


_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO
_EACH, _EXPECTED, _SELDOM, _RARELY, _TWICE, _HARDLY = Likelihood

TABLE: Mapping[tuple[Loss, Likelihood], Cell] = {
    (Loss.BROKEN, _EACH): Cell(_E, _W, "a connection is given back twice"),
    (Loss.BROKEN, _EXPECTED): Cell(_E, _I, "an `UPDATE` fails, the error is logged, and the next statement runs"),
    (Loss.BROKEN, _SELDOM): Cell(_W, _I, "a `SELECT` fails, the error is logged, and the next statement runs"),
    (Loss.BROKEN, _RARELY): Cell(_I, _I, "a subscript fails behind a statement, and is caught with it"),
    (Loss.BROKEN, _TWICE): Cell(_I, _I, "a statement behind a failed clean-up"),
    (Loss.BROKEN, _HARDLY): Cell(_I, _I, "a handler for `KeyError` and more, behind a `SELECT`"),
    (Loss.DOUBTFUL, _EACH): Cell(_W, _I, "a session is used behind a statement that PostgreSQL refuses"),
    (Loss.DOUBTFUL, _EXPECTED): Cell(_W, _I, "an `UPDATE` fails in a session whose database nothing names"),
    (Loss.DOUBTFUL, _SELDOM): Cell(_I, _I, "a `SELECT` fails in a session whose database nothing names"),
    (Loss.DOUBTFUL, _RARELY): Cell(_I, _I, "the same, where the database is not named"),
    (Loss.DOUBTFUL, _TWICE): Cell(_I, _I, "the same, in a session whose database nothing names"),
    (Loss.DOUBTFUL, _HARDLY): Cell(_I, _I, "the same, in a handler that is there for something else"),
    (Loss.SLOT, _EACH): Cell(_E, _W, "`pool.getconn()`, and no `putconn` on any path"),
    (Loss.SLOT, _EXPECTED): Cell(_E, _I, "an `INSERT` between `getconn` and `putconn`, without `finally`"),
    (Loss.SLOT, _SELDOM): Cell(_W, _I, "a `SELECT` by key between `getconn` and `putconn`"),
    (Loss.SLOT, _RARELY): Cell(_W, _I, "`int(text)` between `getconn` and `putconn`"),
    (Loss.SLOT, _TWICE): Cell(_W, _I, "a `SELECT` and its handler fail before `putconn`"),
    (Loss.SLOT, _HARDLY): Cell(_I, _I, "the making of a cursor between `getconn` and the `try`"),
    (Loss.LATE, _EACH): Cell(_E, _I, "a session that a `return` leaves open"),
    (Loss.LATE, _EXPECTED): Cell(_W, _I, "`session.commit()` in front of `session.close()`, without `finally`"),
    (Loss.LATE, _SELDOM): Cell(_W, _I, "`session.get()` in front of `session.close()`, without `finally`"),
    (Loss.LATE, _RARELY): Cell(_I, _I, "a subscript in front of `session.close()`"),
    (Loss.LATE, _TWICE): Cell(_I, _I, "a commit and its handler fail before `session.close()`"),
    (Loss.LATE, _HARDLY): Cell(_I, _I, "`datetime` arithmetic in front of `session.close()`"),
    (Loss.HELD, _EACH): Cell(_W, _I, "a model is asked between an `UPDATE` and its commit"),
    (Loss.HELD, _EXPECTED): Cell(_W, _I, "an `INSERT` into SQLite fails, and its transaction stays open"),
    (Loss.HELD, _SELDOM): Cell(_I, _I, "a `SELECT` fails behind an `INSERT` into SQLite"),
    (Loss.HELD, _RARELY): Cell(_I, _I, "a subscript fails behind an `INSERT` into SQLite"),
    (Loss.HELD, _TWICE): Cell(_I, _I, "an `INSERT` into SQLite and its handler fail before `close`"),
    (Loss.HELD, _HARDLY): Cell(_I, _I, "a cursor is made behind an `INSERT` into SQLite"),
    (Loss.PROCESS, _EACH): Cell(_W, _W, "`await aiosqlite.connect()`, and no `close` on any path"),
    (Loss.PROCESS, _EXPECTED): Cell(_W, _W, "`await aiosqlite.connect()`, and an `INSERT` in front of `close`"),
    (Loss.PROCESS, _SELDOM): Cell(_W, _I, "`await aiosqlite.connect()`, and a `SELECT` in front of `close`"),
    (Loss.PROCESS, _RARELY): Cell(_I, _I, "`await aiosqlite.connect()`, and a subscript in front of `close`"),
    (Loss.PROCESS, _TWICE): Cell(_I, _I, "a `SELECT` of aiosqlite and its handler fail before `close`"),
    (Loss.PROCESS, _HARDLY): Cell(
        _I, _I, "`await aiosqlite.connect()`, and the making of a cursor in front of `close`"
    ),
    (Loss.CONNECTION, _EACH): Cell(_W, _I, "`psycopg2.connect()`, and no `close` on any path"),
    (Loss.CONNECTION, _EXPECTED): Cell(_W, _I, "`psycopg2.connect()`, and an HTTP request in front of `close`"),
    (Loss.CONNECTION, _SELDOM): Cell(_W, _I, "`psycopg2.connect()`, and a `SELECT` in front of `close`"),
    (Loss.CONNECTION, _RARELY): Cell(_I, _I, "`psycopg2.connect()`, and a subscript in front of `close`"),
    (Loss.CONNECTION, _TWICE): Cell(_I, _I, "a `SELECT` and its handler fail before `close`"),
    (Loss.CONNECTION, _HARDLY): Cell(_I, _I, "`psycopg2.connect()`, and the making of a cursor in front of `close`"),
    (Loss.HANDLE, _EACH): Cell(_W, _I, "`sqlite3.connect()`, and no `close` on any path"),
    (Loss.HANDLE, _EXPECTED): Cell(_I, _I, "`sqlite3.connect()`, and an HTTP request in front of `close`"),
    (Loss.HANDLE, _SELDOM): Cell(_I, _I, "`sqlite3.connect()`, and a `SELECT` in front of `close`"),
    (Loss.HANDLE, _RARELY): Cell(_I, _I, "`sqlite3.connect()`, and a subscript in front of `close`"),
    (Loss.HANDLE, _TWICE): Cell(_I, _I, "the same, with `sqlite3.connect()`"),
    (Loss.HANDLE, _HARDLY): Cell(_I, _I, "`sqlite3.connect()`, and the making of a cursor in front of `close`"),
    (Loss.ASKED, _EACH): Cell(_W, _I, "a route that makes its session beside the project's own dependency"),
    (Loss.ASKED, _EXPECTED): Cell(_W, _I, "a cursor that only an error leaves open (PB112, if it is asked for)"),
    (Loss.ASKED, _SELDOM): Cell(_I, _I, "the same, behind a `SELECT`"),
    (Loss.ASKED, _RARELY): Cell(_I, _I, "the same, behind a subscript"),
    (Loss.ASKED, _TWICE): Cell(_I, _I, "a cursor that only an error in a handler leaves open"),
    (Loss.ASKED, _HARDLY): Cell(_I, _I, "the same, behind arithmetic"),
    (Loss.ADVICE, _EACH): Cell(_I, _I, "an engine without `pool_pre_ping`"),
    (Loss.ADVICE, _EXPECTED): Cell(_I, _I, "a wait of a moment in a transaction that has only read"),
    (Loss.ADVICE, _SELDOM): Cell(_I, _I, "a cursor that nobody closes"),
    (Loss.ADVICE, _RARELY): Cell(_I, _I, "the same, where a mistake in the data leads there"),
    (Loss.ADVICE, _TWICE): Cell(_I, _I, "the same, where nothing is lost yet"),
    (Loss.ADVICE, _HARDLY): Cell(_I, _I, "a pool that two requests may make, which opens nothing"),
}


def weigh(worth: Worth, confidence: Confidence = Confidence.HIGH) -> Severity:
    """The severity of a finding; what is not sure is no error."""
    if worth.frequency is Frequency.ASIDE:
        return Severity.INFO
    cell = TABLE[worth.loss, worth.likelihood]
    severity = cell.again if worth.frequency is Frequency.AGAIN else cell.once
    is_doubtful = severity is Severity.ERROR and confidence is not Confidence.HIGH
    return Severity.WARNING if is_doubtful else severity


def tipped(worth: Worth) -> str:
    """In words, what alone made it no more than a hint, the plainest first; "" where it is more, or not one thing."""
    if weigh(worth) is not Severity.INFO or worth.loss is Loss.ADVICE:
        return ""
    words = (word for word, other in _worse(worth) if weigh(other) is not Severity.INFO)
    return next(words, worth.frequency.value if worth.frequency is not Frequency.AGAIN else worth.likelihood.value)


def _worse(worth: Worth) -> Iterator[tuple[str, Worth]]:
    yield worth.frequency.value, replace(worth, frequency=Frequency.AGAIN)
    yield worth.likelihood.value, replace(worth, likelihood=Likelihood.EXPECTED)
    yield worth.loss.value, replace(worth, loss=Loss.SLOT)
