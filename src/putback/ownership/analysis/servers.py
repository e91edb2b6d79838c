"""Which database servers a project talks to, as far as its files say, and what a failed statement does there."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import TypeAlias

from putback.drivers.catalog import Catalog
from putback.ownership.index.project import Project
from putback.ownership.index.requirements import requirements_in
from putback.ownership.resolve.recursion import Answers
from putback.source.slices import Reader

_LARGE = 1_000_000  # bytes: nobody writes an address there
_KEEPS = frozenset({"keeps"})
_EMBEDS = frozenset({"embeds"})
_Sign: TypeAlias = tuple[str, Callable[[bytes], bool]]


class Servers:
    """Reads the files of a project, and what it requires, when it is first asked."""

    def __init__(self, project: Project, reader: Reader, catalog: Catalog, answers: Answers) -> None:
        self._project = project
        self._reader = reader
        self._answers = answers
        tables = catalog.drivers.values()
        keeping = _address({word for table in tables for word in table.keeping_servers})
        embedded = _address({word for table in tables for word in table.embedded_servers})
        clients = {word for table in tables for word in table.keeping_clients}
        required, asked = _package(clients), [word.encode() for word in clients]
        self._aborting = {word.lower().encode() for table in tables for word in table.aborting_servers}
        self._addresses: tuple[_Sign, ...] = (
            ("keeps", lambda text: b"://" in text and keeping.search(text) is not None),
            ("embeds", lambda text: b"://" in text and embedded.search(text) is not None),
        )
        self._packages: tuple[_Sign, ...] = (
            ("keeps", lambda text: any(word in text for word in asked) and required.search(text) is not None),
        )

    @property
    def only_keep(self) -> bool:
        """Whether the addresses, or the packages that are required, are of databases that undo the failed statement
        alone, and nothing names another one."""
        return self._named in (_KEEPS, _EMBEDS, _KEEPS | _EMBEDS)

    @property
    def only_embedded(self) -> bool:
        """Whether the addresses are of databases in the process, and nothing names a server."""
        return self._named == _EMBEDS

    @property
    def _named(self) -> frozenset[str]:
        return self._answers.ask("which servers", self._search, frozenset())

    def _search(self) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for content, signs in chain(self._code(), self._required()):
            folded = content.lower()
            if any(word in folded for word in self._aborting):
                return frozenset({"aborts"})
            found |= {what for what, is_in in signs if what not in found and is_in(folded)}
        return found

    def _code(self) -> Iterator[tuple[bytes, tuple[_Sign, ...]]]:
        """The files of the project, and what tells there; `setup.py` requires packages, too."""
        for path in self._project.paths:
            try:
                content = self._reader.data(path)
            except OSError:
                continue
            if len(content) < _LARGE:
                is_setup = os.path.basename(path) == "setup.py"
                yield content, (*self._addresses, *self._packages) if is_setup else self._addresses

    def _required(self) -> Iterator[tuple[bytes, tuple[_Sign, ...]]]:
        self._project.footprint.name("all", "packages")
        for folder in sorted({os.path.dirname(path) for path in self._project.paths}):
            yield from ((text.encode(), self._packages) for text in requirements_in(folder))


def _address(words: Collection[str]) -> re.Pattern[bytes]:
    """A pattern for an address that begins with one of some words; without one it never matches."""
    return re.compile(rb"\b(?:" + _any(words) + rb")(?:\+\w+)?://")


def _package(words: Collection[str]) -> re.Pattern[bytes]:
    """A pattern for one of some words as the name of a package."""
    return re.compile(rb"(?<![-.\w/])(?:" + _any(words) + rb")(?![-.\w])")


def _any(words: Collection[str]) -> bytes:
    return b"|".join(re.escape(word.encode()) for word in sorted(words)) or rb"(?!)"
