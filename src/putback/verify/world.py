"""One run with the model of the database behind it."""

from __future__ import annotations

from typing import Any

from putback.verify.aliases import containers
from putback.verify.choices import Decider
from putback.verify.connections import Connections
from putback.verify.events import What
from putback.verify.execution import Execution, Premises
from putback.verify.faults import Modelled
from putback.verify.fingerprint import fingerprint
from putback.verify.scoped import Scopes
from putback.verify.standin import StandIn
from putback.verify.texts import Text
from putback.verify.unknown import UnknownCalls


class World(Execution):
    """The state of one run."""

    def __init__(self, premises: Premises, decider: Decider) -> None:
        super().__init__(premises, decider)
        self.known: dict[str, Any] = {}
        self.connections = Connections(self)
        self.unknown = UnknownCalls(self.connections)
        self.scopes = Scopes(self.connections, self.unknown)

    def loads(self, path: str) -> None:
        """An attribute is read, which a session may have to load."""
        self.connections.loads(path)

    def called(self, callee: StandIn, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """A call of a stand-in."""
        return self.unknown.called(callee, arguments, keywords)

    def entered(self, value: StandIn) -> Any:
        """`with` on a stand-in."""
        return self.unknown.entered(value)

    def raised(self, cls: type[BaseException], text: str) -> BaseException:
        """An exception of the model, able to answer for attributes that the code asks of it."""
        made = cls(Text(self, text))
        if isinstance(made, Modelled):
            made.attribute = lambda path: StandIn(self, path)
        return made

    def stored(self, path: str, value: Any) -> None:
        """The code keeps a value on something that it did not make: that becomes an owner.

        An attribute of an object that came out of a session is a write that waits for the commit.
        """
        self.kept.append(value)
        self.given += containers((value,))
        slot = self.connections.named_in(path)
        text = f"{path} = {fingerprint(value)}"
        if slot is not None and slot.profile.lazy and slot.is_out:
            self.note(What.DATABASE, text)
            slot.write_later(text)
        else:
            self.note(What.STORE, text)

    def standin(self, path: str) -> StandIn:
        """A new value of unknown kind."""
        return StandIn(self, path)

    def named(self, path: str) -> Any:
        """What a name of the module means, or an attribute: a scoped session, or a new value of unknown kind."""
        meant = self.scopes.meant_by(path) if self.scopes.every else self.known.get(path)
        return meant if meant is not None else StandIn(self, path)
