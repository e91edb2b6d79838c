"""Which databases the engines of a project are for, as far as the URLs that they are made with are seen."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

from msgspec import Struct

from putback.drivers.schema import Pool
from putback.flow.ir import MODULE
from putback.flow.names import last_name
from putback.model.finding import Place
from putback.model.spelling import inside
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.index.astnames import to_expr
from putback.ownership.index.places import place_by_path
from putback.ownership.makers.often import frequency_of
from putback.ownership.makers.parts import Part
from putback.ownership.makers.settings import Settings, reader_of
from putback.ownership.resolve.types import Symbol


class Engine(Struct, frozen=True):
    """One way in which an engine of the file `path` is made: for a database in the process, if that is seen.

    `may_differ`: an environment variable can name another one.
    """

    path: str
    is_embedded: bool
    may_differ: bool


class Databases:
    """Looks at all engines of the project when it is first asked; tests, examples and scripts make theirs aside."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        drivers = [driver for driver in analyzer.catalog.drivers.values() if driver.backends]
        self._backends = {name: backend for driver in drivers for name, backend in driver.backends.items()}
        self._clients = [word.lower().encode() for driver in drivers for word in driver.aborting_servers]

    def is_embedded(self, path: str) -> bool:
        """Whether the engines nearest to a file are all for a database in the process, whatever is configured."""
        nearest = self._nearest(path)
        return bool(nearest) and all(each.is_embedded and not each.may_differ for each in nearest)

    def is_embedded_by_default(self, path: str) -> bool:
        """The same unless somebody configures another one, and the code is written for none.

        Where no engine is made all addresses in the code tell.
        """
        nearest = self._nearest(path)
        if not nearest:
            return self._all[1]
        return all(each.is_embedded and (self._all[1] or not each.may_differ) for each in nearest)

    @property
    def _all(self) -> tuple[tuple[Engine, ...], bool]:
        """The engines, and whether the code names databases in the process alone."""
        nothing: tuple[tuple[Engine, ...], bool] = ((), False)
        return self._analyzer.lasting.ask("all engines", self._find, nothing)

    def _nearest(self, path: str) -> list[Engine]:
        """The engines that share most folders with a file: each service of a repository has its own."""
        engines, _ = self._all
        most = max((_shared(each.path, path) for each in engines), default=0)
        return [each for each in engines if _shared(each.path, path) == most]

    def _find(self) -> tuple[tuple[Engine, ...], bool]:
        makers = {name.encode(): name for name in self._analyzer.catalog.pool_makers()}
        address = re.compile(rb"\b(%s)(?:\+\w+)?://" % b"|".join(map(str.encode, self._backends)))
        engines: list[Engine] = []
        named: set[bytes] = set()
        is_for_servers = False
        for path in sorted(self._analyzer.project.paths):
            if place_by_path(inside(path, self._analyzer.root)) is Place.SERVICE:
                content = self._content(path)
                named.update(address.findall(content))
                is_for_servers = is_for_servers or any(word in content.lower() for word in self._clients)
                names = {name for word, name in makers.items() if word in content}
                engines += (each for part in self._parts(path, names) for each in self._in(part, names))
        is_for_servers = is_for_servers or any(self._backends[name.decode()].server for name in named)
        return tuple(engines), bool(named) and not is_for_servers

    def _content(self, path: str) -> bytes:
        try:
            return self._analyzer.reader.data(path)
        except OSError:
            return b""

    def _parts(self, path: str, names: Collection[str]) -> Iterator[Part]:
        module = self._analyzer.project.module(path) if names else None
        keys = (MODULE, *(info.key for info in module.functions.values() if not info.outer)) if module else ()
        for key in keys:
            if any(name in self._analyzer.part(path, key).text for name in names):
                part = frequency_of(self._analyzer).parts.part(path, key)
                if part is not None:
                    yield part

    def _in(self, part: Part, names: Collection[str]) -> Iterator[Engine]:
        for call in (node for node in ast.walk(part.tree) if isinstance(node, ast.Call)):
            pool = self._made_by(part, call) if last_name(to_expr(call.func)) in names else None
            backends = self._analyzer.catalog.drivers[pool.driver].backends if pool is not None else {}
            if pool is not None and pool.url is not None and backends:
                for settings in reader_of(self._analyzer).settings(part, call, pool):
                    backend = settings.backend(backends)
                    yield Engine(part.path, backend is not None and not backend.server, _is_configured(settings))

    def _made_by(self, part: Part, call: ast.Call) -> Pool | None:
        types = self._analyzer.resolver.types(to_expr(call.func), part.scope_of(call))
        made = (self._analyzer.catalog.pool_made_by(t.name) for t in types if isinstance(t, Symbol))
        return next((pool for pool in made if pool is not None), None)


def _is_configured(settings: Settings) -> bool:
    found = settings.of(settings.pool.url)
    return found is None or bool(found.variables)


def _shared(left: str, right: str) -> int:
    """How many folders two files share."""
    count = 0
    for a, b in zip(left.split("/")[:-1], right.split("/")[:-1], strict=False):
        if a != b:
            break
        count += 1
    return count
