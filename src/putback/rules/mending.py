"""Findings with their fixes. The fixes are loaded only when there is something to mend, because they need libcst."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from putback.fixes.declined import Declined
from putback.model.config import FixStyle
from putback.model.finding import Finding
from putback.model.fix import Fix
from putback.model.lifecycle import After, On, With
from putback.ownership.analysis.domain import Phase
from putback.ownership.facts.entering import may_give_another
from putback.ownership.facts.site_facts import SiteFacts


def mended(finding: Finding, make: Callable[[], Fix]) -> Finding:
    """The finding with its fix, or with the reason why there is none."""
    try:
        fix = make()
    except Declined as declined:
        return replace(finding, no_fix_reason=declined.reason)
    return replace(finding, fix=fix) if fix.edits else replace(finding, no_fix_reason="it would change nothing")


_GIVEN_BACK = "it may have been given back before the handler"


def rolled_back(finding: Finding, site: SiteFacts, handler: int, used_later: bool) -> Finding:
    """The finding with a fix that rolls back first in the handler."""

    def make() -> Fix:
        from putback.fixes.rollback import Rollback, roll_back
        from putback.rules.holdings import borrowed_or_own

        effect = site.function.analyzer.method(site.kind.type, "rollback")
        if effect is None or effect.ends != "rollback":
            raise Declined(f"a {site.kind.title} has no rollback()")
        given_back = site.phases_at(handler) & {Phase.RELEASED, Phase.CLOSED}
        failing, facts = site.kind.rollback_error, site.function
        is_only_said = not used_later and facts.style is FixStyle.EXPLICIT
        if given_back and (site.kind.use_after_release is After.FOREIGN or not failing):
            is_mended_first = site.leaks and (used_later or is_only_said)
            reason = "first it has to be given back in a `finally`" if is_mended_first else _GIVEN_BACK
            raise Declined(reason)
        held = borrowed_or_own(site, handler)
        suppressed = facts.spelled(failing) or "Exception" if failing else ""
        every = facts.analyzer.catalog.drivers[site.kind.driver].errors
        general = frozenset(map(facts.spelled, every)) - {""} if is_only_said else None
        rollback = Rollback(effect.awaited, used_later, suppressed, general)
        fix = roll_back(held, held.code.node(handler), rollback)
        if not used_later and not is_only_said:
            raise Declined("the release rolls back by itself")
        return fix

    return mended(finding, make)


def awaited(finding: Finding, site: SiteFacts, at: int) -> Finding:
    """The finding with a fix that awaits the release at operation `at`."""

    def make() -> Fix:
        from putback.fixes.awaiting import await_release
        from putback.rules.holdings import code_of

        code = code_of(site)
        return await_release(code, code.node(at))

    return mended(finding, make)


def released_once(finding: Finding, site: SiteFacts, at: int) -> Finding:
    """The finding with a fix that keeps only the release at operation `at`."""

    def make() -> Fix:
        from putback.fixes.repetition import release_once
        from putback.rules.holdings import holding

        held = holding(site)
        return release_once(held, held.code.node(at))

    return mended(finding, make)


def guarded(finding: Finding, site: SiteFacts) -> Finding:
    """The finding with a fix that binds the name before its release can read it, and what else the clean-up reads."""

    def make() -> Fix:
        from putback.fixes.guard import guard_release
        from putback.rules.holdings import holding

        held = holding(site)
        return guard_release(replace(held, unbound=held.unbound | site.unbound_beside))

    return mended(finding, make)


def released_around(finding: Finding, site: SiteFacts) -> Finding:
    """The finding with a fix that turns its `with` into one that releases."""

    def make() -> Fix:
        from putback.fixes.closing_with import release_around
        from putback.rules.holdings import holding

        ends, enters = site.kind.with_ is With.TRANSACTION, On.ENTER in site.acquisition.on
        return release_around(holding(site), enters, ends, may_give_another(site.function, site.site))

    return mended(finding, make)


def given_back(finding: Finding, site: SiteFacts) -> Finding:
    """The finding with a fix that releases its connection on every path."""

    def make() -> Fix:
        from putback.fixes.split import on_own_rows
        from putback.fixes.wrap import give_back
        from putback.rules.holdings import code_of, holding

        return on_own_rows(code_of(site), lambda code: give_back(holding(site, code=code, may_unpack=True)))

    return mended(finding, make)
