"""What the rules about a pool's settings share: which database it is for, and whether an argument is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from putback.drivers.schema import Backend
from putback.model.finding import Confidence, Finding, Place, Step
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.pool_facts import PoolFacts
from putback.ownership.makers.fates import Fate
from putback.ownership.makers.settings import Settings
from putback.ownership.makers.values import Options

Wrong = tuple[PoolFacts, Settings, Confidence]
_EMBEDDED = "check_same_thread"


def serving(facts: FunctionFacts, is_wrong: Callable[[PoolFacts, Settings, Backend | None], bool]) -> Iterator[Wrong]:
    """The pools of a service for a server's database of which a way to set them up `is_wrong`, with the first such."""
    for made in facts.pools if facts.file_place is Place.SERVICE else ():
        backends = facts.analyzer.catalog.drivers[made.pool.driver].backends
        for each in made.settings if _lasts(made) else ():
            backend = each.backend(backends)
            if _may_be_server(facts, each, backend) and is_wrong(made, each, backend):
                yield made, each, Confidence.HIGH if backend is not None else Confidence.MEDIUM
                break


def _lasts(made: PoolFacts) -> bool:
    """Whether it keeps connections for later: one that dies with its function has them for a moment only."""
    return not made.is_without_pool and made.fate not in (Fate.LOCAL, Fate.ENDED)


def _may_be_server(facts: FunctionFacts, settings: Settings, backend: Backend | None) -> bool:
    """Whether the database is one, or nothing says that it is not."""
    if backend is not None:
        return backend.server
    options = settings.options
    hidden = isinstance(options, Options) and _EMBEDDED in options.items
    return not hidden and not any("sqlite" in row for row in facts.rows)


def is_missing(settings: Settings, name: str) -> bool:
    """Whether an argument is not given, and not among those that cannot be seen."""
    return name not in settings.arguments and settings.whole


def trace(facts: FunctionFacts, made: PoolFacts, settings: Settings) -> tuple[Step, ...]:
    """Who calls the wrapper, and where it makes the pool."""
    here = facts.step(made.at, f"the {made.pool.title} is made here")
    return (made.step(*settings.by, "calls the function that makes it ..."), here) if settings.by is not None else ()


def with_argument(finding: Finding, facts: FunctionFacts, made: PoolFacts, argument: str) -> Finding:
    """The finding with a fix that adds an argument to the call."""
    from putback.fixes.arguments import add_argument
    from putback.rules import mending

    return mending.mended(finding, lambda: add_argument(facts.rows, made.span, made.last_argument, argument))
