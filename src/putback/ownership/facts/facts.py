"""The questions a rule may ask of an analysed function. Rules see nothing else of the analysis."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from putback.drivers.schema import Kind
from putback.flow import ir
from putback.flow.ir import MODULE
from putback.flow.solve import Exploration
from putback.frameworks.idioms import idioms
from putback.frameworks.schema import Framework, Role
from putback.model.finding import Place, Severity, Step
from putback.model.lifecycle import Gc
from putback.model.span import Position, Span
from putback.model.spelling import inside
from putback.ownership.analysis import guards, marks
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.context import Misgiven, name_of
from putback.ownership.analysis.domain import Phase
from putback.ownership.analysis.extent import Extent, Extents
from putback.ownership.analysis.injected import lent
from putback.ownership.analysis.quick import Cheap, cheap_calls
from putback.ownership.analysis.site import Acquisition, Site
from putback.ownership.analysis.statements import surely_writes
from putback.ownership.analysis.unit import Unit
from putback.ownership.facts.bypasses import Bypass, bypasses
from putback.ownership.facts.cursors import Cursor, unclosed
from putback.ownership.facts.pool_facts import PoolFacts, pools_in
from putback.ownership.facts.pulls import Pull, pulls
from putback.ownership.facts.pushed import pushed
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.facts.streaming import Outliving, outliving
from putback.ownership.index.module import ModuleInfo
from putback.ownership.index.places import is_put_aside, place_by_path, runs_once
from putback.ownership.index.requirements import version_of
from putback.ownership.makers.attributes import Shared
from putback.ownership.makers.sharing import Requested, Spawned, sharing_of
from putback.ownership.resolve.types import FunctionRef
from putback.ownership.sessions.scoped import Duties, sessions_of


@dataclass(eq=False)
class FunctionFacts:
    """One analysed function: its sites and its place in the project.

    `prefers_with`: fixes are to be written as `with` blocks where these give the connection back. `code` is the place
    where the fixes keep their own view of the function, once there is one. `mentioned` are the files that were spelled
    for its findings.
    """

    analyzer: Analyzer = field(repr=False)
    unit: Unit = field(repr=False)
    spell: Callable[[str], str] = field(repr=False)
    prefers_with: bool = False
    code: object | None = field(default=None, repr=False)
    mentioned: dict[str, str] = field(default_factory=dict, repr=False)

    def display(self, path: str) -> str:
        """A file, as findings spell it."""
        if path not in self.mentioned:
            self.mentioned[path] = self.spell(path)
        return self.mentioned[path]

    @property
    def path(self) -> str:
        """The function's own file, as findings spell it."""
        return self.display(self.unit.path)

    @property
    def rows(self) -> Sequence[str]:
        """The rows of the file, without line ends."""
        return self.analyzer.reader.rows(self.unit.path)

    @cached_property
    def cheap_calls(self) -> Cheap:
        """The calls that take no time worth mentioning."""
        return cheap_calls(self.analyzer, self.unit)

    def spelled(self, qualified: str) -> str:
        """How the file spells the qualified name of a library; "" when it does not import it."""
        module = self.analyzer.project.module(self.unit.path)
        local = self.unit.info.imports if self.unit.info is not None else {}
        for name, brought in {**(module.imports if module is not None else {}), **local}.items():
            whole = f"{brought.module}.{brought.name}" if brought.name else brought.module
            if not brought.level and qualified == whole:
                return name
            if not brought.level and qualified.startswith(f"{whole}."):
                return f"{name}{qualified.removeprefix(whole)}"
        return ""

    @property
    def name(self) -> str:
        """The dotted name shown to users; "" at module level."""
        return "" if self.unit.key == MODULE else self.unit.key.partition("@")[0]

    @cached_property
    def sites(self) -> list[SiteFacts]:
        """Every acquire whose connection is this function's to give back."""
        return [
            site
            for site in self.acquires
            if not self._is_module_global(site.site) and not self._is_mocked_for_nothing(site.site)
        ]

    @cached_property
    def acquires(self) -> list[SiteFacts]:
        """Every acquire, those of globals included."""
        return [SiteFacts(self, s, self.analyzer.explore(self.unit, s)) for s in self.analyzer.sites(self.unit)]

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
    def borrowed(self) -> list[SiteFacts]:
        """Every connection that a caller lends by an annotated parameter, and will give back.

        Only what a handler does to it is ever asked, so a function that catches nothing is not explored for it.
        """
        if not any(isinstance(op, ir.Catch) for op in self.unit.ops()):
            return []
        sites = self.analyzer.ambients.lent_to(self.unit)
        return [SiteFacts(self, site, self.analyzer.explore(self.unit, site, Phase.MANAGED)) for site in sites]

    @property
    def has_something(self) -> bool:
        """Whether there is anything in it that a rule may ask about."""
        mine = self.acquires or self.borrowed or self.ambient or self.duties or self.misgiven
        theirs = self.pulls or self.pools or self.extents or self.pushed or self.outliving or self.spawned
        return bool(mine or theirs or self.of_classes)

    @cached_property
    def of_classes(self) -> list[tuple[Shared, Kind, Requested]]:
        """The connections that the classes of a file keep, and requests use: asked of its top level."""
        return list(sharing_of(self.analyzer).of_classes(self.unit.path)) if self.unit.key == MODULE else []

    @cached_property
    def pools(self) -> list[PoolFacts]:
        """Every pool, engine or session factory that it makes."""
        return list(pools_in(self.analyzer, self.unit, self.display))

    @cached_property
    def ambient(self) -> list[SiteFacts]:
        """Every connection that it works on without having acquired it: in a global, an attribute, a scoped session."""
        if not any(isinstance(op, ir.Catch) for op in self.unit.ops()):
            return []
        lent = {site.site.name for site in self.borrowed}
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
        return [each for each in self.analyzer.context.misgiven.get(self.unit.path, ()) if each.scope == key]

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
        """The injected sessions that what runs after the function needs."""
        sites = lent(self.analyzer.ambients, self.analyzer.resolver, self.unit) if self._is_injected else []
        found = outliving(self.analyzer, self.unit, sites)
        return [(SiteFacts(self, each.site, Exploration()), each) for each in found]

    def version_of(self, package: str) -> tuple[int, int] | None:
        """The version of a package that the project settles on, by its first two numbers."""
        return version_of(self.unit.path, package)

    @property
    def _is_injected(self) -> bool:
        """Whether a framework hands in what the parameters ask for, and takes it back when the function has ended."""
        framework = self.route_framework
        return framework is not None and framework.injects

    def _is_mocked_for_nothing(self, site: Site) -> bool:
        """Whether a test with mocks takes it and does nothing with it: what counts is that the mock was called."""
        calls = (op for op in self.unit.ops() if isinstance(op, ir.Call) and op.at == site.at)
        return any(op.discarded for op in calls) and self.may_be_mocked

    def _is_module_global(self, site: Site) -> bool:
        """Whether a module's top level binds it to a name that the module's functions use or others may import."""
        if self.unit.key != MODULE:
            return False
        module = self.analyzer.project.module(self.unit.path)
        used: set[str] = set()
        for function in module.functions.values() if module is not None else ():
            mentioned = self.analyzer.mentions(self.unit.path, function)
            used |= mentioned - function.bindings.keys() - {p.name for p in function.params}
        return bool(guards.aliases(self.unit, site) & used)

    @cached_property
    def raise_statements(self) -> frozenset[int]:
        """The operations that are `raise` or `assert` statements."""
        return frozenset(b.end.at for b in self.unit.function.blocks if isinstance(b.end, ir.Raise))

    @property
    def is_in_process(self) -> bool:
        """Whether all databases that the project names are in its own process."""
        return self.analyzer.servers.only_embedded

    def surely_writes(self, at: int) -> bool:
        """Whether the statement of operation `at` is shown to change rows."""
        return surely_writes(self.unit.text(at))

    @cached_property
    def yields(self) -> frozenset[int]:
        """The operations that are `yield`s."""
        return frozenset(o.at for o in self.unit.ops() if isinstance(o, ir.Yield))

    @cached_property
    def roles(self) -> frozenset[Role]:
        """What frameworks make of the function."""
        return frozenset(self.analyzer.context.roles(self.unit.path, self.unit.info))

    @property
    def must_rethrow(self) -> bool:
        """Whether a framework demands that what is thrown in at its `yield` leaves it again."""
        return self.analyzer.context.must_rethrow(self.unit.path, self.unit.info)

    @property
    def is_provider(self) -> bool:
        """Whether it is a context manager or dependency that others resume."""
        return self.analyzer.context.is_provider(self.unit.path, self.unit.info)

    @property
    def route_framework(self) -> Framework | None:
        """The framework whose decorator makes it a route."""
        if self.unit.info is None:
            return None
        return self.analyzer.context.route_framework(self.unit.path, self.unit.info)

    @property
    def is_lasting(self) -> bool:
        """Whether a request that it serves lasts for as long as somebody stays connected: a websocket."""
        params = self.unit.info.params if self.unit.info is not None else ()
        types = (t for p in params for t in self.analyzer.resolver.types(p.annotation, self.unit.scope))
        frameworks = self.analyzer.frameworks
        return any(frameworks.canonical(name_of(t)) in frameworks.lasting for t in types)

    @cached_property
    def place(self) -> Place:
        """What kind of code it is: what serves again and again, what runs once, an example or a test."""
        is_service = self.file_place is Place.SERVICE
        return (
            Place.SCRIPT if is_service and (self.unit.key == MODULE or Role.SCRIPT in self.roles) else self.file_place
        )

    @cached_property
    def file_place(self) -> Place:
        """The same for the whole file: the top level of a module that serves is of the service."""
        path = inside(self.unit.path, self.analyzer.root)
        found = place_by_path(path)
        if found is not Place.SERVICE:
            return found
        if self._is_alone and is_put_aside(path):
            return Place.EXAMPLE
        module = self.analyzer.project.module(self.unit.path)
        return Place.SCRIPT if module is not None and self._is_run_once(module) else Place.SERVICE

    def _is_run_once(self, module: ModuleInfo) -> bool:
        known = self.analyzer.known(_runs_once)
        if module.path not in known:
            known[module.path] = runs_once(module, self.rows, self._is_alone, self._serving)
        return known[module.path]

    @property
    def _is_alone(self) -> bool:
        return self.unit.path in self.analyzer.alone

    @property
    def _serving(self) -> frozenset[str]:
        """The packages of the frameworks that have routes or jobs."""
        frameworks = self.analyzer.frameworks.frameworks.values()
        calling = (Role.ROUTE, Role.JOB)
        return frozenset(n for f in frameworks if any(m.role in calling for m in f.markers) for n in f.imports)

    @property
    def may_be_mocked(self) -> bool:
        """Whether it is a test in whose file, or in whose parameters, something puts mocks in the place of things."""
        module = self.analyzer.project.module(self.unit.path)
        if self.place is not Place.TEST or module is None:
            return False
        functions = idioms().functions
        brought = {name for i in module.all_imports() for name in (i.module, f"{i.module}.{i.name}")}
        given = {p.name for p in self.unit.function.params}
        return bool(functions.mocking_modules & brought or functions.mocking_fixtures & given)

    def severity(self, kind: Kind, base: Severity = Severity.ERROR) -> Severity:
        """`base` in this context: milder where collection closes it, and as `here` says.

        A request's exception is kept for a while, and a pool is soon empty then: a server's connections are not.
        """
        collected = kind.gc is Gc.REFCOUNT or (
            kind.gc is Gc.CYCLIC and (Role.ROUTE not in self.roles or not kind.pooled)
        )
        return self.here(base.lowered() if collected else base)

    def here(self, severity: Severity) -> Severity:
        """`severity` by harm: milder in what runs once, a hint in tests, examples and migrations."""
        if self.place is Place.SERVICE:
            return severity
        return severity.lowered() if self.place is Place.SCRIPT else Severity.INFO

    def step(self, at: int, text: str) -> Step:
        """A station of a path in this function."""
        return Step(self.path, self.unit.span(at), text)

    def step_at(self, span: Span, text: str) -> Step:
        """A station of a path anywhere in the file."""
        return Step(self.path, span, text)

    def row_span(self, row: int, text: str) -> Span:
        """Where `text` stands in a row of the file; the whole row, without its indentation, if it is not there."""
        line = self.rows[row - 1]
        at = line.find(text) if text else -1
        start, length = (at, len(text)) if at >= 0 else (len(line) - len(line.lstrip()), len(line.strip()))
        return Span(Position(row, start + 1), Position(row, start + 1 + length))

    def name_of(self, site: Site) -> str:
        """The name that holds the connection; "" when none does."""
        if site.at < 0:
            return site.name
        own = {o.target for o in self.unit.ops() if isinstance(o, ir.Call | ir.Await) and o.at == site.at}
        for op in self.unit.ops():
            source = op.manager if isinstance(op, ir.Enter) else getattr(op, "source", "")
            if source not in own or not isinstance(op, ir.Assign | ir.Await | ir.Enter):
                continue
            if ir.is_local(op.target) and "#" not in op.target:
                return op.target
            own.add(op.target)
        return ""

    def through(self, acquisition: Acquisition) -> list[tuple[str, str, int]]:
        """The wrappers between this function and the driver: name, path and line, nearest first."""
        found = []
        for ref in acquisition.through:
            info = self.analyzer.info(ref)
            if info is not None:
                found.append((info.name, self.display(ref.path), info.def_row))
        return found

    def inside_of(self, acquisition: Acquisition, text: str) -> tuple[Step, ...]:
        """Where each wrapper between this function and the driver takes the connection, nearest first."""
        steps = []
        for ref in acquisition.through:
            unit = self.analyzer.unit(ref.path, ref.key)
            sites = self.analyzer.sites(unit) if unit is not None else ()
            site = next((each for each in sites if each.kind == acquisition.kind and each.at >= 0), None)
            if unit is not None and site is not None:
                steps.append(self._of(unit).step(site.at, f"{text} in {unit.key.partition('@')[0]}"))
        return tuple(steps)

    def _of(self, unit: Unit) -> FunctionFacts:
        """Another function, whose file is mentioned as well."""
        return FunctionFacts(self.analyzer, unit, self.spell, mentioned=self.mentioned)

    def closed_in(self, acquisition: Acquisition) -> list[Step]:
        """The `return` of the wrapper that hands the connection out closed, so that it opens again at its first use."""
        ref = acquisition.closed_by
        unit = self.analyzer.unit(ref.path, ref.key) if ref is not None else None
        if unit is None:
            return []
        wrapper = self._of(unit)
        endings = (e for site in wrapper.sites for e in site.exploration.endings)
        at = next((e.at for e in endings if marks.RETURNED_CLOSED in e.state.refs), -1)
        text = f"{wrapper.name} returns it here after closing it: the next statement opens it again"
        return [wrapper.step(at, text)] if at >= 0 else []

    def pool_text(self, site: Site) -> str:
        """The pool as the acquire spells it: `pool` of `pool.getconn()`; "" when a wrapper hides it."""
        if site.acquisition.through:
            return ""
        text = self.unit.text(site.at)
        return text.partition("(")[0].rpartition(".")[0] if "\n" not in text.partition("(")[0] else ""


def _runs_once(analyzer: Analyzer) -> dict[str, bool]:
    """By file, as far as somebody has asked, whether it is only ever started by hand."""
    return {}
