"""Which definitions of the project can carry a connection, a pool or a session factory: by light types alone."""

from __future__ import annotations

from collections.abc import Iterable

from putback.flow.names import Expr, Invoke, Name
from putback.ownership.module import ClassInfo, FunctionInfo, ModuleInfo
from putback.ownership.types import (
    ClassRef,
    FunctionRef,
    Instance,
    Managed,
    Method,
    Object,
    Partial,
    Resolver,
    Scope,
    Symbol,
    Type,
)

_SHORTEST = 3


class Carriers:
    """Answers for definitions; each is decided once."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.catalog = resolver.catalog
        self._functions: dict[FunctionRef, bool] = {}
        self._classes: dict[tuple[str, str], bool] = {}

    # -- types

    def carries(self, t: Type) -> bool:
        """Whether a value of this type is, makes or holds a connection."""
        match t:
            case Instance(name=name):
                return self.catalog.type(name) is not None
            case Object(path=path, key=key):
                return self.by_class(path, key)
            case Managed(function=function):
                return any(self.carries(y) for y in self.resolver.yielded(function))
            case FunctionRef():
                return self.by_function(t)
            case ClassRef(path=path, key=key):
                return self.by_class(path, key)
            case Partial(function=function):
                return self.carries(function) or self.makes(function)
            case _:
                return False

    def by_function(self, ref: FunctionRef) -> bool:
        """Whether what a project function returns or yields carries one."""
        ref = FunctionRef(ref.path, ref.key)
        if ref not in self._functions:
            self._functions[ref] = False
            self._functions[ref] = any(self.carries(t) for t in self.resolver.returned(ref)) or self._wraps(ref)
        return self._functions[ref]

    def _wraps(self, ref: FunctionRef) -> bool:
        """Whether a function returns a project object that it has made around a connection."""
        module = self.resolver.project.module(ref.path)
        info = module.functions.get(ref.key) if module is not None else None
        if info is None:
            return False
        scope = Scope(ref.path, ref.key)
        values = [v for r in info.returns for v in (info.bindings.get(r.id, ()) if isinstance(r, Name) else (r,))]
        return any(self._is_wrapping(v, scope) for v in values)

    def _is_wrapping(self, value: Expr, scope: Scope) -> bool:
        if not isinstance(value, Invoke):
            return False
        made = self.resolver.types(value.func, scope)
        if any(isinstance(t, FunctionRef) and self.by_function(t) for t in made):
            return True
        given = (*value.args, *(v for _, v in value.keywords))
        return any(isinstance(t, ClassRef) for t in made) and any(self._value(g, scope) for g in given)

    def by_class(self, path: str, key: str) -> bool:
        """Whether a project class derives from a driver's, or an attribute or method of it carries one."""
        if (path, key) not in self._classes:
            self._classes[path, key] = False
            self._classes[path, key] = any(self.catalog.type(b) for b in self.resolver.outside_bases(path, key)) or any(
                bool(self._members(module, cls)) for module, cls in self.resolver.lineage(path, key)
            )
        return self._classes[path, key]

    def _members(self, module: ModuleInfo, cls: ClassInfo) -> set[str]:
        """The attributes and methods of a class that carry one."""
        found = {name for name, key in cls.methods.items() if self.by_function(FunctionRef(module.path, key))}
        for name, values in cls.attributes.items():
            if any(self._value(v, Scope(module.path, scope)) for scope, v in values):
                found.add(name)
        return found

    def _value(self, expr: Expr, scope: Scope) -> bool:
        return any(self.carries(t) for t in self.resolver.types(expr, scope))

    # -- calls

    def makes(self, callee: Type) -> bool:
        """Whether calling this can hand out a connection."""
        match callee:
            case Symbol(name=name):
                effect, spec = self.catalog.function(name), self.catalog.type(name)
                return bool((effect and effect.acquires) or (spec and spec.init.acquires))
            case Method(owner=owner, name=name):
                effect = self.catalog.method(owner.name, name)
                return bool(effect and effect.acquires)
            case Instance(name=name):
                spec = self.catalog.type(name)
                return bool(spec and spec.call and spec.call.acquires)
            case Partial(function=function):
                return self.makes(function)
            case FunctionRef():
                return self.by_function(callee)
            case ClassRef(path=path, key=key):
                return any(self.makes(Symbol(base)) for base in self.resolver.outside_bases(path, key))
            case Object():
                return any(self.makes(t) for t in self.resolver.member(callee, "__call__"))
            case _:
                return False

    def any_makes(self, calls: Iterable[Expr], scope: Scope) -> bool:
        """Whether one of these calls can hand out a connection."""
        for call in calls:
            if isinstance(call, Invoke) and any(self.makes(t) for t in self.resolver.types(call.func, scope)):
                return True
        return False

    # -- names

    def names(self, modules: Iterable[ModuleInfo]) -> dict[str, set[str]]:
        """The names by which carriers of these modules are reached from elsewhere, with the paths that define them."""
        found: dict[str, set[str]] = {}
        for module in modules:
            for name in self._exported(module):
                if len(name) >= _SHORTEST and not name.startswith("__"):
                    found.setdefault(name, set()).add(module.path)
        return found

    def _exported(self, module: ModuleInfo) -> set[str]:
        found: set[str] = set()
        for function in module.functions.values():
            if not function.outer and self._is_exported(function, module):
                found.add(function.name)
        for name, values in module.globals.items():
            if any(self._value(v, Scope(module.path, scope)) for scope, v in values):
                found.add(name)
        for cls in module.classes.values():
            if self.by_class(module.path, cls.key):
                found |= {cls.key.rpartition(".")[2], *self._members(module, cls)}
        return found

    def _is_exported(self, function: FunctionInfo, module: ModuleInfo) -> bool:
        return bool(function.returns or function.is_generator) and self.by_function(FunctionRef(module.path, function.key))
