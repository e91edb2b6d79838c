"""What is set on an object from outside of its class: `app.state.pool = pool`, `app["pool"] = pool`, `bot.db = db`.

Looked up by the name that is set, on demand; the object has to be of the same class, whichever variable it is in.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from putback.flow.names import Expr
from putback.ownership.index.module import unpacked_stores
from putback.ownership.resolve.types import NOTHING, Instance, Method, Scope, Type, Types

if TYPE_CHECKING:
    from putback.ownership.resolve.resolver import Resolver

_MOST = 40
_REMEMBERED = 500

Store = tuple[Scope, Expr, Expr]
"""Where something is set, the object and the value."""


class Stores:
    """Answers for objects; the values that are set are the resolver's to evaluate."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._by_name: dict[str, list[Store]] = {}

    def of(self, owner: Type, name: str) -> Types:
        """What the project sets on objects like `owner` as attribute `name`, or as item `[name]`."""
        found: Types = NOTHING
        for here, base, value in self.named(name) if self.can_hold(owner) else ():
            if any(_alike(owner, t) for t in self._resolver.types(base, here)):
                found |= self._resolver.types(value, here)
        return found

    def named(self, name: str) -> list[Store]:
        """All that is set under a name; nothing if that is too much to look at."""
        if name not in self._by_name:
            if len(self._by_name) >= _REMEMBERED:
                self._by_name.clear()
            stores = self._resolver.project.stores(name)
            every = ((path, store) for path, packed in stores.items() for store in unpacked_stores(packed))
            found = [(Scope(path, scope), base, value) for path, (scope, base, value) in islice(every, _MOST + 1)]
            self._by_name[name] = found if len(found) <= _MOST else []
        return self._by_name[name]

    def can_hold(self, owner: Type) -> bool:
        """Whether the project may set things on this.

        On objects of its own classes, of a framework's, or of others that no driver table knows, and on what an object
        of a framework's class has for that.
        """
        frameworks, catalog = self._resolver.frameworks, self._resolver.catalog
        match owner:
            case Instance(name=name):
                is_made = name.endswith("()") and name.rpartition(".")[2][:1].isupper() and "." in name
                return frameworks.holds(name) or (is_made and not catalog.knows(name.partition(".")[0]))
            case Method(owner=Instance(name=name)):
                return frameworks.holds(name)
            case _:
                return True


def _alike(one: Type, other: Type) -> bool:
    """Whether two values are objects of one class, whatever it was made with."""
    match one, other:
        case Instance(name=left), Instance(name=right):
            return left == right
        case Method(owner=Instance(name=left), name=name), Method(owner=Instance(name=right), name=same):
            return left == right and name == same
        case _:
            return one == other
