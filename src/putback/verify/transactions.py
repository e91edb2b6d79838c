"""What happens in the transactions of connections: statements, savepoints, commit and rollback."""

from __future__ import annotations

from collections.abc import Callable

from putback.model.running import Broken
from putback.verify.events import What
from putback.verify.execution import Execution
from putback.verify.faults import Error, InFailedTransaction, InterfaceError, InternalError, OperationalError
from putback.verify.resource import Belonging
from putback.verify.roles import Method
from putback.verify.slot import Slot, Transaction
from putback.verify.vocabulary import CONTROL, reads

_ENDING_SAVEPOINTS = {"commit": False, "rollback": True, "close": True}
"""The methods that end a savepoint: whether they roll back to it."""


class Transactions:
    """The transactions of one run. `durable` are the effects that were committed.

    `use` is told of every operation before it happens: the connection may be gone.
    """

    def __init__(self, world: Execution, use: Callable[[Slot, str], None]) -> None:
        self.world = world
        self.use = use
        self.durable: list[str] = []

    def execute(self, thing: Belonging, text: str, name: str, method: Method) -> None:
        """A statement; one of a transaction object begins the transaction."""
        slot = thing._pb_slot
        self.use(slot, name)
        control = CONTROL.search(text)
        if control is not None:
            self._control(slot, " ".join(control[1].lower().split()), control[2], text, method)
            return
        self._refuse(slot)
        if thing.ends_transactions:
            self.begin(thing)
        self._fault_in_transaction(slot, text, method)
        slot.unwritten = False
        self.world.note(What.DATABASE, text)
        if not reads(text):
            (slot.pending if slot.keeps_effects else self.durable).append(text)

    def _control(self, slot: Slot, words: str, name: str, text: str, method: Method) -> None:
        """A statement that begins or ends a transaction or a savepoint."""
        match words:
            case "commit":
                self.commit(slot, method, text)
            case "rollback":
                self._lose(slot)
                self._roll_back(slot, method, text)
            case "rollback to":
                self._end_savepoint(slot, self._savepoint(slot, name), method, text, rolls_back=True)
            case "release":
                self._refuse(slot)
                self._end_savepoint(slot, self._savepoint(slot, name), method, text, rolls_back=False)
                del slot.savepoints[name]
            case _:
                self._refuse(slot)
                self._fault_in_transaction(slot, text, method)
                self.world.note(What.DATABASE, text)
                slot.explicit = True
                if words == "savepoint":
                    slot.savepoints[name] = len(slot.pending)

    def _savepoint(self, slot: Slot, name: str) -> int:
        """What was pending when a savepoint was made; an error when it is not there any more."""
        if name in slot.savepoints:
            return slot.savepoints[name]
        slot.fail()
        raise self.world.raised(InternalError, f"there is no savepoint {name}")

    def lent(self, slot: Slot, label: str) -> None:
        """Code that we do not see writes through the connection."""
        effect = f"what {label} writes"
        if not slot.keeps_effects:
            self.durable.append(effect)
        elif not slot.is_aborted:
            slot.transaction = Transaction.OPEN
            slot.pending.append(effect)

    def committed(self, slot: Slot) -> None:
        """Code that we do not see has committed."""
        self.durable += () if slot.is_aborted else slot.pending
        slot.settle()

    def failed(self, slot: Slot, error: BaseException) -> None:
        """Code that we do not see has failed with the connection in hand: in a statement, if the error says so.

        That it was the first statement of a session is not assumed.
        """
        if isinstance(error, Error) and (slot.is_in_transaction or not slot.profile.lazy):
            slot.fail()

    # -- begin and end

    def begin(self, thing: Belonging) -> None:
        """A transaction object begins its transaction, or a savepoint inside of one."""
        slot = thing._pb_slot
        if thing.is_savepoint or slot.is_in_transaction:
            self._refuse(slot)
            thing._pb_savepoint = len(slot.pending)
        else:
            slot.explicit = True

    def operate(self, thing: Belonging, name: str, text: str, method: Method) -> bool:
        """A method that ends a transaction or a savepoint; answers whether it is one."""
        rolls_back = method.ends == "rollback"
        if thing._pb_savepoint is not None and name in _ENDING_SAVEPOINTS:
            rolls_back = _ENDING_SAVEPOINTS[name]
        elif not method.ends:
            return False
        if rolls_back and thing._pb_savepoint is None:
            self._lose(thing._pb_slot)
        self.end(thing, method, text, rolls_back=rolls_back)
        return True

    def leave(self, thing: Belonging, exception: BaseException | None) -> None:
        """The end of `with`: a commit, or a rollback when an exception is on its way out."""
        owner = thing._pb_slot.name if thing._pb_savepoint is None else thing._pb_name
        how = "commit" if exception is None else "rollback"
        self.end(thing, Method(ends=how), f"{owner}.{how}()", rolls_back=exception is not None)

    def end(self, thing: Belonging, method: Method, text: str, *, rolls_back: bool) -> None:
        """The end of a transaction, or of a savepoint when the object stands for one."""
        slot = thing._pb_slot
        if thing._pb_savepoint is not None:
            self._end_savepoint(slot, thing._pb_savepoint, method, text, rolls_back)
        elif rolls_back:
            self._roll_back(slot, method, text)
        else:
            self.commit(slot, method, text)

    def commit(self, slot: Slot, method: Method, text: str) -> None:
        """A commit; that of an aborted transaction commits nothing and says nothing."""
        self.use(slot, "commit")
        slot.refuses = slot.refuses or (slot.is_aborted and slot.unwritten)
        if slot.refuses:
            self._refuse(slot)
        try:
            self._fault(text, method)
        except BaseException:
            slot.fail_to_commit()
            raise
        self.world.note(What.DATABASE, text)
        if slot.is_aborted:
            self.world.violated(Broken.NOTHING_COMMITTED, slot.name, slot.role.callee, slot.handler)
        elif self.world.cut_off is None:
            self.durable += slot.pending
        slot.commits += 1
        slot.settle()

    def _roll_back(self, slot: Slot, method: Method, text: str) -> None:
        self.use(slot, "rollback")
        self.world.fault(text, self.world.faults.database, 2, awaited=method.awaited)
        self.world.note(What.TIDY, text)
        slot.settle()

    def _lose(self, slot: Slot) -> None:
        """A rollback behind a statement that has failed because the server has gone away fails, too."""
        if slot.struck and slot.is_out and self.world.loses(slot.name):
            slot.settle()
            raise self.world.raised(InterfaceError, "connection already closed")

    def _end_savepoint(self, slot: Slot, mark: int, method: Method, text: str, rolls_back: bool) -> None:
        if rolls_back:
            self.use(slot, "rollback")
            self.world.fault(text, self.world.faults.database, 2, awaited=method.awaited)
            self.world.note(What.TIDY, text)
            slot.return_to(mark)
            return
        self.use(slot, "commit")
        self._refuse(slot)
        try:
            self._fault(text, method)
        except BaseException:
            slot.return_to(mark)
            raise
        self.world.note(What.DATABASE, text)

    def _refuse(self, slot: Slot) -> None:
        if slot.is_aborted and self.world.overlooks(Broken.REUSED_AFTER_ERROR, slot.handler):
            slot.recover()
        elif slot.is_aborted:
            self.world.violated(Broken.REUSED_AFTER_ERROR, slot.name, slot.role.callee, slot.handler)
            raise self.world.raised(InFailedTransaction, "current transaction is aborted")

    def _fault_in_transaction(self, slot: Slot, text: str, method: Method) -> None:
        """A statement may fail, and its transaction with it."""
        if slot.keeps_effects and (slot.profile.aborts or not reads(text)):
            slot.transaction = Transaction.OPEN
        try:
            self._fault(text, method)
        except BaseException as error:
            slot.fail()
            slot.struck = slot.profile.has_server and isinstance(error, OperationalError)
            raise

    def _fault(self, text: str, method: Method) -> None:
        self.world.fault(text, (*self.world.faults.database, *self.world.custom), awaited=method.awaited)
