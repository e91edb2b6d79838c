"""What bounds a wait: the number that a call is given, and the arguments of the call or of what has made its object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from putback.flow.names import Entered, Expr, Invoke, Literal, Member, Name
from putback.ownership.resolve.identity import Defined, identity
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import Object, Scope

_DEEPEST = 4
_Value = tuple[Expr, Scope]


def number(resolver: Resolver, expr: Expr, scope: Scope) -> object:
    """The number that is written there, or that a global name is given once; None for every other."""
    if isinstance(expr, Literal):
        return expr.value
    meant = identity(resolver.project, expr, scope)
    module = resolver.project.module(meant.path) if isinstance(meant, Defined) and meant.path else None
    values = module.globals.get(meant.name, ()) if module is not None and isinstance(meant, Defined) else ()
    found = [value.value for _, value in values if isinstance(value, Literal)]
    return found[0] if len(found) == len(values) == 1 else None


def is_given(resolver: Resolver, call: Invoke, arguments: tuple[str, ...], scope: Scope) -> bool:
    """Whether a call has one of the arguments and it is not None, may have it, or is one of an object made with it."""
    if _has(call, arguments):
        return True
    return isinstance(call.func, Member) and _is_made_with(resolver, call.func.base, arguments, scope, _DEEPEST)


def _has(call: Invoke, arguments: tuple[str, ...]) -> bool:
    return any(name == "" or (name in arguments and value != Literal(None)) for name, value in call.keywords)


def _is_made_with(resolver: Resolver, expr: Expr, arguments: tuple[str, ...], scope: Scope, left: int) -> bool:
    """Whether an object, or what it is a part of, is made with one of the arguments wherever it is made."""
    if left == 0:
        return False
    if isinstance(expr, Entered):
        return _is_made_with(resolver, expr.value, arguments, scope, left)
    if isinstance(expr, Invoke):
        return is_given(resolver, expr, arguments, scope)
    values = [value for value in _values(resolver, expr, scope) if value[0] != Literal(None)]
    if values:
        return all(_is_made_with(resolver, value, arguments, where, left - 1) for value, where in values)
    return isinstance(expr, Member) and _is_made_with(resolver, expr.base, arguments, scope, left - 1)


def _values(resolver: Resolver, expr: Expr, scope: Scope) -> Iterable[_Value]:
    """What a name is given, here or in another file, or an attribute of an object of the project."""
    if isinstance(expr, Name) and (found := resolver.values_of(expr.id, scope)):
        return found
    meant = identity(resolver.project, expr, scope)
    module = resolver.project.module(meant.path) if isinstance(meant, Defined) and meant.path else None
    if module is not None and isinstance(meant, Defined):
        return [(value, Scope(module.path, where)) for where, value in module.globals.get(meant.name, ())]
    return list(_stored(resolver, expr, scope)) if isinstance(expr, Member) else ()


def _stored(resolver: Resolver, expr: Member, scope: Scope) -> Iterator[_Value]:
    for t in resolver.types(expr.base, scope):
        if isinstance(t, Object):
            for module, cls in resolver.classes.lineage(t.path, t.key):
                for where, value in cls.attributes.get(expr.attr, ()):
                    yield value, Scope(module.path, where)
