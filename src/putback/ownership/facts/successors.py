"""What stands in the way of the pool of a newer library: uses of what only the older one has."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from msgspec import Struct

from putback.drivers.schema import Pool, Successor
from putback.model.errors import SourceError
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.index.astnames import to_expr
from putback.ownership.index.places import is_test_code
from putback.ownership.index.trees import parse_ast
from putback.ownership.resolve.types import Scope, Symbol


class Hindrance(Struct, frozen=True):
    """A use of something that is not there any more; `what` as users call it."""

    path: str
    row: int
    what: str


def hindrances(analyzer: Analyzer, pool: Pool, home: str) -> Iterator[Hindrance]:
    """What of the project outside of its tests only works with a pool as it is; it is made in the file `home`."""
    successor = pool.successor
    assert successor is not None
    said = (*successor.lacks, *successor.methods, *successor.taking, *successor.closed_by_with)
    words = (*analyzer.catalog.drivers[pool.driver].imports, *said)
    for path in sorted(analyzer.project.paths):
        if is_test_code(path):
            continue
        try:
            text = analyzer.reader.text(path)
            tree = parse_ast(text) if any(word in text for word in words) else None
        except (SourceError, OSError):
            continue
        if tree is not None:
            yield from _Search(analyzer, pool, successor, path, path == home).run(tree)


class _Search:
    """One file."""

    def __init__(self, analyzer: Analyzer, pool: Pool, successor: Successor, path: str, is_home: bool) -> None:
        self.analyzer = analyzer
        self.pool = pool
        self.successor = successor
        self.path = path
        self.is_home = is_home
        self.roots = analyzer.catalog.drivers[pool.driver].imports

    def run(self, tree: ast.Module) -> Iterator[Hindrance]:
        connections = set(self._connections(tree))
        for node in ast.walk(tree):
            match node:
                case ast.Import() | ast.ImportFrom():
                    yield from self._imported(node)
                case ast.Attribute():
                    yield from self._attribute(node)
                case ast.withitem(context_expr=entered) if ast.unparse(entered) in connections or self._takes(entered):
                    what = f"`with {ast.unparse(entered)}`, which only commits here and closes there,"
                    yield Hindrance(self.path, entered.lineno, what)
                case ast.Call(func=ast.Attribute(attr=method)) if method in self.successor.taking:
                    if len(node.args) + len(node.keywords) > self.successor.taking[method]:
                        yield Hindrance(self.path, node.lineno, f"further arguments of `{method}()`")

    def _takes(self, entered: ast.expr) -> bool:
        """Whether this takes a connection of such a pool: what a `with` on that closes has been given back in it."""
        match entered:
            case ast.Call(func=ast.Attribute(attr=method)):
                return method in self.successor.taking
            case _:
                return False

    def _connections(self, tree: ast.Module) -> Iterator[str]:
        """What is a connection by what is called on it, as it is written."""
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name() | ast.Attribute() as value, attr=method)):
                    if method in self.successor.closed_by_with:
                        yield ast.unparse(value)

    def _imported(self, node: ast.Import | ast.ImportFrom) -> Iterator[Hindrance]:
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{a.name}" for a in node.names] if not node.level else []
        else:
            names = [a.name for a in node.names]
        for name in names:
            if name.partition(".")[0] in self.roots and not (self._leads_to_pool(name) and self._is_plain(node)):
                yield Hindrance(self.path, node.lineno, f"`{name}`")

    def _is_plain(self, node: ast.Import | ast.ImportFrom) -> bool:
        """Whether an import stands at the top of the file that makes the pool, and nothing is renamed."""
        return self.is_home and not node.col_offset and all(a.asname is None for a in node.names)

    def _leads_to_pool(self, name: str) -> bool:
        return any(made == name or made.startswith(f"{name}.") for made in self.pool.made_by)

    def _attribute(self, node: ast.Attribute) -> Iterator[Hindrance]:
        if node.attr in self.successor.lacks:
            yield Hindrance(self.path, node.lineno, f"`{node.attr}`")
        elif node.attr in self.successor.methods and not self.is_home:
            yield Hindrance(self.path, node.lineno, f"`{node.attr}()`, outside of the file that makes the pool,")
        else:
            for t in self.analyzer.resolver.types(to_expr(node), Scope(self.path)):
                if isinstance(t, Symbol) and t.name.partition(".")[0] in self.roots and not self._leads_to_pool(t.name):
                    yield Hindrance(self.path, node.lineno, f"`{t.name}`")
