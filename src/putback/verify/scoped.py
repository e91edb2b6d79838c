"""Scoped sessions as the code under test sees them: registries, and the contexts that clean up after them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from putback.verify.connections import Connections
from putback.verify.events import What
from putback.verify.execution import Execution
from putback.verify.faults import Cut
from putback.verify.fingerprint import call_text
from putback.verify.resource import Belonging, Connection, Later
from putback.verify.roles import Context, Registry, Use
from putback.verify.standin import StandIn, is_dunder
from putback.verify.unknown import UnknownCalls


class Scoped:
    """A registry: what is asked of it is asked of the session of this thread, of which a run is one.

    There is a session from the first use on, until something removes or closes it.
    """

    def __init__(self, connections: Connections, role: Registry) -> None:
        self.__dict__.update(_pb_connections=connections, _pb_role=role, _pb_held=None)
        if role.is_open:
            self.__dict__["_pb_held"] = connections.open_before(role)

    _pb_connections: Connections
    _pb_role: Registry
    _pb_held: Connection | None

    def provenance(self) -> str:
        """Where the value comes from."""
        return self._pb_role.name

    def __str__(self) -> str:
        return f"‹{self.provenance()}›"

    __repr__ = __str__

    @property
    def _pb_open(self) -> Connection | None:
        """The session of this thread, if there is one."""
        held = self._pb_held
        return held if held is not None and held._pb_slot.is_out else None

    def _pb_session(self) -> Connection:
        """The session of this thread, which is made when there is none."""
        found = self._pb_open
        if found is None:
            found = self.__dict__["_pb_held"] = self._pb_connections.scoped(self._pb_role)
        return found

    def _pb_remove(self) -> None:
        """Give the session back, if there is one."""
        found = self._pb_open
        if found is not None:
            self._pb_connections.remove(found)

    def __call__(self, *arguments: Any, **keywords: Any) -> Connection:
        return self._pb_session()

    def __getattr__(self, name: str) -> Any:
        if is_dunder(name):
            raise AttributeError(name)
        method = self._pb_connections.world.roles.types[self._pb_role.type].methods.get(name)
        if method is not None and (method.releases or method.closes) and self._pb_open is None:
            return lambda: Later(lambda: None, f"{self.provenance()}.{name}()") if method.awaited else None
        return getattr(self._pb_session(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._pb_session(), name, value)


class Scopes:
    """The registries of one run, by the texts that mean them."""

    def __init__(self, connections: Connections, unknown: UnknownCalls) -> None:
        self.connections = connections
        self.unknown = unknown
        self.world = connections.world
        self.every = [Scoped(connections, role) for role in self.world.roles.registries]
        self._meant = {path: scoped for scoped in self.every for path in scoped._pb_role.paths}
        self._queries = {path: scoped for scoped in self.every for path in scoped._pb_role.queries}

    def meant_by(self, path: str) -> Scoped | Belonging | None:
        """What a path means: a registry, a query on its session, or neither."""
        scoped = self._queries.get(path)
        if scoped is None:
            return self._meant.get(path)
        slot = scoped._pb_session()._pb_slot
        return self.connections.belonging(slot, path, scoped._pb_role.query_type)

    def used(self, role: Use, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """A call of code that uses sessions which it is not given."""
        label = call_text(role.callee, arguments, keywords)
        if role.awaited:
            return Later(lambda: self._use(role, label), f"{role.callee}()")
        return self._use(role, label)

    def _use(self, role: Use, label: str) -> Any:
        """It may fail when it has used them, and then it commits nothing."""
        slots = {number: self.every[number]._pb_session()._pb_slot for number in role.registries}
        self.world.note(What.EXTERNAL, label)
        for slot in slots.values():
            self.connections.lend(slot, label)
        self.unknown.fault_with(next(iter(slots.values()), None), label)
        for number in role.ends:
            self.connections.transactions.committed(slots[number])
        return StandIn(self.world, self.unknown.result(label))

    def context(self, role: Context) -> ApplicationContext:
        """A call that makes an application context."""
        return ApplicationContext(self.world, f"{role.callee}()", self.left)

    def left(self) -> None:
        """An application context ends."""
        for scoped in self.every:
            if scoped._pb_role.is_managed:
                scoped._pb_remove()


class ApplicationContext(StandIn):
    """Entering it does nothing that others see; leaving it removes what an extension removes."""

    __slots__ = ("_pb_left",)
    _pb_left: Callable[[], None]

    def __init__(self, world: Execution, path: str, left: Callable[[], None]) -> None:
        super().__init__(world, path)
        object.__setattr__(self, "_pb_left", left)

    def __enter__(self) -> ApplicationContext:
        return self

    def __exit__(self, *exception: object) -> None:
        if not isinstance(exception[1], Cut):
            self._pb_left()

    async def __aenter__(self) -> ApplicationContext:
        return self

    async def __aexit__(self, *exception: object) -> None:
        self.__exit__(*exception)
