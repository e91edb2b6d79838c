"""The words that findings share: what is held, what losing it costs, and the path in steps."""

from __future__ import annotations

from dataclasses import replace

from putback.model.finding import Severity, Step
from putback.model.lifecycle import Gc
from putback.ownership.analysis.pairing import is_attribute_here, name_here, paired_release, pool_here
from putback.ownership.analysis.site import Home
from putback.ownership.facts.evidence import Weight
from putback.ownership.facts.leaks import Leak
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.facts.surroundings import Surroundings
from putback.ownership.resolve.types import FunctionRef

_PLACES = {
    Home.GLOBAL: "the global",
    Home.OBJECT: "the attribute",
    Home.REGISTRY: "the scoped session",
    Home.CONTEXT: "the scoped session",
    Home.LENT: "the caller's",
}


def subject(site: SiteFacts) -> str:
    """The connection by its name in the code, or by what it is."""
    name = site.function.name_of(site.site)
    return f"`{name}`" if name else f"the {noun(site)}"


def noun(site: SiteFacts) -> str:
    """ "session" or "connection"."""
    return "session" if "session" in site.kind.title else "connection"


def cost(site: SiteFacts) -> str:
    """What one lost connection costs, with the error text that users will see."""
    kind = site.kind
    pooled = kind.pooled and not site.comes_without_pool
    seen = f' ("{kind.exhausted}")' if kind.exhausted and pooled is kind.pooled else ""
    if not pooled and kind.gc is Gc.PERMANENT:
        return f"the {noun(site)} stays open until the process ends{seen}"
    if not pooled:
        end = "until its last reference goes" if kind.gc is Gc.REFCOUNT else "until the garbage collector runs"
        return f"the {noun(site)} stays open {end}"
    if kind.gc is Gc.PERMANENT:
        return f"a slot of the pool is lost for good{seen}"
    end = "its last reference goes" if kind.gc is Gc.REFCOUNT else "the garbage collector runs"
    return f"the pool's connection stays checked out until {end}{seen}"


def acquired(site: SiteFacts) -> Step:
    """The first step: where the connection comes from, wrappers included."""
    kind = site.kind
    if site.site.acquisition.ambient is not None:
        return site.function.step(site.function.unit.function.at, f"works on {_place(site)} ({kind.title})")
    if site.site.at is None:
        return site.function.step(site.function.unit.function.at, f"handed in as {subject(site)} ({kind.title})")
    verb = "opened" if not kind.pooled else "made" if kind.lazy else "taken from the pool"
    wrappers = site.function.through(site.acquisition)
    origin = "".join(f", through {name} at {path}:{row}" for name, path, row in wrappers)
    inside = site.function.inside_of(site.acquisition, verb)
    return replace(site.function.step(site.site.acquired_at, f"{verb} here ({kind.title}{origin})"), via=inside)


def _place(site: SiteFacts) -> str:
    """An ambient connection by where it is kept."""
    return f"{_PLACES[site.home]} {subject(site)}"


def trace(site: SiteFacts, leak: Leak) -> tuple[Step, ...]:
    """Acquired here, can raise or leaves here, never released."""
    facts = site.function
    steps = [acquired(site), *facts.closed_in(site.acquisition)]
    if leak.raised_at is not None and leak.raised_at != leak.left_at:
        steps.append(facts.step(leak.raised_at, f"{_raising(leak)} ..."))
        steps.append(facts.step(leak.left_at, f"... {_leaving(site, leak)}, and {subject(site)} was not given back"))
    elif leak.raised_at is not None:
        steps.append(facts.step(leak.raised_at, f"{_raising(leak)}, the function ends without {release(site)}"))
    else:
        steps.append(facts.step(leak.left_at, f"{leak.exit.value} without {release(site)}"))
    return tuple(steps)


def believed(severity: Severity, leak: Leak) -> Severity:
    """`severity` as far as a reader believes that the leak happens."""
    if leak.weight is Weight.TRIVIAL:
        return Severity.INFO
    return severity.lowered() if leak.weight is Weight.SLIGHT else severity


def unbound_error(site: SiteFacts) -> str:
    """What reading a name that is not bound raises there."""
    return "UnboundLocalError" if site.function.name else "NameError"


def _leaving(site: SiteFacts, leak: Leak) -> str:
    if leak.unbound:
        return f"this name is not bound then: {unbound_error(site)} leaves the function"
    return leak.exit.value


def _raising(leak: Leak) -> str:
    if leak.explicit:
        return "an exception is raised here"
    if leak.at_yield:
        return "if the code that uses it raises, the exception arrives here"
    return "if this is cancelled" if leak.cancelled else "if this raises"


def release(site: SiteFacts) -> str:
    """The paired release, with the names that the code has: the pool's own, else that of the project's own function."""
    facts = site.function
    name = facts.name_of(site.site) or noun(site)
    text = site.kind.release.replace("{conn}", name)
    if "{pool}" not in text:
        return text
    pool = facts.pool_text(site.site) or pool_here(facts.analyzer, facts.unit, site.acquisition)
    if pool:
        return text.replace("{pool}", pool)
    pair = paired_release(facts.analyzer, site.acquisition)
    if pair is None:
        return f"{text.replace('{pool}.', '')} of its pool"
    released = facts.analyzer.info(pair)
    awaited = "await " if released is not None and released.is_async else ""
    return f"{awaited}{_spelled(facts, site, pair)}({name})"


def _spelled(facts: Surroundings, site: SiteFacts, wanted: FunctionRef) -> str:
    """A function of the project as this file can call it: by its name, or beside what acquires."""
    last = wanted.key.rpartition(".")[2]
    base = facts.unit.text(site.site.at).partition("(")[0].rpartition(".")[0] if site.site.at is not None else ""
    is_beside = base and "\n" not in base and is_attribute_here(facts.analyzer, facts.unit, base, wanted)
    return name_here(facts.analyzer, facts.unit, wanted) or (f"{base}.{last}" if is_beside else last)


def help_line(site: SiteFacts) -> str:
    """How to mend a leak by hand."""
    unbound = sorted(site.unbound_reads)
    if unbound and all(leak.unbound for leak in site.leaks):
        return f"bind `{unbound[0]}` to None before the `try`, and close it only if it is there"
    if site.with_releases:
        return f"use `with` around the use, or release it in a `finally`: {release(site)}"
    return f"release it in a `finally`: {release(site)}"
