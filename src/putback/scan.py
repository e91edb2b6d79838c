"""The first half of the pipeline: files -> candidates -> project index, wrapper names in rounds.

A file is a candidate when it names a driver and one of its needles, or a name of the project that may carry a
connection together with the module that defines it. Only candidates are indexed; other files are indexed when a name
leads there.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial

from putback import workers
from putback.drivers.catalog import Catalog
from putback.frameworks.catalog import FrameworkCatalog
from putback.model.errors import SourceError
from putback.ownership.carriers import Carriers
from putback.ownership.heirs import imported_bases
from putback.ownership.indexer import index_by_statement, index_module, parse_ast
from putback.ownership.module import ModuleInfo
from putback.ownership.project import Project
from putback.ownership.resolver import Resolver
from putback.ownership.vocabulary import driver_names, receivers
from putback.source.prefilter import Prefilter, imported_words
from putback.source.slices import Reader

_ROUNDS = 6
_LARGEST_HELPER = 1 << 20  # bytes
_WORTH_A_PROCESS = 300


@dataclass(frozen=True, slots=True)
class Broken:
    """A candidate that cannot be decoded or parsed."""

    path: str
    message: str
    row: int
    column: int


@dataclass(slots=True)
class Scan:
    """What the first pass found in the files `known`.

    `names` are all names that can mean a connection, those of the project included.
    """

    known: frozenset[str]
    project: Project
    carriers: Carriers
    modules: list[ModuleInfo] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    names: frozenset[str] = frozenset()
    candidates: set[str] = field(default_factory=set)


def index_file(path: str, reader: Reader, names: Collection[str]) -> ModuleInfo | Broken:
    """Index one file, statement by statement where the running Python cannot parse it but libcst can."""
    try:
        text = reader.text(path)
        try:
            return index_module(path, parse_ast(text), names)
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

    def __init__(self, reader: Reader, catalog: Catalog, frameworks: FrameworkCatalog, gates: bool, jobs: int) -> None:
        self.reader = reader
        self.catalog = catalog
        self.frameworks = frameworks
        self.receivers = receivers(frameworks)
        self.gates = gates
        self.jobs = jobs
        table = [(d.name, d.imports, d.needles) for d in catalog.drivers.values()]
        self.prefilter = Prefilter(table)

    def run(self, paths: Sequence[str], always: Collection[str]) -> Scan:
        """Scan `paths`; files in `always` are parsed whatever they contain, so that a broken one is reported."""
        known = frozenset(paths)
        project = Project(paths, partial(self._load, known=known))
        found = Scan(known, project, self._carriers(project))
        self._gather(found, paths, partial(self._first, always=frozenset(always)))
        carried: dict[str, set[str]] = {}
        new = found.modules
        for _ in range(_ROUNDS):
            found.carriers = self._carriers(project)
            affected = _affected(found, new)
            wanted: dict[bytes, set[bytes]] = {}
            for name, defining in found.carriers.names(affected).items():
                if fresh := defining - carried.get(name, set()):
                    carried.setdefault(name, set()).update(fresh)
                    wanted[name.encode()] = {_stem(p) for p in fresh}
            indexed = {m.path for m in found.modules} | {b.path for b in found.broken}
            rest = [p for p in paths if p not in indexed] if self.gates and wanted else []
            before = len(found.modules)
            self._gather(found, rest, partial(self._again, wanted=wanted))
            self._gather(found, _mixed_in(found, affected, known), partial(self._first, always=known))
            new = found.modules[before:]
            if not new:
                break
        found.names = driver_names(self.catalog) | carried.keys() | found.carriers.members(found.modules)
        return found

    def again(self, before: Scan, changed: Collection[str]) -> Scan:
        """What was found before, with the `changed` files indexed anew and nothing else looked at."""
        kept = [module for module in before.modules if module.path not in changed]
        project = before.project.renewed(kept, partial(self._load, known=before.known))
        found = Scan(before.known, project, before.carriers, list(kept), candidates=set(before.candidates))
        self._gather(found, sorted(changed), partial(self._first, always=frozenset(changed)))
        found.carriers = self._carriers(project)
        new = found.modules[len(kept) :]
        found.names = before.names | found.carriers.names(new).keys() | found.carriers.members(new)
        for module in before.project.loaded():
            if module.path not in changed:
                found.project.put(module)
        return found

    def _carriers(self, project: Project) -> Carriers:
        """What the modules indexed so far say of each other."""
        return Carriers(Resolver(project.closed(), self.catalog, self.frameworks))

    def _load(self, path: str, known: frozenset[str]) -> ModuleInfo | None:
        """Index a file that is no candidate, because a name leads there; generated giants are left alone."""
        if path not in known or os.path.getsize(path) > _LARGEST_HELPER:
            return None
        item = index_file(path, self.reader, self.receivers)
        return item if isinstance(item, ModuleInfo) else None

    def _gather(self, found: Scan, paths: Sequence[str], work: partial[list[ModuleInfo | Broken]]) -> None:
        hands = workers.cores(self.jobs) if len(paths) > _WORTH_A_PROCESS else 1
        shares = [list(paths[i::hands]) for i in range(hands)]
        for part in workers.shared_out(work, shares):
            for item in part:
                found.candidates.add(item.path)
                if isinstance(item, Broken):
                    found.broken.append(item)
                else:
                    found.modules.append(item)
                    found.project.put(item)

    def _first(self, paths: Sequence[str], always: frozenset[str]) -> list[ModuleInfo | Broken]:
        found: list[ModuleInfo | Broken] = []
        for path in paths:
            try:
                data = self.reader.data(path)
            except OSError as error:
                found.append(Broken(path, f"cannot be read: {error.strerror or error}", 1, 1))
                continue
            candidate = self.prefilter.candidate(data)
            if candidate or not self.gates or path in always:
                item = index_file(path, self.reader, self.receivers)
                if isinstance(item, ModuleInfo) or candidate or path in always:
                    found.append(item)
        return found

    def _again(self, paths: Sequence[str], wanted: dict[bytes, set[bytes]]) -> list[ModuleInfo | Broken]:
        found: list[ModuleInfo | Broken] = []
        for path in paths:
            try:
                data = self.reader.data(path)
            except OSError:
                continue
            present = [stems for name, stems in wanted.items() if name in data]
            if present and not imported_words(data).isdisjoint(set().union(*present)):
                found.append(index_file(path, self.reader, self.receivers))
        return found


def _affected(found: Scan, new: Sequence[ModuleInfo]) -> list[ModuleInfo]:
    """The modules whose names have to be looked at again: the new ones, and those that import from them."""
    project, paths = found.project, {m.path for m in new}
    imported = ((m, i) for m in found.modules for i in (*m.imports.values(), *m.star_imports))
    importers = {m.path for m, i in imported if project.resolve_import(i, m.path) in paths}
    return [m for m in found.modules if m.path in paths or m.path in importers]


def _mixed_in(found: Scan, new: Sequence[ModuleInfo], known: Collection[str]) -> list[str]:
    """The files, not indexed yet, that define bases of classes that carry a connection: they may use it by `self`."""
    indexed = {m.path for m in found.modules} | {b.path for b in found.broken}
    imported = (
        found.project.resolve_import(base, module.path)
        for module in new
        for cls in module.classes.values()
        if found.carriers.by_class(module.path, cls.key)
        for base in imported_bases(module, cls)
    )
    return list(dict.fromkeys(p for p in imported if p is not None and p in known and p not in indexed))


def _stem(path: str) -> bytes:
    """The name under which a file is imported: its own, or its folder's for `__init__`."""
    parts = path.split("/")
    stem = parts[-1].rpartition(".")[0]
    return (parts[-2] if stem == "__init__" and len(parts) > 1 else stem).encode()
