"""Attributes that several threads have in common: of a class, and of an object that is made once for a module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from textwrap import dedent

from msgspec import Struct

from putback.drivers.schema import Kind
from putback.flow.names import Expr, Invoke
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.index.astnames import own_name, to_expr
from putback.ownership.index.module import ClassInfo
from putback.ownership.makers.often import Frequency
from putback.ownership.makers.parts import Part
from putback.ownership.resolve.types import ClassRef, Instance, Object, Scope

_CONSTRUCTOR = "__init__"


class Shared(Struct, frozen=True):
    """An attribute `name` that every object of the class has in common, or that its only objects have.

    `row` is where the body of the class assigns it; 0 where its constructor does.
    """

    owner: ClassRef
    name: str
    row: int = 0

    @property
    def text(self) -> str:
        """As one would say it."""
        return f"{self.owner.key}.{self.name}"


class SharedAttributes:
    """Answers for what is made and kept by an attribute."""

    def __init__(self, analyzer: Analyzer, frequency: Frequency) -> None:
        self.analyzer = analyzer
        self.frequency = frequency

    def of(self, part: Part, made: ast.expr) -> Shared | None:
        """The attribute that a constructor assigns a call to, if all objects are made once and nothing else sets it."""
        statement = next((p for p in part.above(made) if isinstance(p, ast.stmt)), None)
        if not isinstance(statement, ast.Assign) or statement.value is not made:
            return None
        found = self._assigned(part, statement)
        if found is None:
            return None
        module = self.analyzer.project.module(part.path)
        cls = module.classes.get(found.owner.key) if module is not None else None
        return found if cls is not None and len(cls.attributes.get(found.name, ())) == 1 else None

    def _assigned(self, part: Part, statement: ast.Assign) -> Shared | None:
        target, ref = statement.targets[0], part.ref_of(statement.value)
        owner, _, method = ref.key.rpartition(".")
        if method != _CONSTRUCTOR or not isinstance(target, ast.Attribute) or not isinstance(target.value, ast.Name):
            return None
        cls = ClassRef(part.path, owner)
        function = part.function_of(statement)
        is_own = function is not None and target.value.id == own_name(function)
        return Shared(cls, target.attr) if is_own and self._is_made_once(cls) else None

    def of_classes(self, path: str) -> Iterator[tuple[Shared, Kind]]:
        """The attributes of a file's classes that a call in the class itself makes a connection for."""
        module = self.analyzer.project.module(path)
        for cls in module.classes.values() if module is not None else ():
            for name, values in cls.attributes.items():
                if len(values) == 1 and not values[0][0] and isinstance(values[0][1], Invoke):
                    kind = self._kind(values[0][1], Scope(path))
                    if kind is not None:
                        yield Shared(ClassRef(path, cls.key), name, self._row(path, cls, name)), kind

    def _kind(self, value: Expr, scope: Scope) -> Kind | None:
        catalog = self.analyzer.catalog
        types = self.analyzer.resolver.types(value, scope)
        kinds = (catalog.kind_of(catalog.canonical(t.name)) for t in types if isinstance(t, Instance))
        return next((kind for kind in kinds if kind is not None), None)

    def _row(self, path: str, cls: ClassInfo, name: str) -> int:
        """Where the body of a class assigns a name; the class itself if its text cannot be read alone."""
        rows = self.analyzer.reader.rows(path)[cls.row - 1 : cls.end_row]
        try:
            tree = ast.parse(dedent("\n".join(rows)))
        except SyntaxError:
            return cls.row
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
                return cls.row + node.lineno - 1
        return cls.row

    def _is_made_once(self, cls: ClassRef) -> bool:
        """Whether every object of a class is made at the top level of a module."""
        uses = [
            use for each in self.frequency.with_subclasses(cls.path, cls.key) for use in self.frequency.users.of(each)
        ]
        made = [use for use in uses if use.call is not None]
        return bool(made) and all(use.part.function_of(use.node) is None for use in made)

    def uses(self, shared: Shared) -> Iterator[tuple[Part, ast.expr]]:
        """Where methods of the class use the attribute."""
        module = self.analyzer.project.module(shared.owner.path)
        for info in module.functions.values() if module is not None else ():
            if info.owner != shared.owner.key or info.name == _CONSTRUCTOR:
                continue
            part = self.frequency.parts.part(shared.owner.path, info.key)
            for node in ast.walk(part.tree) if part is not None else ():
                assert part is not None
                if isinstance(node, ast.Attribute) and node.attr == shared.name and isinstance(node.ctx, ast.Load):
                    types = self.analyzer.resolver.types(to_expr(node.value), part.scope_of(node))
                    if {shared.owner, Object(shared.owner.path, shared.owner.key)} & types:
                        yield part, node
