"""Many objects, each packed until somebody looks at it: what is kept of each is small, and one at a time is whole."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")
_FASTEST = 1


class Packed(Collection[T]):
    """Objects in an order, each unpacked anew whenever they are gone through."""

    def __init__(self, parts: Iterable[bytes] = ()) -> None:
        self._parts = tuple(parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[T]:
        return map(unpacked, self._parts)

    def __contains__(self, item: object) -> bool:
        return any(each == item for each in self)


def packed(item: object) -> bytes:
    """An object as few bytes."""
    return zlib.compress(pickle.dumps(item, pickle.HIGHEST_PROTOCOL), _FASTEST)


def unpacked(part: bytes) -> Any:
    """The object again. Only for what this process has packed itself."""
    return pickle.loads(zlib.decompress(part))
