"""What an object of the project has taken, followed into the method that its class has called next.

`__enter__` takes, or the constructor did, and Python calls `__exit__` in every case: once, and nobody behind it. What
an error in there leaves with the object is lost. So is what an error leaves in the only method by which the maker of an
object ends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from putback.flow import ir
from putback.flow.solve import Edge
from putback.ownership.analysis.acquire_kept import giving_back, kept_in
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.domain import Phase
from putback.ownership.analysis.site import Acquisition, Site
from putback.ownership.facts.evidence import Weight
from putback.ownership.facts.leaks import Leak
from putback.ownership.facts.makings import makings
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.facts.surroundings import Surroundings
from putback.ownership.resolve.types import FunctionRef

_NEXT = {
    "__enter__": ("__exit__",),
    "__aenter__": ("__aexit__",),
    "__init__": ("__exit__", "__aexit__"),
}
"""What is called in any case behind a method that takes."""

_BELIEVED = (Weight.DATABASE, Weight.IO, Weight.READING)
"""What has to fail: a method that cleans up calls much that hardly ever does."""

_GIVEN_BACK = (Phase.RELEASED, Phase.CLOSED)


@dataclass(frozen=True, eq=False)
class Ended:
    """A connection that a method has taken for its object, and the method that gives it back, but not if `leak`.

    `by_maker`: nothing but the makers that are seen says that this method comes next.
    """

    taken: SiteFacts
    given_back: SiteFacts
    leak: Leak
    by_maker: bool = False

    @property
    def method(self) -> str:
        """The name of the method that should give it back."""
        info = self.given_back.function.unit.info
        return info.name if info is not None else ""


def ended(facts: Surroundings, sites: list[SiteFacts]) -> Iterator[Ended]:
    """What a method takes for its object and the next one loses when something in it raises."""
    info = facts.unit.info
    if info is None or not info.owner or info.name not in _NEXT:
        return
    for site in sites:
        attribute = kept_in(facts.analyzer, facts.unit, site.site)
        if not attribute:
            continue
        leaving = list(_methods(facts, _NEXT[info.name]))
        following = leaving or _called_by_makers(facts, attribute) if info.name == "__init__" else leaving
        found = (_lost_in(facts, method, attribute, site) for method in following)
        first = next(filter(None, found), None)
        if first is not None:
            yield Ended(first.taken, first.given_back, first.leak, by_maker=not leaving)


def _called_by_makers(facts: Surroundings, attribute: str) -> Iterator[FunctionRef]:
    """The methods by which makers of an object end it, each the only one of its kind that its maker calls."""
    for made in makings(facts, attribute):
        endings = giving_back(facts.analyzer, made.acquisition, frozenset({attribute}))
        ending = {method.name: method.ref for method in endings}
        names = made.function.unit.names_of({op.target for op in _calls(made) if op.at == made.site.at})
        called = {op.name for op in _calls(made) if op.receiver in names} & ending.keys()
        if len(called) == 1 and not made.leaks and _gives_back(made):
            yield ending[called.pop()]


def _calls(site: SiteFacts) -> Iterator[ir.Call]:
    return (op for op in site.function.unit.ops() if isinstance(op, ir.Call))


def _lost_in(facts: Surroundings, method: FunctionRef, attribute: str, taken: SiteFacts) -> Ended | None:
    """How a method, or the one of the same object that gives back for it, loses what an attribute keeps."""
    seen: set[FunctionRef] = set()
    here: FunctionRef | None = method
    while here is not None and here not in seen:
        seen.add(here)
        there = _followed(facts, here, attribute, taken.acquisition)
        if there is None or not _gives_back(there):
            return None
        leak = _leak(facts.analyzer, there)
        if leak is not None:
            return Ended(taken, there, leak)
        here = _for_it(there)
    return None


def _for_it(site: SiteFacts) -> FunctionRef | None:
    """The method of the same object whose call is all that gives back."""
    unit, releases = site.function.unit, site.release_points.releases
    calls = [op for op in unit.ops() if isinstance(op, ir.Call) and op.at in releases]
    found = {ref for op in calls for ref in site.function.analyzer.call_info(unit, op).functions}
    is_own = bool(unit.own) and all(op.receiver == unit.own for op in calls)
    return FunctionRef(next(iter(found)).path, next(iter(found)).key) if is_own and len(found) == 1 else None


def _methods(facts: Surroundings, names: tuple[str, ...]) -> Iterator[FunctionRef]:
    """The methods of the function's class by some names, each as the nearest class has it."""
    assert facts.unit.info is not None
    lineage = facts.analyzer.resolver.classes.lineage(facts.unit.path, facts.unit.info.owner)
    for name in names:
        found = (FunctionRef(module.path, cls.methods[name]) for module, cls in lineage if name in cls.methods)
        yield from list(found)[:1]


def _followed(facts: Surroundings, method: FunctionRef, attribute: str, taken: Acquisition) -> SiteFacts | None:
    """What a method does to what its object keeps in an attribute."""
    unit = facts.analyzer.unit(method.path, method.key)
    if unit is None or unit.function.is_generator:
        return None
    given = replace(taken.given(False), owner=None)
    site = Site(None, given, facts.analyzer.summaries.own_path(method, attribute))
    there = Surroundings(facts.analyzer, unit, facts.spell, facts.style)
    return SiteFacts(there, site, facts.analyzer.explore(unit, site, Phase.HELD))


def _gives_back(site: SiteFacts) -> bool:
    """Whether a method gives it back wherever it returns."""
    normal = [e.state.phase for e in site.exploration.endings if e.edge is Edge.NORMAL]
    well = [phase for phase in normal if phase is not Phase.ABSENT]
    return bool(well) and all(phase in _GIVEN_BACK for phase in well) and not site.exploration.capped


def _leak(analyzer: Analyzer, site: SiteFacts) -> Leak | None:
    """The plainest way on which a method loses it to an error, one in undoing left aside: that means that the server is
    gone."""
    undoing = {op.at for op in _calls(site) if _undoes(analyzer, site, op)}
    ways = (leak for leak in site.leaks if leak.by_exception and not leak.cancelled and not leak.twice)
    return next((leak for leak in ways if leak.weight in _BELIEVED and leak.raised_at not in undoing), None)


def _undoes(analyzer: Analyzer, site: SiteFacts, op: ir.Call) -> bool:
    effect = analyzer.method(site.kind.type, op.name)
    return effect is not None and effect.ends == "rollback" and not effect.closes
