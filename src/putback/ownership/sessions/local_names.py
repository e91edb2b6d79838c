"""What a function can call a scoped session, or the application that it belongs to."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from putback.flow.names import Expr, Invoke, Literal, Member, Name, dotted
from putback.model.errors import SourceError
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.index.astnames import to_expr
from putback.ownership.index.module import FunctionInfo, ModuleInfo
from putback.ownership.index.trees import parse_ast
from putback.ownership.resolve.identity import identity
from putback.ownership.resolve.types import Instance, Scope
from putback.ownership.sessions.registries import Registry


class LocalNames:
    """The names that one function of a file has."""

    def __init__(self, analyzer: Analyzer, module: ModuleInfo, info: FunctionInfo) -> None:
        self.analyzer = analyzer
        self.module = module
        self.info = info
        self.scope = Scope(module.path, info.key)

    def of(self, registry: Registry) -> str:
        """The name of the registry, or of the extension's object that has it; "" when the function has none."""
        names = (*self.info.imports, *self.module.globals, *self.module.imports)
        free = (name for name in names if name not in self.info.bindings)
        return next((n for n in free if identity(self.analyzer.project, Name(n), self.scope) == registry.meant), "")

    @property
    def local_application(self) -> str:
        """The local name of a Flask application; "" when there is none."""
        return next((name for name in self.info.bindings if self._is_application(Name(name))), "")

    @property
    def application(self) -> str:
        """How the file spells a Flask application: a name of its own, or that of the extension which makes the job."""
        known = (name for name in (*self.module.globals, *self.module.imports) if self._is_application(Name(name)))
        return next(known, "") or next(self._of_schedulers(), "")

    def _is_application(self, expr: Expr) -> bool:
        return _is_application(self.analyzer, expr, self.scope)

    def _of_schedulers(self) -> Iterator[str]:
        """`scheduler.app`, for a decorator `scheduler.task` of an extension."""
        for decorator in self.info.decorators:
            base = decorator.func if isinstance(decorator, Invoke) else decorator
            if isinstance(base, Member) and self._is_application(Member(base.base, "app")):
                yield f"{dotted(base.base)}.app"

    @property
    def returns_something(self) -> bool:
        """Whether a `return` gives anything but None."""
        return any(value != Literal(None) for value in self.info.returns)


def application_at(analyzer: Analyzer, path: str) -> tuple[str, int] | None:
    """The name of the Flask application that a module makes at its top, and the last row of the statement."""
    module = analyzer.project.module(path)
    try:
        tree = parse_ast(analyzer.reader.text(path))
    except SourceError:
        return None
    for node in tree.body if module is not None else ():
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as value):
                if _is_application(analyzer, to_expr(value), Scope(path)):
                    return name, node.end_lineno or node.lineno
    return None


def _is_application(analyzer: Analyzer, expr: Expr, scope: Scope) -> bool:
    """Whether it is an application, at the end of whose contexts extensions clean up."""
    types = analyzer.resolver.types(expr, scope)
    return any(isinstance(t, Instance) and analyzer.frameworks.has_contexts(t.name) for t in types)
