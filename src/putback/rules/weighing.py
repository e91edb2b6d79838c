"""The three things that a leak is weighed by: how likely its path is, what is lost on it, and how often it runs."""

from __future__ import annotations

from collections.abc import Mapping

from putback.frameworks.schema import Role
from putback.model.weighing import Likelihood, Loss, Worth
from putback.ownership.facts.evidence import Weight
from putback.ownership.facts.leaks import Leak
from putback.ownership.facts.site_facts import SiteFacts

LIKELIHOODS: Mapping[Weight, Likelihood] = {
    Weight.DATABASE: Likelihood.EXPECTED,
    Weight.IO: Likelihood.EXPECTED,
    Weight.UNKNOWN: Likelihood.EXPECTED,
    Weight.READING: Likelihood.SELDOM,
    Weight.SLIGHT: Likelihood.RARELY,
    Weight.TRIVIAL: Likelihood.HARDLY,
}


def worth_of(site: SiteFacts, leak: Leak | None = None) -> Worth:
    """What a leak of this site is worth, on the way `leak`; without one it is lost whenever the function runs."""
    likelihood = _likelihood(leak)
    return Worth(likelihood, _loss(site, leak), site.function.frequency_for(site.kind, likelihood))


def _likelihood(leak: Leak | None) -> Likelihood:
    if leak is None or leak.raised_at is None or leak.explicit:
        return Likelihood.EACH_TIME
    likelihood = LIKELIHOODS[leak.weight]
    return Likelihood.TWICE if leak.twice and likelihood is not Likelihood.HARDLY else likelihood


def _loss(site: SiteFacts, leak: Leak | None) -> Loss:
    """What the kind says; a request keeps its exception for a while, and a file that is written to is locked."""
    loss = site.function.loss(site.kind)
    if loss is Loss.LATE:
        if site.comes_without_pool:
            return Loss.CONNECTION
        return Loss.SLOT if Role.ROUTE in site.function.roles else loss
    is_locked = leak is not None and leak.raised_at is not None and leak.writes
    return Loss.HELD if loss is Loss.HANDLE and is_locked else loss
