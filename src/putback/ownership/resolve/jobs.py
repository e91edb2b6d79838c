"""What a job is an object of: the class that its decorator names, where the job is given itself first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from putback.flow.names import Invoke, Literal, last_name
from putback.frameworks.schema import Marker, Role
from putback.ownership.index.module import FunctionInfo, ModuleInfo
from putback.ownership.resolve.types import ClassRef, Scope, Types, union

if TYPE_CHECKING:
    from putback.ownership.resolve.resolver import Resolver


def itself(resolver: Resolver, module: ModuleInfo, function: FunctionInfo) -> Types:
    """What the first parameter of a function is that a decorator binds to the job made of it: `bind=True, base=Job`."""
    found = []
    for decorator, marker in _binding(resolver, module, function):
        for keyword, value in decorator.keywords:
            if keyword in marker.made_of:
                classes = resolver.types(value, Scope(module.path, function.outer))
                found.append(union(resolver.results.constructed(t) for t in classes if isinstance(t, ClassRef)))
    return union(found)


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
