"""The project classes that derive from a class: they fill in what a mixin or an abstract class leaves open."""

from __future__ import annotations

from putback.flow.names import Element, Expr, Name
from putback.ownership.index.module import ClassInfo, Import, ModuleInfo
from putback.ownership.index.project import Project

ABSTRACT_BASES = frozenset({"object", "abc.ABC", "typing.Protocol", "typing_extensions.Protocol", "typing.Generic"})
"""Bases that bring no members of their own."""


def plain(base: Expr) -> Expr:
    """A base class without its type arguments: `Repository` of `Repository[User]`."""
    return base.value if isinstance(base, Element) else base


def imported_bases(module: ModuleInfo, cls: ClassInfo) -> list[Import]:
    """The imports that bring in the bases of a class."""
    named = (plain(base) for base in cls.bases)
    return [module.imports[base.id] for base in named if isinstance(base, Name) and base.id in module.imports]


class Subclasses:
    """Who may derive from a class, by the last name of the base: whoever asks looks at the lineage himself."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._by_base: dict[str, list[tuple[str, str]]] | None = None

    def of(self, key: str) -> list[tuple[str, str]]:
        """Path and key of the classes below class `key`, whatever file defines it, nearest first."""
        below = self._below()
        found: dict[tuple[str, str], None] = {}
        todo = [key]
        while todo:
            name = todo.pop(0).rpartition(".")[2]
            self._project.footprint.name("subclasses", name)
            for subclass in below.get(name, ()):
                if subclass not in found:
                    found[subclass] = None
                    todo.append(subclass[1])
        return list(found)

    def _below(self) -> dict[str, list[tuple[str, str]]]:
        if self._by_base is None:
            self._by_base = {}
            for path, cls in self._project.classes():
                for base in cls.bases:
                    self._by_base.setdefault(base, []).append((path, cls.key))
        return self._by_base
