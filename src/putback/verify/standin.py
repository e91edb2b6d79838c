"""Stand-ins: every value that the function under test did not make itself.

A stand-in records where it comes from (its *path*, e.g. `requests.get('u').json()`) and asks the world for every
decision: whether it is true, how many items it has, whether a call fails. It accepts every operation.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

from putback.verify.events import What
from putback.verify.execution import Execution
from putback.verify.fingerprint import fingerprint, marked, unmarked


def is_dunder(name: str) -> bool:
    """Whether `name` belongs to Python's own protocols."""
    return name.startswith("__") and name.endswith("__")


class StandIn:
    """A value of unknown kind. `_pb_parts` remembers attributes and items, so that the same one is the same object.

    `_pb_of` is the model object whose attribute it is, if it is one's; `_pb_wraps` are the connections that it may own.
    `_pb_seen` is the path with marks that say when it was read.
    """

    __slots__ = ("__weakref__", "_pb_of", "_pb_parts", "_pb_path", "_pb_seen", "_pb_world", "_pb_wraps")
    _pb_world: Execution
    _pb_path: str
    _pb_seen: str
    _pb_parts: dict[str, Any]
    _pb_of: Any
    _pb_wraps: tuple[Any, ...]

    def __init__(
        self, world: Execution, path: str, of: Any = None, wraps: tuple[Any, ...] = (), seen: str = ""
    ) -> None:
        put = object.__setattr__
        put(self, "_pb_world", world)
        put(self, "_pb_path", path)
        put(self, "_pb_seen", seen or path)
        put(self, "_pb_parts", {})
        put(self, "_pb_of", of)
        put(self, "_pb_wraps", wraps)

    def provenance(self) -> str:
        """Where the value comes from."""
        return self._pb_seen

    def _pb_read(self, name: str) -> str:
        """An attribute or item as it is read now."""
        return marked(f"{self._pb_seen}{name}", self._pb_world.moment)

    def _pb_again(self, part: Any, name: str) -> Any:
        """A part that was read before; what others may have put in its place since then is another value."""
        if type(part) is not StandIn or part._pb_path != f"{self._pb_path}{name}":
            return part
        seen = self._pb_read(name)
        if seen == part._pb_seen:
            return part
        made = StandIn(self._pb_world, part._pb_path, part._pb_of, part._pb_wraps, seen)
        object.__setattr__(made, "_pb_parts", part._pb_parts)
        return made

    # -- structure

    def __getattr__(self, name: str) -> Any:
        if is_dunder(name):
            raise AttributeError(name)
        parts = self._pb_parts
        if self._pb_world.has_sessions:
            self._pb_world.loads(f"{self._pb_path}.{name}")
        if self._pb_world.reading:
            self._pb_world.read(self._pb_path, name)
        if name in parts:
            return self._pb_again(parts[name], f".{name}")
        found = self._pb_world.named(f"{self._pb_path}.{name}")
        if type(found) is StandIn:
            found = parts[name] = StandIn(self._pb_world, found._pb_path, seen=self._pb_read(f".{name}"))
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        self._pb_parts[name] = value
        self._pb_world.stored(f"{self._pb_path}.{name}", value)

    def __delattr__(self, name: str) -> None:
        self._pb_parts.pop(name, None)
        self._pb_world.changed(f"del {self._pb_path}.{name}")

    def __getitem__(self, key: Any) -> Any:
        self._pb_world.asks(f"{self._pb_path}[{fingerprint(key)}]")
        return self._pb_item(key)

    def _pb_item(self, key: Any) -> Any:
        name = f"[{fingerprint(key)}]"
        if name not in self._pb_parts:
            self._pb_parts[name] = StandIn(self._pb_world, self._pb_path + name, seen=self._pb_read(name))
        return self._pb_again(self._pb_parts[name], name)

    def __setitem__(self, key: Any, value: Any) -> None:
        name = f"[{fingerprint(key)}]"
        self._pb_parts[name] = value
        self._pb_world.stored(self._pb_path + name, value)

    def __delitem__(self, key: Any) -> None:
        name = f"[{fingerprint(key)}]"
        self._pb_parts.pop(name, None)
        self._pb_world.changed(f"del {self._pb_path}{name}")

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._pb_world.called(self, arguments, keywords)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return (object,)

    # -- decisions

    def __bool__(self) -> bool:
        return self._pb_world.truth(self._pb_path, self._pb_seen)

    def __len__(self) -> int:
        return self._pb_world.count(self._pb_path)

    def __iter__(self) -> Iterator[Any]:
        return iter([self._pb_item(number) for number in range(self._pb_world.count(self._pb_path))])

    def __reversed__(self) -> Iterator[Any]:
        return iter(self)

    def __next__(self) -> Any:
        return self._pb_next(StopIteration)

    def _pb_next(self, end: type[Exception]) -> Any:
        """The next item of what is an iterator."""
        number = self._pb_world.step(f"next {self._pb_path}") - 1
        if number >= self._pb_world.count(self._pb_path):
            raise end
        return self[number]

    def __contains__(self, item: Any) -> bool:
        self._pb_world.asks(f"{fingerprint(item)} in {self._pb_path}")
        return self._pb_world.branch(f"{fingerprint(item)} in {self._pb_read('')}")

    def __instancecheck__(self, value: Any) -> bool:
        return self._pb_world.branch(f"isinstance({fingerprint(value)}, {self._pb_path})")

    def __subclasscheck__(self, value: Any) -> bool:
        return self._pb_world.branch(f"issubclass({fingerprint(value)}, {self._pb_path})")

    def __hash__(self) -> int:
        self._pb_world.asks(f"the hash of {self._pb_path}")
        return zlib.crc32(self._pb_path.encode("utf-8", "replace"))

    # -- context manager, awaitable, asynchronous iterator

    def __enter__(self) -> Any:
        return self._pb_world.entered(self)

    def __exit__(self, *exception: object) -> None:
        self._pb_world.note(What.EXTERNAL, f"leave {self._pb_path}", is_aside=True)

    async def __aenter__(self) -> Any:
        return self._pb_world.entered(self)

    async def __aexit__(self, *exception: object) -> None:
        self.__exit__(*exception)

    def __await__(self) -> Generator[None, None, Any]:
        self._pb_world.cancelled(self._pb_path)
        return self
        yield

    async def __aiter__(self) -> AsyncIterator[Any]:
        for item in self:
            yield item

    async def __anext__(self) -> Any:
        return self._pb_next(StopAsyncIteration)

    # -- conversions

    def __str__(self) -> str:
        return f"‹{self._pb_seen}›"

    def __repr__(self) -> str:
        return f"‹repr({self._pb_seen})›"

    def __format__(self, specification: str) -> str:
        if not specification:
            return str(self)
        self._pb_world.asks(f"format({self._pb_path}, {specification!r})")
        return f"‹{self._pb_seen}:{specification}›"

    def __int__(self) -> int:
        return 1

    def __index__(self) -> int:
        return 0

    def __float__(self) -> float:
        return 1.0

    def __complex__(self) -> complex:
        return 1j

    def __bytes__(self) -> bytes:
        return self._pb_path.encode()

    def __fspath__(self) -> str:
        return self._pb_path

    def __length_hint__(self) -> int:
        return 0

    def __round__(self, digits: int | None = None) -> StandIn:
        return _computed(self._pb_world, f"round({self._pb_seen})")

    def __copy__(self) -> StandIn:
        return _computed(self._pb_world, f"copy({self._pb_read('')})")

    def __deepcopy__(self, memo: object) -> StandIn:
        return _computed(self._pb_world, f"deepcopy({self._pb_read('')})")


