"""The first half of the pipeline: files -> candidates -> project index, wrapper names in rounds.

A file is a candidate when it names a driver and one of its needles, or a name of the project that may carry a
connection together with the module that defines it. Only candidates are indexed; other files are indexed when a name
leads there.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from putback.drivers.catalog import Catalog
from putback.frameworks.catalog import FrameworkCatalog
from putback.model.errors import SourceError
from putback.ownership.index.indexer import index_module
from putback.ownership.index.module import Import, ModuleInfo, packed, packed_stores
from putback.ownership.index.module_cache import GENERATION
from putback.ownership.index.newer import index_by_statement
from putback.ownership.index.project import Project
from putback.ownership.index.subclasses import imported_bases
from putback.ownership.index.vocabulary import Receivers, driver_names, receivers
from putback.ownership.resolve.callers import begins_with, by_name, invocations
from putback.ownership.resolve.carriers import Carriers
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import ClassRef, FunctionRef, Scope, outside_class
from putback.pipeline import workers
from putback.source.definitions import imports_in
from putback.source.slices import Reader
from putback.source.survey import Survey

R = TypeVar("R")
_STAR = re.compile(rb"from\s+([.\w]+)\s+import \*")
_ROUNDS = 6
_LARGE = 50_000  # characters
_LARGEST_HELPER = 1 << 20  # bytes
_WORTH_A_PROCESS = 300_000  # bytes to index


@dataclass(frozen=True, slots=True)
class Broken:
    """A candidate that cannot be decoded or parsed, as a whole or in `part`."""

    path: str
    message: str
    row: int
    column: int
    part: bool = False


@dataclass(frozen=True, slots=True)
class Indexed:
    """A candidate that was indexed: the module, maybe packed, the files of the project that it imports, and what it
    calls and sets on objects, packed by name.

    Between processes a module travels packed.
    """

    path: str
    module: ModuleInfo | bytes
    imports: tuple[str, ...]
    calls: dict[str, bytes]
    stores: dict[str, bytes]

    def __reduce__(self) -> tuple[type[Indexed], tuple[object, ...]]:
        return Indexed, (self.path, _packed(self.module), self.imports, self.calls, self.stores)


def _nobody(path: str) -> Iterable[str]:
    return ()


@dataclass(slots=True)
class Scan:
    """What the first pass found. `names` are all names that can mean a connection, those of the project included.

    `imports` holds for each candidate that was indexed the files of the project that it imports, at its top level or in
    a function. `alone` are those candidates that no other file imports. `importing` gives the files of the project that
    may import one; `commented` are the files that may have comments for putback.
    """

    project: Project
    carriers: Carriers
    imports: dict[str, frozenset[str]] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    names: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()
    importing: Callable[[str], Iterable[str]] = _nobody
    commented: frozenset[str] = frozenset()

    @property
    def candidates(self) -> set[str]:
        """The files that were looked at more closely."""
        return self.imports.keys() | {each.path for each in self.broken}

    def importers(self, paths: Collection[str]) -> set[str]:
        """The candidates that import one of the files `paths`."""
        wanted = frozenset(paths)
        return {path for path, imports in self.imports.items() if not wanted.isdisjoint(imports)}

    def modules(self, paths: Iterable[str]) -> Iterator[ModuleInfo]:
        """The modules at `paths`, one at a time: they need not all fit in memory."""
        return (module for path in paths if (module := self.project.module(path)) is not None)


def index_file(path: str, reader: Reader, names: Receivers) -> ModuleInfo | Broken:
    """Index one file, statement by statement where the running Python cannot parse it but libcst can."""
    try:
        text = reader.text(path)
        if len(text) > _LARGE:
            text = "\n".join(reader.code(path))
        try:
            return index_module(path, text, names)
        except SourceError as error:
            nested = "nested" in str(error)  # too deep for the running Python is too deep for libcst
            found = None if nested else index_by_statement(path, text, names)
            return found if found is not None else Broken(path, str(error), error.row, error.column)
    except SourceError as error:
        return Broken(path, str(error), error.row, error.column)
    except RecursionError:
        return Broken(path, "is nested too deeply to be checked", 1, 1)


class Scanner:
    """One scan over a list of files."""

    def __init__(
        self,
        paths: Sequence[str],
        reader: Reader,
        catalog: Catalog,
        frameworks: FrameworkCatalog,
        gates: bool,
        jobs: int,
    ) -> None:
        self.paths = paths
        self.known = frozenset(paths)
        self.reader = reader
        self.catalog = catalog
        self.frameworks = frameworks
        self.receivers = receivers(frameworks)
        self.gates = gates
        self.jobs = jobs
        self.project = Project(paths, self._load)

    def run(self, seen: Survey) -> Scan:
        """Index what matters; without gates everything."""
        found = Scan(self.project, self._carriers())
        found.commented = frozenset(self.paths[number] for number in seen.commented)
        for number, message in seen.unreadable:
            found.broken.append(Broken(self.paths[number], f"cannot be read: {message}", 1, 1))
        new = self._index(found, [self.paths[number] for number in sorted(seen.candidates)])
        if not self.gates:
            broken = list(found.broken)
            new += self._index(found, [path for path in self.paths if path not in found.candidates])
            found.broken = broken  # the others would not have been looked at
        carried: dict[str, set[str]] = {}
        for _ in range(_ROUNDS):
            found.carriers = self._carriers()
            wanted: dict[str, set[str]] = {}
            affected = _affected(found, new)
            carriers, reached = self._carried(found, affected)
            for name, defining in carriers.items():
                if fresh := defining - carried.get(name, set()):
                    carried.setdefault(name, set()).update(fresh)
                    wanted[name] = fresh
            new = self._index(found, self._importing(found, seen, wanted))
            new += self._index(found, sorted(reached - found.candidates))
            new += self._index(found, self._users_of(found, self._set_on(found, affected)))
            if not new:
                break
        members = self.shared_out(lambda share: found.carriers.members(found.modules(share)), list(found.imports))
        found.names = driver_names(self.catalog).union(carried, *members)
        found.alone = frozenset(p for p in found.imports if next(seen.may_import(p, self.paths), None) is None)
        found.importing = partial(seen.importing, self.paths)
        return found

    def again(self, before: Scan, changed: Collection[str], reader: Reader) -> Scan:
        """What was found before, with the `changed` files indexed anew from `reader` and nothing else looked at."""
        other = copy.copy(self)
        other.reader, other.project = reader, before.project.renewed(changed, other._load)
        kept = {path: imports for path, imports in before.imports.items() if path not in changed}
        found = Scan(other.project, before.carriers, kept, alone=before.alone, importing=before.importing)
        found.commented = before.commented
        new = other._index(found, sorted(changed))
        found.carriers = other._carriers()
        modules = list(found.modules(new))
        found.names = before.names.union(found.carriers.names(modules), found.carriers.members(modules))
        return found

    def _carriers(self) -> Carriers:
        """What the modules indexed so far say of each other."""
        return Carriers(Resolver(self.project.closed(), self.catalog, self.frameworks))

    def _load(self, path: str) -> ModuleInfo | None:
        """Index a file that is no candidate, because a name leads there; generated giants are left alone."""
        if path not in self.known or os.path.getsize(path) > _LARGEST_HELPER:
            return None
        item = index_file(path, self.reader, self.receivers)
        return item if isinstance(item, ModuleInfo) else None

    # -- indexing

    def _index(self, found: Scan, paths: Sequence[str]) -> list[str]:
        """Index files, in several processes if there is much to do; the paths of those that could be indexed."""
        new = []
        for part in self.shared_out(self._indexed, paths):
            for item in part:
                if isinstance(item, Broken):
                    found.broken.append(item)
                else:
                    new.append(item.path)
                    found.imports[item.path] = frozenset(item.imports)
                    self.project.put(item.path, item.module)
                    self.project.note(item.path, item.calls, item.stores, item.imports)
        return new

    def _indexed(self, paths: Sequence[str]) -> list[Indexed | Broken]:
        done: list[Indexed | Broken] = []
        room = GENERATION
        for path in paths:
            item = index_file(path, self.reader, self.receivers)
            if isinstance(item, ModuleInfo):
                every = {self.project.resolve_import(i, path) for found in item.all_imports() for i in _files(found)}
                imports = tuple(each for each in every if each is not None)
                room -= item.size
                kept = item if room > 0 else packed(item)
                done.append(Indexed(path, kept, imports, by_name(invocations(item)), packed_stores(item)))
                done += [Broken(path, message, row, 1, part=True) for row, message in item.left_out]
            else:
                done.append(item)
        return done

    def shared_out(self, work: Callable[[Sequence[str]], R], paths: Sequence[str]) -> list[R]:
        """`work` on files in shares of about equal size, in several processes if they are large."""
        sizes = {path: _size(path) for path in paths}
        hands = workers.cores(self.jobs) if sum(sizes.values()) > _WORTH_A_PROCESS else 1
        return workers.shared_out(work, workers.dealt(paths, sizes.__getitem__, hands)) if paths else []

    # -- the files that use what others define

    def _carried(self, found: Scan, paths: Sequence[str]) -> tuple[dict[str, set[str]], set[str]]:
        """The names in some modules that can mean a connection, with the paths that define them; and the files that
        these modules reach with one: `_mixed_in` and `_handed_to`."""

        def work(share: Sequence[str]) -> tuple[dict[str, set[str]], set[str]]:
            reached = self._mixed_in(found, share) | self._handed_to(found, share)
            return found.carriers.names(found.modules(share)), reached

        names: dict[str, set[str]] = {}
        bases: set[str] = set()
        for carriers, reached in self.shared_out(work, paths):
            bases |= reached
            for name, defining in carriers.items():
                names.setdefault(name, set()).update(defining)
        return names, bases

    def _mixed_in(self, found: Scan, paths: Sequence[str]) -> set[str]:
        """The files with the bases of classes, in some modules, that carry a connection: they may use it by `self`."""
        imported = (
            self.project.resolve_import(base, module.path)
            for module in found.modules(paths)
            for cls in module.classes.values()
            if found.carriers.by_class(module.path, cls.key)
            for base in imported_bases(module, cls)
        )
        return {path for path in imported if path is not None}

    def _handed_to(self, found: Scan, paths: Sequence[str]) -> set[str]:
        """The files that define what some modules pass a connection, a pool or a factory to."""
        reached: set[str] = set()
        resolver = Resolver(self.project, self.catalog, self.frameworks)
        for module in found.modules(paths):
            imported = frozenset(self._imported_from_project(module))
            for scope, call in invocations(module) if imported else ():
                if begins_with(call) in imported and found.carriers.passes_one(call, Scope(module.path, scope)):
                    for callee in resolver.types(call.func, Scope(module.path, scope)):
                        if isinstance(callee, (FunctionRef, ClassRef)):
                            reached.add(callee.path)
        return reached

    def _imported_from_project(self, module: ModuleInfo) -> Iterator[str]:
        """The names that a module imports from others of the project, at its top level or in a function."""
        tables = (module.imports, *(function.imports for function in module.functions.values()))
        for name, found in (item for table in tables for item in table.items()):
            if any(self.project.resolve_import(each, module.path) for each in _files(found)):
                yield name

    def _set_on(self, found: Scan, paths: Sequence[str]) -> set[tuple[bytes, bytes]]:
        """Under which names some modules set what carries a connection on objects of outside classes, such as a
        framework's application; each with the package of the class."""
        names: set[tuple[bytes, bytes]] = set()
        for module in found.modules(paths):
            for function, name, base, value in module.stores:
                scope = Scope(module.path, function)
                if found.carriers.carries_any(value, scope):
                    bases = found.carriers.resolver.types(base, scope)
                    classes = {outside_class(t) for t in bases if found.carriers.resolver.stores.can_hold(t)} - {""}
                    roots = {root for each in classes for root in self.frameworks.packages(each)}
                    names |= {(name.strip("[]").encode(), root.encode()) for root in roots}
        return names

    def _users_of(self, found: Scan, names: Collection[tuple[bytes, bytes]]) -> list[str]:
        """The files, not indexed so far, that have one of these names and that of the package beside it."""
        done = found.candidates

        def work(paths: Sequence[str]) -> list[str]:
            return [path for path in paths if self._has_both(path, names)]

        rest = [path for path in self.paths if path not in done] if names else []
        return [path for part in self.shared_out(work, rest) for path in part]

    def _has_both(self, path: str, names: Collection[tuple[bytes, bytes]]) -> bool:
        try:
            data = self.reader.data(path)
        except OSError:
            return False
        return any(name in data and root in data for name, root in names)

    def _importing(self, found: Scan, seen: Survey, wanted: dict[str, set[str]]) -> list[str]:
        """The files, not indexed so far, that import a module which defines one of the wanted names, and have it."""
        names: dict[str, list[bytes]] = {}
        for name, defining in wanted.items():
            for each in defining:
                names.setdefault(each, []).append(name.encode())
        done = found.candidates
        imported: dict[str, list[str]] = {}
        for each in names:
            for number in seen.may_import(each, self.paths):
                if (path := self.paths[number]) not in done:
                    imported.setdefault(path, []).append(each)

        def work(paths: Sequence[str]) -> list[str]:
            return [path for path in paths if self._imports(path, imported[path], names)]

        return [path for part in self.shared_out(work, sorted(imported)) for path in part]

    def _imports(self, path: str, modules: Sequence[str], names: Mapping[str, Sequence[bytes]]) -> bool:
        """Whether a file imports one of some modules, and has one of its names or takes over all."""
        try:
            data = self.reader.data(path)
        except OSError:
            return False
        present = {each for each in modules if any(name in data for name in names[each])}
        if present and any(
            self.project.resolve_import(each, path) in present
            for module, name in imports_in(data)
            for each in _meanings(module, name)
        ):
            return True
        stars = _STAR.findall(data) if b"import *" in data else ()
        return any(self.project.resolve_import(_import(os.fsdecode(each)), path) in modules for each in stars)


def _packed(module: ModuleInfo | bytes) -> bytes:
    return packed(module) if isinstance(module, ModuleInfo) else module


def _import(module: str) -> Import:
    bare = module.lstrip(".")
    return Import(bare, "", len(module) - len(bare))


def _meanings(module: str, name: str) -> Iterator[Import]:
    """The modules that an import can mean: `a.b` and `a.b.c` by `from a.b import c`, all packages by `import a.b`."""
    found = _import(module)
    bare, level = found.module, found.level
    if name:
        yield Import(f"{bare}.{name}" if bare else name, "", level)
    while bare:
        yield Import(bare, "", level)
        bare = bare.rpartition(".")[0]
    if level:
        yield Import("", "", level)


def _files(found: Import) -> Iterator[Import]:
    """What an import can mean a file by: its module, and its name when that is a module."""
    yield found
    if found.name:
        yield Import(".".join(filter(None, (found.module, found.name))), "", found.level)


def _affected(found: Scan, new: Sequence[str]) -> list[str]:
    """The modules whose names have to be looked at again: the new ones, and those that import from them."""
    fresh = frozenset(new)
    return [path for path, imports in found.imports.items() if path in fresh or not fresh.isdisjoint(imports)]


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
