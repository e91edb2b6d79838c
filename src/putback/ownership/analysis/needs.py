"""What a value needs the connection for, and what is got out of such a value.

What comes from a connection (the result of a method of it or of its cursor, an object made with it) needs it, unless a
table says that it does not: the `detached` methods and the `data` of a driver's types, and the functions of the
language that read what they are given to the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from msgspec import Struct
from msgspec.structs import replace

from putback.drivers.catalog import Catalog
from putback.ownership.resolve.types import FunctionRef


class Need(Struct, frozen=True, gc=False):
    """A value that is no good without the connection.

    `type` is the driver's class that it is of, or comes from ("" unknown); `bound`: it is this method of such an
    object; `function`: it is this function of the project, which has the connection. `inner` is what is read out of it,
    where that needs the connection as well; `flat`: that is known not to. `pending`: a coroutine, whose result is
    `inner`. `lob`: a row, or a part of one, that can be a large object. `ends_with` is the cursor that it comes from,
    where a `with` closes that: behind this nobody can use it in any case.
    """

    type: str = ""
    bound: str = ""
    function: FunctionRef | None = None
    inner: Need | None = None
    flat: bool = False
    pending: bool = False
    lob: bool = False
    ends_with: str = ""


UNKNOWN = Need()
"""Something of which nothing is known but that it was made with the connection."""

_ROW = Need(lob=True)


def joined(one: Need | None, other: Need | None) -> Need | None:
    """What a value is that is one of the two."""
    if one is other or one is None or other is None or one == other:
        return one if other is None else other
    return Need(
        type=one.type if one.type == other.type else "",
        inner=joined(one.inner, other.inner),
        flat=one.flat and other.flat,
        lob=one.lob and other.lob,
        ends_with=one.ends_with if one.ends_with == other.ends_with else "",
    )


def any_of(needs: Iterable[Need | None]) -> Need | None:
    """What a value is that is one of several."""
    return reduce(joined, needs, None)


def holding(inner: Need | None) -> Need:
    """A container or an iterator with such values in it; None: what is in it does not need the connection."""
    if inner is None:
        return Need(flat=True)
    return Need(inner=replace(inner, inner=UNKNOWN if inner.inner is not None else None), lob=inner.lob)


def coroutine(result: Need | None) -> Need:
    """A coroutine with such a result; None: its result does not need the connection."""
    inner = UNKNOWN if result is not None and result.pending else result
    return Need(inner=inner, flat=inner is None, pending=True)


class Tables(Struct, frozen=True):
    """What the driver tables say."""

    catalog: Catalog

    def of_method(self, owner: Need, name: str, awaited: bool) -> Need | None:
        """What a method of something that needs the connection gives."""
        if owner.lob:
            return None
        found = self._of_method(owner.type, name)
        effect = self.catalog.method(owner.type, name) if owner.type else None
        if effect is not None and effect.awaited and not awaited:
            return coroutine(found)
        return found

    def knows(self, owner: str, name: str) -> bool:
        """Whether a table says what a method gives."""
        return self.catalog.method(owner, name) is not None or self.catalog.is_detached(owner, name)

    def _of_method(self, owner: str, name: str) -> Need | None:
        catalog = self.catalog
        effect = catalog.method(owner, name) if owner else None
        if effect is not None and (effect.derives or effect.returns):
            return Need(effect.derives or effect.returns)
        if effect is not None and effect.itself:
            return Need(owner)
        is_row = name in catalog.fetching
        if catalog.is_detached(owner, name) or (is_row and (effect is None or not owner)):
            return _ROW if is_row and catalog.has_lobs(owner) else None
        return Need(owner)

    def of_attribute(self, owner: Need, name: str) -> Need | None:
        """What an attribute of something that needs the connection is, or its method that is not called yet."""
        if owner.lob:
            return owner
        known = self.catalog.attribute(owner.type, name)
        if known is not None and known.type:
            return Need(known.type)
        return None if owner.type and self.catalog.is_data(owner.type, name) else Need(owner.type, bound=name)

    def is_closed_by_with(self, type_name: str) -> bool:
        """Whether leaving a `with` on such an object closes it."""
        found = (self.catalog.method(type_name, name) for name in ("__exit__", "__aexit__"))
        return any(effect is not None and effect.closes for effect in found)

    def is_connection(self, type_name: str) -> bool:
        """Whether it is no part of a connection, but one itself."""
        return self.catalog.kind_of(type_name) is not None

    def items(self, need: Need) -> Need | None:
        """What is read out of it, item by item."""
        if need.lob or need.inner is not None or need.flat:
            return need.inner or (need if need.lob else None)
        if need.type and not need.bound:
            return _ROW if self.catalog.has_lobs(need.type) else None
        return UNKNOWN
