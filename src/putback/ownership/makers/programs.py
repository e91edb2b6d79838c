"""What a run of a project is: something that serves again and again, or a program that somebody starts by hand."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from itertools import islice

from putback.flow.names import Invoke, Literal
from putback.frameworks.idioms import idioms
from putback.frameworks.schema import Role
from putback.model.finding import Place
from putback.model.spelling import inside
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.context import name_of
from putback.ownership.index.module import ModuleInfo
from putback.ownership.index.places import goes_on, is_started, place_by_path
from putback.ownership.resolve.types import NOTHING, Method, Scope, Type
from putback.source.prefilter import imported_words

_DECORATED = re.compile(rb"""^\s*@[\w.]+\([^)"']*["']""", re.MULTILINE)
"""A decorator that is given a text: only such files are looked at for what they register."""
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
        self._tabled = frozenset(n for f in analyzer.frameworks.frameworks.values() for n in f.imports)
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
        if footprint.aside(lambda: any(map(self._registers, paths))):
            return Run.SERVES
        return footprint.aside(lambda: self._by_hand({path: self._content(path) for path in paths}))

    def _by_hand(self, contents: Mapping[str, bytes]) -> Run:
        """How a project that serves nobody is run; one that nothing starts is a library, for whoever uses it."""
        if any(not self._windows.isdisjoint(imported_words(each)) for each in contents.values()):
            return Run.STAYS
        return Run.ENDS if any(is_started(path, content) for path, content in contents.items()) else Run.SERVES

    def _server(self, paths: Sequence[str]) -> str:
        """A file that serves, "" if there is none; what has to be parsed to be told comes last."""
        return next((path for serves in (self._answers, self._goes_on) for path in paths if serves(path)), "")

    def _runs(self, path: str) -> bool:
        return place_by_path(inside(path, self._analyzer.root)) in (Place.SERVICE, Place.SCRIPT)

    def _answers(self, path: str) -> bool:
        content = self._content(path)
        words = imported_words(content)
        return any(name <= words for name in self._serving)

    def _registers(self, path: str) -> bool:
        """Whether a file has a framework that no table knows call something of it, by a decorator."""
        module = self._project.module(path) if _DECORATED.search(self._content(path)) else None
        return module is not None and any(self._is_called_on(call, scope) for call, scope in _decorating(module))

    def _is_called_on(self, call: Invoke, scope: Scope) -> bool:
        """Whether a decorator registers what it stands at: with an object of a library that nothing is known of, or
        under a path wherever that may lead."""
        given = (v.value for v in (*call.args, *(v for _, v in call.keywords)) if isinstance(v, Literal))
        texts = [text for text in given if isinstance(text, str)]
        types = self._analyzer.resolver.types(call.func, scope) if texts else NOTHING
        if not texts or any(map(self._is_known, types)):
            return False
        is_of_object = any(isinstance(t, Method) for t in types)
        return is_of_object or any(text.startswith("/") for text in texts)

    def _is_known(self, t: Type) -> bool:
        """Whether this is of the project, Python's, or of a library whose table says what it calls: all of these serve
        by something that has been asked for already."""
        name = name_of(t)
        package = name.partition(".")[0]
        if not name:
            return True
        return package in sys.stdlib_module_names or package in self._tabled or self._analyzer.catalog.knows(name)

    def _goes_on(self, path: str) -> bool:
        return goes_on(self._content(path))

    def _content(self, path: str) -> bytes:
        try:
            return self._analyzer.reader.data(path)
        except OSError:
            return b""


def _decorating(module: ModuleInfo) -> Iterator[tuple[Invoke, Scope]]:
    """The decorators of a file that are given something, each with the scope that it is written in."""
    for function in module.functions.values():
        yield from ((d, Scope(module.path, function.outer)) for d in function.decorators if isinstance(d, Invoke))
    for cls in module.classes.values():
        around = cls.key.rpartition(".")[0]
        scope = Scope(module.path, around if around in module.functions else "")
        yield from ((d, scope) for d in cls.decorators if isinstance(d, Invoke))
