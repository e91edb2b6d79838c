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
from functools import cache, partial
from typing import TypeVar

from putback.drivers.catalog import Catalog
from putback.frameworks.catalog import FrameworkCatalog
from putback.ownership.index.footprint import Footprint
from putback.ownership.index.module import Import, ModuleInfo, packed
from putback.ownership.index.module_cache import GENERATION
from putback.ownership.index.project import Project
from putback.ownership.index.texts import Texts
from putback.ownership.index.vocabulary import driver_names, receivers
from putback.ownership.resolve.carriers import Carriers
from putback.ownership.resolve.resolver import Resolver
from putback.pipeline import workers
from putback.pipeline.indexing import Broken, Indexed, index_file, outline_of
from putback.pipeline.kept import Past
from putback.pipeline.offers import Offer, Offers
from putback.pipeline.reuse import Reuse
from putback.source.definitions import imports_in
from putback.source.packaging import Packaging
from putback.source.slices import Reader
from putback.source.survey import Survey, words_for

R = TypeVar("R")
_STAR = re.compile(rb"from\s+([.\w]+)\s+import \*")
_LARGEST_HELPER = 1 << 20  # bytes
_WORTH_A_PROCESS = 300_000  # bytes to index

Search = Callable[[Sequence[str], Mapping[str, Sequence[bytes]]], list[str]]
"""Which of some files have one of the names of a module or package."""


def _nobody(path: str) -> Iterable[str]:
    return ()


