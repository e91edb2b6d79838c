"""What one module gives the search for further files: names that can carry a connection, and files that it reaches.

Worked out module by module, each with its footprint: what was worked out before still holds where nothing in that has
changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from msgspec import Struct

from putback.drivers.catalog import Catalog
from putback.frameworks.catalog import FrameworkCatalog
from putback.ownership.index.module import Import, ModuleInfo
from putback.ownership.index.project import Project
from putback.ownership.index.subclasses import imported_bases
from putback.ownership.resolve.callers import called, invocations
from putback.ownership.resolve.carriers import Carriers
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import ClassRef, FunctionRef, Scope, outside_class

R = TypeVar("R")


class Offer(Struct, frozen=True, array_like=True):
    """What a module offers: the `names` it defines that can mean a connection, the files that it `reached` with one.

    `set_on` are the names under which it sets one on objects of outside classes, each with the package of the class.
    """

    names: tuple[str, ...]
    reached: tuple[str, ...]
    set_on: tuple[tuple[bytes, bytes], ...]


class Offers:
    """Answers for the modules of one round; `carriers` know what is indexed so far, and `project` may load more."""

    def __init__(self, project: Project, carriers: Carriers, catalog: Catalog, frameworks: FrameworkCatalog) -> None:
        self.project = project
        self.carriers = carriers
        self.frameworks = frameworks
        self.resolver = Resolver(project, catalog, frameworks)

    def of(self, module: ModuleInfo) -> tuple[Offer, int]:
        """What a module offers, and the footprint of that."""
        return traced(self.project, lambda: self._of(module))

    def members(self, module: ModuleInfo) -> tuple[tuple[str, ...], int]:
        """The attributes and methods of a module's classes that carry a connection, and the footprint of that."""
        return traced(self.project, lambda: tuple(sorted(self.carriers.members([module]))))

    def _of(self, module: ModuleInfo) -> Offer:
        self.project.footprint.file(module.path)
        reached = {*self._mixed_in(module), *self._handed_to(module)}
        names = self.carriers.names([module])
        return Offer(tuple(sorted(names)), tuple(sorted(reached)), tuple(sorted(set(self._set_on(module)))))

    def _mixed_in(self, module: ModuleInfo) -> Iterator[str]:
        """The files with the bases of classes that carry a connection: they may use it by `self`."""
        for cls in module.classes.values():
            if self.carriers.by_class(module.path, cls.key):
                for base in imported_bases(module, cls):
                    if (path := self.project.resolve_import(base, module.path)) is not None:
                        yield path

    def _handed_to(self, module: ModuleInfo) -> Iterator[str]:
        """The files that define what a module passes a connection, a pool or a factory to."""
        imported = frozenset(self._imported_from_project(module))
        for scope, call in invocations(module) if imported else ():
            meant = called(call, imported)
            if meant and self.carriers.passes_one(call, Scope(module.path, scope)):
                for callee in (t for each in meant for t in self.resolver.types(each, Scope(module.path, scope))):
                    if isinstance(callee, (FunctionRef, ClassRef)):
                        yield callee.path

    def _imported_from_project(self, module: ModuleInfo) -> Iterator[str]:
        """The names that a module imports from others of the project, at its top level or in a function."""
        tables = (module.imports, *(function.imports for function in module.functions.values()))
        for name, found in (item for table in tables for item in table.items()):
            if any(self.project.resolve_import(each, module.path) for each in files_of(found)):
                yield name

    def _set_on(self, module: ModuleInfo) -> Iterator[tuple[bytes, bytes]]:
        """Under which names a module sets what carries a connection on objects of outside classes, such as a
        framework's application; each with the package of the class."""
        for function, name, base, value in module.stores:
            scope = Scope(module.path, function)
            if self.carriers.carries_any(value, scope):
                bases = self.carriers.resolver.types(base, scope)
                classes = {outside_class(t) for t in bases if self.carriers.resolver.stores.can_hold(t)} - {""}
                for root in {root for each in classes for root in self.frameworks.packages(each)}:
                    yield name.strip("[]").encode(), root.encode()


def traced(project: Project, find: Callable[[], R]) -> tuple[R, int]:
    """What `find` comes to, and the footprint of that."""
    before = project.footprint.begin()
    found = find()
    return found, project.footprint.end(before)


def files_of(found: Import) -> Iterable[Import]:
    """What an import can mean a file by: its module, and its name when that is a module."""
    yield found
    if found.name:
        yield Import(".".join(filter(None, (found.module, found.name))), "", found.level)
