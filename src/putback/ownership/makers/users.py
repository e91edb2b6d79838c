"""Who uses a function or class of the project: calls it, or gives it to somebody who will."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from putback.flow.ir import MODULE
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.index.astnames import to_expr
from putback.ownership.index.module import ModuleInfo
from putback.ownership.index.places import is_test_code
from putback.ownership.makers.parts import Part, Parts
from putback.ownership.resolve.types import ClassRef, FunctionRef, Partial, Type

_MOST_FILES = 60
_MOST_USES = 40


@dataclass(frozen=True, eq=False)
class Use:
    """One mention: `call` is the call that it is the callee of, None where it is only given to somebody."""

    part: Part
    node: ast.Name | ast.Attribute
    call: ast.Call | None


class Users:
    """Answers from the files that import the definition, and its own; tests do not count."""

    def __init__(self, analyzer: Analyzer, parts: Parts) -> None:
        self._analyzer = analyzer
        self._parts = parts
        self._known: dict[FunctionRef | ClassRef, list[Use]] = {}

    def of(self, wanted: FunctionRef | ClassRef) -> list[Use]:
        """The uses of a function or class, as many as are looked at."""
        if isinstance(wanted, FunctionRef):
            wanted = FunctionRef(wanted.path, wanted.key)
        if wanted not in self._known:
            found: list[Use] = []
            for use in self._search(wanted):
                found.append(use)
                if len(found) >= _MOST_USES:
                    break
            self._known[wanted] = found
        return self._known[wanted]

    def _search(self, wanted: FunctionRef | ClassRef) -> Iterator[Use]:
        name = wanted.key.rpartition(".")[2].partition("@")[0]
        for path in self._files(wanted.path, name):
            module = self._analyzer.project.module(path)
            if module is not None:
                yield from self._in_module(module, wanted, name)

    def _files(self, home: str, name: str) -> Iterable[str]:
        """The files that may use something of this name from the file `home`, that file first."""
        importing = self._analyzer.importing(home)
        known = (path for path in dict.fromkeys((home, *importing)) if path == home or not is_test_code(path))
        found: list[str] = []
        for path in known:
            if len(found) >= _MOST_FILES:
                break
            if self._has(path, name.encode()):
                found.append(path)
        return found

    def _has(self, path: str, name: bytes) -> bool:
        try:
            return name in self._analyzer.reader.data(path)
        except OSError:
            return False

    def _in_module(self, module: ModuleInfo, wanted: FunctionRef | ClassRef, name: str) -> Iterator[Use]:
        names = {name} | {alias for alias, found in module.imports.items() if found.name == name}
        for info in module.functions.values():
            names |= {alias for alias, found in info.imports.items() if found.name == name}
        rows = self._analyzer.reader.rows(module.path)
        for info in [each for each in module.functions.values() if not each.outer]:
            if any(each in row for row in rows[info.row - 1 : info.end_row] for each in names):
                yield from self._in_part(self._parts.part(module.path, info.key), names, wanted)
        yield from self._in_part(self._parts.part(module.path, MODULE), names, wanted)

    def _in_part(self, part: Part | None, names: set[str], wanted: FunctionRef | ClassRef) -> Iterator[Use]:
        for node in ast.walk(part.tree) if part is not None else ():
            if isinstance(node, (ast.Name, ast.Attribute)) and _name(node) in names:
                assert part is not None
                if isinstance(node.ctx, ast.Load) and any(_is(t, wanted) for t in self._types(part, node)):
                    parent = part.parents.get(node)
                    called = isinstance(parent, ast.Call) and parent.func is node
                    yield Use(part, node, parent if called and isinstance(parent, ast.Call) else None)

    def _types(self, part: Part, node: ast.expr) -> Iterable[Type]:
        return self._analyzer.resolver.types(to_expr(node), part.scope_of(node))


def _name(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


def _is(t: Type, wanted: FunctionRef | ClassRef) -> bool:
    match t:
        case FunctionRef(path=path, key=key):
            return isinstance(wanted, FunctionRef) and (path, key) == (wanted.path, wanted.key)
        case ClassRef():
            return t == wanted
        case Partial(function=function):
            return _is(function, wanted)
        case _:
            return False
