"""One pool seen through the same few operations, whatever library it is of.

A schedule is run on two sides, a real pool and the reference pool in that library's manner, step by step; after each
step both must say the same.
"""

from __future__ import annotations

import gc
import random
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from libraries import import_or_skip

from putback.pool import ReferencePool, Settings
from putback.pool.testing import PSYCOPG2, PSYCOPG_POOL, SQLALCHEMY, ManualClock, Profile

HIGH = 3
BRIEF = 0.01
"""Seconds that a real pool is given when it is known to be exhausted."""


@dataclass(frozen=True)
class Outcome:
    """What a step did. `text` is without addresses and texts of objects."""

    error: type[Exception] | None
    text: str

    def is_like(self, real: Outcome) -> bool:
        """Whether a program that expects what the real pool does is served: it can catch the same exception, with the
        same text."""
        if self.error is None or real.error is None:
            return self == real
        return issubclass(self.error, real.error) and self.text == real.text


def did(step: Callable[..., Any], arguments: tuple[Any, ...]) -> Outcome:
    try:
        step(*arguments)
    except Exception as error:
        return outcome_of(error)
    return Outcome(None, "fine")


def outcome_of(error: Exception) -> Outcome:
    text = re.sub(r": <.*?>+(?= is not|$)", ": it", str(error), flags=re.DOTALL)
    return Outcome(type(error), text.strip())


class Side:
    """A pool of at most HIGH connections. Handles are what it lends."""

    counts: ClassVar[bool] = True
    """Whether the pool says how many connections it lends."""

    def __init__(self, dsn: str, table: str, low: int) -> None:
        self.dsn = dsn
        self.table = table
        self.low = low
        self.handles: list[Any] = []
        self.keys: list[Any] = []
        """The key that each handle was asked for with."""
        self.former: list[Any] = []
        self.open()

    def open(self) -> None:
        raise NotImplementedError

    def take(self, timeout: float) -> Any:
        raise NotImplementedError

    def give_back(self, handle: Any) -> None:
        raise NotImplementedError

    def lent(self) -> int:
        raise NotImplementedError

    def idle(self) -> int | None:
        """Idle connections; None if that is not decided at once."""
        return None

    def shut(self) -> None:
        raise NotImplementedError

    def raw(self, handle: Any) -> Any:
        """The driver's connection."""
        return handle

    def holds_by_key(self, place: int) -> bool:
        """Whether this handle's key still stands for it."""
        return False

    def lends(self, handle: Any) -> bool:
        """Whether giving this handle back would end some check-out."""
        return False

    def foreign(self) -> Any:
        """A connection that is not the pool's."""
        raise NotImplementedError

    def end(self) -> None:
        """Close everything, whatever state it is in."""
        for handle in self.handles:
            with suppress(Exception):
                self.raw(handle).close()
        with suppress(Exception):
            self.shut()

    # What a schedule does

    def get(self, key: Any, full: bool) -> None:
        self.handles.append(self.take(BRIEF if full else 30.0) if key is None else self.take_keyed(key))
        self.keys.append(key)

    def take_keyed(self, key: Any) -> Any:
        raise NotImplementedError

    def lose(self, place: int) -> Any:
        """Take a handle out of those that are held."""
        self.former.append(self.handles[place])
        del self.keys[place]
        return self.handles.pop(place)

    def put(self, place: int) -> None:
        self.give_back(self.lose(place))

    def put_again(self) -> None:
        self.give_back(self.former[-1])

    def close(self, place: int) -> None:
        self.raw(self.handles[place]).close()

    def execute(self, handle: Any, sql: str) -> None:
        with handle.cursor() as cursor:
            cursor.execute(sql)

    def insert(self, place: int, value: int) -> None:
        self.execute(self.handles[place], f"insert into {self.table} values ({value})")

    def fail(self, place: int) -> None:
        self.execute(self.handles[place], "select 1/0")

    def commit(self, place: int) -> None:
        self.handles[place].commit()

    def roll_back(self, place: int) -> None:
        self.handles[place].rollback()

    def use_after(self) -> None:
        self.execute(self.former[-1], "select 1")

    def put_foreign(self) -> None:
        foreign = self.foreign()
        try:
            self.give_back(foreign)
        finally:
            foreign.close()

    def put_none(self) -> None:
        self.give_back(None)

    def drop(self, place: int) -> None:
        """Let the garbage collector have a lent connection."""
        del self.handles[place], self.keys[place]
        gc.collect()


