"""The rules as the command line and the reports speak of them."""

from __future__ import annotations

from inspect import cleandoc

from putback.model.errors import UsageError
from putback.model.report import RuleCard
from putback.source.selection import EXACT, did_you_mean, strength


def cards() -> list[RuleCard]:
    """Every rule, by code."""
    from putback.rules import ALL
    from putback.rules.readings import reading_of

    done = []
    for rule in sorted(ALL, key=lambda each: each.code):
        page = cleandoc(rule.page)
        summary = " ".join(page.partition("\n\n")[0].split())
        url = str(getattr(rule, "url", ""))
        read = reading_of(rule.code)
        done.append(RuleCard(rule.code, rule.name, rule.category, rule.severity, summary, page, url=url, read=read))
    return done


def card(wanted: str) -> RuleCard:
    """The rule with this code or name; raises UsageError when there is none."""
    known = cards()
    for each in known:
        if strength(wanted, each.code, each.name) == EXACT:
            return each
    hint = did_you_mean(wanted, [word for each in known for word in (each.code, each.name)])
    raise UsageError(f"no such rule: {wanted}{hint or '; `putback rule` lists them'}")
