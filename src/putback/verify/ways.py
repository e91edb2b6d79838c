"""In which way a connection is given back: the plain one is to where it came from, as it came, to be used again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from putback.verify.events import Foreign
from putback.verify.fingerprint import call_text, fingerprint
from putback.verify.resource import Belonging
from putback.verify.slot import Place, Slot

PLAIN = ""
DESTROYED = "closed for good"
_NUMBER = re.compile(r"#\d+")


def pool_of(path: str) -> str:
    """What a method with this provenance is called on, whichever of several equal calls it came from."""
    return _NUMBER.sub("", path.rpartition(".")[0])


def way_of(slot: Slot, path: str, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> str:
    """The way of a call that is given the connection to give it back; `path` is the provenance of what is called."""
    if slot.place is Place.BROKEN:
        return DESTROYED
    further = tuple(a for a in arguments if not _is(a, slot) and a is not None and a is not False)
    named = {k: v for k, v in keywords.items() if not _is(v, slot)}
    if not slot.given.issuperset(map(fingerprint, (*further, *named.values()))):
        return call_text(_NUMBER.sub("", path), further, named)
    if path.rpartition(".")[2] not in slot.profile.given_back_by or pool_of(path) == slot.pool:
        return PLAIN
    return Foreign(f"{_NUMBER.sub('', path)}()") if slot.pool == "" else f"{_NUMBER.sub('', path)}() for {slot.pool}"


def _is(value: Any, slot: Slot) -> bool:
    return isinstance(value, Belonging) and value._pb_slot is slot
