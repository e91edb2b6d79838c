"""Runs generated functions against stand-ins for the libraries, every call of which can be made to fail.

An oracle that knows nothing of the analysis: it executes a function under many schedules and writes down what it did.
"""

from __future__ import annotations

import builtins
import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from types import FrameType, ModuleType
from typing import Any

Call = tuple[str, int]
"""The label of a call, and how often it has been made before."""
TraceFunction = Callable[[FrameType, str, Any], Any]
GENERATED = "generated.py"
MOST_CALLS = 400
MOST_SCHEDULES = 150


class DatabaseFault(Exception):
    """What the error class of every library is here."""


class Cancelled(BaseException):
    """A task is cancelled while it waits."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The arguments of a function, and the calls that fail, with what they raise."""

    a: bool
    b: bool
    items: int
    faults: Mapping[Call, type[BaseException]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """What a function did under a schedule.

    `outcome` is the value returned or the type raised; `calls` are all calls but releases, in order; `can_fail` those
    that a schedule may make fail. `leaked` are the connections still out at the end, `wrong` what nobody may do with a
    connection: uses after the release, second releases. `behind` tells, for each connection, the calls made after its
    release; `raised`, of a run without failing calls, whether an exception was on its way in it.
    """

    outcome: tuple[str, str]
    calls: tuple[str, ...]
    can_fail: tuple[tuple[Call, bool], ...]
    leaked: tuple[int, ...]
    wrong: tuple[str, ...]
    behind: Mapping[int, tuple[str, ...]]
    raised: bool = False


class Stage:
    """The world of one run."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.made: Counter[str] = Counter()
        self.calls: list[str] = []
        self.can_fail: list[tuple[Call, bool]] = []
        self.taken: list[Connection] = []
        self.wrong: list[str] = []
        self.released: dict[int, int] = {}
        self.raised = False

    def watch(self, frame: FrameType, event: str, details: Any) -> TraceFunction | None:
        """A trace function that notes exceptions in generated code."""
        if frame.f_code.co_filename != GENERATED:
            return None
        if event == "exception" and not issubclass(details[0], StopIteration):
            self.raised = True
        return self.watch

    def call(self, label: str, awaited: bool = False) -> None:
        """A call that can fail. `awaited`: it can be cancelled too."""
        self.note(label)
        key = (label, self.made[label])
        self.made[label] += 1
        self.can_fail.append((key, awaited))
        fault = self.schedule.faults.get(key)
        if fault is not None:
            raise fault(label)

    def note(self, label: str) -> None:
        """A call that cannot fail."""
        self.calls.append(label)
        if len(self.calls) > MOST_CALLS:
            raise RuntimeError("this never ends")

    def acquire(self, kind: type[Connection], awaited: bool = False) -> Connection:
        """A connection is taken."""
        self.call("acquire", awaited)
        self.taken.append(kind(self, len(self.taken)))
        return self.taken[-1]


class Connection:
    """A connection that knows whether it is out."""

    def __init__(self, stage: Stage, number: int) -> None:
        self.stage = stage
        self.number = number
        self.is_out = True
        self.is_released = False

    def use(self, label: str, awaited: bool = False) -> None:
        """Talk to the database."""
        self._must_be_held(label)
        self.stage.call(label, awaited)

    def undo(self) -> None:
        """Roll back; while an error is handled that cannot fail: a second fault on top of the first is not counted."""
        self._must_be_held("rollback")
        (self.stage.call if sys.exception() is None else self.stage.note)("rollback")

    def _must_be_held(self, label: str) -> None:
        if self.is_released:
            self.stage.wrong.append(f"{label} after the release")

    def give_back(self) -> None:
        """The release."""
        if self.is_released:
            self.stage.wrong.append("released twice")
        self.is_out, self.is_released = False, True
        self.stage.released.setdefault(self.number, len(self.stage.calls))


class Raw(Connection):
    """A DB-API connection: psycopg2 from a pool, or sqlite3."""

    closes = False

    def cursor(self) -> Cursor:
        self.use("cursor")
        return Cursor(self)

    def execute(self, query: str) -> Cursor:
        return self.cursor().execute(query)

    def commit(self) -> None:
        self.use("commit")

    def rollback(self) -> None:
        self.undo()

    def close(self) -> None:
        if self.closes:
            self.give_back()
        else:
            self.stage.note("close")

    def __enter__(self) -> Raw:
        self._must_be_held("enter")
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None:
            self.use("commit")
        else:
            self.undo()


class Plain(Raw):
    """A connection of its own, which `close` ends."""

    closes = True

    def cursor(self) -> Cursor:
        if self.is_released:
            self.stage.wrong.append("cursor after the release")
        self.stage.note("cursor")
        return Cursor(self)


class Cursor:
    """A cursor; closing it cannot fail."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def execute(self, query: str) -> Cursor:
        self.connection.use(query)
        return self

    def fetchall(self, query: str = "fetchall") -> list[int]:
        self.connection.use(query)
        return [1, 2]

    def close(self) -> None:
        if self.connection.is_released:
            self.connection.stage.wrong.append("cursor closed after the release")
        self.connection.stage.note("cursor.close")


class Lent(Connection):
    """A connection of an asyncpg pool."""

    async def execute(self, query: str) -> str:
        self.use(query, awaited=True)
        return query

    async def fetch(self, query: str) -> list[int]:
        self.use(query, awaited=True)
        return [1, 2]


class Session(Connection):
    """An SQLAlchemy session: it holds a connection from its first statement to its next commit, rollback or close."""

    def __init__(self, stage: Stage, number: int) -> None:
        super().__init__(stage, number)
        self.is_out = False

    def execute(self, query: str) -> Cursor:
        self.is_out = True
        self.use(query)
        return Cursor(self)

    def commit(self) -> None:
        self.use("commit")
        self.is_out = False

    def rollback(self) -> None:
        self.undo()
        self.is_out = False

    def close(self) -> None:
        self.give_back()


class _Pool:
    """The pools of psycopg2 and asyncpg in one."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def getconn(self) -> Connection:
        return self.stage.acquire(Raw)

    def putconn(self, conn: Connection) -> None:
        conn.give_back()

    async def acquire(self) -> Connection:
        return self.stage.acquire(Lent, awaited=True)

    async def release(self, conn: Connection) -> None:
        conn.give_back()


class _Lock:
    """Something for a `with` that is no connection."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def __enter__(self) -> None:
        self.stage.call("lock")

    def __exit__(self, *details: object) -> None:
        self.stage.note("unlock")


def _stand_ins(current: Callable[[], Stage]) -> dict[str, ModuleType]:
    """The modules that generated code imports. `current` tells the stage of the run that goes on."""

    def module(name: str, **content: Any) -> ModuleType:
        made = ModuleType(name)
        made.__dict__.update(content)
        return made

    def work(label: str) -> str:
        current().call(label)
        return label

    async def awork(label: str) -> str:
        current().call(label, awaited=True)
        return label

    def make_pool(*arguments: object, **options: object) -> Any:
        return _Now(lambda: _Pool(current()))

    class Logger:
        def info(self, message: str) -> None:
            current().note(message)

    pool = module("psycopg2.pool", ThreadedConnectionPool=make_pool)
    return {
        "asyncio": module("asyncio"),
        "logging": module("logging", getLogger=lambda name: Logger()),
        "shop": module("shop"),
        "shop.tools": module("shop.tools", lock=_Now(lambda: _Lock(current())), work=work, awork=awork, flag=None),
        "psycopg2": module("psycopg2", pool=pool, Error=DatabaseFault),
        "psycopg2.pool": pool,
        "sqlite3": module("sqlite3", connect=lambda name: current().acquire(Plain), Error=DatabaseFault),
        "asyncpg": module("asyncpg", Pool=_Pool, create_pool=make_pool, PostgresError=DatabaseFault),
        "contextlib": contextlib,
        "sqlalchemy": module("sqlalchemy", create_engine=lambda url, **options: None),
        "sqlalchemy.exc": module("sqlalchemy.exc", SQLAlchemyError=DatabaseFault),
        "sqlalchemy.orm": module(
            "sqlalchemy.orm", sessionmaker=lambda bind: lambda: _opened(current()), Session=Session
        ),
    }


def _opened(stage: Stage) -> Session:
    stage.call("acquire")
    session = Session(stage, len(stage.taken))
    stage.taken.append(session)
    return session


class _Now:
    """Stands for the object that `make` gives at the time of each use."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)

    def __enter__(self) -> Any:
        return self._make().__enter__()

    def __exit__(self, *details: object) -> Any:
        return self._make().__exit__(*details)


class Program:
    """A module, loaded with the stand-ins."""

    def __init__(self, text: str) -> None:
        self.stage = Stage(Schedule(False, False, 0))
        stand_ins = _stand_ins(lambda: self.stage)

        def load(name: str, *rest: object) -> ModuleType:
            return stand_ins[name] if len(rest) > 2 and rest[2] else stand_ins[name.partition(".")[0]]

        self.space: dict[str, Any] = {"__name__": "shop.code", "__builtins__": {**vars(builtins), "__import__": load}}
        self.space["__builtins__"]["print"] = lambda text: self.stage.note(text)
        exec(compile(text, GENERATED, "exec"), self.space)

    def run(self, function: str, schedule: Schedule) -> Record:
        """Run `function` once."""
        self.stage = stage = Stage(schedule)
        owner, _, name = function.rpartition(".")
        target = getattr(self.space[owner](), name) if owner else self.space[name]
        before = sys.gettrace()
        if not schedule.faults:
            sys.settrace(stage.watch)
        try:
            value = target(schedule.a, schedule.b, range(schedule.items))
            outcome = ("returned", repr(_awaited(value) if hasattr(value, "send") else value))
        except BaseException as error:
            outcome = ("raised", type(error).__name__)
        finally:
            sys.settrace(before)
        behind = {number: tuple(stage.calls[at:]) for number, at in stage.released.items()}
        leaked = tuple(c.number for c in stage.taken if c.is_out)
        calls, can_fail, wrong = tuple(stage.calls), tuple(stage.can_fail), tuple(stage.wrong)
        return Record(outcome, calls, can_fail, leaked, wrong, behind, stage.raised)


def _awaited(coroutine: Any) -> Any:
    """The result of a coroutine that never really waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("it waits")


def schedules(program: Program, function: str) -> Iterator[tuple[Schedule, Record]]:
    """Every way through `function` with no failing call, one, or two, up to a limit; with what it does there."""
    waiting = [Schedule(a, b, items) for a, b, items in product((False, True), (False, True), (0, 2))]
    seen = 0
    while waiting and seen < MOST_SCHEDULES:
        schedule = waiting.pop(0)
        record = program.run(function, schedule)
        seen += 1
        yield schedule, record
        if len(schedule.faults) < 2:
            waiting += _harder(schedule, record)


def _harder(schedule: Schedule, record: Record) -> Iterator[Schedule]:
    """The schedules with one more failing call, behind those that fail already."""
    calls = [call for call, _ in record.can_fail]
    start = max((calls.index(call) + 1 for call in schedule.faults), default=0)
    for call, awaited in record.can_fail[start:]:
        for kind in (DatabaseFault, ValueError, *((Cancelled,) if awaited else ())):
            yield Schedule(schedule.a, schedule.b, schedule.items, {**schedule.faults, call: kind})