@dataclass(slots=True)
class Scan:
    """What the first pass found. `names` are all names that can mean a connection, those of the project included.

    `imports` holds for each candidate that was indexed the files of the project that it imports, at its top level or in
    a function. `alone` are those candidates that no other file imports. `importing` gives the files of the project that
    may import one; `commented` are the files that may have comments for putback; `texts` tells which have some words.
    """

    project: Project
    carriers: Carriers
    texts: Texts
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

    def is_alone(self, path: str) -> bool:
        """Whether no other file imports a candidate."""
        self._note_words([path])
        return path in self.alone

    def may_import(self, path: str) -> list[str]:
        """The files of the project that may import one, also by way of a package that passes it on."""
        found = list(self.importing(path))
        self._note_words([path, *(each for each in found if each.endswith("/__init__.py"))])
        return found

    def _note_words(self, paths: Iterable[str]) -> None:
        """Somebody asks which files have words in an import that can mean one of some files."""
        for word in words_for(paths):
            self.project.footprint.name("word", os.fsdecode(word))

    def modules(self, paths: Iterable[str]) -> Iterator[ModuleInfo]:
        """The modules at `paths`, one at a time: they need not all fit in memory."""
        return (module for path in paths if (module := self.project.module(path)) is not None)


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
        past: Past | None = None,
        packaging: Packaging | None = None,
    ) -> None:
        self.paths = paths
        self.known = frozenset(paths)
        self.reader = reader
        self.catalog = catalog
        self.frameworks = frameworks
        self.receivers = receivers(frameworks)
        self.gates = gates
        self.jobs = jobs
        footprint = Footprint(past.numbers) if past is not None else None
        self.project = Project(paths, self._load, footprint, packaging, self._text)
        self.reuse = Reuse(past, self.project) if past is not None else None
        self.seen = Survey()

    def run(self, seen: Survey) -> Scan:
        """Index what matters; without gates everything."""
        past = self.reuse.past if self.reuse is not None else None
        others = (past.texts(), past.changed | past.gone) if past is not None else ()
        found = Scan(self.project, self._carriers(), Texts(self.project, self.reader, *others))
        found.commented = frozenset(self.paths[number] for number in seen.commented)
        for number, message in seen.unreadable:
            found.broken.append(Broken(self.paths[number], f"cannot be read: {message}", 1, 1))
        new = self._index(found, [self.paths[number] for number in sorted({*seen.candidates, *seen.asked})], 0)
        if not self.gates:
            broken = list(found.broken)
            new += self._index(found, [path for path in self.paths if path not in found.candidates], 0)
            found.broken = broken  # the others would not have been looked at
        carried: dict[str, set[str]] = {}
        known: dict[str, Offer] = {}
        number, changed = -1, frozenset[str]()
        while affected := _affected(found, frozenset(new), changed):
            number += 1
            found.carriers = self._carriers()
            wanted: dict[str, set[str]] = {}
            offers = self._offers(found, number, affected)
            changed = frozenset(path for path, offer in offers.items() if known.get(path, offer) != offer)
            known.update(offers)
            for path, offer in offers.items():
                for name in offer.names:
                    if path not in carried.setdefault(name, set()):
                        carried[name].add(path)
                        wanted.setdefault(name, set()).add(path)
            reached = {path for offer in offers.values() for path in offer.reached}
            new = self._index(found, self._importing(found, seen, wanted, number), number + 1)
            new += self._index(found, sorted(reached - found.candidates), number + 1)
            set_on = {each for offer in offers.values() for each in offer.set_on}
            for attribute, _ in set_on:
                carried.setdefault(attribute.decode(), set())
            new += self._index(found, self._users_of(found, set_on, number), number + 1)
        found.names = driver_names(self.catalog).union(carried, *self._members(found, number))
        found.alone = frozenset(p for p in found.imports if next(seen.may_import(p, self.paths), None) is None)
        found.importing = cache(partial(seen.importing, self.paths))
        self.seen = seen
        return found

    def again(self, before: Scan, changed: Collection[str], reader: Reader) -> Scan:
        """What was found before, with the `changed` files indexed anew from `reader` and nothing else looked at."""
        other = copy.copy(self)
        other.reader, other.project, other.reuse = reader, before.project.renewed(changed, other._load), None
        kept = {path: imports for path, imports in before.imports.items() if path not in changed}
        texts = before.texts.renewed(other.project, reader, changed)
        found = Scan(other.project, before.carriers, texts, kept, alone=before.alone, importing=before.importing)
        found.commented = before.commented
        new = other._index(found, sorted(changed), 0)
        found.carriers = other._carriers()
        modules = list(found.modules(new))
        found.names = before.names.union(found.carriers.names(modules), found.carriers.members(modules))
        return found

    def _carriers(self) -> Carriers:
        """What the modules indexed so far say of each other."""
        return Carriers(Resolver(self.project.closed(), self.catalog, self.frameworks))

    def _load(self, path: str) -> ModuleInfo | None:
        """Index a file that is no candidate, because a name leads there; generated giants are left alone."""
        known = self.reuse.helper(path) if self.reuse is not None else None
        if known is not None:
            return known
        if path not in self.known or os.path.getsize(path) > _LARGEST_HELPER:
            return None
        item = index_file(path, self.reader, self.receivers)
        if isinstance(item, Broken):
            return None
        if self.reuse is not None:
            self.reuse.helpers.add(path)
        return item

    def _text(self, path: str) -> bytes:
        try:
            return self.reader.data(path)
        except OSError:
            return b""

    # -- indexing

    def _index(self, found: Scan, paths: Sequence[str], since: int) -> list[str]:
        """Index files, in several processes if there is much to do; the paths of those that could be indexed.

        They are known to each other from round `since` on.
        """
        new = []
        kept = [each for path in paths for each in self._kept(path)]
        done = {each.path for each in kept}
        for part in (kept, *self.shared_out(self._indexed, [path for path in paths if path not in done])):
            for item in part:
                if isinstance(item, Broken):
                    found.broken.append(item)
                else:
                    new.append(item.path)
                    found.imports[item.path] = frozenset(item.outline.imports)
                    self.project.put(item.path, item.module)
                    self.project.note(item.path, item.outline)
                    if self.reuse is not None:
                        self.reuse.add(item, since)
        return new

    def _kept(self, path: str) -> list[Indexed | Broken]:
        """What an earlier scan has found in a file, if that still holds."""
        known = self.reuse.module(path) if self.reuse is not None else None
        if self.reuse is None or known is None:
            return []
        if known.outline is None:
            return [*known.broken]
        outline, seen = self.reuse.outline(path, known)
        return [Indexed(path, known.module, outline, seen), *known.broken]

    def _indexed(self, paths: Sequence[str]) -> list[Indexed | Broken]:
        done: list[Indexed | Broken] = []
        room = GENERATION
        for path in paths:
            item = index_file(path, self.reader, self.receivers)
            if isinstance(item, ModuleInfo):
                outline, seen = outline_of(item, self.project)
                room -= item.size
                done.append(Indexed(path, item if room > 0 else packed(item), outline, seen))
                done += [Broken(path, message, row, 1, part=True) for row, message in item.left_out]
            else:
                done.append(item)
        return done

    def _offers(self, found: Scan, number: int, paths: Sequence[str]) -> dict[str, Offer]:
        """What some modules offer in a round: as it was worked out before, where that holds."""
        kept = self.reuse.offered(number, paths) if self.reuse is not None else {}

        def work(share: Sequence[str]) -> dict[str, tuple[Offer, int]]:
            offers = Offers(self.project, found.carriers, self.catalog, self.frameworks)
            return {module.path: offers.of(module) for module in found.modules(share)}

        for part in self.shared_out(work, [path for path in paths if path not in kept]):
            kept.update(part)
            if self.reuse is not None:
                self.reuse.worked_out += len(part)
        if self.reuse is not None:
            self.reuse.offers.append(kept)
        return {path: offer for path, (offer, _) in kept.items()}

    def _members(self, found: Scan, number: int) -> list[tuple[str, ...]]:
        """The attributes and methods that carry a connection, of each module, after the last round."""
        kept = self.reuse.with_members(number, found.imports) if self.reuse is not None else {}

        def work(share: Sequence[str]) -> dict[str, tuple[tuple[str, ...], int]]:
            offers = Offers(self.project, found.carriers, self.catalog, self.frameworks)
            return {module.path: offers.members(module) for module in found.modules(share)}

        for part in self.shared_out(work, [path for path in found.imports if path not in kept]):
            kept.update(part)
        if self.reuse is not None:
            self.reuse.members = kept
        return [members for members, _ in kept.values()]

    def shared_out(self, work: Callable[[Sequence[str]], R], paths: Sequence[str]) -> list[R]:
        """`work` on files in shares of about equal size, in several processes if they are large."""
        sizes = {path: _size(path) for path in paths}
        hands = workers.cores(self.jobs) if sum(sizes.values()) > _WORTH_A_PROCESS else 1
        return workers.shared_out(work, workers.dealt(paths, sizes.__getitem__, hands)) if paths else []

    # -- the files that use what others define

    def _users_of(self, found: Scan, names: Collection[tuple[bytes, bytes]], number: int) -> list[str]:
        """The files, not indexed so far, that have one of these names and that of the package beside it."""
        by_package: dict[str, list[bytes]] = {}
        for name, root in names:
            by_package.setdefault(root.decode(), []).append(name)

        def search(rest: Sequence[str], wanted: Mapping[str, Sequence[bytes]]) -> list[str]:
            pairs = [(name, root.encode()) for root, each in wanted.items() for name in each]
            parts = self.shared_out(lambda share: [p for p in share if self._has_both(p, pairs)], rest if pairs else [])
            return [path for part in parts for path in part]

        done = found.candidates
        rest = [path for path in self.paths if path not in done] if names else []
        return self._searched(number, "using", by_package, rest, search)

    def _searched(
        self, number: int, kind: str, names: Mapping[str, Sequence[bytes]], rest: Sequence[str], search: Search
    ) -> list[str]:
        if self.reuse is not None:
            return self.reuse.searched(number, kind, names, rest, search)
        return search(rest, names)

    def _has_both(self, path: str, names: Collection[tuple[bytes, bytes]]) -> bool:
        try:
            data = self.reader.data(path)
        except OSError:
            return False
        return any(name in data and root in data for name, root in names)

    def _importing(self, found: Scan, seen: Survey, wanted: dict[str, set[str]], number: int) -> list[str]:
        """The files, not indexed so far, that import a module which defines one of the wanted names, and have it."""
        names: dict[str, list[bytes]] = {}
        for name, defining in wanted.items():
            for each in defining:
                names.setdefault(each, []).append(name.encode())
        done = found.candidates
        imported: dict[str, list[str]] = {}
        for each in names:
            for file in seen.may_import(each, self.paths):
                if (path := self.paths[file]) not in done:
                    imported.setdefault(path, []).append(each)

        def search(rest: Sequence[str], among: Mapping[str, Sequence[bytes]]) -> list[str]:
            def work(paths: Sequence[str]) -> list[str]:
                modules = ((path, [each for each in imported[path] if each in among]) for path in paths)
                return [path for path, each in modules if each and self._imports(path, each, among)]

            return [path for part in self.shared_out(work, rest) for path in part]

        return self._searched(number, "importing", names, sorted(imported), search)

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


def _import(module: str) -> Import:
    bare = module.lstrip(".")
    return Import(bare, "", len(module) - len(bare))


def _meanings(module: str, name: str) -> Iterator[Import]:
    """The modules that an import can mean: `a.b` and `a.b.c` by `from a.b import c`, all packages by `import a.b`."""
    found = _import(module)
    bare, level = found.module, found.level
    if name:
        yield Import(f"{bare}.{name}" if bare else name, "", level)
        yield Import(bare, name, level)
    while bare:
        yield Import(bare, "", level)
        bare = bare.rpartition(".")[0]
    if level:
        yield Import("", "", level)


def _affected(found: Scan, new: Collection[str], changed: Collection[str]) -> list[str]:
    """The modules whose names have to be looked at again: the new ones, and those that import from them, or from those
    that have turned out to offer something else than before."""
    fresh = frozenset({*new, *changed})
    return [path for path, imports in found.imports.items() if path in new or not fresh.isdisjoint(imports)]


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
