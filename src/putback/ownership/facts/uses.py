"""Where the project mentions one of its functions, other than to have a framework call it as a dependency."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from msgspec import Struct

from putback.flow.names import Expr, Name
from putback.frameworks.schema import Role
from putback.model.errors import SourceError
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.context import name_of
from putback.ownership.index.astnames import to_expr
from putback.ownership.index.module import FunctionInfo, ModuleInfo
from putback.ownership.index.trees import parse_ast
from putback.ownership.resolve.types import FunctionRef, Object, Scope, Type


class Use(Struct, frozen=True):
    """One mention: a call by hand (`called`), or anything else that a framework does not see."""

    path: str
    row: int
    called: bool


def other_uses(analyzer: Analyzer, ref: FunctionRef) -> Iterator[Use]:
    """Every mention of a function that is not an argument of `Depends` and the like, in the indexed modules."""
    info = analyzer.info(ref)
    for module in analyzer.project.loaded() if info is not None else ():
        assert info is not None
        if _may_mention(analyzer, module.path, info.name):
            yield from _Search(analyzer, module, ref, info).run()


def _may_mention(analyzer: Analyzer, path: str, name: str) -> bool:
    try:
        return name in analyzer.reader.text(path)
    except SourceError:
        return True


class _Search:
    """One module, searched for mentions of one function."""

    def __init__(self, analyzer: Analyzer, module: ModuleInfo, ref: FunctionRef, info: FunctionInfo) -> None:
        self.analyzer = analyzer
        self.module = module
        self.ref = ref
        self.name = info.name
        self.scopes = [Scope(module.path), *(Scope(module.path, f.key) for f in module.functions.values() if f.imports)]
        self.names = {n for n in self._candidates() if self._means(Name(n))}
        self.givers = _dependency_callables(analyzer)

    def _candidates(self) -> set[str]:
        tables = (self.module.imports, *(f.imports for f in self.module.functions.values()))
        return {self.name} | {n for table in tables for n, found in table.items() if found.name == self.name}

    def _means(self, expr: Expr) -> bool:
        """Whether an expression can be the function, in some scope of the module."""
        found = (t for scope in self.scopes for t in self.analyzer.resolver.types(expr, scope))
        return any(isinstance(t, FunctionRef) and (t.path, t.key) == (self.ref.path, self.ref.key) for t in found)

    def run(self) -> Iterator[Use]:
        try:
            tree = parse_ast(self.analyzer.reader.text(self.module.path))
        except SourceError:
            yield Use(self.module.path, 1, False)
            return
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(tree):
            if self._is_mention(node) and not self._is_given(node, parents):
                parent = parents[node]
                assert isinstance(node, (ast.Name, ast.Attribute))
                yield Use(self.module.path, node.lineno, isinstance(parent, ast.Call) and parent.func is node)

    def _is_mention(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self.names and isinstance(node.ctx, ast.Load)
        return isinstance(node, ast.Attribute) and node.attr == self.name and self._means(to_expr(node))

    def _is_given(self, node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
        """Whether a mention leaves the calling to the framework: `Depends(get_db)`, an override in a test."""
        parent = parents[node]
        if isinstance(parent, ast.keyword):
            parent = parents[parent]
        if isinstance(parent, ast.Call) and parent.func is not node:
            called = parent.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in self.givers:
                return True
        if isinstance(parent, ast.Call) and parent.func is node:
            return False
        statement = parent
        while not isinstance(statement, ast.stmt):
            statement = parents[statement]
        return any(isinstance(each, ast.Attribute) and self._overrides(each) for each in ast.walk(statement))

    def _overrides(self, node: ast.Attribute) -> bool:
        """Whether an attribute is where an application is told to call other functions as dependencies."""
        frameworks = self.analyzer.frameworks
        if node.attr not in frameworks.overriding_names:
            return False
        around = [f for f in self.module.functions.values() if f.row <= node.lineno <= f.end_row]
        innermost = max(around, key=lambda f: f.row, default=None)
        scope = Scope(self.module.path, innermost.key if innermost is not None else "")
        types = self.analyzer.resolver.types(to_expr(node.value), scope)
        owners = {name for t in types for name in self._classes_of(t)}
        return frameworks.overrides(node.attr, owners, self.module.import_roots())

    def _classes_of(self, t: Type) -> list[str]:
        """The classes of an object that are not the project's; "" where none is."""
        if isinstance(t, Object):
            return self.analyzer.resolver.classes.outside_bases(t.path, t.key) or [""]
        return [name_of(t)]


def _dependency_callables(analyzer: Analyzer) -> frozenset[str]:
    """The last names of the callables that make a dependency of a function: `Depends`."""
    markers = (m for framework in analyzer.frameworks.frameworks.values() for m in framework.markers)
    return frozenset(n.rpartition(".")[2] for m in markers if m.role is Role.DEPENDENCY for n in m.arguments)
