"""Connections used through the same steps twice: as a library has them, and as the explorer's model has them.

The model only gets what the driver tables say. A schedule is run on both sides step by step; after each step both must
say the same.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from putback.drivers.catalog import Catalog
from putback.pipeline.profiles import profile_of, types_of
from putback.verify.choices import Decider, Key, Sort
from putback.verify.execution import Premises
from putback.verify.faults import faults_for
from putback.verify.roles import Acquire, Bounds, Pass, Roles
from putback.verify.slot import Slot
from putback.verify.unknown import finish
from putback.verify.world import World

_FIRST_VALUE = 100
_VALUE = re.compile(r"\D(\d{3,})\D")
_ENDLESS = 1_000_000


class Planned(Exception):
    """What the code in a `with` block raises."""


@dataclass(frozen=True)
class State:
    """What can be seen of a side. None: this library does not say.

    `lent`: the connections that the pool counts as taken. `ended`: which of the handles are closed. `transactions`: of
    the handles that are not, "idle", "open" or "failed". `committed`: the values that are in the table for good.
    """

    lent: int | None
    ended: tuple[bool, ...] | None
    transactions: tuple[str, ...] | None
    committed: tuple[int, ...]


class Side:
    """What a schedule is run on. `handles` are held, `former` were given back."""

    def __init__(self) -> None:
        self.handles: list[Any] = []
        self.former: list[Any] = []

    def take(self) -> Any:
        """A connection of the pool."""
        raise NotImplementedError

    def give_back(self, handle: Any) -> None:
        """The right release."""
        raise NotImplementedError

    def shut(self, handle: Any) -> None:
        """The connection's own close."""
        handle.close()

    def execute(self, handle: Any, sql: str) -> None:
        """A statement."""
        cursor = handle.cursor()
        cursor.execute(sql)

    def commit(self, handle: Any) -> None:
        """As the library does it."""
        handle.commit()

    def roll_back(self, handle: Any) -> None:
        """As the library does it."""
        handle.rollback()

    def enter(self, handle: Any, sql: str, fails: bool) -> None:
        """`with` on the connection."""
        with handle:
            self.execute(handle, sql)
            if fails:
                raise Planned

    def nest(self, handle: Any, sql: str, fails: bool) -> None:
        """`with` on a transaction or savepoint object inside of the connection."""
        raise NotImplementedError

    def lend(self, sql: str, fails: bool) -> None:
        """`with` on the acquiring call."""
        raise NotImplementedError

    def add(self, handle: Any, value: int) -> None:
        """An object that a session writes when it commits."""
        raise NotImplementedError

    def state(self) -> State:
        """What can be seen of it."""
        raise NotImplementedError

    def end(self) -> None:
        """Close everything, whatever state it is in."""

    # -- the steps

    def step(self, name: str, place: int, sql: str) -> str:
        """Do one step; answers how it ended: "done", "planned" or "raised"."""
        doing: Callable[[], object] = {
            "take": lambda: self.handles.append(self.take()),
            "put": lambda: self._lose(place, self.give_back),
            "put_again": lambda: self.give_back(self.former[-1]),
            "use_after": lambda: self.execute(self.former[-1], sql),
            "close": lambda: self.shut(self.handles[place]),
            "commit": lambda: self.commit(self.handles[place]),
            "roll_back": lambda: self.roll_back(self.handles[place]),
            "enter": lambda: self.enter(self.handles[place], sql, False),
            "enter_fail": lambda: self.enter(self.handles[place], sql, True),
            "nest": lambda: self.nest(self.handles[place], sql, False),
            "nest_fail": lambda: self.nest(self.handles[place], sql, True),
            "lend": lambda: self.lend(sql, False),
            "lend_fail": lambda: self.lend(sql, True),
            "add": lambda: self.add(self.handles[place], int(sql)),
        }.get(name, lambda: self.execute(self.handles[place], sql))
        try:
            doing()
        except Planned:
            return "planned"
        except Exception:
            return "raised"
        return "done"

    def _lose(self, place: int, release: Callable[[Any], None]) -> None:
        self.former.append(self.handles.pop(place))
        release(self.former[-1])


class _Failing(dict[Key, str]):
    """Decides every fault the same way: `now` it fails, or not."""

    now = False

    def get(self, key: Key, default: str = "") -> str:  # type: ignore[override]
        """The decision."""
        return "OperationalError" if self.now and key[0] is Sort.FAULT else default


