"""What a symbolic value can be. `ownership.resolver` finds out which of these it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Symbol:
    """A module, class or function outside of the project, by canonical qualified name."""

    name: str


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of an outside class. `flags` are the constructor keywords that driver tables ask about."""

    name: str
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ModuleRef:
    """A module of the project."""

    path: str


@dataclass(frozen=True, slots=True)
class FunctionRef:
    """A function of the project; `bound` when it is reached through an instance, so that `self` is filled."""

    path: str
    key: str
    bound: bool = False


@dataclass(frozen=True, slots=True)
class ClassRef:
    """A class of the project."""

    path: str
    key: str


@dataclass(frozen=True, slots=True)
class Object:
    """An instance of a project class."""

    path: str
    key: str


@dataclass(frozen=True, slots=True)
class Method:
    """A method of an outside object; `alias` when the owner's base is a driver class."""

    owner: Instance
    name: str


@dataclass(frozen=True, slots=True)
class Managed:
    """A context manager or generator made by calling a project generator function; nothing has run yet."""

    function: FunctionRef


@dataclass(frozen=True, slots=True)
class Partial:
    """`functools.partial(function, …)` with `given` positional arguments."""

    function: Type
    given: int


Type = Symbol | Instance | ModuleRef | FunctionRef | ClassRef | Object | Method | Managed | Partial
Types = frozenset[Type]
NOTHING: Types = frozenset()
GUESSED = frozenset({"?"})
"""The flags of an instance whose class rests on the name of a method."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a name is looked up: a file and the key of a function in it ("" for the top level)."""

    path: str
    function: str = ""


def union(parts: Iterable[Types]) -> Types:
    """Everything that a value of several possible types can be."""
    found: Types = NOTHING
    for part in parts:
        found |= part
    return found
