"""Who uses a function or class of the project: calls it, or gives it to somebody who will."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from putback.flow.ir import MODULE
from putback.model.finding import Place
from putback.model.spelling import inside
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.units import top_definitions
from putback.ownership.index.astnames import to_expr
from putback.ownership.index.module import ModuleInfo
from putback.ownership.index.places import place_by_path
from putback.ownership.makers.parts import Part, Parts
from putback.ownership.resolve.types import ClassRef, FunctionRef, Partial, Type

_MOST_FILES = 60
_MOST_USES = 40
_IN_WORD = re.compile(r"\w")


@dataclass(frozen=True, eq=False)
class Use:
    """One mention: `call` is the call that it is the callee of, None where it is only given to somebody."""

    part: Part
    node: ast.Name | ast.Attribute
    call: ast.Call | None


class Users:
    """Answers from the files that import the definition, and its own; tests do not count."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._parts = analyzer.once(Parts)
        self._ranks: dict[str, int] = {}

    def of(self, wanted: FunctionRef | ClassRef) -> list[Use]:
        """The uses of a function or class, as many as are looked at."""
        if isinstance(wanted, FunctionRef):
            wanted = FunctionRef(wanted.path, wanted.key)
        return self._analyzer.lasting.ask(("uses", wanted), lambda: list(islice(self._search(wanted), _MOST_USES)), [])

    def are_named(self, wanted: FunctionRef) -> bool:
        """Whether a function's name stands anywhere but at its definition, for whatever reason."""
        name = wanted.key.rpartition(".")[2]
        home = "\n".join(self._analyzer.reader.rows(wanted.path))
        return len({*_rows_with(name, home)}) > 1 or any(path != wanted.path for path in self._files(wanted.path, name))

    def _search(self, wanted: FunctionRef | ClassRef) -> Iterator[Use]:
        name, _, again = wanted.key.rpartition(".")[2].partition("@")
        if again and isinstance(wanted, FunctionRef) and not self._is_method(wanted):
            return  # names lead to the first of several definitions
        for path in self._files(wanted.path, name):
            module = self._analyzer.project.module(path)
            if module is not None:
                yield from self._in_module(module, wanted, name)

    def _is_method(self, ref: FunctionRef) -> bool:
        info = self._analyzer.info(ref)
        return info is not None and bool(info.owner)

    def _rank(self, path: str) -> int:
        """0 for what runs; examples show the uses of others, and tests try them out."""
        if path not in self._ranks:
            place = place_by_path(inside(path, self._analyzer.root))
            self._ranks[path] = place.rank if place in (Place.EXAMPLE, Place.TEST) else 0
        return self._ranks[path]

    def _files(self, home: str, name: str) -> Iterable[str]:
        """The files that may use something of this name from the file `home`, that file first."""
        importing = self._analyzer.importing(home)
        mine = self._rank(home)
        known = (path for path in dict.fromkeys((home, *importing)) if self._rank(path) <= mine)
        found: list[str] = []
        for path in known:
            if len(found) >= _MOST_FILES:
                break
            if self._analyzer.says(path, name):
                found.append(path)
        return found

    def _in_module(self, module: ModuleInfo, wanted: FunctionRef | ClassRef, name: str) -> Iterator[Use]:
        names = {name, *_aliases(module, name)}
        text = "\n".join(self._analyzer.reader.rows(module.path))
        said = [row for each in names for row in _rows_with(each, text)]
        for info in module.functions.values():
            if not info.outer and any(info.row <= row <= info.end_row for row in said):
                yield from self._in_part(self._parts.part(module.path, info.key), names, wanted)
        inner = top_definitions(module)
        if any(not any(d.row <= row <= d.end_row for d in inner) for row in said):
            yield from self._in_part(self._parts.part(module.path, MODULE), names, wanted)

    def _in_part(self, part: Part | None, names: set[str], wanted: FunctionRef | ClassRef) -> Iterator[Use]:
        if part is None:
            return
        for node in part.read(names):
            if any(_is(t, wanted) for t in self._types(part, node)):
                parent = part.parents.get(node)
                called = isinstance(parent, ast.Call) and parent.func is node
                yield Use(part, node, parent if called and isinstance(parent, ast.Call) else None)

    def _types(self, part: Part, node: ast.expr) -> Iterable[Type]:
        return self._analyzer.resolver.types(to_expr(node), part.scope_of(node))


def _rows_with(name: str, text: str) -> Iterator[int]:
    """The rows of a text that have a name as a word."""
    row, seen, at = 1, 0, text.find(name)
    while at >= 0:
        end = at + len(name)
        row += text.count("\n", seen, at)
        if not (at and _IN_WORD.match(text, at - 1)) and not _IN_WORD.match(text, end):
            yield row
        seen, at = at, text.find(name, end)


def _aliases(module: ModuleInfo, name: str) -> set[str]:
    """What a module calls what it imports as `name`."""
    tables = (module.imports, *(info.imports for info in module.functions.values()))
    return {alias for table in tables for alias, found in table.items() if found.name == name}


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
