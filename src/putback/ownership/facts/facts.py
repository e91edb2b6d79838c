"""The questions a rule may ask of an analysed function. Rules see nothing else of the analysis."""

from __future__ import annotations

import ast
from functools import cached_property

from putback.drivers.schema import Kind
from putback.flow import ir
from putback.flow.ir import MODULE
from putback.flow.solve import Exploration
from putback.model.span import Span
from putback.ownership.analysis.context import Misgiven
from putback.ownership.analysis.domain import Phase
from putback.ownership.analysis.extent import Extent, Extents
from putback.ownership.analysis.injected import lent
from putback.ownership.analysis.site import Site
from putback.ownership.facts.bypasses import Bypass, bypasses
from putback.ownership.facts.cursors import Cursor, unclosed
from putback.ownership.facts.dropped import Dropped, dropped
from putback.ownership.facts.module_globals import is_module_global
from putback.ownership.facts.objects import Ended, ended
from putback.ownership.facts.pulls import Pull, pulls
from putback.ownership.facts.pushed import pushed
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.facts.streaming import Outliving, outliving, serves_a_request
from putback.ownership.facts.surroundings import Surroundings
from putback.ownership.makers.attributes import Shared
from putback.ownership.makers.sharing import Requested, Spawned, sharing_of
from putback.ownership.resolve.types import FunctionRef
from putback.ownership.sessions.scoped import Duties, sessions_of


