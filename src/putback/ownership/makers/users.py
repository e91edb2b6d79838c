"""Who uses a function or class of the project: calls it, or gives it to somebody who will."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from msgspec import Struct

from putback.flow.ir import MODULE
from putback.model.finding import Place
from putback.model.spelling import inside
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.index.astnames import to_expr
from putback.ownership.index.footprint import Memo
from putback.ownership.index.module import ModuleInfo
from putback.ownership.index.places import place_by_path
from putback.ownership.makers.parts import Part, Parts
from putback.ownership.resolve.types import ClassRef, FunctionRef, Partial, Type

_MOST_FILES = 60
_MOST_USES = 40
_REMEMBERED = 20
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, eq=False)
class Use:
    """One mention: `call` is the call that it is the callee of, None where it is only given to somebody."""

    part: Part
    node: ast.Name | ast.Attribute
    call: ast.Call | None


class _Vocabulary(Struct, frozen=True):
    """The outermost functions of a file (`keys`, by number) that have a word, and the `aliases` of what it imports."""

    keys: Sequence[str]
    functions: Mapping[str, Sequence[int]]
    aliases: Mapping[str, set[str]]


class Users:
    """Answers from the files that import the definition, and its own; tests do not count."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._parts = analyzer.once(Parts)
        self._known: Memo[FunctionRef | ClassRef, list[Use]] = Memo(analyzer.project.footprint)
        self._vocabularies: dict[str, _Vocabulary] = {}
        self._ranks: dict[str, int] = {}

    def of(self, wanted: FunctionRef | ClassRef) -> list[Use]:
        """The uses of a function or class, as many as are looked at."""
        if isinstance(wanted, FunctionRef):
            wanted = FunctionRef(wanted.path, wanted.key)
        return self._known.ask(wanted, lambda: list(islice(self._search(wanted), _MOST_USES)), [])

    def _search(self, wanted: FunctionRef | ClassRef) -> Iterator[Use]:
        name = wanted.key.rpartition(".")[2].partition("@")[0]
        for path in self._files(wanted.path, name):
            module = self._analyzer.project.module(path)
            if module is not None:
                yield from self._in_module(module, wanted, name)

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
        vocabulary = self._vocabulary(module)
        names = {name, *vocabulary.aliases.get(name, ())}
        numbers = {number for each in names for number in vocabulary.functions.get(each, ())}
        for key in (vocabulary.keys[number] for number in sorted(numbers)):
            yield from self._in_part(self._parts.part(module.path, key), names, wanted)
        yield from self._in_part(self._parts.part(module.path, MODULE), names, wanted)

    def _vocabulary(self, module: ModuleInfo) -> _Vocabulary:
        if module.path not in self._vocabularies:
            if len(self._vocabularies) >= _REMEMBERED:
                self._vocabularies.pop(next(iter(self._vocabularies)))
            self._vocabularies[module.path] = _vocabulary_of(module, self._analyzer.reader.rows(module.path))
        return self._vocabularies[module.path]

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


def _vocabulary_of(module: ModuleInfo, rows: Sequence[str]) -> _Vocabulary:
    outermost = [info for info in module.functions.values() if not info.outer]
    functions: dict[str, list[int]] = {}
    for number, info in enumerate(outermost):
        for word in {word for row in rows[info.row - 1 : info.end_row] for word in _WORD.findall(row)}:
            functions.setdefault(word, []).append(number)
    aliases: dict[str, set[str]] = {}
    for table in (module.imports, *(info.imports for info in module.functions.values())):
        for alias, found in table.items():
            aliases.setdefault(found.name, set()).add(alias)
    return _Vocabulary([info.key for info in outermost], functions, aliases)


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
