"""Who still reaches a connection: the question behind every leak."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from putback.verify.fingerprint import MODULE
from putback.verify.resource import Acquiring, Belonging, Connection
from putback.verify.standin import StandIn

if TYPE_CHECKING:
    from putback.verify.slot import Slot

_DEEPEST = 4
_KEYWORD = re.compile(r"\w+=(?!=)")
_CONSTRUCTED = re.compile(r"(?:\w+\.)*_?[A-Z]\w*\((.*)\)(#\d+)?")


def owns(value: Any, slot: Slot) -> bool:
    """Whether whoever has `value` can give the connection back: a cursor or a result is not enough."""
    return reaches(value, slot, by=(Connection, Acquiring))


def reaches(value: Any, slot: Slot, depth: int = 0, by: tuple[type, ...] = (Belonging, Acquiring)) -> bool:
    """Whether `value` is the connection, keeps it, or belongs to it, as far as objects of the classes `by` count."""
    if isinstance(value, (Belonging, Acquiring)):
        return isinstance(value, by) and value._pb_slot is slot
    if isinstance(value, StandIn):
        return _constructed_from(value._pb_path, slot.name)
    if depth > _DEEPEST:
        return False
    return any(reaches(part, slot, depth + 1, by) for part in _parts(value))


def _constructed_from(path: str, name: str) -> bool:
    """Whether an object was constructed from the connection: a callee with a capital letter may keep it."""
    if name not in path:
        return False
    found = _CONSTRUCTED.fullmatch(path)
    return found is not None and any(_is_or_constructs(part, name) for part in _arguments(found[1]))


def _is_or_constructs(argument: str, name: str) -> bool:
    value = argument.partition("=")[2] if _KEYWORD.match(argument) else argument
    return value == name or _constructed_from(value, name)


def _arguments(text: str) -> Iterator[str]:
    """The arguments of a call, of which the text between the brackets is given."""
    depth, start = 0, 0
    for at, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            yield text[start:at].strip()
            start = at + 1
    yield text[start:].strip()


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
