"""The whole project: which file an import means, and what each file defines. Modules are indexed on demand.

A closed view indexes nothing more. It answers what candidates say of each other: a file that is no candidate can
neither define nor pass on a connection, so looking into it could only cost time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator

from putback.ownership.index.footprint import Footprint
from putback.ownership.index.module import ClassOutline, Import, ModuleInfo, Outline
from putback.ownership.index.module_cache import ModuleCache

_PASSED_ON = 3  # imports from the one who defines a name to the one who uses it
_STANDARD_LIBRARY = frozenset(sys.stdlib_module_names)


class Project:
    """All Python files of the project by path, `/`-separated.

    `load` indexes one file and returns None when it cannot be read; each file is loaded at most once. What is asked is
    noted in `footprint`, for all views of a project the same.
    """

    def __init__(
        self, paths: Iterable[str], load: Callable[[str], ModuleInfo | None], footprint: Footprint | None = None
    ) -> None:
        self.footprint = Footprint(None) if footprint is None else footprint
        self._load = load
        self._shelf = ModuleCache()
        self._known: dict[str, None] = {}
        self._is_closed = False
        self._by_tail: dict[str, list[tuple[str, ...]]] = {}
        self._paths: dict[tuple[str, ...], str] = {}
        self._found: dict[tuple[str, str], str | None] = {}
        self._callers: dict[str, dict[str, bytes]] = {}
        self._stores: dict[str, dict[str, bytes]] = {}
        self._importers: dict[str, set[str]] = {}
        self._classes: dict[str, tuple[ClassOutline, ...]] = {}
        for path in sorted(paths):
            self._add(path)

    def _add(self, path: str) -> None:
        parts = tuple(map(sys.intern, path.split("/")))
        stem = parts[-1].rpartition(".")[0]
        dotted = parts[:-1] if stem == "__init__" else (*parts[:-1], sys.intern(stem))
        if dotted and (dotted not in self._paths or path.endswith(".py")):
            self._paths[dotted] = path
            self._by_tail.setdefault(dotted[-1], []).append(dotted)

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
        project = Project((), load, self.footprint)
        project._by_tail, project._paths, project._found = self._by_tail, self._paths, self._found
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
        return self.find(found.module, importer)

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
        key = (dotted, importer.rpartition("/")[0])
        if key not in self._found:
            self._found[key] = self._search(tuple(dotted.split(".")), importer)
        return self._found[key]

    def _search(self, wanted: tuple[str, ...], importer: str) -> str | None:
        here = tuple(importer.split("/")[:-1])
        best: tuple[int, tuple[str, ...]] | None = None
        for parts in self._by_tail.get(wanted[-1], ()):
            root = parts[: -len(wanted)]
            if parts[-len(wanted) :] != wanted:
                continue
            shared = _shared(root, here)
            if shared < len(root) and (len(wanted) == 1 or wanted[0] in _STANDARD_LIBRARY):
                continue
            if best is None or shared - len(root) > best[0]:
                best = (shared - len(root), parts)
        return self._paths[best[1]] if best is not None else None


def _shared(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    count = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        count += 1
    return count
