"""The connections of a run: how they come, how they are used and how they go, as the profile of each says."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from putback.model.lifecycle import After, Begin, Close, Twice, With
from putback.model.running import Broken
from putback.verify.absent import Absent
from putback.verify.events import What
from putback.verify.execution import Execution
from putback.verify.faults import Cut, InterfaceError, PoolError
from putback.verify.fingerprint import call_text, fingerprint
from putback.verify.lender import Lender
from putback.verify.resource import Acquiring, Belonging, Connection
from putback.verify.roles import Acquire, Lent, Method, ObjectType, Registry
from putback.verify.slot import Place, Slot, Transaction
from putback.verify.standin import StandIn
from putback.verify.transactions import Transactions
from putback.verify.ways import DESTROYED, PLAIN

_NAME = re.compile(r"\b[cs]\d+\b")
_NOTHING = ObjectType()
_BEFORE = "what the caller wrote before"


class Connections:
    """All connections of one run, and the effects that were committed. `refused`: the last acquire failed."""

    def __init__(self, world: Execution) -> None:
        self.world = world
        self.slots = world.slots
        self.lender = Lender()
        self.open_cursors: list[Belonging] = []
        self._closed_cursors: list[Belonging] = []
        self.transactions = Transactions(world, self.use)
        self.refused = False
        self._loaded: dict[str, int] = {}
        self.on_receivers: dict[str, Slot] = {}
        self._of_others: dict[str, Connection] = {}

    def named_in(self, path: str) -> Slot | None:
        """The connection from which a value with this provenance came."""
        found = _NAME.match(path)
        return next((s for s in self.slots if found is not None and s.name == found[0]), None)

    # -- acquire

    def acquire(self, role: Acquire, label: str, row: int = 0) -> Connection:
        """Hand out a connection, or fail to; `row` is where the call stands."""
        label = role.lends + label.removeprefix(role.callee) if role.lends else label
        self.refused = True
        if role.raises:
            awaited = self.world.is_async
            self.world.fault(label, (*self.world.faults.acquire, *self.world.custom), awaited=awaited)
        self.refused = False
        if self.world.taken_by is not None:
            callee, row = self.world.taken_by
            role = replace(role, callee=callee)
        made = self._made(role)
        made._pb_slot.row = row
        self.world.note(What.ACQUIRE, f"{made._pb_name} = {label}")
        return made

    def lent(self, role: Lent) -> Connection:
        """A connection of the caller, who may have written something that he has not committed yet.

        One that is injected for this call alone is fresh.
        """
        made = self._made(Acquire("", role.profile, maybe_none=role.maybe_none))
        slot = made._pb_slot
        slot.is_lent = True
        slot.is_shared = not role.is_injected
        if slot.is_shared and not slot.autocommit:
            _write_before(slot)
        return made

    def known(self, role: Lent) -> Connection:
        """One that the function knows without being given it: others go on with it."""
        made = self.lent(role)
        made._pb_slot.lives_on = True
        return made

    def of_others(self, value: StandIn, profile: str) -> Connection:
        """A value that was there before and that a function hands out as a connection: the same each time, and nobody
        is taken to have written through it."""
        path = value._pb_path
        if path not in self._of_others:
            made = self._of_others[path] = self.lent(Lent(path, profile, is_injected=True))
            made._pb_slot.role = replace(made._pb_slot.role, callee=path)
        return self._of_others[path]

    def scoped(self, role: Registry) -> Connection:
        """The session that a registry makes for the thread."""
        made = self._scoped(role)
        self.world.note(What.ACQUIRE, f"{made._pb_name} = {role.name}")
        return made

    def open_before(self, role: Registry) -> Connection:
        """The session of a registry that was used before the function was called."""
        made = self._scoped(role)
        made._pb_slot.used = True
        _write_before(made._pb_slot)
        return made

    def _scoped(self, role: Registry) -> Connection:
        own = self.world.roles.types[role.type].methods
        made = self._made(Acquire(role.name, role.profile, raises=False, methods=own))
        made._pb_slot.is_scoped = True
        made._pb_slot.outlives = made._pb_slot.is_shared = role.outlives
        return made

    def _made(self, role: Acquire) -> Connection:
        profile = self.world.roles.profiles[role.profile]
        name = f"{'s' if profile.lazy else 'c'}{len(self.slots) + 1}"
        slot = Slot(name, profile, role, self.lender.lend(profile), autocommit=profile.begin is Begin.NONE)
        self.slots.append(slot)
        type_ = self.world.roles.types.get(profile.type, _NOTHING)
        slot.is_async = type_.is_async
        methods = {**type_.methods, **role.methods}
        return Connection(self, name, ObjectType(methods, type_.attributes, type_.truths), slot)

    def loads(self, path: str) -> None:
        """An attribute is read of what may come from a session: when that is closed, it must have been loaded before.

        A commit makes the session forget what it has loaded.
        """
        slot = self.named_in(path)
        if slot is None or not slot.profile.lazy:
            return
        if slot.is_out:
            self._loaded[path] = slot.commits
        elif self._loaded.get(path) != slot.commits:
            self.world.note(What.DATABASE, f"{path} is read when {slot.name} is closed")

    def left_to_callers(self) -> list[str]:
        """The effects that wait for the commit of a caller."""
        return [p for s in self.slots if s.is_shared and s.is_out and not s.is_aborted for p in s.pending]

    def is_there(self, slot: Slot) -> bool:
        """Whether an acquire that may return None has returned a connection: decided when the code asks."""
        if slot.tested is None:
            slot.tested = True
            fresh = slot.is_out and not slot.used
            if slot.role.maybe_none and fresh:
                slot.tested = not self.world.branch(f"{slot.name} is None", usually=False, once=True)
                slot.is_void = not slot.tested
        return slot.tested

    # -- use

    def use(self, slot: Slot, operation: str) -> None:
        """An operation on the connection or on something that belongs to it."""
        slot.used = True
        if slot.place is Place.VOID:
            raise AttributeError(f"'NoneType' object has no attribute '{operation}'")
        if slot.is_out:
            return
        if slot.place is Place.BACK and slot.profile.late is After.REOPENS:
            slot.lease = self.lender.lend(slot.profile)
            self.world.violated(Broken.SESSION_REUSED, slot.name, slot.role.callee)
            return
        self.world.violated(Broken.USED_AFTER_RELEASE, slot.name, slot.role.callee)
        if slot.place is Place.BROKEN or slot.profile.late is After.RAISES:
            raise self.world.raised(InterfaceError, "connection already closed")

    def look(self, slot: Slot) -> None:
        """An attribute of the connection is read of which nothing is known: one that is closed may not have it."""
        if slot.place is not Place.VOID and not slot.is_out and slot.profile.late is After.RAISES:
            self.world.violated(Broken.USED_AFTER_RELEASE, slot.name, slot.role.callee)

    def operate(self, thing: Belonging, name: str, method: Method, arguments: tuple[Any, ...], keywords: Any) -> Any:
        """A method of a connection, or of what belongs to one."""
        slot = thing._pb_slot
        text = call_text(f"{thing._pb_name}.{name}", arguments, keywords)
        if thing in self._closed_cursors and not method.closes and method.raises:
            raise self.world.raised(InterfaceError, "cursor already closed")
        is_connection = isinstance(thing, Connection)
        if is_connection and (method.closes or method.releases):
            self._give_back(slot, text) if method.releases else self.close(slot, name)
        elif method.closes:
            self._close_cursor(thing, text, method)
        elif self.transactions.operate(thing, name, text, method):
            pass
        elif method.executes:
            self.transactions.execute(thing, text, name, method)
        else:
            self._other(thing, text, name, method)
        if method.itself:
            return thing
        number = self.world.step(f"result {text}")
        result = text if number == 1 else f"{text}#{number}"
        if method.derives:
            return self.belonging(slot, result, method.derived_by(keywords))
        return StandIn(self.world, result)

    def belonging(self, slot: Slot, name: str, type_name: str) -> Belonging:
        """A cursor, a result or a transaction."""
        made = Belonging(self, name, self.world.roles.types.get(type_name, _NOTHING), slot)
        if made.is_savepoint or made.ends_transactions:
            self.world.note(What.DATABASE, name)
        if made.is_savepoint:
            self.transactions.begin(made)
        if made.can_close:
            self.open_cursors.append(made)
        return made

    def _other(self, thing: Belonging, text: str, name: str, method: Method) -> None:
        """A cursor is opened, rows are fetched, an object is added to a session."""
        slot = thing._pb_slot
        self.use(slot, name)
        if method.raises:
            try:
                self.world.fault(text, (*self.world.faults.database, *self.world.custom), awaited=method.awaited)
            except BaseException as error:
                self.transactions.failed(slot, error)
                raise
        if method.derives:
            return
        self.world.note(What.DATABASE, text, is_aside=thing.method(name) is not None and not slot.profile.lazy)
        if slot.profile.lazy and isinstance(thing, Connection):
            slot.write_later(text)

    def _close_cursor(self, thing: Belonging, text: str, method: Method) -> None:
        if thing in self.open_cursors:
            self.world.fault(text, self.world.faults.database, 2, awaited=method.awaited)
            self.open_cursors.remove(thing)
            self._closed_cursors.append(thing)
            self.world.note(What.TIDY, text)

    # -- give back

    def close(self, slot: Slot, name: str = "close") -> None:
        """The connection's own `close()`, or another method that closes it."""
        meaning = slot.profile.close
        if meaning is Close.IGNORED:
            return
        if meaning is Close.FREES and slot.place is Place.BACK:
            self.use(slot, "close")
        elif meaning is not Close.LEAKS:
            is_destroyed = slot.profile.pooled and meaning is not Close.RETURNS and slot.is_out
            if is_destroyed:
                self.world.violated(Broken.DESTROYED, slot.name, slot.role.callee)
            is_plain = name in ("close", *slot.profile.closed_by)
            self._give_back(
                slot, f"{slot.name}.{name}()", DESTROYED if is_destroyed else PLAIN if is_plain else f"{name}()"
            )
        elif slot.place is Place.BACK:
            if slot.profile.twice is not Twice.HARMLESS and not self.world.overlooks(Broken.RELEASED_TWICE):
                self.world.violated(Broken.RELEASED_TWICE, slot.name, slot.role.callee)
        elif slot.is_out:
            slot.is_dead = True
            self.world.note(What.TIDY, f"{slot.name}.close()")
            slot.settle()

    def release(self, value: Any, way: str = PLAIN) -> None:
        """A call that gives back whatever it is handed."""
        slot = slot_of(value)
        is_foreign = isinstance(value, Belonging) and not isinstance(value, Connection)
        if slot is not None and slot.place is not Place.VOID and not is_foreign:
            self._give_back(slot, f"release {slot.name}", way)
        elif isinstance(value, Absent) or (value is None and self.world.overlooks(Broken.NONE_RELEASED)):
            return
        elif value is None or slot is not None:
            self.world.violated(Broken.NONE_RELEASED, fingerprint(value))
            raise self.world.raised(PoolError, "trying to put unkeyed connection")
        else:
            self.world.note(What.EXTERNAL, f"release {fingerprint(value)}")

    def remove(self, scoped: Connection) -> None:
        """The session of a registry is closed, and forgotten by it."""
        self._give_back(scoped._pb_slot, f"{scoped._pb_name}.remove()")

    def _give_back(self, slot: Slot, text: str, way: str = PLAIN) -> None:
        if slot.place is Place.BACK:
            if slot.profile.lazy or slot.profile.twice is Twice.HARMLESS:
                return
            if self.world.overlooks(Broken.RELEASED_TWICE):
                return
            self.world.violated(Broken.RELEASED_TWICE, slot.name, slot.role.callee)
            if slot.profile.twice is Twice.RAISES:
                raise self.world.raised(PoolError, "trying to put unkeyed connection")
            return
        if slot.place is Place.VOID:
            raise AttributeError("'NoneType' object has no attribute 'close'")
        if slot.is_lent:
            self.world.violated(Broken.CALLERS_RELEASED, slot.name, slot.role.callee)
        self.world.fault(text, self.world.faults.acquire, 3, awaited=self.world.is_async)
        if self.world.overlooks(Broken.USED_AFTER_RELEASE):
            self.world.note(What.RELEASE, text, slot.name, way)
            return
        slot.left_failed, slot.left_handler = slot.failed, slot.handler
        slot.lease.end()
        slot.settle()
        self.world.note(What.RELEASE, text, slot.name, way)

    def lend(self, slot: Slot, label: str) -> None:
        """Code that we do not see gets the connection: it may use it and write through it."""
        if self.world.cut_off is not None or slot.place is Place.VOID:
            return
        if not slot.is_out:
            lazy = slot.profile.late is After.REOPENS
            self.world.violated(
                Broken.SESSION_REUSED if lazy else Broken.USED_AFTER_RELEASE, slot.name, slot.role.callee
            )
            if lazy:
                slot.lease = self.lender.lend(slot.profile)
        slot.used = True
        self.transactions.lent(slot, label)

    def leave(self, thing: Belonging, exception: BaseException | None, *, is_async: bool) -> None:
        """The end of `with` on a connection or on something that belongs to it."""
        if isinstance(exception, Cut):
            return
        if isinstance(thing, Connection):
            self._leave_connection(thing, exception)
            return
        method = thing.method("__aexit__" if is_async else "__exit__") or thing.method("__exit__")
        if method is not None and method.closes:
            self._close_cursor(thing, f"{thing._pb_name}.close()", method)
        elif thing._pb_savepoint is not None or (method is not None and method.ends):
            self.transactions.leave(thing, exception)

    def _leave_connection(self, thing: Connection, exception: BaseException | None) -> None:
        slot = thing._pb_slot
        match slot.role.leaving or slot.profile.leaving:
            case With.TRANSACTION:
                self.transactions.leave(thing, exception)
            case With.CLOSES:
                self.close(slot)
            case With.RELEASES:
                self._give_back(slot, f"{slot.name}.close()")

    def left(self, held: Connection, role: Acquire, exception: BaseException | None) -> None:
        """The end of `with` on the acquiring call: the connection goes back, if there is one."""
        slot = held._pb_slot
        if role.lends and not self.is_there(slot):
            return
        try:
            if role.commits and slot.is_out:
                self.transactions.leave(held, exception)
        finally:
            if slot.place is not Place.BACK:
                self._give_back(slot, f"release {slot.name}")

    def closed_by_server(self, slot: Slot) -> bool:
        """The answer to `conn.closed`: from level 2 on a server may have closed it."""
        if slot.place is not Place.OUT:
            return True
        if self.world.bounds.level < 2 or self.world.faults_left <= 0:
            return False
        closed = self.world.branch(f"{slot.name} closed by the server", usually=False, once=True)
        if closed:
            self.world.faults_left -= 1
        return closed


def _write_before(slot: Slot) -> None:
    """The transaction that somebody else has begun."""
    slot.transaction = Transaction.OPEN
    slot.pending.append(_BEFORE)


def slot_of(value: Any) -> Slot | None:
    """The connection that a value is or belongs to."""
    return value._pb_slot if isinstance(value, (Belonging, Acquiring)) else None