class FunctionFacts(Surroundings):
    """One analysed function: its connections, its pools and what it does with them."""

    @cached_property
    def sites(self) -> list[SiteFacts]:
        """Every acquire whose connection is this function's to give back."""
        return [
            site
            for site in self.acquires
            if not is_module_global(self.analyzer, self.unit, site.site) and not self._is_mocked_for_nothing(site.site)
        ]

    @cached_property
    def acquires(self) -> list[SiteFacts]:
        """Every acquire, those of globals included."""
        return [SiteFacts(self, s, self.analyzer.explore(self.unit, s)) for s in self.analyzer.sites(self.unit)]

    @cached_property
    def ended_by_objects(self) -> list[Ended]:
        """What it takes for its object, and another method of the object gives back, but not when something raises."""
        return list(ended(self, [site for site in self.sites if not site.leaks]))

    @cached_property
    def dropped_with_objects(self) -> list[Dropped]:
        """What it takes for its object, nothing gives back, and is dropped together with the object."""
        return list(dropped(self, [site for site in self.sites if not site.leaks]))

    @cached_property
    def spawned(self) -> list[Spawned]:
        """The calls that run several at once which share a connection."""
        if not any(
            isinstance(o, ir.Call) and o.name in self.analyzer.frameworks.spawning_names for o in self.unit.ops()
        ):
            return []
        sharing = sharing_of(self.analyzer)
        part = sharing.frequency.parts.part(self.unit.path, self.unit.key)
        return list(sharing.spawned(part, self.unit.key)) if part is not None else []

    def span_of(self, node: ast.expr) -> Span:
        """Where a node of one of its trees stands."""
        part = sharing_of(self.analyzer).frequency.parts.part(self.unit.path, self.unit.key)
        assert part is not None
        return part.span(node)

    @cached_property
    def lent(self) -> list[Site]:
        """What callers lend by annotated parameters, and will give back, to a function that catches something."""
        catches = any(isinstance(op, ir.Catch) for op in self.unit.ops())
        return self.analyzer.ambients.lent_to(self.unit) if catches else []

    @cached_property
    def borrowed(self) -> list[SiteFacts]:
        """The connections of those that it may work on again when it has handled an error.

        That is all that is ever asked of them, so others are not explored.
        """
        sites = self.lent if self.analyzer.ambients.may_go_on(self.unit) else ()
        return [SiteFacts(self, site, self.analyzer.explore(self.unit, site, Phase.MANAGED)) for site in sites]

    @property
    def has_something(self) -> bool:
        """Whether there is anything in it that a rule may ask about."""
        mine = self.acquires or self.lent or self.ambient or self.duties or self.misgiven
        theirs = self.pulls or self.pools or self.extents or self.pushed or self.outliving or self.spawned
        return bool(mine or theirs or self.of_classes)

    @cached_property
    def of_classes(self) -> list[tuple[Shared, Kind, Requested]]:
        """The connections that the classes of a file keep, and requests use: asked of its top level."""
        return list(sharing_of(self.analyzer).of_classes(self.unit.path)) if self.unit.key == MODULE else []

    @cached_property
    def ambient(self) -> list[SiteFacts]:
        """Every connection that it works on without having acquired it: in a global, an attribute, a scoped session."""
        if not any(isinstance(op, ir.Catch) for op in self.unit.ops()):
            return []
        lent = {site.name for site in self.lent}
        sites = [site for site in self.analyzer.ambients.known_in(self.unit) if site.name not in lent]
        return [SiteFacts(self, site, self.analyzer.explore(self.unit, site, Phase.MANAGED)) for site in sites]

    @cached_property
    def duties(self) -> Duties:
        """The scoped sessions that it should remove, or see to it that they are, and does not."""
        return sessions_of(self.analyzer).duties(self.unit)

    @cached_property
    def misgiven(self) -> list[Misgiven]:
        """The factories of connections that it gives to a framework as if they were dependencies."""
        key = "" if self.unit.key == MODULE else self.unit.key
        found = [each for each in self.analyzer.context.misgiven_in(self.unit.path) if each.scope == key]
        return found if found and not self._is_only_called_here else []

    @property
    def _is_only_called_here(self) -> bool:
        """Whether the project calls it with arguments of its own, and no framework is seen to: nobody reads its
        signature then."""
        info, module = self.unit.info, self.analyzer.project.module(self.unit.path)
        if info is None or module is None or self.roles:
            return False
        callers = self.analyzer.resolver.callers
        return any(True for param in info.params for _ in callers.passed(module, info, param.name))

    @cached_property
    def pulls(self) -> list[Pull]:
        """The connections that it takes from generators by hand."""
        return pulls(self.analyzer, self.unit)

    @cached_property
    def extents(self) -> list[tuple[SiteFacts, Extent]]:
        """The connections, of its own or lent to it, that it holds while something leaves the process."""
        extents = self.analyzer.known(Extents)
        given = lent(self.analyzer.ambients, self.analyzer.resolver, self.unit)
        names = {site.name for site in given}
        known = [site for site in self.analyzer.ambients.known_in(self.unit) if site.name not in names]
        if not (self.sites or given or known):
            return []
        if self.analyzer.leaving.made_by(FunctionRef(self.unit.path, self.unit.key)) is None:
            return []
        found = [(site, e) for site in self.sites for e in extents.of(self.unit, site.site)]
        for site in (*given, *known):
            is_injected = self._is_injected and site in given
            facts = SiteFacts(self, site, Exploration())
            found += [(facts, e) for e in extents.of(self.unit, site, is_injected)]
        return found

    @cached_property
    def pushed(self) -> list[int]:
        """Where it pushes application contexts that nobody pops."""
        return list(pushed(self.analyzer, self.unit)) if self.unit.key != MODULE else []

    @cached_property
    def cursors(self) -> list[Cursor]:
        """The cursors that it makes and does not surely close."""
        return list(unclosed(self.analyzer, self.unit))

    @cached_property
    def bypasses(self) -> list[tuple[SiteFacts, Bypass]]:
        """The connections that it takes for one statement, where a function of the project does that."""
        found = list(bypasses(self.analyzer, self.unit))
        return [(site, each) for each in found for site in self.sites if site.site == each.site]

    @cached_property
    def outliving(self) -> list[tuple[SiteFacts, Outliving]]:
        """The sessions of a request that what runs after the function needs."""
        analyzer = self.analyzer
        if self._is_injected:
            sites = lent(analyzer.ambients, analyzer.resolver, self.unit)
        else:
            sites = analyzer.ambients.lent_to(self.unit) if serves_a_request(analyzer, self.unit) else []
        found = outliving(self.analyzer, self.unit, sites)
        return [(SiteFacts(self, each.site, Exploration()), each) for each in found]

    @property
    def _is_injected(self) -> bool:
        """Whether a framework hands in what the parameters ask for, and takes it back when the function has ended."""
        framework = self.route_framework
        return framework is not None and framework.injects

    def _is_mocked_for_nothing(self, site: Site) -> bool:
        """Whether a test with mocks takes it and does nothing with it: what counts is that the mock was called."""
        calls = (op for op in self.unit.ops() if isinstance(op, ir.Call) and op.at == site.at)
        return any(op.discarded for op in calls) and self.may_be_mocked
