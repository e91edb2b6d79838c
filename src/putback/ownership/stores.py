"""What is set on an object from outside of its class: `app.state.pool = pool`, `app["pool"] = pool`, `bot.db = db`.

Looked up by the name that is set, on demand; the object has to be of the same class, whichever variable it is in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from putback.ownership.module import unpacked_stores
from putback.ownership.types import NOTHING, Instance, Method, Scope, Type, Types

if TYPE_CHECKING:
    from putback.ownership.resolver import Resolver

_MOST = 25


class Stores:
    """Answers for objects; the values that are set are the resolver's to evaluate."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    def of(self, owner: Type, name: str) -> Types:
        """What the project sets on objects like `owner` as attribute `name`, or as item `[name]`."""
        stores = self._resolver.project.stores(name)
        if len(stores) > _MOST:
            return NOTHING
        found: Types = NOTHING
        for path, packed in stores.items():
            for scope, base, value in unpacked_stores(packed):
                here = Scope(path, scope)
                if any(_alike(owner, t) for t in self._resolver.types(base, here)):
                    found |= self._resolver.types(value, here)
        return found


def _alike(one: Type, other: Type) -> bool:
    """Whether two values are objects of one class, whatever it was made with."""
    match one, other:
        case Instance(name=left), Instance(name=right):
            return left == right
        case Method(owner=Instance(name=left), name=name), Method(owner=Instance(name=right), name=same):
            return left == right and name == same
        case _:
            return one == other
