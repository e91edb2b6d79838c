"""What a run of a project is: something that serves again and again, or a program that somebody starts by hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from itertools import islice

from putback.frameworks.idioms import idioms
from putback.frameworks.schema import Role
from putback.model.finding import Place
from putback.model.spelling import inside
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.index.places import goes_on, is_started, place_by_path
from putback.source.prefilter import imported_words

_ROUTE = re.compile(rb"""^\s*@[\w.]+\(\s*(?:[A-Za-z_]\w*\s*=\s*)?[rf]?["']/""", re.MULTILINE)
"""A decorator with a path: whatever the framework is, the function answers requests."""
_MOST = 1000
"""Files: a program of one run is no larger, and more are not looked through."""


def packages_that_serve(analyzer: Analyzer) -> frozenset[str]:
    """The packages of the frameworks that have routes or jobs."""
    calling = (Role.ROUTE, Role.JOB)
    frameworks = analyzer.frameworks.frameworks.values()
    return frozenset(n for f in frameworks if any(m.role in calling for m in f.markers) for n in f.imports)


class Run(Enum):
    """SERVES: others, or nobody knows; STAYS: a window is open for one user; ENDS: a program that does its work."""

    SERVES = "serves"
    STAYS = "stays"
    ENDS = "ends"


class Programs:
    """Reads the files of the project when it is first asked, up to the first that serves."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._project = analyzer.project
        serving = idioms().places.serving | packages_that_serve(analyzer)
        self._serving = [frozenset(name.encode().split(b".")) for name in sorted(serving)]
        self._windows = frozenset(name.encode() for name in idioms().places.windows)

    @property
    def run(self) -> Run:
        """A program is what some file starts by hand while none serves or goes on for ever."""
        return self._analyzer.lasting.ask("which sort of program", self._search, Run.SERVES)

    def _search(self) -> Run:
        footprint = self._project.footprint
        paths = footprint.aside(lambda: [*islice(filter(self._runs, self._project.paths), _MOST + 1)])
        server = footprint.aside(lambda: self._server(paths)) if len(paths) <= _MOST else ""
        if server:
            footprint.file(server)  # as long as that serves, no other file matters
            return Run.SERVES
        footprint.name("all", "files")
        if len(paths) > _MOST:
            return Run.SERVES
        footprint.name("all", "contents")
        return footprint.aside(lambda: self._by_hand([self._content(path) for path in paths]))

    def _by_hand(self, contents: Sequence[bytes]) -> Run:
        """How a project that serves nobody is run; one that nothing starts is a library, for whoever uses it."""
        if any(not self._windows.isdisjoint(imported_words(each)) for each in contents):
            return Run.STAYS
        return Run.ENDS if any(map(is_started, contents)) else Run.SERVES

    def _server(self, paths: Sequence[str]) -> str:
        """A file that serves, "" if there is none; what has to be parsed to be told comes last."""
        return next((path for serves in (self._answers, self._goes_on) for path in paths if serves(path)), "")

    def _runs(self, path: str) -> bool:
        return place_by_path(inside(path, self._analyzer.root)) in (Place.SERVICE, Place.SCRIPT)

    def _answers(self, path: str) -> bool:
        content = self._content(path)
        words = imported_words(content)
        return any(name <= words for name in self._serving) or _ROUTE.search(content) is not None

    def _goes_on(self, path: str) -> bool:
        return goes_on(self._content(path))

    def _content(self, path: str) -> bytes:
        try:
            return self._analyzer.reader.data(path)
        except OSError:
            return b""
