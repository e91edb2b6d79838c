"""The words that findings share: what is held, what losing it costs, and the path in steps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from putback.drivers.schema import Kind
from putback.model.finding import Step
from putback.model.lifecycle import Gc
from putback.ownership.analysis.acquire_kept import EndingMethod
from putback.ownership.analysis.pairing import (
    is_attribute_here,
    name_here,
    own_release,
    paired_release,
    pool_here,
    pool_of,
)
from putback.ownership.analysis.site import Home
from putback.ownership.facts.leaks import Leak
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.facts.surroundings import Surroundings
from putback.ownership.resolve.types import FunctionRef

_WITH = "a `with` around the use"
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
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
    error = site.exhausted if pooled is kind.pooled else ""
    seen = f' ("{error}")' if error else ""
    if not pooled and kind.gc is Gc.PERMANENT:
        return f"the {noun(site)} stays open until the process ends{seen}"
    if kind.keeps_process:
        return f"as long as the {noun(site)} is open, its thread keeps the process from ending"
    if not pooled:
        end = "until its last reference goes" if kind.gc is Gc.REFCOUNT else "until the garbage collector runs"
        return f"the {noun(site)} stays open {end}"
    if kind.gc is Gc.PERMANENT:
        return f"a slot of the pool is lost for good{seen}"
    end = "its last reference goes" if kind.gc is Gc.REFCOUNT else "the garbage collector runs"
    return f"the pool's connection stays checked out until {end}{seen}"


def origin(site: SiteFacts) -> Iterator[Step]:
    """The first steps: where somebody acquires the connection, if another function does, and how it is had here."""
    facts = site.function
    found = facts.analyzer.origin(facts.unit, site.site) if site.site.at is None else None
    if found is not None:
        unit, there = found
        step = Step(
            facts.display(unit.path), unit.span(there.acquired_at), f"{_verb(there.kind)} here ({there.kind.title})"
        )
        yield step
    yield acquired(site)


def _verb(kind: Kind) -> str:
    return "opened" if not kind.pooled else "made" if kind.lazy else "taken from the pool"


def acquired(site: SiteFacts) -> Step:
    """The first step: where the connection comes from, wrappers included."""
    kind = site.kind
    if site.site.acquisition.ambient is not None:
        return site.function.step(site.function.unit.function.at, f"works on {_place(site)} ({kind.title})")
    if site.site.at is None:
        return site.function.step(site.function.unit.function.at, f"handed in as {subject(site)} ({kind.title})")
    verb = _verb(kind)
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
    if site.unstacked_at is not None and leak.raised_at is None:
        text = "taken out of the exit stack here, and what `pop_all()` gives is dropped"
        steps.append(facts.step(site.unstacked_at, text))
    elif leak.raised_at is not None and leak.raised_at != leak.left_at:
        steps.append(facts.step(leak.raised_at, f"{_raising(site, leak)} ..."))
        steps.append(facts.step(leak.left_at, f"... {_leaving(site, leak)}, and {subject(site)} was not given back"))
    elif leak.raised_at is not None:
        steps.append(facts.step(leak.raised_at, f"{_raising(site, leak)}, the function ends without {release(site)}"))
    else:
        steps.append(facts.step(leak.left_at, f"{leak.exit.value} without {release(site)}"))
    return tuple(steps)


def unbound_error(site: SiteFacts) -> str:
    """What reading a name that is not bound raises there."""
    return "UnboundLocalError" if site.function.name else "NameError"


def _leaving(site: SiteFacts, leak: Leak) -> str:
    if leak.unbound:
        return f"this name is not bound then: {unbound_error(site)} leaves the function"
    return leak.exit.value


def is_assert(site: SiteFacts, leak: Leak) -> bool:
    """Whether the exception comes from an `assert`, which seldom fails."""
    return leak.raised_at in site.function.unit.assertions


def _raising(site: SiteFacts, leak: Leak) -> str:
    if is_assert(site, leak):
        return "if this does not hold, AssertionError is raised"
    if leak.explicit:
        return "an exception is raised here"
    if leak.at_yield:
        return "if the code that uses it raises, the exception arrives here"
    return "if this is cancelled" if leak.cancelled else "if this raises"


def release(site: SiteFacts) -> str:
    """The paired release, with the names that the code has: the pool's own, else that of the project's own function.

    Where an object of the project keeps the connection, its class's own method; without one, what it keeps. What is
    handed in is given back as the function does it elsewhere.
    """
    facts = site.function
    owner = site.acquisition.owner
    if site.site.at is None and site.release_points.releases:
        return facts.unit.text(min(site.release_points.releases))
    name = facts.name_of(site.site) or (_object(site) if owner is not None else noun(site))
    if owner is not None:
        method = own_release(facts.analyzer, site.acquisition)
        if method is not None:
            return _WITH if _is_exit(method) else f"{'await ' * method.awaited}{name}.{method.name}()"
        name = f"{name}.{owner.attribute}"
    text = facts.release_of(site.kind).replace("{conn}", name)
    if "{pool}" not in text:
        return text
    pool = facts.pool_text(site.site) or pool_here(facts.analyzer, facts.unit, site.acquisition)
    if pool:
        return text.replace("{pool}", pool)
    pair = paired_release(facts.analyzer, site.acquisition)
    if pair is None:
        path, pool = pool_of(facts.analyzer, site.acquisition)
        known = f", `{pool}` of {facts.display(path)}" if pool else ""
        return f"{text.replace('{pool}.', '')} of its pool{known}"
    released = facts.analyzer.info(pair)
    awaited = "await " if released is not None and released.is_async else ""
    return f"{awaited}{_spelled(facts, site, pair)}({name})"


def _is_exit(method: EndingMethod) -> bool:
    return method.name.startswith("__")


def _object(site: SiteFacts) -> str:
    """What to call an object of the project that has no name: what its method is called on, or after its class."""
    owner = site.acquisition.owner
    assert owner is not None
    base = _base(site)
    if site.acquisition.itself and base.replace(".", "").isidentifier():
        return base
    return _CAPITAL.sub("_", owner.key.rpartition(".")[2].lstrip("_")).lower()


def _base(site: SiteFacts) -> str:
    """What the call that acquires is called on, as it stands there."""
    at = site.site.at
    return site.function.unit.text(at).partition("(")[0].rpartition(".")[0] if at is not None else ""


def _spelled(facts: Surroundings, site: SiteFacts, wanted: FunctionRef) -> str:
    """A function of the project as this file can call it: by its name, or beside what acquires."""
    last = wanted.key.rpartition(".")[2]
    base = _base(site)
    is_beside = base and "\n" not in base and is_attribute_here(facts.analyzer, facts.unit, base, wanted)
    return name_here(facts.analyzer, facts.unit, wanted) or (f"{base}.{last}" if is_beside else last)


def help_line(site: SiteFacts) -> str:
    """How to mend a leak by hand."""
    unbound = sorted(site.unbound_reads)
    if unbound and all(leak.unbound for leak in site.leaks):
        return f"bind `{unbound[0]}` to None before the `try`, and close it only if it is there"
    if site.unstacked_at is not None:
        return "keep what `pop_all()` gives and close it, or leave the connection to the `with` of the stack"
    released = release(site)
    if released == _WITH:
        return "use `with` around the use"
    first = "use `with` around the use, or " if site.with_releases else ""
    named = bool(site.function.name_of(site.site)) or site.acquisition.owner is None or site.acquisition.itself
    bound = "" if named else "give it a name, and "
    return f"{bound}{first}release it in a `finally`: {released}"
