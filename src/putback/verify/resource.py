"""What drivers hand out, as the code under test sees it: connections, what belongs to them, and what is still to come.

Every method is looked up in the tables of the role table; what they do happens in `connections`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from putback.model.running import Broken
from putback.verify.events import What
from putback.verify.execution import Execution
from putback.verify.faults import Cut
from putback.verify.fingerprint import fingerprint
from putback.verify.roles import Acquire, Method, ObjectType
from putback.verify.slot import Slot
from putback.verify.standin import StandIn, is_dunder

if TYPE_CHECKING:
    from putback.verify.connections import Connections

_ROWS = "__iter__"
_FETCH = Method()
_CLOSED = "closed"


class Later:
    """A coroutine: `work` is done when it is awaited, and not before."""

    def __init__(self, work: Callable[[], Any], name: str) -> None:
        self._pb_work = work
        self._pb_name = name

    def provenance(self) -> str:
        """Where the value comes from."""
        return self._pb_name

    def __await__(self) -> Generator[None, None, Any]:
        return self._pb_work()
        yield

    async def __aenter__(self) -> Any:
        self._pb_entered = self._pb_work()
        return await self._pb_entered.__aenter__()

    async def __aexit__(self, *exception: Any) -> Any:
        return await self._pb_entered.__aexit__(*exception)


class Belonging:
    """An object of a driver that works on a connection: a cursor, a result, a query, a transaction.

    `_pb_savepoint`: how many effects were pending when it was begun as a savepoint.
    """

    def __init__(self, connections: Connections, name: str, type_: ObjectType, slot: Slot) -> None:
        own = {"_pb_world": connections.world, "_pb_name": name, "_pb_type": type_, "_pb_slot": slot}
        self.__dict__.update(own, _pb_connections=connections, _pb_parts={}, _pb_savepoint=None)

    _pb_connections: Connections
    _pb_world: Execution
    _pb_name: str
    _pb_type: ObjectType
    _pb_slot: Slot
    _pb_parts: dict[str, Any]
    _pb_savepoint: int | None

    def provenance(self) -> str:
        """Where the value comes from."""
        return self._pb_name

    def __str__(self) -> str:
        return f"‹{self._pb_name}›"

    __repr__ = __str__

    def method(self, name: str) -> Method | None:
        """What a method of the object does, as far as its type says."""
        return self._pb_type.methods.get(name)

    @property
    def can_close(self) -> bool:
        """Whether it is a cursor or a result that can be left open."""
        found = self.method("close")
        return found is not None and found.closes

    @property
    def ends_transactions(self) -> bool:
        """Whether it is a transaction of its own."""
        found = self._leaving()
        return found is not None and bool(found.ends)

    @property
    def is_savepoint(self) -> bool:
        """Whether leaving it ends something, yet neither the transaction nor itself."""
        found = self._leaving()
        return found is not None and not found.ends and not found.closes

    def _leaving(self) -> Method | None:
        return self.method("__exit__") or self.method("__aexit__")

    def operate(self, name: str, method: Method, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Call a method: at once, or when the result is awaited."""
        connections = self._pb_connections
        if method.awaited:
            work = lambda: connections.operate(self, name, method, arguments, keywords)  # noqa: E731
            return Later(work, f"{self._pb_name}.{name}()")
        return connections.operate(self, name, method, arguments, keywords)

    def __getattr__(self, name: str) -> Any:
        if is_dunder(name) or name.startswith("_pb_"):
            raise AttributeError(name)
        if name not in self._pb_parts:
            known = self._known(name)
            if known is not None:
                return known
            self._pb_parts[name] = StandIn(self._pb_world, f"{self._pb_name}.{name}", self)
        if isinstance(self, Connection):
            self._pb_connections.look(self._pb_slot)
        return self._pb_parts[name]

    def _known(self, name: str) -> Any:
        """What the tables say of an attribute; None where they say nothing."""
        if name in self._pb_type.truths:
            return lambda: self._while_held(self._pb_type.truths[name])
        method = self.method(name)
        if method is not None:
            found = method
            return lambda *arguments, **keywords: self.operate(name, found, arguments, keywords)
        truth = self._pb_type.attributes.get(name)
        return None if truth is None else self._while_held(truth)

    def _while_held(self, truth: bool) -> bool:
        """The answer to a question that is `truth` while the connection is held and open."""
        held = self._pb_slot.is_out and not self._pb_connections.closed_by_server(self._pb_slot)
        return truth if held else not truth

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_pb_"):
            self.__dict__[name] = value
            return
        self._pb_parts[name] = value
        self._pb_world.note(What.DATABASE, f"{self._pb_name}.{name} = {fingerprint(value)}")
        if name == "autocommit":
            self._pb_slot.autocommit = value is True or isinstance(value, StandIn)

    # -- protocols

    def _enter(self) -> Any:
        self._pb_connections.use(self._pb_slot, "__enter__")
        if self.ends_transactions and not isinstance(self, Connection):
            self._pb_connections.transactions.begin(self)
        return self

    def __enter__(self) -> Any:
        if isinstance(self, Connection) and self._pb_slot.is_async:
            raise _without_protocol(self._pb_name, "synchronous")
        return self._enter()

    def __exit__(self, cls: object, exception: BaseException | None, traceback: object) -> None:
        self._pb_connections.leave(self, exception, is_async=False)

    async def __aenter__(self) -> Any:
        if isinstance(self, Connection) and self._pb_type.methods and not self._pb_slot.is_async:
            raise _without_protocol(self._pb_name, "asynchronous")
        return self._enter()

    async def __aexit__(self, cls: object, exception: BaseException | None, traceback: object) -> None:
        self._pb_connections.leave(self, exception, is_async=True)

    def __await__(self) -> Generator[None, None, Any]:
        return self
        yield

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows())

    async def __aiter__(self) -> AsyncIterator[Any]:
        for row in self._rows():
            yield row

    def __next__(self) -> Any:
        return next(self._rows())

    def _rows(self) -> StandIn:
        method = self.method(_ROWS) or _FETCH
        self._pb_connections.operate(self, _ROWS, method, (), {})
        return StandIn(self._pb_world, f"{self._pb_name} rows")

    def __getitem__(self, key: Any) -> Any:
        method = self.method("__getitem__") or _FETCH
        return self._pb_connections.operate(self, "__getitem__", method, (key,), {})