class Psycopg2(Side):
    def open(self) -> None:
        self.library = import_or_skip("psycopg2", "psycopg2")
        self.pool: Any = import_or_skip("psycopg2.pool", "psycopg2").ThreadedConnectionPool(self.low, HIGH, self.dsn)

    def take(self, timeout: float) -> Any:
        return self.pool.getconn()

    def take_keyed(self, key: Any) -> Any:
        return self.pool.getconn(key)

    def give_back(self, handle: Any) -> None:
        self.pool.putconn(handle)

    def put_key(self, place: int) -> None:
        """With the right key: with a wrong one the real pool has the connection twice, which ours refuses."""
        key = self.keys[place]
        self.pool.putconn(self.lose(place), key)

    def put_close(self, place: int) -> None:
        self.pool.putconn(self.lose(place), close=True)

    def lent(self) -> int:
        return len(self.pool._used)

    def idle(self) -> int | None:
        return len(self.pool._pool)

    def shut(self) -> None:
        self.pool.closeall()

    def foreign(self) -> Any:
        return self.library.connect(self.dsn)


class Ours(Side):
    """The reference pool, as faithful to the real library as it can be."""

    profile: ClassVar[Profile]
    overflow: ClassVar[int] = 0

    def connect(self) -> Any:
        raise NotImplementedError

    def open(self) -> None:
        settings = Settings(strict=False, overflow=self.overflow, name="pool", timeout=self.timeout())
        self.pool: Any = ReferencePool(
            self.low, HIGH - self.overflow, self.connect, profile=self.profile, settings=settings, clock=ManualClock()
        )

    def timeout(self) -> float | None:
        return None

    def take(self, timeout: float) -> Any:
        return self.pool.getconn(timeout=timeout)

    def take_keyed(self, key: Any) -> Any:
        return self.pool.getconn(key)

    def give_back(self, handle: Any) -> None:
        self.pool.putconn(handle)

    def lent(self) -> int:
        in_use: int = self.pool.stats().in_use
        return in_use

    def shut(self) -> None:
        self.pool.closeall()

    def lends(self, handle: Any) -> bool:
        return self.pool._lent(handle) is not None

    def foreign(self) -> Any:
        return self.connect()


class OursAsPsycopg2(Ours):
    profile = PSYCOPG2

    def connect(self) -> Any:
        return import_or_skip("psycopg2", "psycopg2").connect(self.dsn)

    def take(self, timeout: float) -> Any:
        return self.pool.getconn()

    def holds_by_key(self, place: int) -> bool:
        return self.pool._keyed.get(self.keys[place]) is self.handles[place]

    put_key = Psycopg2.put_key
    put_close = Psycopg2.put_close

    def idle(self) -> int | None:
        available: int = self.pool.stats().available
        return available


class PsycopgPool(Side):
    def open(self) -> None:
        self.library = import_or_skip("psycopg", "psycopg")
        self.pool: Any = import_or_skip("psycopg_pool", "psycopg_pool").ConnectionPool(
            self.dsn, min_size=self.low, max_size=HIGH, open=True, name="pool"
        )
        self.pool.wait(30.0)

    def take(self, timeout: float) -> Any:
        return self.pool.getconn(timeout=timeout)

    def give_back(self, handle: Any) -> None:
        self.pool.putconn(handle)

    counts = False

    def lends(self, handle: Any) -> bool:
        return handle._pool is not None

    def shut(self) -> None:
        self.pool.close()

    def foreign(self) -> Any:
        return self.library.connect(self.dsn)


class OursAsPsycopgPool(Ours):
    profile = PSYCOPG_POOL

    def connect(self) -> Any:
        return import_or_skip("psycopg", "psycopg").connect(self.dsn)


