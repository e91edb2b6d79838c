"""Every pool that the processes of a project have, with its size: what `putback budget` and PB406 add up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from putback.drivers.schema import Backend
from putback.model.budget import Share
from putback.model.finding import Place
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.pool_facts import PoolFacts
from putback.ownership.makers.settings import Settings
from putback.source.discover import shown

Found = tuple[FunctionFacts, PoolFacts, Share]


def shares(analyzer: Analyzer, places: Iterable[tuple[str, str]]) -> Iterator[Found]:
    """The pools that functions make, by path and key of the outermost ones, in the code that serves."""
    for path, outermost in places:
        for key in analyzer.nested(path, outermost):
            unit = analyzer.unit(path, key)
            facts = FunctionFacts(analyzer, unit, shown) if unit is not None else None
            if facts is not None and facts.pools and facts.file_place is Place.SERVICE:
                for made in facts.pools:
                    for each in made.settings if made.pool.size is not None else ():
                        share = _share(facts, made, each)
                        if share is not None:
                            yield facts, made, share
        analyzer.forget()


def _share(facts: FunctionFacts, made: PoolFacts, settings: Settings) -> Share | None:
    """What one way to set up a pool comes to; None for a database in the process."""
    backends = facts.analyzer.catalog.drivers[made.pool.driver].backends
    backend = settings.backend(backends)
    if backend is not None and not backend.server:
        return None
    size, overflow = settings.number(made.pool.size), settings.number(made.pool.overflow)
    path, row = settings.by if settings.by is not None else (facts.unit.path, made.span.start.row)
    unlimited = made.is_without_pool or overflow.number == -1 or (size.number == 0 and overflow.number is not None)
    database = settings.url.partition(":")[0].partition("+")[0] if backend is not None else ""
    variables = tuple(dict.fromkeys((*size.variables, *overflow.variables)))
    accepts = (backend or Backend()).limit
    return Share(
        path=shown(path),
        row=row,
        title=made.pool.title,
        database=database,
        accepts=accepts,
        size=size.number,
        overflow=overflow.number,
        unlimited=unlimited,
        variables=variables,
    )