class Connection(Belonging):
    """What an acquire hands out."""

    def __bool__(self) -> bool:
        return self._pb_connections.is_there(self._pb_slot)


class Acquiring:
    """The result of a call that acquires when it is awaited or entered: `pool.acquire()`, `pool.connection()`."""

    def __init__(self, connections: Connections, role: Acquire, label: str, acquire: Callable[[], Connection]) -> None:
        self._pb_take = acquire
        self._pb_connections = connections
        self._pb_world = connections.world
        self._pb_role = role
        self._pb_label = label
        self._pb_held: Connection | None = None

    def provenance(self) -> str:
        """Where the value comes from."""
        return self._pb_label

    @property
    def _pb_slot(self) -> Slot | None:
        return self._pb_held._pb_slot if self._pb_held is not None else None

    def __getattr__(self, name: str) -> Any:
        if not is_dunder(name) and not name.startswith("_pb_"):
            self._pb_world.violated(Broken.UNENTERED, self._pb_label, self._pb_role.callee)
        raise AttributeError(f"what {self._pb_label} returns has no attribute {name!r} before it is entered")

    def _acquire(self) -> Any:
        self._pb_held = self._pb_take()
        return handed_out(self._pb_held, self._pb_role)

    def __await__(self) -> Generator[None, None, Any]:
        return self._acquire()
        yield

    def __enter__(self) -> Any:
        kind = self._pb_world.roles.types.get(self._pb_world.roles.profiles[self._pb_role.profile].type)
        if kind is not None and kind.is_async:
            raise _without_protocol(self._pb_label, "synchronous")
        return self._acquire()

    def __exit__(self, cls: object, exception: BaseException | None, traceback: object) -> None:
        held = self._pb_held
        if held is not None and not isinstance(exception, Cut):
            self._pb_connections.left(held, self._pb_role, exception)

    async def __aenter__(self) -> Any:
        return self._acquire()

    async def __aexit__(self, cls: object, exception: BaseException | None, traceback: object) -> None:
        self.__exit__(cls, exception, traceback)


def _without_protocol(name: str, sort: str) -> TypeError:
    """What Python raises for `with` in place of `async with`, or the other way round."""
    return TypeError(f"{name} does not support the {sort} context manager protocol")


def handed_out(connection: Connection, role: Acquire) -> Any:
    """What the caller gets: the connection, or a tuple-like stand-in that holds it."""
    if role.element is None:
        return connection
    whole = StandIn(connection._pb_world, f"{connection._pb_name} with its company")
    whole._pb_parts[f"[{role.element}]"] = connection
    return whole
