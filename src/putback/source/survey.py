"""The first look at every file of a project: which are candidates, and which modules of the project each imports.

Each file is read once, and of its content nothing is kept. Whole modules of the program load while this runs, so it
imports next to nothing itself.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from putback.source.cache import digest
from putback.source.packaging import Packaging
from putback.source.prefilter import WORDS, Prefilter, import_rows, is_commented

MOST_DOTS = 8


@dataclass(slots=True)
class Survey:
    """What was seen. Files are numbers: their places in the list that was surveyed.

    `asked` are no candidates by what they contain; they were asked for by name. `commented` may have comments for
    putback; `importers` says for the bare name of a module or folder which files have that word in an import.
    `contents` are digests, if these were wanted; `packaging` says which folders have other names in imports.
    """

    candidates: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    commented: list[int] = field(default_factory=list)
    unreadable: list[tuple[int, str]] = field(default_factory=list)
    importers: dict[bytes, array[int] | list[int]] = field(default_factory=dict)
    contents: list[tuple[int, bytes]] = field(default_factory=list)
    packaging: Packaging = field(default_factory=Packaging)

    def add(self, other: Survey) -> None:
        """Take over what was seen of other files."""
        self.candidates += other.candidates
        self.asked += other.asked
        self.commented += other.commented
        self.contents += other.contents
        self.unreadable += other.unreadable
        for name, files in other.importers.items():
            self.importers.setdefault(name, array("I")).extend(files)

    def may_import(self, module: str, paths: Sequence[str]) -> Iterator[int]:
        """The files that can mean the file `module` by an import: that name its folder, too, or lie beside or below.

        In the order of `paths`, whoever has looked at them and when.
        """
        home, name = imported_as(module)
        folder = home.rpartition("/")[2]
        naming = self._having(os.fsencode(folder), *self.packaging.words(folder))
        others = self.packaging.words(os.fsdecode(name)) if module.endswith("/__init__.py") else ()
        for number in sorted(self._having(name, *others)):
            if number in naming or others or home in self.packaging.roots or paths[number].startswith(f"{home}/"):
                yield number

    def _having(self, *words: bytes) -> frozenset[int]:
        """The files that have one of some words in an import."""
        return frozenset(number for word in words for number in self.importers.get(word, ()))

    def importing(self, paths: Sequence[str], module: str) -> list[str]:
        """The files that can mean `module` by an import, or by one of a package that passes it on."""
        found: dict[str, None] = {}
        todo = [module]
        while todo:
            for number in self.may_import(todo.pop(), paths):
                path = paths[number]
                if path not in found and path != module:
                    found[path] = None
                    if path.endswith("/__init__.py"):
                        todo.append(path)
        return list(found)


def survey(
    paths: Sequence[str],
    files: Iterable[int],
    data: Callable[[str], bytes],
    prefilter: Prefilter,
    always: Collection[str],
    digested: Callable[[bytes], bytes] | None = None,
    packaging: Packaging | None = None,
) -> Survey:
    """Look at the given files of `paths`, read by `data`; those in `always` are asked for whatever they contain."""
    found = Survey()
    names = words_for(paths).union(packaging.all_words if packaging is not None else ())
    for number in files:
        path = paths[number]
        is_stub = path.endswith(".pyi")  # it does nothing
        if is_stub and digested is None:
            continue
        try:
            content = data(path)
        except OSError as error:
            if not is_stub:
                found.unreadable.append((number, error.strerror or str(error)))
            continue
        if digested is not None:
            found.contents.append((number, digested(content)))
        if is_stub:
            continue
        rows = import_rows(content)
        words = frozenset(rows.translate(WORDS).split())
        if prefilter.matches(content, words):
            found.candidates.append(number)
        elif path in always:
            found.asked.append(number)
        if is_commented(content):
            found.commented.append(number)
        for name in (words | packages(path, rows)) & names:
            if name not in found.importers:
                found.importers[name] = array("I")
            found.importers[name].append(number)
    return found


def content_digest(content: bytes) -> bytes:
    """A digest of what a file contains."""
    return digest([content]).encode()


def words_for(paths: Iterable[str]) -> set[bytes]:
    """The words by which imports can mean some files."""
    homes = {imported_as(path) for path in paths}
    return {name for _, name in homes} | {os.fsencode(home.rpartition("/")[2]) for home, _ in homes}


def packages(path: str, rows: bytes) -> frozenset[bytes]:
    """The bare names of the packages that a file imports from by dots alone: `from .. import name`."""
    folders = path.split("/")[:-1]
    dots = range(1, min(len(folders), MOST_DOTS) + 1) if b"from ." in rows else ()
    return frozenset(os.fsencode(folders[-count]) for count in dots if b"from " + b"." * count + b" import" in rows)


def imported_as(path: str) -> tuple[str, bytes]:
    """The folder that a file is imported from and the name it has there: its own, or its folder's for `__init__`."""
    home, _, name = path.rpartition("/")
    name = name.rpartition(".")[0]
    if name == "__init__" and home:
        home, _, name = home.rpartition("/")
    return home, os.fsencode(name)
