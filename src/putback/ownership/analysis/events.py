"""What a call means: the driver effects, project functions and outside names that its callee resolves to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from putback.drivers.schema import Effect, Parameter
from putback.flow import ir
from putback.flow.names import Expr, Invoke, Literal, Member, Name, dotted, last_name
from putback.frameworks.idioms import idioms
from putback.ownership.analysis.handlers import builtin_exception
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import (
    ClassRef,
    FunctionRef,
    Instance,
    Managed,
    Method,
    Object,
    Partial,
    Scope,
    Symbol,
    Type,
)

_KEY_AND_VALUE = 2


class DriverCall(Struct, frozen=True):
    """A call that a driver table describes; `owner` is the object whose method it is."""

    effect: Effect
    owner: Instance | None


class CallInfo(Struct, frozen=True):
    """Everything known of one call's callee. `given` counts arguments that a partial already filled in.

    `constructs`: what a function or class of a library results in, of which nothing is known, may be an object around
    what it is given; `takes_over`: what it is given stays in an object; `borrows`: it is done with that when it
    returns; `on_object`: it is a method of an object that nothing is known of.
    """

    drivers: tuple[DriverCall, ...] = ()
    functions: tuple[FunctionRef, ...] = ()
    classes: tuple[ClassRef, ...] = ()
    names: tuple[str, ...] = ()
    given: int = 0
    quiet: bool = False
    keeps: bool = False
    registers: bool = False
    enters: bool = False
    waits: bool = False
    constructs: bool = False
    ends_process: bool = False
    takes_over: bool = False
    borrows: bool = False
    on_object: bool = False

    def releases(self) -> Parameter | None:
        """The parameter that the driver call gives back, if it does."""
        return next((d.effect.releases for d in self.drivers if d.effect.releases is not None), None)


def describe(expr: Invoke, scope: Scope, resolver: Resolver) -> CallInfo:
    """Resolve the callee of a call."""
    callees = resolver.types(expr.func, scope)
    name = last_name(expr.func)
    drivers: list[DriverCall] = []
    functions: list[FunctionRef] = []
    classes: list[ClassRef] = []
    outside: list[str] = []
    given = 0
    for callee in callees:
        if isinstance(callee, Partial):
            given, callee = callee.given, callee.function
        _sort(callee, resolver, drivers, functions, classes, outside)
    resolved = bool(drivers or functions or classes)
    known, methods = idioms().functions, idioms().methods
    borrows = bool(drivers) or _borrows(expr, outside) or (not resolved and name in methods.borrowing)
    return CallInfo(
        tuple(drivers),
        tuple(functions),
        tuple(classes),
        tuple(outside),
        given,
        quiet=not resolved and _is_quiet(expr.func, name, outside),
        keeps=not resolved and _is_put_in(expr, name),
        registers=not resolved and name in methods.registering,
        enters=not resolved and name in methods.entering,
        waits=not resolved and not (known.awaiting | known.starting).isdisjoint(outside),
        constructs=not resolved and not borrows and _is_of_library(callees),
        ends_process=not known.ending_the_process.isdisjoint(outside),
        takes_over=not resolved and _takes_over(expr, name, outside),
        borrows=borrows,
        on_object=not resolved and isinstance(expr.func, Member) and not any(isinstance(c, Symbol) for c in callees),
    )


def _is_of_library(callees: Iterable[Type]) -> bool:
    """Whether it is a function or class from outside that nothing is known of, not even that it reads on."""
    functions = idioms().functions
    names = [t.name for t in callees if isinstance(t, Symbol)]
    known = functions.reading_on | functions.borrowing
    return any(n not in known and not n.startswith(functions.reading_on_roots) for n in names)


def _sort(
    callee: Type,
    resolver: Resolver,
    drivers: list[DriverCall],
    functions: list[FunctionRef],
    classes: list[ClassRef],
    outside: list[str],
) -> None:
    catalog = resolver.catalog
    match callee:
        case Symbol(name=name):
            effect = catalog.function(name)
            spec = catalog.type(name)
            if effect is not None:
                drivers.append(DriverCall(effect, None))
            elif spec is not None:
                drivers.append(DriverCall(spec.init, None))
            outside.append(name)
        case Method(owner=owner, name=name):
            effect = catalog.method(owner.name, name)
            if effect is not None:
                drivers.append(DriverCall(effect, owner))
            outside.append(f"{owner.name}.{name}")
        case Instance(name=name):
            spec = catalog.type(name)
            if spec is not None and spec.call is not None:
                drivers.append(DriverCall(spec.call, callee))
            outside.append(name)
        case FunctionRef():
            functions.append(callee)
        case ClassRef():
            classes.append(callee)
        case Object():
            functions += [t for t in resolver.member(callee, "__call__") if isinstance(t, FunctionRef)]
        case Managed():
            pass
        case _:
            pass


def _is_quiet(func: Expr, name: str, outside: Iterable[str]) -> bool:
    """Whether a call outside the project is taken not to raise: logging, printing, clocks, some builtins, closing
    a file, putting a text together."""
    if isinstance(func, Member) and isinstance(func.base, Literal):
        return True
    path = dotted(func) or ""
    _, _, rest = path.partition(".")
    functions, logging = idioms().functions, idioms().logging
    if name in logging.methods and rest and path.split(".")[-2] in logging.loggers:
        return True
    if not rest and any(o in functions.quiet_builtins or builtin_exception(o) is not None for o in outside):
        return True
    if name == "close" and any(o.removesuffix(".close").replace("()", "") in functions.closed_quietly for o in outside):
        return True
    return any(o in functions.quiet or o.startswith(functions.quiet_roots) for o in outside)


def _is_put_in(expr: Invoke, name: str) -> bool:
    """Whether it is a method that puts something into a container: that takes a thing, and at most its key or place."""
    return name in idioms().methods.keeping and dotted(expr.func) != name and len(expr.args) <= _KEY_AND_VALUE


def _takes_over(expr: Invoke, name: str, outside: Iterable[str]) -> bool:
    """Whether what a call is given stays in the object that it makes or works on, whatever class that is of."""
    functions = idioms().functions
    if name in functions.keeping_methods or not functions.keeping.isdisjoint(outside):
        return True
    match expr.func:
        case Member(base=Member(attr="__dict__")) | Member(base=Invoke(func=Name(id="vars"))):
            return True
    return False


def _borrows(expr: Invoke, outside: Sequence[str]) -> bool:
    """Whether a call outside the project is known to be done with its arguments when it returns."""
    functions = idioms().functions
    known = functions.borrowing | functions.quiet_builtins
    is_late = any(keyword in functions.late_keywords for keyword, _ in expr.keywords)
    return bool(outside) and not is_late and all(name in known for name in outside)


def argument_of(op: ir.Call, param: Parameter) -> ir.Argument | None:
    """The argument that a call passes for a parameter, by keyword or position."""
    by_name = next((a for a in op.arguments if a.keyword == param.name), None)
    if by_name is not None:
        return by_name
    positional = [a for a in op.arguments if not a.keyword and not a.star]
    return positional[param.index] if 0 <= param.index < len(positional) else None