def _computed(world: Execution, path: str) -> StandIn:
    """What an operator makes of a stand-in, which not every value has."""
    world.asks(unmarked(path))
    return StandIn(world, unmarked(path), seen=path)


def _binary(sign: str) -> Callable[[StandIn, Any], StandIn]:
    def operate(self: StandIn, other: Any) -> StandIn:
        return _computed(self._pb_world, f"({self._pb_seen} {sign} {fingerprint(other)})")

    return operate


def _in_place(sign: str) -> Callable[[StandIn, Any], StandIn]:
    """`x += y`: what x is may be changed itself."""

    def operate(self: StandIn, other: Any) -> StandIn:
        self._pb_world.changed(f"{self._pb_path} {sign}= {fingerprint(other)}")
        return _computed(self._pb_world, f"({self._pb_seen} {sign} {fingerprint(other)})")

    return operate


def _reflected(sign: str) -> Callable[[StandIn, Any], StandIn]:
    def operate(self: StandIn, other: Any) -> StandIn:
        return _computed(self._pb_world, f"({fingerprint(other)} {sign} {self._pb_seen})")

    return operate


def _equality(sign: str, same: bool) -> Callable[[StandIn, Any], Any]:
    def compare(self: StandIn, other: Any) -> Any:
        if isinstance(other, StandIn) and other._pb_path == self._pb_path:
            return same
        path = f"({self._pb_seen} {sign} {fingerprint(other)})"
        return StandIn(self._pb_world, unmarked(path), seen=path)

    return compare


def _unary(name: str) -> Callable[[StandIn], StandIn]:
    return lambda self: _computed(self._pb_world, f"{name}({self._pb_seen})")


_BINARY = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "lshift": "<<",
    "rshift": ">>", "matmul": "@", "divmod": "divmod", "xor": "^", "and": "&", "or": "|",
}  # fmt: skip
for _name, _sign in _BINARY.items():
    setattr(StandIn, f"__{_name}__", _binary(_sign))
    setattr(StandIn, f"__r{_name}__", _reflected(_sign))
    if _name != "divmod":
        setattr(StandIn, f"__i{_name}__", _in_place(_sign))
for _name, _sign in {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items():
    setattr(StandIn, f"__{_name}__", _binary(_sign))
for _name, _sign in {"eq": "==", "ne": "!="}.items():
    setattr(StandIn, f"__{_name}__", _equality(_sign, _name == "eq"))
for _name in ("neg", "pos", "abs", "invert"):
    setattr(StandIn, f"__{_name}__", _unary(_name))
