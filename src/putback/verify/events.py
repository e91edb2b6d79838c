"""What a run leaves behind: its trace, and the violations of the invariants."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple


class What(Enum):
    """The sort of an event. The first seven are visible from outside and must be the same before and after a fix."""

    ACQUIRE = "acquire"
    DATABASE = "database"
    EXTERNAL = "external"
    LOG = "log"
    FAULT = "fault"
    YIELD = "yield"
    STORE = "store"
    RELEASE = "release"
    TIDY = "tidy"
    INFO = "info"


_VISIBLE = {What.ACQUIRE, What.DATABASE, What.EXTERNAL, What.LOG, What.FAULT, What.YIELD, What.STORE}
_MARKING = _VISIBLE - {What.LOG}


class Event(NamedTuple):
    """One thing that happened; `subject` names the connection of a release.

    `way`: how it was given back, "" for the plain way: to where it came from, as it came, to be used again.
    """

    what: What
    text: str
    subject: str = ""
    way: str = ""


class Broken(Enum):
    """A violated invariant. Some are remarks: they reject nothing."""

    LEAK = "leak"
    LEAK_IN_LOOP = "leak in a loop"
    CLOSED = "pooled connection closed"
    HANDED_OUT_CLOSED = "handed out after its release"
    RELEASED_TWICE = "released twice"
    NONE_RELEASED = "no connection released"
    UNBOUND = "release of an unbound name"
    UNENTERED = "context manager used without being entered"
    USED_AFTER_RELEASE = "used after release"
    REUSED_AFTER_ERROR = "used after a failed statement without rollback"
    CALLERS_RELEASED = "the caller's connection released"
    SESSION_REUSED = "session used after close"
    NOT_CLOSED = "session not closed"
    NOTHING_COMMITTED = "commit of a failed transaction"
    OPEN_TRANSACTION = "transaction open at release"
    CURSOR_OPEN = "cursor left open"
    DESTROYED = "pooled connection destroyed"
    ERROR_HIDDEN = "error hidden by an unbound name"

    @property
    def is_remark(self) -> bool:
        """Whether it is only worth a remark."""
        return self in _REMARKS

    @property
    def is_leak(self) -> bool:
        """Whether a connection stays out for good."""
        return self in _LEAKS

    @property
    def changes_course(self) -> bool:
        """Whether what follows it in the run is its consequence, so that mending it changes the rest of the run."""
        return self in _TURNS


_REMARKS = {
    Broken.SESSION_REUSED,
    Broken.NOT_CLOSED,
    Broken.NOTHING_COMMITTED,
    Broken.OPEN_TRANSACTION,
    Broken.CURSOR_OPEN,
    Broken.DESTROYED,
    Broken.ERROR_HIDDEN,
}
_LEAKS = {Broken.LEAK, Broken.LEAK_IN_LOOP, Broken.CLOSED, Broken.HANDED_OUT_CLOSED}
_TURNS = {
    Broken.RELEASED_TWICE,
    Broken.NONE_RELEASED,
    Broken.UNBOUND,
    Broken.ERROR_HIDDEN,
    Broken.UNENTERED,
    Broken.USED_AFTER_RELEASE,
    Broken.REUSED_AFTER_ERROR,
}


_LEFT_IN_THE_REGISTRY = {*_LEAKS, Broken.NOT_CLOSED}

_ABOUT = {
    "PB104": {Broken.CLOSED, Broken.DESTROYED},
    "PB105": {Broken.RELEASED_TWICE},
    "PB106": {Broken.USED_AFTER_RELEASE},
    "PB111": {Broken.UNBOUND, Broken.NONE_RELEASED},
    "PB113": {Broken.UNENTERED},
    "PB114": set[Broken](),
    "PB305": _LEFT_IN_THE_REGISTRY,
    "PB306": _LEFT_IN_THE_REGISTRY,
    "PB307": _LEFT_IN_THE_REGISTRY,
    "PB201": {Broken.REUSED_AFTER_ERROR, Broken.NOTHING_COMMITTED, Broken.OPEN_TRANSACTION},
}


ABOUT_NAMES = frozenset((Broken.UNBOUND, Broken.ERROR_HIDDEN))
"""What names a name, and no connection."""

ABOUT_HANDLERS = frozenset(_ABOUT["PB201"])
"""What rules about handlers find."""


def mended_by(code: str) -> frozenset[Broken]:
    """What the fix of a rule has to mend: its own matter or leaks; everything serious when the rule is not known.

    Nothing for one that leaves everything as it was.
    """
    return frozenset(_LEAKS | _TURNS if not code else _ABOUT.get(code, _LEAKS))


_LEAST_LEVELS = {"PB305": 2}
"""A teardown rolls back and removes: what it does when the rollback fails is the matter."""


def least_level(code: str) -> int:
    """The level of faults that has to be looked at to see what a rule is about."""
    return _LEAST_LEVELS.get(code, 1)


class Violation(NamedTuple):
    """An invariant that a run violates: for which connection, after how many events, acquired by which callee, in which
    row.

    `handler` is the row of the `except` that swallowed the error behind it (0: none).
    """

    broken: Broken
    subject: str
    after: int
    callee: str = ""
    handler: int = 0
    row: int = 0

    def __str__(self) -> str:
        return f"{self.broken.value}: {self.subject}"


class Overlooked(NamedTuple):
    """Violations that a run passes over as if they were mended: names that are unbound, the rows of handlers."""

    kinds: frozenset[Broken] = frozenset()
    names: frozenset[str] = frozenset()
    handlers: frozenset[int] = frozenset()


def visible(trace: Sequence[Event]) -> list[Event]:
    """The part of a trace that somebody outside can see."""
    return [e for e in trace if e.what in _VISIBLE]


class Releases(NamedTuple):
    """Of one connection: how many visible events other than log lines come before each release, and in which way."""

    positions: list[int]
    ways: list[str]


def releases(trace: list[Event]) -> dict[str, Releases]:
    """The releases of each connection."""
    found: dict[str, Releases] = {}
    before = 0
    for event in trace:
        if event.what in _MARKING:
            before += 1
        elif event.what is What.RELEASE:
            known = found.setdefault(event.subject, Releases([], []))
            known.positions.append(before)
            known.ways.append(event.way)
    return found
