"""Which parts of an earlier scan still hold, round by round.

In a round the modules indexed so far are known to each other. What a module offers there holds when nothing in its
footprint differs between the two scans: neither what a file says, nor whether it is known yet, nor who calls, sets,
derives from or imports what was asked for by name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from msgspec.structs import replace

from putback.ownership.index.footprint import hashed
from putback.ownership.index.module import ModuleInfo, Outline, unpacked
from putback.ownership.index.parts import different_parts
from putback.ownership.index.project import Project
from putback.ownership.index.texts import Texts
from putback.pipeline.indexing import Broken, Indexed, outline_of
from putback.pipeline.kept import (
    KeptFile,
    KeptFindings,
    KeptModule,
    KeptRound,
    KeptScan,
    KeptSearch,
    Past,
    found_in,
    settled,
)
from putback.pipeline.offers import Offer
from putback.source.slices import Reader
from putback.source.survey import Survey, imported_as

_PASSED_ON = 3  # imports, as in Project.importers
_HELPERS = 10
"""How many files may have to be indexed that are no candidates."""
_NOTHING = Outline((), {}, {}, ())


@dataclass
class Reuse:
    """One scan beside an earlier one. `since` says from which round on the modules of this one are known.

    `reimported` are the files that are the same and may import others than before, because files have come or gone.
    """

    past: Past
    project: Project
    since: dict[str, int] = field(default_factory=dict)
    outlines: dict[str, tuple[Outline, int]] = field(default_factory=dict)
    offers: list[dict[str, tuple[Offer, int]]] = field(default_factory=list)
    importing: list[KeptSearch] = field(default_factory=list)
    using: list[KeptSearch] = field(default_factory=list)
    members: dict[str, tuple[tuple[str, ...], int]] = field(default_factory=dict)
    reimported: set[str] = field(default_factory=set)
    helpers: set[str] = field(default_factory=set)
    worked_out: int = 0
    _other_parts: dict[str, Collection[str | None]] = field(default_factory=dict)

    # -- what holds

    def module(self, path: str) -> KeptModule | None:
        """What is known of a file that has not changed."""
        return self.past.module(path) if path not in self.past.changed else None

    def helper(self, path: str) -> ModuleInfo | None:
        """A file that is no candidate, as an earlier scan has indexed it."""
        known = self.past.helper(path)
        return unpacked(known, path) if known is not None else None

    def outline(self, path: str, kept: KeptModule) -> tuple[Outline, int]:
        """The outline of such a file, made anew when its imports may mean other files now, and its footprint."""
        seen = self.past.footprint(kept.seen)
        if kept.outline is None or seen & self.moved:
            self.reimported.add(path)
            return outline_of(unpacked(kept.module, path), self.project)
        return kept.outline, seen

    def add(self, item: Indexed, since: int) -> None:
        """A file was indexed, which the others know from round `since` on."""
        self.since[item.path], self.outlines[item.path] = since, (item.outline, item.seen)

    def offered(self, number: int, paths: Iterable[str]) -> dict[str, tuple[Offer, int]]:
        """What some modules offer in a round, as far as it was worked out before and holds."""
        if number >= len(self.past.scan.rounds):
            return {}
        kept = self.past.scan.rounds[number].offers
        differing = self._differing(number, number)
        found = ((path, kept.get(self.past.numbers[path])) for path in paths)
        return {p: (e[0], s) for p, e in found if e is not None and not (s := self.past.footprint(e[1])) & differing}

    def with_members(self, number: int, paths: Iterable[str]) -> dict[str, tuple[tuple[str, ...], int]]:
        """The members of some modules after the last round, as far as they hold."""
        kept = self.past.scan.members
        differing = self._differing(len(self.past.scan.rounds) - 1, number) if kept else 0
        found = ((path, kept.get(self.past.numbers[path])) for path in paths)
        return {p: (e[0], s) for p, e in found if e is not None and not (s := self.past.footprint(e[1])) & differing}

    def searched(
        self,
        number: int,
        kind: str,
        names: Mapping[str, Sequence[bytes]],
        rest: Sequence[str],
        search: Callable[[Sequence[str], Mapping[str, Sequence[bytes]]], list[str]],
    ) -> list[str]:
        """The files of `rest` that `search` finds for some names: files that are the same for new names only."""
        wanted = found_in(names)
        rounds = self.past.scan.rounds
        kept = getattr(rounds[number], kind) if number < len(rounds) else KeptSearch({}, [])
        known = number < len(rounds) and self.past.has_same_files
        same = [path for path in rest if known and path not in self.past.changed and not self._was_known(path, number)]
        if any(not set(each) <= set(wanted.get(key, ())) for key, each in kept.names.items()):
            same = []
        others = frozenset(same)
        found = search([path for path in rest if path not in others], wanted)
        more = {key: [n for n in each if n not in kept.names.get(key, ())] for key, each in wanted.items()}
        more = {key: each for key, each in more.items() if each}
        before = frozenset(kept.found)
        found += [path for path in same if path in before]
        if more and same:
            found += search([path for path in same if path not in before], more)
        getattr(self, kind).append(KeptSearch(wanted, sorted(found)))
        return sorted(found)

    def _was_known(self, path: str, number: int) -> bool:
        """Whether a file was indexed before this round of the earlier scan ended, and so not searched."""
        kept = self.past.module(path)
        return kept is not None and kept.since <= number + 1

    def told(
        self,
        findings: KeptFindings,
        wanted: Collection[str],
        seen: Survey,
        paths: Sequence[str],
        packages: Callable[[], bytes],
        reader: Reader,
    ) -> dict[str, tuple[KeptFile, int]]:
        """What was found before in the files `wanted`, where that holds.

        `findings` says what it is compared with, `packages` gives a digest of what names packages.
        """
        kept = self.past.scan.found
        if kept.settings != findings.settings:
            return {}
        differing = self._differing_in(kept, findings, seen, paths) | self._saying(kept, findings, reader)
        if kept.packages and kept.packages != packages():
            differing |= self.project.footprint.bit("all", "packages")
        found = (
            (path, kept.files.get(self.past.numbers.get(path, -1))) for path in wanted if path not in self.past.changed
        )
        return {p: (e, s) for p, e in found if e is not None and not (s := self.past.footprint(e.seen)) & differing}

    def _differing_in(self, kept: KeptFindings, now: KeptFindings, seen: Survey, paths: Sequence[str]) -> int:
        """The bits of all that differs for who looks at whole files."""
        bit = self.project.footprint.bit
        last = max((*self.since.values(), len(self.past.scan.rounds)), default=0)
        found = self._differing(last, last)
        others = self.past.changed | self.past.gone
        for path in others:
            found |= bit("file", path)
        found |= bit("all", "contents") if others else 0
        found |= bit("all", "files") if not self.past.has_same_files else 0
        known = {self.past.scan.paths[n] for n, each in self.past.scan.modules.items() if each.outline is not None}
        found |= bit("all", "modules") if known != self.since.keys() else 0
        for question in kept.compared.keys() | now.compared.keys():
            if kept.compared.get(question) != now.compared.get(question):
                kind, _, name = question.partition(" ")
                found |= bit(kind, name)
        numbers = {self.past.numbers[path] for path in others}
        places = {place for place, path in enumerate(paths) if path in self.past.changed}
        for word in self.past.scan.importers.keys() | seen.importers.keys():
            before = numbers.intersection(self.past.scan.importers.get(word, ()))
            after = {self.past.numbers[paths[place]] for place in places.intersection(seen.importers.get(word, ()))}
            found |= bit("word", os.fsdecode(word)) if before != after else 0
        return found

    def _saying(self, kept: KeptFindings, now: KeptFindings, reader: Reader) -> int:
        """The bits of texts that other files have in them than before; which have them goes into `now`."""
        found = 0
        others = {self.past.numbers[path]: path for path in self.past.changed | self.past.gone}
        for text, files in kept.saying.items():
            having = [number for number, path in others.items() if reader.has(path, text.encode())]
            if set(having) != others.keys() & set(files):
                found |= self.project.footprint.bit("text", text)
            now.saying[text] = [*(number for number in files if number not in others), *having]
        return found

    # -- what differs

    @cached_property
    def moved(self) -> int:
        """The bits of what imports can mean otherwise, because files have come or gone."""
        found = 0
        for path in (*self.past.come, *self.past.gone):
            found |= hashed(f"module {imported_as(path)[1].decode('utf-8', 'replace')}") | hashed(f"file {path}")
            for folder in path.split("/")[:-1]:
                found |= hashed(f"folder {folder}")
            if path in self.past.gone:
                found |= self.project.footprint.bit("file", path)
        return found

    def _differing(self, then: int, now: int) -> int:
        """The bits of all that differs between a round of the earlier scan and one of this."""
        footprint = self.project.footprint
        found = self.moved
        imports: set[str] = set()
        for path in self._suspects(then, now):
            before, after = self._known_then(path, then), self._known_now(path, now)
            if before is not None and after is not None and path not in self.reimported:
                parts = self._parts(path)
                if not parts:
                    continue
                for key in parts:
                    found |= footprint.bit("part", f"{path}:{key}" if key is not None else path)
            else:
                found |= footprint.bit("part", path)
            found |= footprint.bit("file", path)
            for kind, name in _different(path, before or _NOTHING, after or _NOTHING):
                found |= footprint.bit(kind, name)
            imports |= {*(before or _NOTHING).imports} ^ {*(after or _NOTHING).imports}
        for path in self._below(imports):
            found |= footprint.bit("importers", path)
        return found

    def _suspects(self, then: int, now: int) -> set[str]:
        """The files that have changed, and those that only one of the rounds knows."""
        before = {
            self.past.scan.paths[number]
            for number, each in self.past.scan.modules.items()
            if each.outline is not None and each.since <= then
        }
        after = {path for path, since in self.since.items() if since <= now}
        return self.past.changed | self.past.gone | self.reimported | (before ^ after)

    def _known_then(self, path: str, number: int) -> Outline | None:
        kept = self.past.module(path)
        return kept.outline if kept is not None and kept.since <= number else None

    def _known_now(self, path: str, number: int) -> Outline | None:
        return self.outlines[path][0] if self.since.get(path, number + 1) <= number else None

    def _parts(self, path: str) -> Collection[str | None]:
        """By which keys a file says something else than before, if maybe on other rows; None: everywhere."""
        if path not in self.past.changed:
            return ()
        if path not in self._other_parts:
            kept, module = self.past.module(path), self.project.module(path)
            assert kept is not None
            found = different_parts(unpacked(kept.module, path), module) if module is not None else {None}
            self._other_parts[path] = found
        return self._other_parts[path]

    def _below(self, paths: Collection[str]) -> set[str]:
        """Files that are imported, also by one that passes them on."""
        found, edge = set(paths), set(paths)
        for _ in range(_PASSED_ON - 1):
            edge = {each for path in edge for each in self._imports(path)} - found
            found |= edge
        return found

    def _imports(self, path: str) -> Iterator[str]:
        kept = self.past.module(path)
        yield from kept.outline.imports if kept is not None and kept.outline is not None else ()
        yield from self.outlines[path][0].imports if path in self.outlines else ()

    # -- for later

    def keep(
        self,
        seen: Survey,
        paths: Sequence[str],
        found: Iterable[Broken],
        texts: Texts,
        told: Mapping[str, tuple[KeptFile, int]],
        findings: KeptFindings,
    ) -> None:
        """Write what was found, if that makes a later run quicker; `told` is what goes into `findings` by path."""
        is_first = bool(told) and not self.past.scan.found.files
        is_wider = bool(texts.searched) or len(self.helpers) > _HELPERS
        if not is_first and not is_wider and not self.past.is_worth_writing(self.worked_out):
            return
        broken: dict[str, list[Broken]] = {}
        for each in found:
            broken.setdefault(each.path, []).append(each)
        self.past.contents.update((paths[number], content) for number, content in seen.contents)
        numbers, order = self.past.numbers, list(self.past.numbers)
        place = [numbers[path] for path in paths]
        here = frozenset(paths)
        footprints: dict[int, int] = {}

        def noted(footprint: int) -> int:
            return footprints.setdefault(footprint, len(footprints))

        modules = {
            numbers[path]: KeptModule(
                self.since[path], self.project.packed(path), outline, noted(mark), broken.get(path, [])
            )
            for path, (outline, mark) in self.outlines.items()
        }
        for path, why in broken.items():
            modules.setdefault(numbers[path], KeptModule(0, b"", None, noted(0), why))
        rounds = [
            KeptRound({numbers[p]: (offer, noted(mark)) for p, (offer, mark) in offers.items()}, importing, using)
            for offers, importing, using in zip(self.offers, self.importing, self.using, strict=True)
        ]
        scan = KeptScan(
            paths=order,
            states=[settled(self.past, path) if path in here else b"" for path in order],
            contents=[self.past.contents.get(path, b"") if path in here else b"" for path in order],
            candidates=[place[number] for number in seen.candidates],
            commented=[place[number] for number in seen.commented],
            importers={word: [place[number] for number in files] for word, files in seen.importers.items()},
            modules=modules,
            rounds=rounds,
            members={numbers[path]: (names, noted(mark)) for path, (names, mark) in self.members.items()},
            helpers=self._helpers(),
            texts={words: sorted(numbers[path] for path in files) for words, files in texts.answers().items()},
        )
        scan.found = findings
        scan.found.files = {
            numbers[path]: replace(each, seen=noted(mark)) for path, (each, mark) in told.items() if path in numbers
        }
        scan.footprints = [each.to_bytes((each.bit_length() + 7) // 8, "little") for each in footprints]
        self.past.write(scan)

    def _helpers(self) -> dict[int, bytes]:
        """The files that are no candidates and were indexed, now or before."""
        kept = {path: known for path in self.past.states if (known := self.past.helper(path)) is not None}
        new = {path: self.project.packed(path) for path in self.helpers}
        return {self.past.numbers[p]: each for p, each in {**kept, **new}.items() if p not in self.since}


def _different(path: str, before: Outline, after: Outline) -> Iterator[tuple[str, str]]:
    """What is different in two outlines, as questions by name."""
    for kind, old, new in (("call", before.calls, after.calls), ("store", before.stores, after.stores)):
        yield from ((kind, name) for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    bases = ({(base, c.key) for c in each.classes for base in c.bases} for each in (before, after))
    methods = ({(name, c.key) for c in each.classes for name in c.methods} for each in (before, after))
    yield from (("subclasses", base) for base, _ in set.symmetric_difference(*bases))
    yield from (("method", name) for name, _ in set.symmetric_difference(*methods))
