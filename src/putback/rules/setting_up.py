"""What the rules about a pool's settings share: which database it is for, and whether an argument is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from putback.drivers.schema import Backend
from putback.model.finding import Confidence, Finding, Place, Step
from putback.model.span import Span
from putback.model.weighing import Frequency, Likelihood, Loss, Worth
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.pool_facts import PoolFacts
from putback.ownership.makers.fates import Fate
from putback.ownership.makers.settings import Settings
from putback.ownership.makers.worth import Options
from putback.rules.rule import Rule, at_making

Wrong = tuple[PoolFacts, Settings, Confidence]


def serving(facts: FunctionFacts, is_wrong: Callable[[PoolFacts, Settings, Backend | None], bool]) -> Iterator[Wrong]:
    """The pools of a service for a server's database of which a way to set them up `is_wrong`, with the first such."""
    for made in facts.pools if facts.file_place is Place.SERVICE else ():
        backends = facts.analyzer.catalog.drivers[made.pool.driver].backends
        for each in made.settings if _lasts(made) else ():
            backend = each.backend(backends)
            if _may_be_server(facts, each, backends, backend) and is_wrong(made, each, backend):
                yield made, each, Confidence.HIGH if backend is not None else Confidence.MEDIUM
                break


def _lasts(made: PoolFacts) -> bool:
    """Whether it keeps connections for later: one that dies with its function has them for a moment only."""
    return not made.is_without_pool and made.fate not in (Fate.LOCAL, Fate.ENDED)


def _may_be_server(
    facts: FunctionFacts, settings: Settings, backends: Mapping[str, Backend], backend: Backend | None
) -> bool:
    """Whether the database is one, or nothing says that it is not: a size is given to the pool of a server only."""
    telling = [word for each in backends.values() if not each.server for word in each.told_by]
    options = settings.options
    if isinstance(options, Options) and not options.items.keys().isdisjoint(telling):
        return False
    if backend is not None:
        return backend.server
    if settings.of(settings.pool.size) is not None:
        return True
    others = {row for made in facts.pools if _is_seen(made, backends) for row in _rows(made.span)}
    rows = (text for row, text in enumerate(facts.rows, 1) if row not in others)
    return not any(word in text for text in rows for word in telling)


def _is_seen(made: PoolFacts, backends: Mapping[str, Backend]) -> bool:
    """Whether a pool's own database is known, so that what is written there says nothing of another's."""
    return any(each.backend(backends) is not None for each in made.settings)


def _rows(span: Span) -> range:
    return range(span.start.row, span.end.row + 1)


def is_missing(settings: Settings, name: str) -> bool:
    """Whether an argument is not given, and not among those that cannot be seen."""
    return name not in settings.arguments and settings.whole


def is_closed_while_idle(made: PoolFacts, settings: Settings, backend: Backend | None) -> bool:
    """Whether the server closes the connections that it keeps for ever, and nothing looks."""
    pool = made.pool
    if backend is None or not backend.idle_closes or made.listens or pool.pool_class in settings.arguments:
        return False
    return bool(pool.recycle) and is_missing(settings, pool.recycle) and is_missing(settings, pool.pre_ping)


def is_cut_off(made: PoolFacts, settings: Settings) -> bool:
    """Whether the host is one that closes what is idle, and the pool keeps it for ever."""
    backend = settings.backend(made.analyzer.catalog.drivers[made.pool.driver].backends)
    keeps = bool(made.pool.recycle) and is_missing(settings, made.pool.recycle)
    return backend is not None and keeps and any(part in settings.host for part in backend.cutting)


@dataclass(frozen=True, slots=True)
class Told:
    """What a rule says of a pool; `argument` is what a fix adds to the call, "" where there is none.

    `loss` is what shows that it does harm here.
    """

    message: str
    help: str
    argument: str = ""
    loss: Loss = Loss.ADVICE


def found(
    rule: Rule,
    facts: FunctionFacts,
    is_wrong: Callable[[PoolFacts, Settings, Backend | None], bool],
    told: Callable[[PoolFacts, Settings], Told],
) -> Iterator[Finding]:
    """One finding for each pool that `serving` yields."""
    for made, settings, confidence in serving(facts, is_wrong) if not facts.ends_with_its_run else ():
        it = told(made, settings)
        finding = at_making(
            rule,
            facts,
            made,
            it.message,
            worth=Worth(Likelihood.EXPECTED, it.loss, Frequency.AGAIN),
            confidence=confidence,
            trace=_trace(facts, made, settings),
            help=it.help,
        )
        yield _with_argument(finding, facts, made, it.argument) if it.argument else finding


def _trace(facts: FunctionFacts, made: PoolFacts, settings: Settings) -> tuple[Step, ...]:
    """Who calls the wrapper, and where it makes the pool."""
    here = facts.step(made.at, f"the {made.pool.title} is made here")
    return (made.step(*settings.by, "calls the function that makes it ..."), here) if settings.by is not None else ()


def _with_argument(finding: Finding, facts: FunctionFacts, made: PoolFacts, argument: str) -> Finding:
    """The finding with a fix that adds an argument to the call."""
    from putback.fixes.arguments import add_argument
    from putback.rules import mending

    return mending.mended(finding, lambda: add_argument(facts.rows, made.span, made.last_argument, argument))
