"""Analysis on demand: units, callees, explorations, each worked out once a run.

What calling a function does stands in `summaries`, what calls acquire in `acquire`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from putback.flow import ir
from putback.flow.ir import MODULE
from putback.flow.names import Expr, dotted
from putback.flow.solve import Edge, Exploration, explore
from putback.model.errors import SourceError
from putback.ownership.analysis import acquire, guards
from putback.ownership.analysis.ambient import Ambients
from putback.ownership.analysis.app_contexts import AppContexts
from putback.ownership.analysis.domain import Mark, Phase, State
from putback.ownership.analysis.injected import injected
from putback.ownership.analysis.outside import Leaving
from putback.ownership.analysis.parked import Parking
from putback.ownership.analysis.program import Program
from putback.ownership.analysis.site import Site
from putback.ownership.analysis.summaries import Summaries
from putback.ownership.analysis.transfer import SiteDomain
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.module import ModuleInfo
from putback.ownership.index.texts import Texts
from putback.ownership.index.trees import callees_by_row
from putback.ownership.resolve.carriers import Carriers
from putback.ownership.resolve.dependencies import dependencies
from putback.ownership.resolve.recursion import Beside
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import FunctionRef, Scope
from putback.source.slices import Reader, Slice

T = TypeVar("T")


class Analyzer(Program):
    """One run's answers. `is_alone` tells whether no other file imports one, and `importing` gives the files of the
    project that may. `root` is the directory of the project; `texts` tells which of its files have some words."""

    def __init__(self, resolver: Resolver, carriers: Carriers, reader: Reader) -> None:
        super().__init__(resolver, carriers, reader)
        self.texts = Texts(self.project, reader)
        self.is_alone: Callable[[str], bool] = lambda path: False
        self.importing: Callable[[str], Iterable[str]] = self.project.importers
        self.root = ""
        self.leaving = Leaving(self)
        self._whole = self
        self._once: dict[object, Any] = {}

    def _begin(self) -> None:
        super()._begin()
        self.ambients = Ambients(self.resolver, self.mentions, self._switches_off, self._gives_back)
        self.app_contexts = AppContexts(self.resolver, self._entered)
        self._explorations: Beside[tuple[str, str, Site, Phase], Exploration[State]] = Beside(
            self.answers, self.project.footprint
        )
        self._sites: Beside[tuple[str, str], tuple[Site, ...]] = Beside(self.answers, self.project.footprint)
        self._known: dict[object, Any] = {}
        self.summaries = Summaries(self)
        self.parking = Parking(self.resolver, self.reader, self.mentions, self.explore, self.summaries.owner_effect)

    def afresh(self) -> Analyzer:
        """The same project with nothing known but what each file says by itself, and what is found out once a run."""
        other = copy.copy(self)
        other._begin()
        return other

    def forget(self) -> None:
        """Let go of what is large and can be had again, when there is much of it; summaries stay."""
        if self.are_many():
            self.drop()
            self._explorations.clear()

    def once(self, find: Callable[[Analyzer], T]) -> T:
        """What `find` makes once a run, for all: it keeps footprints, or only what a file says."""
        if find not in self._once:
            self._once[find] = find(self._whole)
        found: T = self._once[find]
        return found

    def known(self, find: Callable[[Analyzer], T]) -> T:
        """What `find` finds out about this project: once, and kept as long as what was worked out is."""
        if find not in self._known:
            self._known[find] = find(self)
        found: T = self._known[find]
        return found

    # -- exploring

    def explore(self, unit: Unit, site: Site, phase: Phase = Phase.HELD) -> Exploration[State]:
        """Follow one site through its function.

        What callers hand in is followed for their summaries and, if they lend it, for what handlers do to it as well.
        """
        if site.at is None and phase is not Phase.MANAGED:
            return explore(unit.function, SiteDomain(self, unit, site, phase))
        return self._explorations.ask((unit.path, unit.key, site, phase), lambda: self._follow(unit, site, phase))

    def _follow(self, unit: Unit, site: Site, phase: Phase) -> Exploration[State]:
        watched = self.answers.watched(lambda: explore(unit.function, SiteDomain(self, unit, site, phase)))
        found = watched.found
        if found.capped and site.at is not None:
            self.notes.append(f"{unit.path}: {unit.key}: too many paths, some conditions were forgotten")
        if watched.is_bounded:
            found.bounded = True
            self.notes.append(f"{unit.path}: {unit.key}: what it calls leads in too large a circle to be followed")
        return found

    def sites(self, unit: Unit) -> Sequence[Site]:
        """Every acquire in a function."""
        return self._sites.ask((unit.path, unit.key), lambda: self._acquires(unit))

    def _acquires(self, unit: Unit) -> tuple[Site, ...]:
        calls = {op.at: op for op in unit.ops() if isinstance(op, ir.Call)}
        found = ((at, acquire.acquisition(self, unit, op)) for at, op in calls.items())
        sites = (Site(at, acquisition) for at, acquisition in found if acquisition is not None)
        return tuple(settled for site in sites if (settled := self.parking.settled(unit, site)) is not None)

    # -- what is worth a look

    def may_acquire(self, path: str, key: str) -> bool:
        """Whether a call in an outermost function, or in a module's top level, can take a connection or make a pool.

        Decided from light types on a cheap parse; True whenever that parse fails.
        """
        module = self.project.module(path)
        if module is None or module.incomplete:
            return True
        part = self.part(path, key)
        spawns = any(name in part.text for name in self.frameworks.spawning_names)
        if spawns and (self._is_lent(module, key) or self._has_one(module, key)):
            return True
        if self._is_lent(module, key) and (self._says_enough(part) or self._leaves(module, key, part)):
            return True
        try:
            callees = callees_by_row(part, self.frameworks.answering_names)
        except SourceError:
            return True
        inside = module.functions.values() if key == MODULE else self.families.of(module, key)
        rows = {f.def_row: f.key for f in inside}
        scopes = {row: Scope(path, rows.get(row, "" if key == MODULE else key)) for row in callees}
        carriers = self.carriers
        if any(carriers.any_makes(f, scopes[r]) or carriers.any_makes_pool(f, scopes[r]) for r, f in callees.items()):
            return True
        if any(self.shapes.may_be(found, scopes[row]) for row, found in callees.items()):
            return True
        if any(self.app_contexts.pushed_by(each, scopes[row]) for row, found in callees.items() for each in found):
            return True
        forgets = key != MODULE and self.ambients.may_be_forgotten(part)
        if key == MODULE or not (forgets or self._ends(module, key, part)):
            return False
        works = any(self.ambients.works(found, scopes[row]) for row, found in callees.items())
        return works and (forgets or self._leaves(module, key, part))

    def _is_lent(self, module: ModuleInfo, key: str) -> bool:
        """Whether an outermost function, or one nested in it, is given a connection by a parameter."""
        params = ((param, Scope(module.path, i.outer)) for i in self.families.of(module, key) for param in i.params)
        resolver = self.carriers.resolver
        return any(
            self.carriers.is_held(t)
            for param, scope in params
            for t in resolver.types(param.annotation, scope) or injected(resolver, param, scope)
        )

    def _has_one(self, module: ModuleInfo, key: str) -> bool:
        """Whether objects of the class whose method this is have a connection in an attribute."""
        cls = module.classes.get(module.functions[key].owner) if key in module.functions else None
        values = (pair for pairs in cls.attributes.values() for pair in pairs) if cls is not None else ()
        types = (t for scope, value in values for t in self.carriers.resolver.types(value, Scope(module.path, scope)))
        return any(self.carriers.is_held(t) for t in types)

    def origin(self, unit: Unit, site: Site) -> tuple[Unit, Site] | None:
        """Where somebody else acquires a connection that a function works on, if that is seen."""
        params = unit.info.params if unit.info is not None and site.acquisition.ambient is None else ()
        outer = Scope(unit.path, unit.info.outer if unit.info is not None else "")
        asked = (p for p in params if p.name == site.name)
        given = (t for p in asked for t in dependencies(self.carriers.resolver, p, outer) if isinstance(t, FunctionRef))
        for dependency in given:
            found = self.unit(dependency.path, dependency.key)
            if found is not None and (sites := self.sites(found)):
                return found, sites[0]
        values = self.ambients.origins(unit, site)
        return next((found for each in values for found in self._acquired_as(*each)), None)

    def _switches_off(self, path: str, key: str, value: Expr) -> bool:
        """Whether a function switches the transactions off of the connection that it acquires as `value`."""
        return any(
            site.acquisition.autocommits
            or any(Mark.AUTOCOMMIT in ending.state.marks for ending in self.explore(unit, site).endings)
            for unit, site in self._acquired_as(path, key, value)
        )

    def _gives_back(self, path: str, key: str, value: Expr) -> bool:
        """Whether a function gives the connection back that it acquires as `value`, wherever it returns."""
        found = self._acquired_as(path, key, value)
        endings = [ending for unit, site in found for ending in self.explore(unit, site).endings]
        normal = [ending.state.phase for ending in endings if ending.edge is Edge.NORMAL]
        return Phase.RELEASED in normal and set(normal) <= {Phase.ABSENT, Phase.RELEASED}

    def _acquired_as(self, path: str, key: str, value: Expr) -> list[tuple[Unit, Site]]:
        unit = self.unit(path, key)
        if unit is None:
            return []
        return [(unit, site) for site in self.sites(unit) if self._is_value(unit, site, value)]

    def _is_value(self, unit: Unit, site: Site, value: Expr) -> bool:
        made = any(isinstance(op, ir.Call) and op.at == site.at and op.expr == value for op in unit.ops())
        return made or dotted(value) in guards.aliases(unit, site)

    def _entered(self, ref: FunctionRef) -> list[Expr]:
        """What a function enters by `with`."""
        unit = self.unit(ref.path, ref.key)
        return [op.expr for op in unit.ops() if isinstance(op, ir.Enter)] if unit is not None else []

    def _says_enough(self, part: Slice) -> bool:
        """Whether a text says that something is done to a connection which is lent: by a handler, or later on."""
        return "except" in part.text or any(name in part.text for name in self.frameworks.later_names)

    def _leaves(self, module: ModuleInfo, key: str, part: Slice) -> bool:
        """Whether an outermost function, or one nested in it, makes a call that leaves the process, and then ends."""
        refs = (FunctionRef(module.path, info.key) for info in self.families.of(module, key))
        return self._ends(module, key, part) and any(self.leaving.made_by(ref) is not None for ref in refs)

    def _ends(self, module: ModuleInfo, key: str, part: Slice) -> bool:
        """Whether a transaction can be seen to end: in an outermost function, or with the route that it is."""
        return bool(module.functions[key].decorators) or any(word in part.text for word in self.ambients.ending_words)
