"""The whole project: which file an import means, and what each file defines. Modules are indexed on demand.

A closed view indexes nothing more. It answers what candidates say of each other: a file that is no candidate can
neither define nor pass on a connection, so looking into it could only cost time.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator

from putback.ownership.index.footprint import Footprint
from putback.ownership.index.module import ClassOutline, Import, ModuleInfo, Outline
from putback.ownership.index.module_cache import ModuleCache
from putback.source.packaging import Packaging

_PASSED_ON = 3  # imports from the one who defines a name to the one who uses it
_TELLING = 2  # names of an import behind its first that are enough to tell a file
_STANDARD_LIBRARY = frozenset(sys.stdlib_module_names)


def _nothing(path: str) -> bytes:
    return b""


class Project:
    """All Python files of the project by path, `/`-separated.

    `load` indexes one file and returns None when it cannot be read; each file is loaded at most once. What is asked is
    noted in `footprint`, for all views of a project the same. `packaging` says which packages are imported by other
    names than their folders have, `text` what stands in a file.
    """

    def __init__(
        self,
        paths: Iterable[str],
        load: Callable[[str], ModuleInfo | None],
        footprint: Footprint | None = None,
        packaging: Packaging | None = None,
        text: Callable[[str], bytes] = _nothing,
    ) -> None:
        self.packaging = packaging or Packaging()
        self._text = text
        self.footprint = Footprint(None) if footprint is None else footprint
        self._load = load
        self._shelf = ModuleCache()
        self._known: dict[str, None] = {}
        self._is_closed = False
        self._by_tail: dict[str, list[tuple[str, ...]]] = {}
        self._paths: dict[tuple[str, ...], str] = {}
        self._folders: set[tuple[str, ...]] = set()
        self._found: dict[tuple[str, str], str | None] = {}
        self._defining: dict[tuple[str, str], str | None] = {}
        self._callers: dict[str, dict[str, bytes]] = {}
        self._stores: dict[str, dict[str, bytes]] = {}
        self._importers: dict[str, set[str]] = {}
        self._classes: dict[str, tuple[ClassOutline, ...]] = {}
        every = sorted(paths)
        for path in every:
            self._add(path)
        self._note_folders([tuple(path.split("/")[:-1]) for path in every])

    def _add(self, path: str) -> None:
        parts = tuple(map(sys.intern, path.split("/")))
        stem = parts[-1].rpartition(".")[0]
        dotted = parts[:-1] if stem == "__init__" else (*parts[:-1], sys.intern(stem))
        if dotted and (dotted not in self._paths or path.endswith(".py")):
            self._paths[dotted] = path
            self._by_tail.setdefault(dotted[-1], []).append(dotted)

    def _note_folders(self, folders: Collection[tuple[str, ...]]) -> None:
        """Note the folders that have some of the files, but not all: one around the project is no package of it."""
        outside = _shared(min(folders, default=()), max(folders, default=()))
        for folder in folders:
            while len(folder) > outside and folder not in self._folders:
                self._folders.add(folder)
                folder = folder[:-1]

    def put(self, path: str, module: ModuleInfo | bytes) -> None:
        """Hand in a module that was indexed elsewhere, as it is or packed."""
        self._known[path] = None
        if isinstance(module, bytes):
            self._shelf.put_packed(path, module)
        else:
            self._shelf.put(path, module)

    def note(self, path: str, outline: Outline) -> None:
        """Note what others look up in the file at `path`."""
        for name, packed_stores in outline.stores.items():
            self._stores.setdefault(sys.intern(name), {})[path] = packed_stores
        for name, packed_calls in outline.calls.items():
            self._callers.setdefault(sys.intern(name), {})[path] = packed_calls
        for each in outline.imports:
            self._importers.setdefault(each, set()).add(path)
        self._classes[path] = outline.classes

    def callers(self, name: str) -> Iterator[tuple[str, bytes]]:
        """The packed calls by this last name that pass something, with the files that they stand in, by path."""
        self.footprint.name("call", name)
        return iter(sorted(self._callers.get(name, {}).items()))

    def stores(self, name: str) -> Iterator[tuple[str, bytes]]:
        """What is set on objects as attribute `name` or as item `[name]`, packed, with its files, by path."""
        self.footprint.name("store", name)
        return iter(sorted(self._stores.get(name, {}).items()))

    def classes(self) -> Iterator[tuple[str, ClassOutline]]:
        """The classes in the modules handed in so far, with their files.

        Whoever picks some of them by name notes that.
        """
        return ((path, each) for path in sorted(self._known) for each in self._classes.get(path, ()))

    def importers(self, path: str) -> frozenset[str]:
        """The files, of those handed in, that can mean `path` by an import, also by one that passes it on."""
        self.footprint.name("importers", path)
        found = {path}
        edge = {path}
        for _ in range(_PASSED_ON):
            edge = {each for here in edge for each in self._importers.get(here, ())} - found
            found |= edge
        return frozenset(found)

    def closed(self) -> Project:
        """A view that knows the modules handed in so far and loads no others."""
        view = self._like(lambda path: None)
        view._shelf, view._known, view._is_closed = self._shelf, dict(self._known), True
        return view

    def renewed(self, changed: Collection[str], load: Callable[[str], ModuleInfo | None]) -> Project:
        """The same files with what is known of all but the `changed` ones, which `load` may index anew."""
        project = self._like(load)
        project._shelf = self._shelf.without(changed)
        project._known = {path: None for path in self._known if path not in changed}
        project._callers = {n: {p: c for p, c in by.items() if p not in changed} for n, by in self._callers.items()}
        project._stores = {n: {p: s for p, s in by.items() if p not in changed} for n, by in self._stores.items()}
        project._importers = {path: by.difference(changed) for path, by in self._importers.items()}
        project._classes = {path: found for path, found in self._classes.items() if path not in changed}
        return project

    def _like(self, load: Callable[[str], ModuleInfo | None]) -> Project:
        """The same files with nothing known of them yet."""
        project = Project((), load, self.footprint, self.packaging, self._text)
        project._by_tail, project._paths, project._found = self._by_tail, self._paths, self._found
        project._defining, project._folders = self._defining, self._folders
        project._callers, project._stores = self._callers, self._stores
        project._importers, project._classes = self._importers, self._classes
        return project

    @property
    def paths(self) -> Collection[str]:
        """Every file of the project."""
        self.footprint.name("all", "files")
        return self._paths.values()

    def loaded(self) -> Iterator[ModuleInfo]:
        """The modules handed in so far, by path."""
        self.footprint.name("all", "modules")
        return (module for path in sorted(self._known) if (module := self.module(path)) is not None)

    def module(self, path: str) -> ModuleInfo | None:
        """The module at `path`, indexed now if it was not yet."""
        self.footprint.file(path)
        return self._module(path)

    def part(self, path: str, key: str) -> ModuleInfo | None:
        """The same for somebody who looks at nothing in it but what is called `key`: a function or class, with the
        calls and references in it, or a name of the top level."""
        self.footprint.part(path, key)
        return self._module(path)

    def _module(self, path: str) -> ModuleInfo | None:
        if self._is_closed:
            return self._shelf.get(path) if path in self._known else None
        if path not in self._shelf:
            self._shelf.put(path, self._load(path))
        return self._shelf.get(path)

    def packed(self, path: str) -> bytes:
        """The module at `path`, which was handed in, packed."""
        return self._shelf.packed(path)

    def resolve_import(self, found: Import, importer: str) -> str | None:
        """The path of the module that `import module` or `from module import …` in file `importer` means."""
        if found.level:
            return self._relative(found, importer)
        path = self.find(found.module, importer)
        return path if path is not None or not found.name else self._only_one(found, importer)

    def _relative(self, found: Import, importer: str) -> str | None:
        package = tuple(importer.split("/"))[: -found.level]
        if len(importer.split("/")) < found.level:
            return None
        meant = (*package, *[p for p in found.module.split(".") if p])
        if meant:
            self.footprint.name("module", meant[-1])
        return self._paths.get(meant)

    def find(self, dotted: str, importer: str) -> str | None:
        """The project file of an absolute module name, seen from `importer`; None for anything outside."""
        self.footprint.name("module", dotted.rpartition(".")[2])
        for kind in ("module", "folder"):
            self.footprint.name(kind, dotted.partition(".")[0])
        folder, _, own = importer.rpartition("/")
        may_be_itself = own in ("__init__.py", f"{dotted.rpartition('.')[2]}.py")
        key = (dotted, importer if may_be_itself else folder)
        if key not in self._found:
            self._found[key] = self._search(tuple(dotted.split(".")), importer)
        return self._found[key]

    def _search(self, wanted: tuple[str, ...], importer: str) -> str | None:
        """The module, not the importer itself, whose root is nearest to that; none of two that are as near, and of
        those that lie in other folders only what is in the package by that name around the importer, if there is one.
        """
        here = tuple(importer.split("/")[:-1])
        package = self._package(wanted[0], here)
        best: tuple[int, tuple[str, ...]] | None = None
        is_one_of_two = False
        for parts in self._by_tail.get(wanted[-1], ()):
            root = parts[: -len(wanted)]
            if parts[-len(wanted) :] != wanted or self._paths[parts] == importer:
                continue
            shared = _shared(root, here)
            is_beside = "/".join(root) in self.packaging.roots
            if shared < len(root) and (wanted[0] in _STANDARD_LIBRARY or (len(wanted) == 1 and not is_beside)):
                continue
            if shared < len(root) and package != parts[: len(package)] and not is_beside:
                continue
            nearness = shared - len(root)
            if best is None or nearness > best[0]:
                best, is_one_of_two = (nearness, parts), False
            elif nearness == best[0] and parts != best[1]:
                is_one_of_two = True
        if best is None:
            return self._packaged(".".join(wanted))
        return None if is_one_of_two else self._paths[best[1]]

    def _package(self, name: str, here: tuple[str, ...]) -> tuple[str, ...]:
        """The package or module of this name in a folder or the nearest one around it; () if there is none."""
        around = ((*here[:depth], name) for depth in range(len(here), -1, -1))
        return next((each for each in around if each in self._folders or each in self._paths), ())

    def _packaged(self, dotted: str) -> str | None:
        """The file that a name means by what the packaging says."""
        for folder, rest in self.packaging.folders(dotted):
            parts = (*folder.split("/"), *rest.split(".")) if rest else tuple(folder.split("/"))
            self.footprint.name("module", parts[-1])
            if parts in self._paths:
                return self._paths[parts]
        return None

    def _only_one(self, found: Import, importer: str) -> str | None:
        """The file that an import means which begins with a name that nothing in the project has, as it is deployed
        under another: the only one whose path ends as the rest does, and which defines what is imported."""
        parts = tuple(found.module.split("."))
        if len(parts) <= _TELLING or parts[0] in _STANDARD_LIBRARY:
            return None
        if self._package(parts[0], tuple(importer.split("/")[:-1])):
            return None
        self.footprint.name("module", parts[-1])
        key = (found.module, found.name)
        if key not in self._defining:
            ends = [each for each in self._by_tail.get(parts[-1], ()) if each[1 - len(parts) :] == parts[1:]]
            path = self._paths[ends[0]] if len(ends) == 1 else None
            self._defining[key] = path if path is not None and self._defines(path, found.name) else None
        path = self._defining[key]
        if path is not None:
            self.footprint.part(path, found.name)
        return path

    def _defines(self, path: str, name: str) -> bool:
        word = re.escape(name.encode())
        defining = rb"^(?:(?:async[ \t]+)?def|class)[ \t]+%b\b|^%b[ \t]*(?::[^=\n]*)?=[^=]" % (word, word)
        return re.search(defining, self._text(path), re.MULTILINE) is not None


def _shared(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    count = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        count += 1
    return count
