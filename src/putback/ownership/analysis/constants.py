"""What a statement begins with whose text is not in the call: a constant of a module or of a class."""

from __future__ import annotations

from putback.flow.names import Choice, Expr, Invoke, Member, Name, opening
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import ClassRef, ModuleRef, Object, Scope

_DEEPEST = 4


def openings(expr: Expr, scope: Scope, resolver: Resolver, depth: int = 0) -> frozenset[str]:
    """The words in capitals that a text can begin with; "" for one that is not shown."""
    values: list[tuple[Expr, Scope]] = []
    match expr:
        case Name(id=name):
            values = _named(name, scope, resolver)
        case Member():
            values = _of_owner(expr, scope, resolver)
        case Choice(options=options):
            values = [(each, scope) for each in options]
        case Invoke(args=(first,)) if not opening(expr):
            values = [(first, scope)]
        case _:
            return frozenset({opening(expr)})
    if not values or depth > _DEEPEST:
        return frozenset({opening(expr)})
    return frozenset[str]().union(*(openings(each, there, resolver, depth + 1) for each, there in values))


def _named(name: str, scope: Scope, resolver: Resolver) -> list[tuple[Expr, Scope]]:
    """What a name is bound to, here or in the module that it is imported from; nothing for a parameter."""
    module = resolver.project.part(scope.path, scope.function)
    function = module.functions.get(scope.function) if module is not None else None
    if function is not None and any(each.name == name for each in function.params):
        return []
    found = resolver.values_of(name, scope)
    imported = module.imports.get(name) if module is not None and not found else None
    home = resolver.project.resolve_import(imported, scope.path) if imported is not None and imported.name else None
    return resolver.values_of(imported.name, Scope(home)) if imported is not None and home is not None else found


def _of_owner(member: Member, scope: Scope, resolver: Resolver) -> list[tuple[Expr, Scope]]:
    """What an attribute of a module, or of a class of the project, is set to."""
    for t in resolver.types(member.base, scope):
        match t:
            case ModuleRef(path=path):
                return resolver.values_of(member.attr, Scope(path))
            case Object(path=path, key=key) | ClassRef(path=path, key=key):
                for module, cls in resolver.classes.lineage(path, key):
                    if member.attr in cls.attributes:
                        return [(value, Scope(module.path, s)) for s, value in cls.attributes[member.attr]]
    return []
