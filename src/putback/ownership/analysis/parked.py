"""Connections that a method puts into its own object only for as long as it runs: it gives them back itself.

`self.open()` … `self.close()`, or `self.conn = connect()` … `self.conn.close()`: the object keeps nothing when the
method is done, so what an exception leaves there is nobody's. Where anybody else may end it, it is the object's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from putback.flow import ir
from putback.flow.names import dotted
from putback.flow.solve import Edge, Ending, Exploration
from putback.model.errors import SourceError
from putback.ownership.analysis.defects import Wrong
from putback.ownership.analysis.domain import Phase, State
from putback.ownership.analysis.guards import aliases
from putback.ownership.analysis.site import Acquisition, Owner, Site
from putback.ownership.analysis.summary import ParamEffect
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.module import ClassInfo, FunctionInfo, ModuleInfo
from putback.ownership.index.places import is_test_code
from putback.ownership.index.trees import mentioned
from putback.ownership.resolve.resolver import Resolver
from putback.source.slices import Reader

_GIVEN_BACK = (Phase.RELEASED, Phase.CLOSED)
_ENDS_BY_ITSELF = frozenset({"__del__", "__exit__", "__aexit__"})

Homes = list[tuple[ModuleInfo, ClassInfo]]


class Parking:
    """Finds them. `mentions` gives the names in a function, `explore` follows a site, and `effect` is what a method of
    an object does to what it keeps."""

    def __init__(
        self,
        resolver: Resolver,
        reader: Reader,
        mentions: Callable[[str, FunctionInfo], frozenset[str]],
        explore: Callable[[Unit, Site], Exploration[State]],
        effect: Callable[[Owner, str, Acquisition, Phase], ParamEffect | None],
    ) -> None:
        self._resolver = resolver
        self._reader = reader
        self._mentions = mentions
        self._explore = explore
        self._effect = effect

    def settled(self, unit: Unit, site: Site) -> Site | None:
        """How a site is to be followed; None when what a method of the object has taken is the object's."""
        acquisition = site.acquisition
        paths = frozenset({acquisition.parks}) if acquisition.parks else _stored(unit, site)
        if not paths or unit.info is None:
            return site
        here = replace(site, acquisition=replace(acquisition, parked=paths))
        if self._gives_back(unit, here) and not any(self._others_end(unit, unit.info, here, path) for path in paths):
            return here
        return None if acquisition.parks else site

    def _gives_back(self, unit: Unit, site: Site) -> bool:
        """Whether a method leaves nothing in its object when all goes well; and whether something can go wrong."""
        if unit.function.is_generator:
            return False
        found = self._explore(unit, site)
        endings = [e for e in found.endings if e.state.phase is not Phase.ABSENT]
        hurt = [e for e in endings if e.edge is Edge.RAISED or _had_an_error(found, e)]
        well = [e.state.phase for e in endings if e not in hurt]
        is_wrong = any(e.state.is_held() for e in hurt) or any(d.what is Wrong.TWICE for d in found.defects)
        return is_wrong and bool(well) and all(phase in _GIVEN_BACK for phase in well)

    def _others_end(self, unit: Unit, info: FunctionInfo, site: Site, path: str) -> bool:
        """Whether anything but this method, and those that take it as it does, gives back what the object keeps."""
        attribute = unit.own_attribute(path)
        homes = self.family(unit.path, info.owner)
        if any(not _ENDS_BY_ITSELF.isdisjoint(cls.methods) for _, cls in homes):
            return True
        enders = self._enders(unit, info, homes, attribute, site.acquisition)
        if not enders <= self._mentions(unit.path, info):
            return True
        starters = {op.name for op in unit.ops() if isinstance(op, ir.Call) and op.at == site.at} - {""}
        starters = starters if site.acquisition.parks else set()
        takers = {scope for _, cls in homes for scope, _ in cls.attributes.get(attribute, ())}
        for module, each in _methods(homes):
            names = self._mentions(module.path, each)
            if each.name not in enders and enders & names and not starters & names and each.key not in takers:
                return True
        return self._is_ended_outside(homes, enders or {attribute})

    def family(self, path: str, key: str) -> Homes:
        """A class, those above it and whatever derives from one of these."""
        found: Homes = list(self._resolver.classes.lineage(path, key))
        for _, above in tuple(found):
            for home, subclass in self._resolver.callers.subclasses(above.key):
                module = self._resolver.project.module(home)
                if (
                    module is not None
                    and subclass in module.classes
                    and (module, module.classes[subclass]) not in found
                ):
                    found.append((module, module.classes[subclass]))
        return found

    def _enders(
        self, unit: Unit, info: FunctionInfo, homes: Homes, attribute: str, acquisition: Acquisition
    ) -> frozenset[str]:
        """The methods of an object that give back what an attribute of it keeps."""
        owner = Owner(unit.path, info.owner, attribute)
        bare = replace(acquisition, element=None, beside=(), parked=frozenset(), parks="")
        found = set()
        for module, each in _methods(homes):
            if each.key != unit.key and attribute in self._mentions(module.path, each):
                effect = self._effect(owner, each.name, bare, Phase.HELD)
                if effect is not None and effect.normal in _GIVEN_BACK:
                    found.add(each.name)
        return frozenset(found)

    def _is_ended_outside(self, homes: Homes, names: Iterable[str]) -> bool:
        """Whether code that can know the class speaks of one of the names, outside of it and of tests."""
        own = {(module.path, cls.key) for module, cls in homes}
        paths = {path for module, _ in homes for path in self._resolver.project.importers(module.path)}
        for path in sorted(paths):
            module = self._resolver.project.module(path)
            if module is None or is_test_code(path) or not any(n in self._reader.text(path) for n in names):
                continue
            others = (f for f in module.functions.values() if (path, f.owner) not in own and not _has(module, f, names))
            if any(not self._mentions(path, f).isdisjoint(names) for f in others):
                return True
            if not self._at_the_top(path, module).isdisjoint(names):
                return True
        return False

    def _at_the_top(self, path: str, module: ModuleInfo) -> frozenset[str]:
        """The names in a file that stand in none of its functions."""
        try:
            return mentioned(self._reader.top_level(path, [(f.row, f.end_row) for f in module.functions.values()]))
        except SourceError:
            return frozenset()


