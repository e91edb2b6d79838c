"""What a helper gets from one of its callers: its arguments, and the function among them whose answer it passes on."""

from __future__ import annotations

from collections.abc import Iterator

from putback.flow.names import Awaited, Choice, Element, Expr, Invoke, Name
from putback.ownership.index.module import FunctionInfo


def argument(call: Invoke, function: FunctionInfo, name: str, first: int) -> Expr | None:
    """What a call passes for parameter `name`, if its first positional argument is for parameter number `first`."""
    by_name = call.keyword(name)
    if by_name is not None:
        return by_name
    plain = [p.name for p in function.params if not p.kind]
    index = plain.index(name) - first if name in plain else -1
    if 0 <= index < len(call.args):
        return call.args[index]
    unpacked = call.keyword("")
    return Element(unpacked, name) if unpacked is not None else None


def is_parameter(value: Expr, function: FunctionInfo) -> bool:
    """Whether a value is a parameter of a function, which is given nothing else there."""
    if not isinstance(value, Name) or value.id in function.bindings:
        return False
    return any(p.name == value.id and not p.kind.startswith("*") for p in function.params)


def called_parameter(call: Expr, function: FunctionInfo) -> str:
    """The parameter of a function whose value this calls, as `func(*args)` does; "" for everything else."""
    if isinstance(call, Invoke) and isinstance(call.func, Name) and is_parameter(call.func, function):
        return call.func.id
    return ""


def answers(function: FunctionInfo) -> Iterator[Expr]:
    """The values that a function returns: of a local name, what is assigned to it."""
    todo = list(function.returns)
    seen: set[str] = set()
    while todo:
        match todo.pop():
            case Awaited(value=inner):
                todo.append(inner)
            case Choice(options=options):
                todo += options
            case Name(id=name) if name in function.bindings and name not in seen:
                seen.add(name)
                todo += function.bindings[name]
            case value:
                yield value
