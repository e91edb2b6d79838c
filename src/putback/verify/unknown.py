"""Calls of what is not a driver's: known wrappers by their role, everything else with the least assumptions."""

from __future__ import annotations

import inspect
import types
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from putback.model.lifecycle import On
from putback.verify import ownership, signatures, vocabulary
from putback.verify.absent import Absent
from putback.verify.aliases import containers
from putback.verify.connections import Connections, slot_of
from putback.verify.events import What
from putback.verify.faults import OperationalError
from putback.verify.fingerprint import call_text, fingerprint, marked, unmarked
from putback.verify.managing import Managing
from putback.verify.resource import Acquiring, Belonging, Connection, Later, handed_out
from putback.verify.roles import Acquire, Does, Fails, Method, ObjectType, Pass
from putback.verify.slot import Slot
from putback.verify.standin import StandIn
from putback.verify.ways import PLAIN, pool_of, way_of

_DEEPEST = 3
_UNKNOWN_METHOD = Method()
_HARMLESS_METHOD = Method(raises=False)
_NO_TYPE = ObjectType()
_RELEASE_FAILS = 3
"""The level from which on a release may fail, and what a function of the project asks of others for it."""
VERIFIED = "<verified>"
"""The file name of compiled code under test."""


class UnknownCalls:
    """What calls mean in one run."""

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self.world = connections.world
        self._depth = 0
        roles = self.world.roles
        self._acquires = {a.callee: a for a in roles.acquires}
        self._passes = {p.callee: p for p in roles.passes}
        self._given_back_by = {m for p in roles.profiles.values() for m in p.given_back_by}

    # -- roles

    def acquires(
        self, role: Acquire, callee: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], row: int = 0
    ) -> Any:
        """A call that the role table names as an acquire, in this row; a function of the code acquires by itself."""
        if _is_own(getattr(callee, "__wrapped__", callee)):
            return callee(*arguments, **keywords)
        label = call_text(role.callee, arguments, keywords)
        if isinstance(callee, StandIn):
            self.world.exists(callee._pb_path.rpartition(".")[0])
            self.fits(role.callee, arguments, keywords)
        given = frozenset(map(fingerprint, (*arguments, *keywords.values())))
        is_known = role.is_drivers and isinstance(callee, StandIn) and self.world.taken_by is None
        pool = pool_of(callee._pb_path) if is_known else ""

        def acquire() -> Connection:
            connection = self.connections.acquire(role, label, row)
            connection._pb_slot.given, connection._pb_slot.pool = given, pool
            return connection

        if On.CALL not in role.on:
            return Acquiring(self.connections, role, label, acquire)
        connection = acquire()
        if role.itself:
            self.connections.on_receivers[role.callee.rpartition(".")[0]] = connection._pb_slot
        return handed_out(connection, role)

    def passes(self, role: Pass, callee: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """A call that the role table says is given a connection; an ordinary call when it is given something else.

        What the code really has, a list, an `ExitStack` or a function of its own, does it by itself.
        """
        if _is_partial(callee):
            return callee(*arguments, **keywords)
        value = _within(self._passed(role, arguments, keywords))
        if not isinstance(callee, StandIn) and (role.does is Does.KEEPS or _is_own(callee)):
            return callee(*arguments, **keywords)
        is_none = value is None or isinstance(value, Absent)
        if slot_of(value) is None and not (is_none and role.does is Does.RELEASES):
            return self._ordinary(callee, arguments, keywords)
        label = call_text(role.callee, arguments, keywords)
        slot = slot_of(value)
        if isinstance(value, Absent):
            return value
        self.fits(role.callee, arguments, keywords)
        path = callee._pb_path if isinstance(callee, StandIn) else role.callee
        way = PLAIN if slot is None else way_of(slot, path, arguments, keywords)
        if role.manages:
            return Managing(
                label, lambda: self._entered(role, value, label), lambda: self._left(role, value, label, way)
            )
        if role.awaited:
            return Later(lambda: self._pass(role, value, label, way), f"{role.callee}()")
        return self._pass(role, value, label, way)

    def fits(self, path: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        """Raise what Python raises when a call does not fit a function that is known."""
        signature = self.world.roles.signatures.get(path)
        if signature is not None:
            signatures.check(path, signature, arguments, keywords)

    def _ordinary(self, callee: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        if isinstance(callee, StandIn):
            return self.called(callee, arguments, keywords, by_role=False)
        return callee(*arguments, **keywords)

    def _passed(self, role: Pass, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        if role.receiver:
            slot = self.connections.on_receivers.get(role.callee.rpartition(".")[0])
            return (
                StandIn(self.world, "nothing")
                if slot is None
                else Connection(self.connections, slot.name, _NO_TYPE, slot)
            )
        if role.keyword in keywords:
            return keywords[role.keyword]
        return arguments[role.position] if 0 <= role.position < len(arguments) else self._nothing()

    def _nothing(self) -> StandIn:
        return StandIn(self.world, "nothing")

    def _entered(self, role: Pass, value: Any, label: str) -> Any:
        """A context manager that is given a connection is entered: it may fail, with its work not begun."""
        self.fault_with(slot_of(value), label)
        self.world.note(What.EXTERNAL, f"enter {label}", is_aside=role.callee in self.world.roles.believed)
        return value if role.lends else StandIn(self.world, f"{label} entered")

    def _left(self, role: Pass, value: Any, label: str, way: str) -> None:
        self.world.note(What.EXTERNAL, f"leave {label}", is_aside=role.callee in self.world.roles.believed)
        self._pass(replace(role, fails=Fails.NEVER), value, label, way)

    def _pass(self, role: Pass, value: Any, label: str, way: str) -> Any:
        """The effect of a wrapper on the connection it is given."""
        world = self.world
        slot = slot_of(value)
        if slot is not None and role.does is not Does.RELEASES:
            self.connections.use(slot, role.callee)
        if role.fails is Fails.BEFORE:
            self.fault_with(slot, label, awaited=role.awaited)
        if role.does is Does.RELEASES:
            self.connections.release(value, way)
        elif slot is not None and role.does is Does.CLOSES:
            self.connections.close(slot)
        elif slot is not None and role.does is Does.KEEPS:
            slot.handed_on = True
            world.note(What.EXTERNAL, label, is_aside=role.callee in world.roles.believed)
        elif slot is not None and role.does is Does.ENDS:
            self.connections.transactions.commit(slot, Method(ends="commit"), label)
        elif slot is not None and role.does is Does.BORROWS:
            world.note(What.EXTERNAL, label, is_aside=role.callee in world.roles.believed)
            self.connections.lend(slot, label)
        if role.fails is Fails.AFTER and role.does in (Does.BORROWS, Does.KEEPS):
            self.fault_with(slot, label, awaited=role.awaited)
        return value if role.does is Does.RETURNS else self._made(role.callee, label, (value,))

    def fault_with(self, slot: Slot | None, label: str, *, awaited: bool = False) -> None:
        """A call that has a connection in hand can fail in a statement, too."""
        if slot is None or not slot.is_out:
            self.world.fault(label, self._others(), awaited=awaited)
            return
        try:
            self.world.fault(label, tuple(dict.fromkeys((OperationalError, *self._others()))), awaited=awaited)
        except BaseException as error:
            self.connections.transactions.failed(slot, error)
            raise

    def _others(self) -> tuple[type[BaseException], ...]:
        return (*self.world.faults.other, *self.world.custom)

    # -- anything else

    def entered(self, value: StandIn) -> Any:
        """`with` on a stand-in."""
        label = f"enter {value._pb_path}"
        if self.world.as_written(value._pb_path) not in self.world.roles.quiet:
            self.world.fault(label, self._others())
        self.world.note(What.EXTERNAL, label, is_aside=True)
        return StandIn(self.world, f"{value._pb_path} entered")

    def called(
        self, callee: StandIn, arguments: tuple[Any, ...], keywords: dict[str, Any], *, by_role: bool = True
    ) -> Any:
        """A call of a stand-in; `by_role`: the role table has not been asked yet."""
        path = callee._pb_path
        name = path.rpartition(".")[2]
        if self.world.overlooked.names and any(isinstance(a, Absent) for a in (*arguments, *keywords.values())):
            return Absent()
        if by_role and path in self._acquires:
            return self.acquires(self._acquires[path], callee, arguments, keywords)
        if by_role and path in self._passes:
            return self.passes(self._passes[path], callee, arguments, keywords)
        slot = slot_of(arguments[0]) if name in self._given_back_by and arguments else None
        if slot is not None:
            made = self.passes(Pass(path, Does.RELEASES), callee, arguments, keywords)
            return Later(lambda: made, f"{path}()") if slot.is_async else made
        if isinstance(callee._pb_of, Belonging):
            return self._method(callee._pb_of, name, arguments, keywords)
        self.fits(path, arguments, keywords)
        if path in vocabulary.ENDING:
            raise SystemExit(*arguments)
        label = call_text(path, arguments, keywords)
        if self.world.as_written(path) in self.world.roles.logs:
            self.world.note(What.LOG, label)
            return StandIn(self.world, label)
        if name in vocabulary.STORING or name in vocabulary.REMOVING:
            self.world.changed(label)
            self.world.given += containers(arguments)
            self.world.kept += arguments if name in vocabulary.STORING else ()
            return StandIn(self.world, self.result(label))
        if name in vocabulary.SHARED and self.connections.named_in(path) is None:
            is_quick = self.world.as_written(path) in self.world.roles.quick
            self.world.note(What.EXTERNAL, label, is_aside=True, is_quick=is_quick)
        if name in vocabulary.PURE or name in vocabulary.CHANGING:
            if name not in vocabulary.CHANGING:
                return StandIn(self.world, unmarked(label), seen=label)
            result = self.result(label)
            return StandIn(self.world, result, seen=marked(result, self.world.chances))
        if name in vocabulary.WAITING and arguments and hasattr(arguments[0], "__await__"):
            self.world.asks(label)
            return arguments[0]
        return self._opaque(path, label, arguments, keywords)

    def _method(self, thing: Belonging, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """A method that the driver's table does not describe: it may fail, but for those of a plain connection."""
        is_plain = isinstance(thing, Connection) and not thing._pb_slot.profile.pooled
        method = _HARMLESS_METHOD if is_plain else _UNKNOWN_METHOD
        return self.connections.operate(thing, name, method, arguments, keywords)

    def _opaque(self, path: str, label: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        world = self.world
        values = [*arguments, *keywords.values()]
        written = world.as_written(path)
        is_quiet = written in world.roles.quiet
        is_believed = bool(world.inside) and written in world.roles.believed
        is_closing = path.endswith(".close") and self.connections.named_in(path) is not None
        if not is_quiet and not (is_believed and world.bounds.level < _RELEASE_FAILS):
            slot = next((s for v in values if (s := slot_of(v)) is not None), None)
            self.fault_with(slot, label)
        is_quick = written in world.roles.quick
        world.note(What.EXTERNAL, label, is_aside=is_believed or is_quiet or is_closing, is_quick=is_quick)
        world.given += containers(values)
        for value in _functions(values):
            self._run_in_place(value)
        for value in values:
            slot = slot_of(value)
            if slot is not None:
                self.connections.lend(slot, label)
        return self._made(path, label, values)

    def _made(self, path: str, label: str, values: Iterable[Any]) -> StandIn:
        """What a call results in: it may be an object that owns what the call was given."""
        wraps = ownership.wrapped(values) if path in self.world.roles.wrapping else ()
        result = self.result(label)
        return StandIn(self.world, unmarked(result), wraps=wraps, seen=result)

    def result(self, label: str) -> str:
        """The provenance of what a call returns."""
        number = self.world.step(f"result {label}")
        return label if number == 1 else f"{label}#{number}"

    def _run_in_place(self, value: Any) -> None:
        """A function or coroutine of the code that unknown code is given: run once, here."""
        if self._depth >= _DEEPEST:
            return
        self._depth += 1
        try:
            if isinstance(value, types.FunctionType):
                value = value(*self._arguments_for(value))
            if inspect.iscoroutine(value) and inspect.getcoroutinestate(value) == inspect.CORO_CREATED:
                finish(value)
            elif isinstance(value, Later):
                finish(_awaiting(value))
        finally:
            self._depth -= 1

    def _arguments_for(self, function: types.FunctionType) -> list[StandIn]:
        code = function.__code__
        needed = code.co_argcount - len(function.__defaults__ or ())
        return [StandIn(self.world, f"{function.__name__}:{n}") for n in code.co_varnames[:needed]]


def _within(value: Any) -> Any:
    """The connection in a tuple or list of arguments for somebody else; anything else as it is."""
    if isinstance(value, (tuple, list)):
        return next((v for v in value if slot_of(v) is not None), value)
    return value


def _is_partial(callee: Any) -> bool:
    """Whether a call only binds arguments of another one, whatever the role table says of that."""
    return callee is partial


def _is_own(value: Any) -> bool:
    """Whether a value is a function of the code under test."""
    return isinstance(value, types.FunctionType) and value.__code__.co_filename == VERIFIED


def _functions(values: Iterable[Any]) -> Iterable[Any]:
    """The functions and coroutines of the code among values, and in lists of them."""
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _functions(value)
        elif _is_own(value):
            if value.__name__ != "<lambda>":
                yield value
        elif isinstance(value, (types.CoroutineType, Later)):
            yield value


async def _awaiting(value: Later) -> Any:
    return await value


def finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end: nothing in the model ever waits."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as end:
        return end.value
