"""Objects that have taken a connection which nothing gives back, and that are dropped by whoever makes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from putback.flow import ir
from putback.flow.names import Name
from putback.flow.solve import Edge
from putback.ownership.analysis.acquire_kept import kept_in
from putback.ownership.analysis.domain import Phase
from putback.ownership.analysis.site import Owner
from putback.ownership.facts.makings import makings
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.facts.surroundings import Surroundings
from putback.ownership.index.module import ClassInfo, FunctionInfo, ModuleInfo

_NOT_DROPPED = frozenset({"__del__", "__getattr__", "__getattribute__"})
_KEPT = (Phase.HELD, Phase.IDLE)


@dataclass(frozen=True, eq=False)
class Dropped:
    """What a constructor has taken into `attribute`, and a function that makes such an object and drops it."""

    taken: SiteFacts
    attribute: str
    maker: SiteFacts


def dropped(facts: Surroundings, sites: list[SiteFacts]) -> Iterator[Dropped]:
    """What the constructor of a class takes, none of its methods gives back and some maker drops."""
    info = facts.unit.info
    if info is None or not info.owner or info.name != "__init__":
        return
    for site in sites:
        attribute = kept_in(facts.analyzer, facts.unit, site.site)
        if attribute and not _may_be_ended(facts, info, site, attribute):
            maker = next(filter(_is_dropped, makings(facts, attribute)), None)
            if maker is not None:
                yield Dropped(site, attribute, maker)


def _may_be_ended(facts: Surroundings, info: FunctionInfo, site: SiteFacts, attribute: str) -> bool:
    """Whether anything is seen that may give back what an object keeps, or that has the connection as well."""
    analyzer, path = facts.analyzer, facts.unit.path
    homes = analyzer.parking.family(path, info.owner)
    if any(_is_open(facts, module, cls) for module, cls in homes):
        return True
    methods = [(module, module.functions[key]) for module, cls in homes for key in cls.methods.values()]
    if any(_hands_itself_out(facts, module, each) for module, each in methods):
        return True
    releasing = analyzer.context.releasing
    if not releasing.isdisjoint(analyzer.mentions(path, info)):
        return True
    owner = Owner(path, info.owner, attribute)
    for module, each in methods:
        if each.key == info.key or attribute not in analyzer.mentions(module.path, each):
            continue
        if len(list(analyzer.families.of(module, each.key))) > 1:
            return True
        effect = analyzer.summaries.owner_effect(owner, each.name, site.acquisition.given(False), Phase.HELD)
        if effect is None or effect.normal not in (None, Phase.HELD) or effect.returns or effect.may_keep:
            return True
    return False


def _is_open(facts: Surroundings, module: ModuleInfo, cls: ClassInfo) -> bool:
    """Whether others have a say in what becomes of an object: a class outside, a metaclass, a method by any name."""
    classes = facts.analyzer.resolver.classes
    unknown = bool(cls.bases) and not classes.is_known(module.path, cls.key)
    special = not _NOT_DROPPED.isdisjoint(cls.methods) or classes.hands_out_others(module.path, cls.key)
    return unknown or special or bool(cls.decorators) or bool(classes.outside_bases(module.path, cls.key))


def _hands_itself_out(facts: Surroundings, module: ModuleInfo, method: FunctionInfo) -> bool:
    """Whether a method returns its object, stores it or gives it, or a method of it, to somebody."""
    unit = facts.analyzer.unit(module.path, method.key) if method.own else None
    if unit is None or Name(method.own) in method.returns:
        return bool(method.own)
    bound = {op.target for op in unit.ops() if isinstance(op, ir.Attr) and op.base == method.own}
    for op in unit.ops():
        if isinstance(op, ir.Call) and any(a.value == method.own or a.value in bound for a in op.arguments):
            known = facts.analyzer.call_info(unit, op)
            if not known.drivers:
                return True
        if isinstance(op, ir.StoreAttr | ir.StoreItem | ir.StoreGlobal) and op.source == method.own:
            return True
    return False


def _is_dropped(site: SiteFacts) -> bool:
    """Whether whatever a function returns from, it has the connection, and nobody else has it."""
    well = [e.state.phase for e in site.exploration.endings if e.edge is Edge.NORMAL]
    well = [phase for phase in well if phase is not Phase.ABSENT]
    return Phase.HELD in well and all(phase in _KEPT for phase in well) and not site.borrowers
