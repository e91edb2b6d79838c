"""What a rule is: a page, a severity and a function from facts to findings. Rules keep no state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from putback.model.config import FixStyle
from putback.model.finding import Confidence, Finding, Severity, SiteKey, Step
from putback.model.mending import Mending
from putback.model.running import LEAKING, Running
from putback.model.site import rule_page
from putback.model.span import Span
from putback.model.weighing import Worth, tipped, weigh
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.pool_facts import PoolFacts
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.facts.surroundings import Surroundings

_PLAIN = Mending()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule; `page` is the docstring of its module, the text of `putback rule NAME`.

    `severity` is that of its plainest findings.

    `opt_in`: it runs only where it is asked for, or where fixes are written in its `style`. `running`: what running the
    function with and without faults shows of the defect; None when that shows nothing, and `verify` does not run it.
    `mending`: what fixing has to know of it.
    """

    code: str
    name: str
    category: str
    severity: Severity
    page: str
    check: Callable[[FunctionFacts], Iterator[Finding]]
    opt_in: bool = False
    style: FixStyle | None = None
    running: Running | None = LEAKING
    mending: Mending = _PLAIN

    @property
    def summary(self) -> str:
        """The first line of the page."""
        return self.page.strip().splitlines()[0].rstrip(".")

    @property
    def url(self) -> str:
        """Where the page stands on the web; "" while that is nowhere."""
        return rule_page(self.name)


def nothing(facts: FunctionFacts) -> Iterator[Finding]:
    """The check of rules about the run itself, which the pipeline reports."""
    return iter(())


def report(
    rule: Rule,
    site: SiteFacts,
    message: str,
    *,
    worth: Worth,
    confidence: Confidence,
    trace: tuple[Step, ...],
    at: int | None = None,
    help: str = "",
) -> Finding:
    """A finding of `rule` about `site`, located at its acquire or at operation `at`; what is not sure is no error."""
    facts = site.function
    confidence = Confidence.LOW if site.exploration.bounded else confidence
    span = facts.unit.span(site.site.acquired_at if at is None else at)
    found = report_at(
        rule, facts, span, message, worth=worth, confidence=confidence, trace=trace, driver=site.kind.driver
    )
    return replace(found, help=help, site=SiteKey(facts.unit.key, site.site.at, site.site.name))


def report_lost(found: Finding, where: str, no_fix_reason: str) -> Finding:
    """A finding about an acquire whose connection another function loses: it is not mended where it is acquired."""
    site = replace(found.site, lost_in=where) if found.site is not None else None
    return replace(found, site=site, no_fix_reason=no_fix_reason)


def report_at(
    rule: Rule,
    facts: Surroundings,
    span: Span,
    message: str,
    *,
    worth: Worth,
    confidence: Confidence,
    trace: tuple[Step, ...],
    driver: str,
    help: str = "",
) -> Finding:
    """A finding of `rule` about a place in a function and no acquire; what is not sure is no error."""
    words = tipped(worth)
    return Finding(
        code=rule.code,
        name=rule.name,
        message=f"{message} (a hint: {words})" if words else message,
        severity=weigh(worth, confidence),
        confidence=confidence,
        path=facts.path,
        filename=facts.unit.path,
        span=span,
        function=facts.name,
        driver=driver,
        trace=trace,
        help=help,
        url=rule.url,
        place=facts.place,
        site=SiteKey(facts.unit.key),
    )


def at_making(
    rule: Rule,
    facts: FunctionFacts,
    made: PoolFacts,
    message: str,
    *,
    worth: Worth,
    confidence: Confidence,
    trace: tuple[Step, ...] = (),
    help: str = "",
) -> Finding:
    """A finding of `rule` about the call that makes a pool."""
    found = report_at(
        rule,
        facts,
        made.span,
        message,
        worth=worth,
        confidence=confidence,
        trace=trace,
        driver=made.pool.driver,
        help=help,
    )
    return replace(found, site=SiteKey(facts.unit.key, made.at))
