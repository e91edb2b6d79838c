"""Of the releases of a connection those that do more than give back."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from putback.ownership.analysis.release_effects import ReleaseEffects, callee, counts, in_words
from putback.ownership.facts.site_facts import SiteFacts


class Besides(Struct, frozen=True):
    """What a release does more: in `words` ("`finish()` also commits"), and whether it tells the project that the
    connection is back."""

    words: str
    counts: bool


def done_besides(site: SiteFacts, ats: Collection[int], name: str) -> dict[int, Besides]:
    """Those of some releases that do more than give back.

    `name` is the connection's, for those that no path comes to.
    """
    facts = site.function
    effects = facts.analyzer.known(ReleaseEffects)
    done = effects.of_operations(site.way, ats, name)
    worded = ((at, each, in_words(each)) for at, each in done.items())
    return {
        at: Besides(f"`{callee(facts.unit.text(at))}()` also {more}", counts(each)) for at, each, more in worded if more
    }
