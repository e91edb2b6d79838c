"""Which files of a project have some words in them: looked for once, and again only in files that have changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from putback.ownership.index.project import Project
from putback.source.slices import Reader

NOTHING: Mapping[bytes, Collection[str]] = MappingProxyType({})


class Texts:
    """Answers for all files of a project. `known` are those of before, by the words: the files that had one of them;
    `others` have come, gone or changed since. What is not known is asked of `before`, if it is given."""

    def __init__(
        self,
        project: Project,
        reader: Reader,
        known: Mapping[bytes, Collection[str]] = NOTHING,
        others: Collection[str] = (),
        before: Texts | None = None,
    ) -> None:
        self._project = project
        self._reader = reader
        self._known = known
        self._others = frozenset(others)
        self._before = before
        self._found: dict[bytes, frozenset[str]] = {}

    def having(self, words: Collection[bytes]) -> frozenset[str]:
        """The files with one of some words."""
        self._project.footprint.name("all", "contents")
        return self._having(b"\n".join(sorted(words)))

    def answers(self) -> dict[bytes, frozenset[str]]:
        """What was asked this time and before."""
        for words in self._known:
            self._having(words)
        return self._found

    @property
    def searched(self) -> int:
        """How many times all files were looked through."""
        return len(self._found.keys() - self._known.keys())

    def renewed(self, project: Project, reader: Reader, changed: Collection[str]) -> Texts:
        """The same with other content of the `changed` files."""
        return Texts(project, reader, NOTHING, changed, self)

    def _having(self, words: bytes) -> frozenset[str]:
        if words not in self._found:
            self._found[words] = self._project.footprint.aside(lambda: self._search(words))
        return self._found[words]

    def _search(self, words: bytes) -> frozenset[str]:
        every = frozenset(self._project.paths)
        known = self._before._having(words) if self._before is not None else self._known.get(words)
        rest = every if known is None else every & self._others
        same = every.intersection(known or ()) - rest
        each = words.split(b"\n") if words else ()
        return same.union(path for path in rest if self._has(path, each))

    def _has(self, path: str, words: Collection[bytes]) -> bool:
        try:
            data = self._reader.data(path)
        except OSError:
            return False
        return any(word in data for word in words)
