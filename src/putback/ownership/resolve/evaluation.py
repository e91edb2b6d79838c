"""What the parts of the resolver know of the whole: how a value is evaluated, and what everyone looks up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from putback.drivers.catalog import Catalog
from putback.flow.names import Expr, Invoke
from putback.frameworks.catalog import FrameworkCatalog
from putback.ownership.index.module import FunctionInfo, ModuleInfo
from putback.ownership.index.project import Project
from putback.ownership.resolve.recursion import Answers
from putback.ownership.resolve.types import FunctionRef, Method, Scope, Symbol, Types

_REMEMBERED = 60_000
_MANAGER_DECORATORS = {"contextlib.contextmanager", "contextlib.asynccontextmanager"}


class Evaluation(ABC):
    """Values are evaluated by asking the parts, and these evaluate values: `answers` has what is being asked."""

    def __init__(self, project: Project, catalog: Catalog, frameworks: FrameworkCatalog) -> None:
        self.project = project
        self.catalog = catalog
        self.frameworks = frameworks
        self.answers = Answers(project.footprint, _REMEMBERED)

    @abstractmethod
    def types(self, expr: Expr, scope: Scope) -> Types:
        """The possible types of `expr` in `scope`; empty when unknown."""

    @abstractmethod
    def returned(self, function: FunctionRef) -> Types:
        """The types of the result of calling a project function."""

    def values_of(self, name: str, scope: Scope) -> list[tuple[Expr, Scope]]:
        """What is assigned to a name that a function or module of the project binds, as it is written."""
        module = self.project.part(scope.path, scope.function)
        function = module.functions.get(scope.function) if module is not None else None
        while module is not None and function is not None:
            if name in function.bindings:
                return self.bound(name, function, module)
            function = self._around(function, module)
        self.project.footprint.part(scope.path, name)
        return [(v, Scope(scope.path, s)) for s, v in module.globals.get(name, ())] if module is not None else []

    def bound(self, name: str, function: FunctionInfo, module: ModuleInfo) -> list[tuple[Expr, Scope]]:
        """What a function binds one of its names to, and what functions nested in it do, to whom it is `nonlocal`."""
        own = [(value, Scope(module.path, function.key)) for value in function.bindings.get(name, ())]
        self.project.footprint.part(module.path, name)
        nested = (pair for pair in module.globals.get(name, ()) if pair[0].startswith(f"{function.key}."))
        return [*own, *((value, Scope(module.path, key)) for key, value in nested)]

    def _around(self, function: FunctionInfo, module: ModuleInfo) -> FunctionInfo | None:
        """The function around one."""
        self.project.footprint.part(module.path, function.outer)
        return module.functions.get(function.outer)

    # -- decorators

    def decorator_names(self, function: FunctionInfo, path: str) -> list[str]:
        """The qualified names of a function's decorators, as far as they resolve."""
        found = []
        for decorator in function.decorators:
            base = decorator.func if isinstance(decorator, Invoke) else decorator
            for t in self.types(base, Scope(path, function.outer)):
                if isinstance(t, Symbol):
                    found.append(t.name)
                elif isinstance(t, Method):
                    found.append(f"{t.owner.name}.{t.name}")
        return found

    def has_decorator(self, function: FunctionInfo, path: str, wanted: Iterable[str]) -> bool:
        """Whether one of the decorators is one of `wanted`."""
        return bool(function.decorators) and not set(wanted).isdisjoint(self.decorator_names(function, path))

    def is_manager(self, function: FunctionInfo, path: str) -> bool:
        """Whether the function is a generator made into a context manager."""
        return function.is_generator and self.has_decorator(function, path, _MANAGER_DECORATORS)