def _had_an_error(found: Exploration[State], ending: Ending[State]) -> bool:
    """Whether an error came on the way behind the acquire."""
    path = found.path(ending.node)
    return any(arrival.edge is Edge.RAISED and node.state.phase is not Phase.ABSENT for node, arrival in path)


def _stored(unit: Unit, site: Site) -> frozenset[str]:
    """The attributes of the function's own object that are given the connection."""
    if unit.info is None or not unit.info.own or not unit.own:
        return frozenset()
    stores = [op for op in unit.ops() if isinstance(op, ir.StoreAttr) and op.base == unit.own]
    if not stores or not any(isinstance(op, ir.Call) and _may_end(unit, op) for op in unit.ops()):
        return frozenset()
    names = aliases(unit, site)
    return frozenset(f"{unit.own}.{op.name}" for op in stores if op.source in names)


def _may_end(unit: Unit, op: ir.Call) -> bool:
    """Whether a call is one of a method of the object, or of something that an attribute of it is."""
    return op.receiver == unit.own or bool(unit.own_attribute(dotted(op.expr.func) or ""))


def _has(module: ModuleInfo, function: FunctionInfo, names: Iterable[str]) -> bool:
    """Whether a function is a method of a class that has members of its own by one of the names."""
    cls = module.classes.get(function.owner)
    return cls is not None and any(name in cls.methods or name in cls.attributes for name in names)


def _methods(homes: Homes) -> Iterator[tuple[ModuleInfo, FunctionInfo]]:
    for module, cls in homes:
        for key in cls.methods.values():
            yield module, module.functions[key]
