"""PB406: the pools of all processes together against what the database takes, as the configuration has it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from putback.model.config import Config
from putback.model.finding import Confidence, Finding, Step
from putback.model.weighing import Frequency, Likelihood, Loss, Worth
from putback.ownership.analysis.analyzer import Analyzer
from putback.pipeline.shares import Found, shares
from putback.pipeline.summing import summed
from putback.rules.pb406_pool_exceeds_database_limit import RULE
from putback.rules.rule import at_making


def exceeding(analyzer: Analyzer, places: Collection[tuple[str, str]], config: Config) -> Iterator[Finding]:
    """One finding, at the largest pool, if the deployment of the configuration does not fit."""
    found = list(shares(analyzer, places))
    if not found:
        return
    budget = summed([share for _, _, share in found], config, {})
    if budget.fits:
        return
    facts, made, largest = max(found, key=lambda each: (each[2].unlimited, each[2].most or 0))
    workers = " + ".join(str(each.number) for each in budget.workers)
    bound = "without a bound" if largest.unlimited else f"{budget.total} connections"
    yield at_making(
        RULE,
        facts,
        made,
        f"all processes together may open {bound}, and the database takes {budget.available}: {workers} workers × "
        f"{budget.replicas.number} replicas × {budget.per_process} in each",
        worth=Worth(Likelihood.EACH_TIME, Loss.CONNECTION, Frequency.AGAIN),
        confidence=Confidence.HIGH,
        trace=tuple(_step(each) for each in found),
        help="make the pools smaller, or raise the limit; `putback budget` shows the sum",
    )


def _step(found: Found) -> Step:
    facts, made, share = found
    most = "without a bound" if share.unlimited else f"{share.size} + {share.overflow}"
    return facts.step(made.at, f"{share.title} ({most})")
