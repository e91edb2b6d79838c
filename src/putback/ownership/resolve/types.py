"""What a symbolic value can be. `ownership.resolve.resolver` finds out which of these it is."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from putback.flow.names import Expr


class Symbol(Struct, frozen=True, gc=False):
    """A module, class or function outside of the project, by canonical qualified name."""

    name: str


class Instance(Struct, frozen=True, gc=False):
    """An object of an outside class. `flags` are the constructor keywords that driver tables ask about."""

    name: str
    flags: frozenset[str] = frozenset()


class ModuleRef(Struct, frozen=True, gc=False):
    """A module of the project."""

    path: str


class FunctionRef(Struct, frozen=True, gc=False):
    """A function of the project; `bound` when it is reached through an instance, so that `self` is filled."""

    path: str
    key: str
    bound: bool = False


class ClassRef(Struct, frozen=True, gc=False):
    """A class of the project."""

    path: str
    key: str


class Object(Struct, frozen=True, gc=False):
    """An instance of a project class."""

    path: str
    key: str


class Method(Struct, frozen=True, gc=False):
    """A method of an outside object; `alias` when the owner's base is a driver class."""

    owner: Instance
    name: str


class Managed(Struct, frozen=True, gc=False):
    """A context manager or generator made by calling a project generator function; nothing has run yet."""

    function: FunctionRef


class Partial(Struct, frozen=True, gc=False):
    """`functools.partial(function, …)` with `given` positional arguments."""

    function: Type
    given: int


class Scope(Struct, frozen=True, gc=False):
    """Where a name is looked up: a file and the key of a function in it ("" for the top level)."""

    path: str
    function: str = ""


def outside_class(t: Type) -> str:
    """The class of an object from outside, or of the object whose method it is; "" for everything else."""
    match t:
        case Instance(name=name) | Method(owner=Instance(name=name)):
            return name
        case _:
            return ""


class Later(Struct, frozen=True, gc=False):
    """A lambda: calling it gives what `value` is in `scope`."""

    value: Expr
    scope: Scope


class Provider(Struct, frozen=True, gc=False):
    """What a container hands things out by: calling it gives what `value` is in `scope`, the same if it is `kept`."""

    value: Expr
    scope: Scope
    kept: bool


class Naming(Struct, frozen=True, gc=False):
    """What annotations say for one of some classes, and nobody makes an object by: a `NewType`, a bound `TypeVar`."""

    options: tuple[Expr, ...]
    scope: Scope


Type = (
    Symbol
    | Instance
    | ModuleRef
    | FunctionRef
    | ClassRef
    | Object
    | Method
    | Managed
    | Partial
    | Later
    | Provider
    | Naming
)
Types = frozenset[Type]
_MOST = 64
_LONGEST = 3
NOTHING: Types = frozenset()
ANY_RESULT = Instance("()")
"""Whatever functions outside answer with, where there are too many: so are its attributes, and what they answer."""
GUESSED = frozenset({"?"})
"""The flags of an instance whose class rests on the name of a method."""


def union(parts: Iterable[Types]) -> Types:
    """Everything that a value of several possible types can be; nothing is known of a value that can be too much.

    What was too much once takes in all of its kind: so values that rest on each other come to an end.
    """
    found: Types = NOTHING
    for part in parts:
        found |= part
        if len(found) > _MOST or ANY_RESULT in found:
            found = frozenset(t for t in found if not _is_made_up(t)) | {ANY_RESULT}
    return found if len(found) <= _MOST else NOTHING


def result_of(name: str) -> Instance:
    """What something outside of this name answers with; behind so many results of each other they are one."""
    return Instance(name[: name.rindex("()") + 2] if name.count("()") >= _LONGEST else f"{name}()")


def partial_of(t: Type, given: int) -> Type:
    """A function with arguments in front; `f = partial(f, x)` has no end of them, either."""
    is_deep = isinstance(t, Partial) and isinstance(t.function, Partial)
    return t if is_deep else Partial(t, given)


def _is_made_up(t: Type) -> bool:
    """Whether a type only says which outside function something is a result of: `q = q.filter()` has no end of them."""
    return isinstance(t, (Instance, Method)) and (t.name if isinstance(t, Instance) else t.owner.name).endswith("()")
