"""Findings with their fixes. The fixes are loaded only when there is something to mend, because they need libcst."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from putback.fixes.declined import Declined
from putback.model.finding import Finding
from putback.model.fix import Fix
from putback.ownership.facts import SiteFacts


def mended(finding: Finding, make: Callable[[], Fix]) -> Finding:
    """The finding with its fix, or with the reason why there is none."""
    try:
        return replace(finding, fix=make())
    except Declined as declined:
        return replace(finding, no_fix_reason=declined.reason)


def given_back(finding: Finding, site: SiteFacts) -> Finding:
    """The finding with a fix that releases its connection on every path."""

    def make() -> Fix:
        from putback.fixes.wrap import give_back
        from putback.rules.holdings import holding

        return give_back(holding(site))

    return mended(finding, make)
