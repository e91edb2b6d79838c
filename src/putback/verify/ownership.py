"""Who still reaches a connection: the question behind every leak."""

from __future__ import annotations

import types
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from putback.verify.fingerprint import MODULE
from putback.verify.resource import Acquiring, Belonging, Connection
from putback.verify.standin import StandIn

if TYPE_CHECKING:
    from putback.verify.slot import Slot

_DEEPEST = 4


def owns(value: Any, slot: Slot) -> bool:
    """Whether whoever has `value` can give the connection back: a cursor or a result is not enough."""
    return reaches(value, slot, by=(Connection, Acquiring))


def reaches(value: Any, slot: Slot, depth: int = 0, by: tuple[type, ...] = (Belonging, Acquiring)) -> bool:
    """Whether `value` is the connection, keeps it, or belongs to it, as far as objects of the classes `by` count."""
    if isinstance(value, (Belonging, Acquiring)):
        return isinstance(value, by) and value._pb_slot is slot
    if isinstance(value, StandIn):
        return slot in value._pb_wraps
    if depth > _DEEPEST:
        return False
    return any(reaches(part, slot, depth + 1, by) for part in _parts(value))


def wrapped(values: Iterable[Any]) -> tuple[Slot, ...]:
    """The connections that an object may keep which is made of some values: those among them, and those of objects."""
    found: list[Slot | None] = []
    for value in values:
        if isinstance(value, (Connection, Acquiring)):
            found.append(value._pb_slot)
        elif isinstance(value, StandIn):
            found += value._pb_wraps
    return tuple(slot for slot in found if slot is not None)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple, set)):
        return list(value)
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, types.FunctionType):
        return [_content(c) for c in value.__closure__ or ()]
    if isinstance(value, types.MethodType):
        return [value.__self__]
    if isinstance(value, partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, type):
        return list(vars(value).values()) if value.__module__ == MODULE else []
    if type(value).__module__ == MODULE:
        return [type(value), *vars(value).values()]
    return []


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None
