"""Functions and top levels of modules as trees: what the questions about makers are asked of."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from weakref import WeakValueDictionary

from putback.flow.ir import MODULE
from putback.model.errors import SourceError
from putback.model.span import Position, Span
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.index.trees import parsed
from putback.ownership.resolve.types import FunctionRef, Scope

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_MOST = 40


@dataclass(eq=False)
class Part:
    """An outermost function of a file, or its top level; `offset` is to be added to the rows of its nodes."""

    path: str
    tree: ast.Module = field(repr=False)
    offset: int
    keys: dict[int, str] = field(repr=False)
    rows: Sequence[str] = field(repr=False)
    _own_names: dict[Function, frozenset[str]] = field(default_factory=dict, init=False, repr=False)
    _sources: dict[Function, Mapping[str, set[str]]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The node around each node."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def functions(self) -> list[Function]:
        """The functions in it, the outer ones first."""
        return [node for node in ast.walk(self.tree) if isinstance(node, FUNCTIONS)]

    def read(self, names: Collection[str]) -> list[ast.Name | ast.Attribute]:
        """Where names and attributes that are called so are read, the outer ones first."""
        found = (each for name in names for each in self._read.get(name, ()))
        return [node for _, node in sorted(found, key=itemgetter(0))]

    @cached_property
    def _read(self) -> dict[str, list[tuple[int, ast.Name | ast.Attribute]]]:
        """The names and attributes that are read, with their places in the row of all nodes."""
        found: dict[str, list[tuple[int, ast.Name | ast.Attribute]]] = {}
        for place, node in enumerate(ast.walk(self.tree)):
            if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
                found.setdefault(node.id if isinstance(node, ast.Name) else node.attr, []).append((place, node))
        return found

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around a node, the nearest first."""
        here = self.parents.get(node)
        while here is not None:
            yield here
            here = self.parents.get(here)

    def function_of(self, node: ast.AST) -> Function | None:
        """The innermost function in whose body a node stands; its decorators and defaults stand outside of it."""
        below = node
        for each in self.above(node):
            if isinstance(each, FUNCTIONS) and below in each.body:
                return each
            below = each
        return None

    def key_of(self, node: ast.AST) -> str:
        """The key of the function in whose body a node stands."""
        function = self.function_of(node)
        return self.keys.get(function.lineno + self.offset, MODULE) if function is not None else MODULE

    def scope_of(self, node: ast.AST) -> Scope:
        """Where the names of a node are looked up."""
        key = self.key_of(node)
        return Scope(self.path, "" if key == MODULE else key)

    def own_names(self, node: ast.AST) -> frozenset[str]:
        """The names that the function around a node binds itself."""
        function = self.function_of(node)
        if function is None:
            return frozenset()
        if function not in self._own_names:
            self._own_names[function] = _own_names(function)
        return self._own_names[function]

    def sources(self, function: Function) -> Mapping[str, set[str]]:
        """For each name that a function binds the names that stand in what it is bound to."""
        if function not in self._sources:
            found: dict[str, set[str]] = {}
            for name, value in _bindings(function):
                found.setdefault(name, set()).update(names_in(value))
            self._sources[function] = found
        return self._sources[function]

    def ref_of(self, node: ast.AST) -> FunctionRef:
        """The function in whose body a node stands."""
        return FunctionRef(self.path, self.key_of(node))

    def row(self, node: ast.expr | ast.stmt) -> int:
        """The row of a node in the file."""
        return node.lineno + self.offset

    def span(self, node: ast.expr | ast.keyword) -> Span:
        """Where a node stands in the file."""
        end = (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
        return Span(self._position(node.lineno, node.col_offset), self._position(*end))

    def _position(self, row: int, offset: int) -> Position:
        row += self.offset
        text = self.rows[row - 1] if 0 < row <= len(self.rows) else ""
        return Position(row, (offset if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))) + 1)

    def call_at(self, span: Span) -> ast.Call | None:
        """The call that stands there."""
        calls = self._calls.get(span.start.row - self.offset, ())
        return next((each for each in calls if self.span(each) == span), None)

    @cached_property
    def _calls(self) -> dict[int, list[ast.Call]]:
        """The calls that begin in each row."""
        found: dict[int, list[ast.Call]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                found.setdefault(node.lineno, []).append(node)
        return found


class Parts:
    """Parses what is asked for, and remembers the last of it and whatever of it somebody still has."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._known: dict[tuple[str, str], Part | None] = {}
        self._held: WeakValueDictionary[tuple[str, str], Part] = WeakValueDictionary()

    def part(self, path: str, key: str) -> Part | None:
        """The outermost function around `key`, or the top level of the file; None when it cannot be parsed."""
        place = path, self._analyzer.outermost(path, key)
        if place not in self._known:
            part = self._held.get(place) or self._parse(*place)
            if len(self._known) >= _MOST:
                self._known.pop(next(iter(self._known)))
            self._known[place] = part
            if part is not None:
                self._held[place] = part
        return self._known[place]

    def _parse(self, path: str, key: str) -> Part | None:
        module = self._analyzer.project.module(path)
        if module is None:
            return None
        try:
            tree, offset = parsed(self._analyzer.part(path, key))
        except SourceError:
            return None
        inside = module.functions.values() if key == MODULE else self._analyzer.families.of(module, key)
        keys = {info.def_row: info.key for info in inside}
        return Part(path, tree, offset, keys, self._analyzer.reader.rows(path))


def _own_names(function: Function) -> frozenset[str]:
    args = function.args
    given = {a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)}
    outer = {n for each in ast.walk(function) if isinstance(each, (ast.Global, ast.Nonlocal)) for n in each.names}
    names = (n for n in ast.walk(function) if isinstance(n, ast.Name))
    return frozenset((given | {n.id for n in names if isinstance(n.ctx, ast.Store)}) - outer)


def _bindings(function: Function) -> Iterator[tuple[str, ast.expr]]:
    """Each name that a function binds, with what it is bound to."""
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from ((name, value) for target in targets for name in names_in(target))
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.AugAssign(target=target, value=value):
                yield from ((name, value) for name in names_in(target))
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                yield name, value
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                yield from ((name, value) for name in names_in(target))
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                yield from ((name, value) for name in names_in(target))


def names_in(expr: ast.expr) -> set[str]:
    """The names that stand in an expression."""
    return {node.id for node in ast.walk(expr) if isinstance(node, ast.Name)}