class Model(Side):
    """The explorer's model of a resource kind."""

    def __init__(
        self, catalog: Catalog, kind: str, acquire: Acquire, release: Pass | None = None, lending: Acquire | None = None
    ) -> None:
        super().__init__()
        profile = profile_of(catalog.kind(kind))
        self.failing = _Failing()
        self.acquire = acquire
        self.release = release
        self.lending = lending
        self.is_async = acquire.on != Acquire("", "").on
        roles = Roles((acquire,), (), {kind: profile}, types_of(catalog, [profile.type]))
        bounds = Bounds(faults=_ENDLESS, choices=_ENDLESS)
        premises = Premises(roles, bounds, faults_for((), {}), self.is_async)
        self.world = World(premises, Decider(wanted=self.failing))

    def _done(self, value: Any) -> Any:
        return finish(_awaiting(value)) if self.is_async and hasattr(value, "__await__") else value

    def take(self) -> Any:
        """By the role of the acquiring call."""
        return self._done(self.world.unknown.acquires(self.acquire, self.world.standin(self.acquire.callee), (), {}))

    def give_back(self, handle: Any) -> None:
        """By the role of the releasing call; the connection's own close when there is none."""
        if self.release is None:
            self.shut(handle)
            return
        callee = self.world.standin(self.release.callee)
        self._done(self.world.unknown.passes(self.release, callee, (handle,), {}))

    def shut(self, handle: Any) -> None:
        """As its type says."""
        self._done(handle.close())

    def execute(self, handle: Any, sql: str) -> None:
        """By a cursor where there is one."""
        if handle.method("cursor") is not None and not self.is_async:
            handle.cursor().execute(sql)
        else:
            self._done(handle.execute(sql))

    def nest(self, handle: Any, sql: str, fails: bool) -> None:
        """By the first of these that its type knows."""
        made = next(
            handle.method(n) and getattr(handle, n)() for n in ("begin_nested", "transaction") if handle.method(n)
        )
        if self.is_async:
            finish(_in_block(self, made, handle, sql, fails))
            return
        with made:
            self.execute(handle, sql)
            if fails:
                raise Planned

    def lend(self, sql: str, fails: bool) -> None:
        """By the role of a call that is entered."""
        assert self.lending is not None
        made = self.world.unknown.acquires(self.lending, self.world.standin(self.lending.callee), (), {})
        if self.is_async:
            finish(_in_block(self, made, None, sql, fails))
            return
        with made as handle:
            self.execute(handle, sql)
            if fails:
                raise Planned

    def add(self, handle: Any, value: int) -> None:
        """A method that the table does not know."""
        handle.add(value)

    @property
    def slots(self) -> list[Slot]:
        """All connections that were ever taken."""
        return self.world.connections.slots

    def state(self) -> State:
        """What the model believes."""
        held = [handle._pb_slot for handle in self.handles]
        durable = self.world.connections.transactions.durable
        return State(
            sum(slot.holds for slot in self.slots),
            tuple(not slot.is_out for slot in held),
            tuple(slot.transaction.value for slot in held if slot.is_out),
            tuple(sorted(int(m[1]) for m in map(_VALUE.search, durable) if m is not None)),
        )


async def _awaiting(value: Any) -> Any:
    return await value


async def _in_block(side: Side, manager: Any, handle: Any, sql: str, fails: bool) -> None:
    async with manager as made:
        await (handle or made).execute(sql)
        if fails:
            raise Planned


Weights = Mapping[str, int]


class Lockstep:
    """Random steps, drawn from those in `weights`, on a library and on the model.

    `statements` are the texts of the steps that are statements, with {value} to fill in. "fail" is one that the server
    refuses, "doom" one after which the commit fails.
    """

    def __init__(
        self, real: Side, model: Model, weights: Weights, statements: Mapping[str, str], seed: int, most: int
    ) -> None:
        self.real = real
        self.model = model
        self.weights = dict(weights)
        self.statements = statements
        self.random = random.Random(seed)
        self.most = most
        self.value = _FIRST_VALUE
        self.doomed: list[Any] = []
        self.story: list[str] = []

    def run(self, steps: int) -> None:
        """Draw until so many steps have been done."""
        while len(self.story) < steps:
            name = self.random.choices(list(self.weights), list(self.weights.values()))[0]
            if self._is_possible(name):
                self._step(name)

    def _is_possible(self, name: str) -> bool:
        held = len(self.model.handles)
        if name in ("take", "lend", "lend_fail"):
            return held < self.most
        if name in ("put_again", "use_after"):
            return bool(self.model.former) and not held
        return held > 0

    def _step(self, name: str) -> None:
        self.value += 1
        place = self.random.randrange(max(1, len(self.model.handles)))
        sql = self.statements.get(name, self.statements["insert"]).format(value=self.value)
        handle = self.model.handles[place] if self.model.handles else None
        happened = self.real.step(name, place, sql)
        is_doomed = name in ("commit", "enter") and any(handle is each for each in self.doomed)
        self.model.failing.now = happened == "raised" and (name == "fail" or is_doomed)
        told = self.model.step(name, place, sql)
        self.model.failing.now = False
        if name == "doom" and happened == "done":
            self.doomed.append(handle)
        self.story.append(f"{name}({place}, {sql!r}) {happened}")
        assert told == happened, f"{self._told()}\n  the library: {happened}, the model: {told}"
        seen, believed = self.real.state(), self.model.state()
        for what in ("lent", "ended", "transactions", "committed"):
            real, ours = getattr(seen, what), getattr(believed, what)
            assert real is None or real == ours, f"{self._told()}\n  {what}: {real}, in the model {ours}"

    def _told(self) -> str:
        return "the story:\n" + "\n".join(self.story)
