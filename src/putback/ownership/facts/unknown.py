"""Where statements run on something, or a transaction ends, and nobody knows what it is: what analysis left out."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

from putback.flow import ir
from putback.flow.names import Awaited, Element, Entered, Expr, Invoke, Member, Name, dotted
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.types import Scope, outside_class

_MOST = 8  # names for names of a receiver


class Cause(Enum):
    """Why the type of a receiver is unknown."""

    PARAMETER = "a parameter that nobody is seen to pass anything known for"
    ATTRIBUTE = "an attribute that is not seen to be set to anything known"
    RESULT = "the result of a function of the project of which no type is seen"
    OUTSIDE = "the result of something outside of which no table speaks"
    OTHER = "put together in a way that is not followed"

    @property
    def title(self) -> str:
        """The cause in words."""
        return self.value


class Unknown(Struct, frozen=True):
    """A call by a method of drivers: its row, its receiver, why that is unknown, and what it comes from ("")."""

    row: int
    receiver: str
    cause: Cause
    source: str = ""

    @property
    def reason(self) -> str:
        """The cause in words, and what would help."""
        if self.cause is not Cause.OUTSIDE:
            return self.cause.title
        return f"{self.cause.title}: {self.source} (`acquire` of [tool.putback.wrappers], if it takes a connection)"


def unknown_receivers(analyzer: Analyzer, unit: Unit) -> Iterator[Unknown]:
    """The calls in a function that run statements, or end transactions, on what is not known."""
    words = analyzer.ambients.telling_words
    for op in unit.ops():
        match op:
            case ir.Call(expr=Invoke(func=Member(base=base)), name=name) if name.encode() in words:
                cause = _cause(analyzer, base, unit.scope, _MOST)
                if cause is not None:
                    yield Unknown(unit.span(op.at).start.row, dotted(base) or "...", *cause)


def _cause(analyzer: Analyzer, base: Expr, scope: Scope, left: int) -> tuple[Cause, str] | None:
    """Why nobody knows what a receiver is; None where it is known."""
    types = analyzer.resolver.types(base, scope)
    outside = next((outside_class(t) for t in types if outside_class(t).endswith("()")), "")
    if types and not outside:
        return None
    if outside:
        return Cause.OUTSIDE, outside.partition("()")[0]
    match base:
        case Awaited(value=inner) | Entered(value=inner) | Element(value=inner):
            return _cause(analyzer, inner, scope, left) or (Cause.OTHER, "")
        case Invoke(func=func):
            return _cause(analyzer, func, scope, left) or (Cause.RESULT, "")
        case Member(base=owner):
            return _cause(analyzer, owner, scope, left) or (Cause.ATTRIBUTE, "")
        case Name(id=name) if left:
            values = analyzer.resolver.values_of(name, scope)
            found = (_cause(analyzer, value, where, left - 1) for value, where in values)
            if (cause := next(filter(None, found), None)) is not None:
                return cause
            module = analyzer.project.module(scope.path)
            info = module.functions.get(scope.function) if module is not None else None
            is_given = info is not None and any(param.name == name for param in info.params)
            return (Cause.PARAMETER if is_given else Cause.OTHER), ""
        case _:
            return Cause.OTHER, ""