class QueuePool(Side):
    """SQLAlchemy's, by way of an engine: one connection of HIGH is overflow."""

    def open(self) -> None:
        self.library = import_or_skip("sqlalchemy", "sqlalchemy")
        driver = import_or_skip("psycopg2", "psycopg2")
        self.pool: Any = self.library.create_engine(
            "postgresql+psycopg2://",
            creator=lambda: driver.connect(self.dsn),
            pool_size=HIGH - 1,
            max_overflow=1,
            pool_timeout=BRIEF,
        )

    def take(self, timeout: float) -> Any:
        return self.pool.connect()

    def give_back(self, handle: Any) -> None:
        handle.close()

    def execute(self, handle: Any, sql: str) -> None:
        try:
            handle.execute(self.library.text(sql))
        except self.library.exc.DBAPIError as error:
            raise error.orig from None

    def lent(self) -> int:
        count: int = self.pool.pool.checkedout()
        return count

    def idle(self) -> int | None:
        count: int = self.pool.pool.checkedin()
        return count

    def shut(self) -> None:
        self.pool.dispose()


class OursAsQueuePool(Ours):
    profile = SQLALCHEMY
    overflow = 1

    def connect(self) -> Any:
        return import_or_skip("psycopg2", "psycopg2").connect(self.dsn)

    def timeout(self) -> float | None:
        return BRIEF

    def take(self, timeout: float) -> Any:
        return self.pool.getconn()

    def give_back(self, handle: Any) -> None:
        handle.close()

    def idle(self) -> int | None:
        available: int = self.pool.stats().available
        return available


class Schedule:
    """Random steps, drawn from those in `weights`, on a real pool and on ours."""

    def __init__(self, real: Side, ours: Side, weights: dict[str, int], seed: int) -> None:
        self.sides = (real, ours)
        self.random = random.Random(seed)
        self.names = list(weights)
        self.weights = list(weights.values())
        self.steps = 0
        self.shut = False
        self.story: list[str] = []

    def run(self, steps: int) -> None:
        """Draw until so many steps have been done."""
        while self.steps < steps:
            name = self.random.choices(self.names, self.weights)[0]
            arguments = self._arguments(name)
            if arguments is not None:
                self._step(name, arguments)

    def _arguments(self, name: str) -> tuple[Any, ...] | None:
        """Arguments for a step; None if it is not possible now."""
        ours = self.sides[1]
        count = len(ours.handles)
        if name == "get":
            return (None, ours.lent() >= HIGH)
        if name == "get_key":
            return (self.random.choice("ab"), ours.lent() >= HIGH)
        if name in ("put_again", "use_after"):
            return () if ours.former and not self._confuses(name) else None
        if name in ("put_foreign", "put_none", "shut"):
            return ()
        if not count:
            return None
        place = self.random.randrange(count)
        if name == "insert":
            return (place, self.random.randrange(1_000_000))
        if name == "put_key" and ours.keys[place] is not None and not ours.holds_by_key(place):
            return None
        return (place,)

    def _confuses(self, name: str) -> bool:
        """Whether this step's outcome depends on which connection psycopg_pool lent since: it opens and replaces
        connections in the background, so their order is chance. And it takes back a closed connection any number of
        times, opening one too many each time (3.3.3), which ours refuses."""
        real, ours = self.sides
        if name not in ("put_again", "use_after") or not isinstance(real, PsycopgPool):
            return False
        was_closed = any(bool(side.raw(side.former[-1]).closed) for side in self.sides)
        return was_closed or ours.lends(ours.former[-1]) or real.lends(real.former[-1])

    def _step(self, name: str, arguments: tuple[Any, ...]) -> None:
        step = {"get_key": "get"}.get(name, name)
        self.steps += 1
        said = [did(getattr(side, step), arguments) for side in self.sides]
        self.story.append(f"{name}{arguments} -> {said[1]}")
        assert said[1].is_like(said[0]), f"{self._told()}\n  the real pool: {said[0]}"
        self.shut |= name == "shut"
        states = [self._state(side) for side in self.sides]
        assert states[1] == states[0], f"{self._told()}\n  the real pool: {states[0]}, ours: {states[1]}"

    def _state(self, side: Side) -> tuple[Any, ...]:
        """Which handles are closed, how many connections are lent and idle, as far as the real pool says it."""
        closed = [bool(side.raw(handle).closed) for handle in side.handles]
        real = self.sides[0]
        if self.shut:
            return (closed,)
        return (closed, side.lent() if real.counts else None, side.idle() if real.idle() is not None else None)

    def _told(self) -> str:
        return "the story, ours:\n" + "\n".join(self.story)
