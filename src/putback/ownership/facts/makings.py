"""The functions that make an object of the project which takes a connection for itself, and keep that object to
themselves."""

from __future__ import annotations

from collections.abc import Iterator

from putback.flow import ir
from putback.flow.ir import MODULE
from putback.ownership.analysis.site import Acquisition, Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.facts.surroundings import Surroundings
from putback.ownership.makers.often import frequency_of
from putback.ownership.resolve.types import ClassRef, FunctionRef


def makings(facts: Surroundings, attribute: str) -> Iterator[SiteFacts]:
    """What the constructor `facts` takes into an attribute, as the makers of the object have it that show it to nobody
    else."""
    analyzer, info = facts.analyzer, facts.unit.info
    assert info is not None
    cls = ClassRef(facts.unit.path, info.owner)
    every = analyzer.summaries.keeps(FunctionRef(facts.unit.path, info.key), cls)
    kept = [each for each in every if each.owner is not None and each.owner.attribute == attribute]
    uses = frequency_of(analyzer).users.of(cls) if kept else []
    makers = dict.fromkeys((use.part.path, use.part.key_of(use.node)) for use in uses if use.call is not None)
    for path, key in makers:
        unit = analyzer.unit(path, key) if key not in (MODULE, info.key) else None
        if unit is not None:
            yield from _made_in(Surroundings(analyzer, unit, facts.spell, facts.style), cls, kept)


def _made_in(there: Surroundings, cls: ClassRef, kept: list[Acquisition]) -> Iterator[SiteFacts]:
    analyzer, unit = there.analyzer, there.unit
    calls = {op.at: op for op in unit.ops() if isinstance(op, ir.Call)}
    for at, op in calls.items():
        if cls in analyzer.call_info(unit, op).classes:
            sites = [Site(at, each) for each in kept if not _is_shown(unit, op.target, each)]
            yield from (SiteFacts(there, site, analyzer.explore(unit, site)) for site in sites)


def _is_shown(unit: Unit, made: ir.Val, kept: Acquisition) -> bool:
    """Whether a function gives an object to somebody, or asks it for what it keeps."""
    names = unit.names_of({made})
    attribute = kept.owner.attribute if kept.owner is not None else ""
    given = (a.value for op in unit.ops() if isinstance(op, ir.Call) for a in op.arguments)
    asked = any(isinstance(op, ir.Attr) and op.base in names and op.name == attribute for op in unit.ops())
    return asked or not names.isdisjoint(given)
