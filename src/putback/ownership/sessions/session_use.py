"""What one function does with the scoped sessions of the project: by a cheap parse."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from putback.flow.names import Name, dotted
from putback.frameworks.idioms import idioms
from putback.model.errors import SourceError
from putback.ownership.analysis.app_contexts import AppContexts
from putback.ownership.analysis.context import name_of
from putback.ownership.index.astnames import to_expr
from putback.ownership.index.module import FunctionInfo
from putback.ownership.index.trees import parsed
from putback.ownership.resolve.types import ClassRef, FunctionRef, Object, Partial, Scope, Symbol, Type, Types
from putback.ownership.sessions.registries import Registries, Registry, function_refs
from putback.source.slices import Reader, Slice

Body = ast.FunctionDef | ast.AsyncFunctionDef | ast.Module
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Call(Struct, frozen=True):
    """A call of a project function, or a function that is given to something else (`given`).

    `callee` is the dotted text of what is called, "" where it has none.
    """

    target: FunctionRef
    row: int
    given: bool
    callee: str = ""


class SessionUse(Struct):
    """What is seen in a function, those nested in it left out.

    `uses` are the first rows that run a statement on a registry's session; `removes` the registries that are removed
    or closed, with the rows, `closes` those rows that only close; `removes_unknown`: something that is not resolved is
    removed, or a session is closed that may be anybody's; `ends`: whose transactions are ended; `in_context`: it enters
    an application context; `repeats`: it has a `while`.
    """

    uses: dict[Registry, int] = field(default_factory=dict)
    removes: dict[Registry, list[int]] = field(default_factory=dict)
    closes: set[int] = field(default_factory=set)
    removes_unknown: bool = False
    ends: set[Registry] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)
    in_context: bool = False
    repeats: bool = False


def session_use(
    registries: Registries, contexts: AppContexts, reader: Reader, path: str, info: FunctionInfo
) -> SessionUse:
    """What the function `info` of a file does; nothing when it cannot be parsed."""
    found = function_node(reader, path, info)
    if found is None:
        return SessionUse()
    function, offset = found
    return _Watcher(registries, contexts, Scope(path, info.key), offset).watch(function, function.decorator_list)


def top_level_use(registries: Registries, contexts: AppContexts, path: str, rows: Slice) -> SessionUse:
    """What the top level of a file does, in the lambdas there as well; nothing when it cannot be parsed."""
    try:
        tree, offset = parsed(rows)
    except SourceError:
        return SessionUse()
    return _Watcher(registries, contexts, Scope(path), offset).watch(tree)


def function_node(
    reader: Reader, path: str, info: FunctionInfo
) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, int] | None:
    """The tree of a function, and what is to be added to its rows; None when it cannot be parsed."""
    try:
        tree, offset = parsed(reader.function(path, info.row, info.end_row))
    except SourceError:
        return None
    nodes = (n for n in ast.walk(tree) if isinstance(n, _FUNCTIONS) and n.lineno + offset == info.def_row)
    function = next(nodes, None)
    return (function, offset) if function is not None else None


class _Watcher:
    """One walk over one function."""

    def __init__(self, registries: Registries, contexts: AppContexts, scope: Scope, offset: int) -> None:
        self.registries = registries
        self.contexts = contexts
        self.resolver = registries.resolver
        self.scope = scope
        self.offset = offset
        self.found = SessionUse()

    def watch(self, function: Body, decorators: Sequence[ast.expr] = ()) -> SessionUse:
        for node in own_nodes(function):
            match node:
                case ast.Call():
                    self._call(node)
                case ast.Attribute():
                    self._attribute(node)
                case ast.While():
                    self.found.repeats = True
                case ast.withitem(context_expr=entered):
                    self._enter(entered)
        for decorator in decorators:
            self._decorator(decorator)
        return self.found

    def _row(self, node: ast.expr) -> int:
        return node.lineno + self.offset

    # -- sessions

    def _attribute(self, node: ast.Attribute) -> None:
        if node.attr == "push" and self.contexts.opened_by(to_expr(node.value), self.scope):
            self.found.in_context = True
        types = self.registries.types
        if node.attr == "query" and isinstance(node.value, (ast.Name, ast.Attribute)):
            model = self.registries.of_model(to_expr(node.value), self.scope)
            if model is not None:
                self._use(model, node)
        if node.attr in types.using or node.attr in types.ending or node.attr in types.removing:
            self._method(node)

    def _method(self, node: ast.Attribute) -> None:
        types = self.registries.types
        registry = self._registry(node.value)
        if registry is None:
            if node.attr in types.removing:
                self._remove_unknown(node.value)
        elif node.attr in types.removing:
            self._remove(registry, node, closes=node.attr not in types.discarding)
        elif node.attr in types.ending:
            self.found.ends.add(registry)
        else:
            self._use(registry, node)

    def _registry(self, node: ast.expr) -> Registry | None:
        """The registry that an expression is, or whose session it is."""
        if isinstance(node, ast.Call):
            return self.registries.of(to_expr(node.func), self.scope)
        expr = to_expr(node)
        return self.registries.of(expr, self.scope) or self.registries.session_of(expr, self.scope)

    def _remove(self, registry: Registry, node: ast.expr, *, closes: bool) -> None:
        self.found.removes.setdefault(registry, []).append(self._row(node))
        if closes:
            self.found.closes.add(self._row(node))

    def _remove_unknown(self, node: ast.expr) -> None:
        """Note what `node.close()` closes: a name that may hold a session, or somebody's session."""
        expr = to_expr(node)
        held = self.registries.sessions_in(expr, self.scope)
        for registry in held:
            self._remove(registry, node, closes=True)
        if not held and not (isinstance(expr, Name) and self.registries.is_made_here(expr, self.scope)):
            self.found.removes_unknown |= self.registries.may_be_session(expr, self.scope)

    def _enter(self, node: ast.expr) -> None:
        """A `with` closes the session that it enters, ends the transaction that it begins, and calls `__exit__`."""
        if self.contexts.opened_by(to_expr(node), self.scope):
            self.found.in_context = True
        given = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else node
        registry = self._registry(node) or self._registry(given)
        if registry is not None and not registry.is_standing:
            self._remove(registry, node, closes=True)
        elif not isinstance(node, ast.Call):
            for t in self.resolver.types(to_expr(node), self.scope):
                self._leave(t, node)

    def _leave(self, t: Type, node: ast.expr) -> None:
        for ref in self._exits(t):
            self.found.calls.append(Call(ref, self._row(node), False))

    def _exits(self, t: Type) -> Iterator[FunctionRef]:
        for name in ("__exit__", "__aexit__"):
            yield from function_refs(self.resolver.member(t, name))

    def _use(self, registry: Registry, node: ast.expr) -> None:
        row = self._row(node)
        self.found.uses[registry] = min(row, self.found.uses.get(registry, row))

    # -- calls

    def _call(self, node: ast.Call) -> None:
        func = node.func
        if isinstance(func, ast.Name) and func.id == "getattr":
            names = (a.value for a in node.args[1:] if isinstance(a, ast.Constant))
            self.found.removes_unknown |= any(name in self.registries.types.removing for name in names)
        called = to_expr(func)
        types = self.resolver.types(called, self.scope)
        if isinstance(func, ast.Attribute) and func.attr in self.registries.types.discarding and _is_bare(node):
            # it may be that of a scoped session, unless it is a method of the project
            is_own = any(isinstance(t, FunctionRef) for t in types)
            self.found.removes_unknown |= not is_own and self.registries.of(to_expr(func.value), self.scope) is None
        sweeping = self.registries.types.sweeping
        canonical = self.resolver.catalog.canonical
        symbols = [t.name for t in types if isinstance(t, Symbol)]
        self.found.removes_unknown |= any(canonical(name_of(t)) in sweeping for t in types)
        if not idioms().functions.closing.isdisjoint(symbols):
            self._close(node)
        self.found.in_context |= any(map(self.resolver.frameworks.asks_for_context, symbols))
        for ref in self._targets(types):
            self.found.calls.append(Call(ref, self._row(node), False, dotted(called) or ""))
        for argument in (*node.args, *(k.value for k in node.keywords)):
            self._given(argument)

    def _close(self, node: ast.Call) -> None:
        """`closing(Session())`."""
        for argument in node.args:
            registry = self._registry(argument)
            if registry is not None:
                self._remove(registry, argument, closes=True)

    def _given(self, argument: ast.expr) -> None:
        if isinstance(argument, (ast.Name, ast.Attribute)):
            for ref in function_refs(self.resolver.types(to_expr(argument), self.scope)):
                self.found.calls.append(Call(ref, self._row(argument), True))

    def _decorator(self, decorator: ast.expr) -> None:
        """A decorator of the project may clean up after the function."""
        base = decorator.func if isinstance(decorator, ast.Call) else decorator
        if self.contexts.made_by(to_expr(base), Scope(self.scope.path)):
            self.found.in_context = True
        for ref in self._beside(base) or function_refs(self.resolver.types(to_expr(base), Scope(self.scope.path))):
            self.found.calls.append(Call(ref, self._row(decorator), True))

    def _beside(self, named: ast.expr) -> list[FunctionRef]:
        """The function of a name that stands in the same class or function."""
        module = self.resolver.project.module(self.scope.path)
        outside, _, _ = self.scope.function.rpartition(".")
        key = f"{outside}.{named.id}" if outside and isinstance(named, ast.Name) else ""
        return [FunctionRef(self.scope.path, key)] if module is not None and key in module.functions else []

    def _targets(self, types: Types) -> Iterator[FunctionRef]:
        """The functions that a call runs: of a class its constructor, of an object its `__call__`."""
        yield from function_refs(types)
        for t in types:
            match t:
                case Partial(function=function):
                    yield from self._targets(frozenset({function}))
                case ClassRef():
                    yield from function_refs(self.resolver.member(t, "__init__"))
                    yield from self._exits(t)
                case Object():
                    yield from function_refs(self.resolver.member(t, "__call__"))


def _is_bare(call: ast.Call) -> bool:
    return not call.args and not call.keywords


def own_nodes(function: Body) -> Iterator[ast.AST]:
    """The nodes of the body of a function or a module, those of definitions nested in it left out."""
    stack: list[ast.AST] = list(function.body)
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            stack.extend(ast.iter_child_nodes(node))
