"""What a run leaves behind: its trace, and the violations of the invariants."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from putback.model.running import Broken


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
_WAITING = {What.ACQUIRE, What.EXTERNAL, What.YIELD}


class Foreign(str):
    """The way of a pool of which nobody knows whether the connection is its own, or of a function of the project."""

    __slots__ = ()


class Event(NamedTuple):
    """One thing that happened; `subject` names the connection of a release.

    `way`: how it was given back, "" for the plain way: to where it came from, as it came, to be used again. `is_own`: a
    function of the project that is taken along logs this, books it, or asks another function of the project.
    `is_quick`: it takes no time worth mentioning.
    """

    what: What
    text: str
    subject: str = ""
    way: str = ""
    is_own: bool = False
    is_quick: bool = False


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
    """Of one connection: how many visible events other than log lines come before each release, how many of those are
    what others do, for as long as they like, and in which way it is given back."""

    positions: list[int]
    waits: list[int]
    ways: list[str]


def releases(trace: list[Event]) -> dict[str, Releases]:
    """The releases of each connection."""
    found: dict[str, Releases] = {}
    before = waits = 0
    for event in trace:
        if event.what in _MARKING:
            before += 1
            waits += event.what in _WAITING and not event.is_quick
        elif event.what is What.RELEASE:
            known = found.setdefault(event.subject, Releases([], [], []))
            known.positions.append(before)
            known.waits.append(waits)
            known.ways.append(event.way)
    return found
