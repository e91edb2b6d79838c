"""Of the releases of a connection those that do more than give back."""

from __future__ import annotations

from collections.abc import Collection

from putback.ownership.analysis.release_effects import ReleaseEffects, callee, in_words
from putback.ownership.facts.site_facts import SiteFacts


def done_besides(site: SiteFacts, ats: Collection[int], name: str) -> dict[int, str]:
    """Those of some releases that do more, with that in words: "`finish()` also commits".

    `name` is the connection's, for those that no path comes to.
    """
    facts = site.function
    effects = facts.analyzer.known(ReleaseEffects)
    done = effects.of_operations(facts.unit, site.site, site.exploration, ats, name)
    worded = ((at, in_words(each)) for at, each in done.items())
    return {at: f"`{callee(facts.unit.text(at))}()` also {more}" for at, more in worded if more}
