"""What a job is an object of: the class that its decorator names, where the job is given itself first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from putback.flow.names import Expr, Invoke, Literal, last_name
from putback.frameworks.catalog import FrameworkCatalog
from putback.frameworks.schema import Marker, Role
from putback.ownership.index.module import FunctionInfo, ModuleInfo
from putback.ownership.resolve.types import ClassRef, Object, Scope, Type, Types


class Resolver(Protocol):
    """What has to be known of names and decorators."""

    frameworks: FrameworkCatalog

    def types(self, expr: Expr, scope: Scope) -> Types:
        """The possible types of a value."""
        ...

    def decorator_names(self, function: FunctionInfo, path: str) -> list[str]:
        """The qualified names of a function's decorators."""
        ...


def itself(resolver: Resolver, module: ModuleInfo, function: FunctionInfo) -> Types:
    """What the first parameter of a function is that a decorator binds to the job made of it: `bind=True, base=Job`."""
    found: list[Type] = []
    for decorator, marker in _binding(resolver, module, function):
        for keyword, value in decorator.keywords:
            if keyword in marker.made_of:
                classes = resolver.types(value, Scope(module.path, function.outer))
                found += [Object(t.path, t.key) for t in classes if isinstance(t, ClassRef)]
    return frozenset(found)


def _binding(resolver: Resolver, module: ModuleInfo, function: FunctionInfo) -> Iterator[tuple[Invoke, Marker]]:
    """The decorators that give a job to its function, with the marker by which they make one."""
    for decorator in function.decorators:
        if not isinstance(decorator, Invoke):
            continue
        given = {k for k, v in decorator.keywords if isinstance(v, Literal) and v.value is True}
        for marker in resolver.frameworks.binding:
            if marker.bound in given and _is_by(resolver, module, decorator, function):
                yield decorator, marker


def _is_by(resolver: Resolver, module: ModuleInfo, decorator: Invoke, function: FunctionInfo) -> bool:
    """Whether a decorator makes a job, by its qualified name, or by its last one where its object is not known."""
    frameworks = resolver.frameworks
    names = resolver.decorator_names(function, module.path)
    by_name = (frameworks.decorator_role(name) for name in names)
    if any(found is not None and found[0] is Role.JOB for found in by_name):
        return True
    return frameworks.attribute_roles(last_name(decorator.func), module.import_roots()) is Role.JOB
