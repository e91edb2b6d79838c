"""Which containers others have got hold of: what is changed in one later, they see, and two equal ones are not one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from putback.verify.fingerprint import fingerprint

_DEEPEST = 6
_MUTABLE = (list, dict, set)


def containers(values: Iterable[Any]) -> Iterable[Any]:
    """Those among values that can be changed, or may hold such."""
    return (value for value in values if isinstance(value, (*_MUTABLE, tuple)))


def shape(values: Iterable[Any]) -> str:
    """What is in containers now, each with a number by which it is known when it is met again."""
    numbers: dict[int, int] = {}
    return ", ".join(_shape(value, numbers, 0) for value in values)


def _shape(value: Any, numbers: dict[int, int], depth: int) -> str:
    if not isinstance(value, (*_MUTABLE, tuple)) or depth > _DEEPEST:
        return fingerprint(value)
    number = ""
    if isinstance(value, _MUTABLE):
        if id(value) in numbers:
            return f"container {numbers[id(value)]}"
        numbers[id(value)] = len(numbers) + 1
        number = f"container {len(numbers)}: "
    parts = value.items() if isinstance(value, dict) else value
    return f"{number}{type(value).__name__}({', '.join(_shape(part, numbers, depth + 1) for part in parts)})"
