"""The questions a rule may ask of an analysed function. Rules see nothing else of the analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from putback.drivers.schema import After, Close, Gc, Kind, On, With
from putback.flow import ir
from putback.flow.ir import MODULE
from putback.flow.names import Member, Name
from putback.flow.solve import Arrival, Defect, Edge, Ending, Exploration, Node
from putback.frameworks.schema import Framework, Role
from putback.model.finding import Confidence, Severity, Step
from putback.model.span import Span
from putback.ownership import guards, marks, unbound
from putback.ownership.analyzer import Analyzer
from putback.ownership.context import is_migration, is_test_code
from putback.ownership.domain import Phase, State
from putback.ownership.handlers import CANCELLED
from putback.ownership.sessions import Duties, sessions_of
from putback.ownership.site import Acquisition, Site
from putback.ownership.trail import Trail, trail
from putback.ownership.unit import Unit


@dataclass(frozen=True, slots=True)
class Leak:
    """One way to leave the function while the connection is held.

    `raised_at` is the operation whose exception starts the way out (-1: none), `explicit` that it is a `raise`
    statement, `cancelled` that only a cancellation goes this way, `left_at` where the function is left, `by_exception`
    whether an exception leaves it. `at_yield`: the exception arrives at a `yield`. `unbound`: the function is left
    because a name is read that the exception has kept from being bound.
    """

    raised_at: int
    explicit: bool
    cancelled: bool
    at_yield: bool
    left_at: int
    by_exception: bool
    named: bool
    unbound: bool = False


@dataclass(eq=False)
class SiteFacts:
    """One acquire in a function and what becomes of it."""

    function: FunctionFacts
    site: Site
    exploration: Exploration[State] = field(repr=False)

    @property
    def kind(self) -> Kind:
        """What is held."""
        return self.site.kind

    @property
    def acquisition(self) -> Acquisition:
        """How it was acquired."""
        return self.site.acquisition

    @property
    def span(self) -> Span:
        """Where the acquire stands."""
        return self.function.unit.span(self.site.at)

    @cached_property
    def leaks(self) -> list[Leak]:
        """Every way to leave the function while the connection is held, the plainest first."""
        found = [self._leak(e) for e in self.exploration.endings if e.state.phase is Phase.HELD]
        return sorted(found, key=lambda leak: (leak.cancelled, leak.raised_at >= 0, leak.left_at))

    @cached_property
    def trail(self) -> Trail:
        """Where it is released, handed on and lent, and the names that belong to it."""
        return trail(self.function.analyzer, self.function.unit, self.site, self.exploration)

    def phases_at(self, at: int) -> set[Phase]:
        """What may have become of it where the block that begins with operation `at` is entered."""
        blocks = self.function.unit.function.blocks
        return {n.state.phase for n in self.exploration.arrivals if any(o.at == at for o in blocks[n.block].ops[:1])}

    @property
    def is_released_somewhere(self) -> bool:
        """Whether some path gives it back, rightly or by a wrong close; for a session, whether a normal path does."""
        if self.kind.lazy:
            normal = {e.state.phase for e in self.exploration.endings if e.edge is Edge.NORMAL}
            return bool(normal & {Phase.RELEASED, Phase.IDLE})
        reached = (n.state.phase for n in self.exploration.arrivals)
        ended = (e.state.phase for e in self.exploration.endings)
        return any(p in (Phase.RELEASED, Phase.CLOSED) for p in (*reached, *ended))

    @property
    def is_passed_on_somewhere(self) -> bool:
        """Whether some normal path hands it to a new owner."""
        return any(e.state.phase is Phase.PASSED and e.edge is Edge.NORMAL for e in self.exploration.endings)

    @property
    def is_async(self) -> bool:
        """Whether it is entered and given back with `async with` and `await`."""
        for ref in self.acquisition.through:
            info = self.function.analyzer.info(ref)
            if info is not None and info.is_generator:
                return info.is_async
        return self.kind.release.startswith("await ")

    @property
    def with_releases(self) -> bool:
        """Whether leaving a `with` on it gives it back."""
        closes = self.kind.with_ is With.CLOSES and self.kind.close in (Close.RETURNS, Close.DESTROYS)
        return On.ENTER in self.acquisition.on or self.kind.with_ is With.RELEASES or closes

    def releasing_calls(self, name: str) -> list[int]:
        """The calls that would close or give back what variable `name` holds, whether it is held there or not."""
        analyzer, unit = self.function.analyzer, self.function.unit
        found: dict[int, None] = {}
        known = {op.expr for op in unit.ops() if isinstance(op, ir.Call) and op.at in self.trail.releases}
        for op in unit.ops():
            if isinstance(op, ir.Call) and name:
                effect = analyzer.catalog.method(self.kind.type, op.name) if op.receiver == name else None
                closes = effect is not None and (effect.closes or effect.releases_self)
                given = analyzer.call_info(unit, op).releases() and any(a.value == name for a in op.arguments)
                if closes or given or op.expr in known:
                    found[op.at] = None
        return list(found)

    @property
    def unbound_reads(self) -> frozenset[str]:
        """The names that are read while the connection is held, although an error came before they were bound."""
        return frozenset(d.what.removeprefix(marks.READ_UNBOUND) for d in self.defects(marks.READ_UNBOUND))

    def has(self, defect: str) -> bool:
        """Whether an operation showed this defect."""
        return any(d.what == defect for d in self.exploration.defects)

    def defects(self, what: str) -> Iterator[Defect[State]]:
        """The places that showed this defect; `what` may be a prefix that ends in a colon."""
        for defect in self.exploration.defects:
            if defect.what == what or (what.endswith(":") and defect.what.startswith(what)):
                yield defect

    @cached_property
    def wrong_closes(self) -> list[int]:
        """The operations that close the connection where it should be given back, on a path that ends so."""
        found: dict[int, None] = {}
        for ending in self.exploration.endings:
            if ending.state.phase is Phase.CLOSED:
                found[self._closing_operation(ending)] = None
        return sorted(found)

    def _closing_operation(self, ending: Ending[State]) -> int:
        """The last close on the path: searched in the blocks from the end back."""
        for node, _ in reversed(self.exploration.path(ending.node)):
            for op in reversed(self.function.unit.function.blocks[node.block].ops):
                if isinstance(op, (ir.Call, ir.Exit)) and node.state.phase is not Phase.CLOSED and self._closes(op):
                    return op.at
        return self.site.at

    def _closes(self, op: ir.Call | ir.Exit) -> bool:
        if isinstance(op, ir.Exit):
            return self.has(marks.CLOSING_KEEPS)
        names = guards.aliases(self.function.unit, self.site)
        effect = self.function.analyzer.catalog.method(self.kind.type, op.name) if op.receiver in names else None
        return (effect is not None and effect.closes) or any(a.value in names for a in op.arguments)

    @cached_property
    def cached_closed(self) -> str:
        """The attribute that holds a session which the function has closed, when it asks the attribute before it opens
        one: the next call takes the closed one, which opens again. "" when there is none.
        """
        if not self.kind.lazy or self.kind.use_after_release is not After.REOPENS:
            return ""
        tests = (b.end.test.key for b in self.function.unit.function.blocks if isinstance(b.end, ir.Branch))
        asked = {key.removesuffix(" None") for key in tests}
        closed = (e.state for e in self.exploration.endings if e.state.phase is Phase.RELEASED)
        kept = dict.fromkeys(r for state in closed for r in sorted(state.refs) if r in asked)
        return next((r for r in kept if self._is_attribute_with_connection(r)), "")

    def _is_attribute_with_connection(self, path: str) -> bool:
        """Whether `self.x` is the connection itself and not an object around it."""
        base, _, name = path.rpartition(".")
        analyzer, scope = self.function.analyzer, self.function.unit.scope
        types = analyzer.resolver.types(Member(Name(base), name), scope) if base else ()
        return any(analyzer.carriers.is_held(t) for t in types)

    @property
    def is_never_bound(self) -> bool:
        """Whether no name holds the connection on any of the leaking ways out."""
        return bool(self.leaks) and not any(leak.named for leak in self.leaks)

    def _leak(self, ending: Ending[State]) -> Leak:
        unit = self.function.unit
        raised_at, exception = self._first_exception(ending)
        named = any(ir.is_local(r) for r in ending.state.refs)
        named = named or any(t.startswith(marks.TUPLE) for _, t in ending.state.children)
        return Leak(
            raised_at,
            raised_at in self.function.raise_statements,
            exception == CANCELLED,
            raised_at in self.function.yields,
            ending.at if ending.at >= 0 else unit.function.at,
            ending.edge is Edge.RAISED,
            named,
            ending.edge is Edge.RAISED and ending.state.exception == unbound.ERROR,
        )

    def _first_exception(self, ending: Ending[State]) -> tuple[int, str]:
        """The first exception edge behind the last acquire on the path, and the class in flight there."""
        path = self.exploration.path(ending.node)
        first = (-1, "")
        for node, arrival in reversed(path):
            if not self._is_after_acquire(node):
                break
            if arrival.edge is Edge.RAISED and not self._is_passing_on(arrival):
                first = (arrival.at, node.state.exception)
        if first[0] < 0 and ending.edge is Edge.RAISED:
            first = (ending.at, ending.state.exception)
        return first

    def _is_after_acquire(self, node: Node[State]) -> bool:
        return node.state.phase is not Phase.ABSENT and node.state.phase is not Phase.PENDING

    def _is_passing_on(self, arrival: Arrival[State]) -> bool:
        """Whether the edge only carries an exception out of a clean-up block."""
        if arrival.source is None:
            return True
        return isinstance(self.function.unit.function.blocks[arrival.source.block].end, ir.Resume | ir.Dispatch) and (
            arrival.at < 0
        )


@dataclass(eq=False)
class FunctionFacts:
    """One analysed function: its sites and its place in the project.

    `prefers_with`: fixes are to be written as `with` blocks where these give the connection back. `code` is the place
    where the fixes keep their own view of the function, once there is one.
    """

    analyzer: Analyzer = field(repr=False)
    unit: Unit = field(repr=False)
    display: Callable[[str], str] = field(repr=False)
    prefers_with: bool = False
    code: object | None = field(default=None, repr=False)

    @property
    def path(self) -> str:
        """The file, as findings spell it."""
        return self.display(self.unit.path)

    @property
    def rows(self) -> Sequence[str]:
        """The rows of the file, without line ends."""
        return self.analyzer.reader.rows(self.unit.path)

    @property
    def quick_calls(self) -> frozenset[str]:
        """The names that the file has for functions of frameworks which only put an answer together."""
        module = self.analyzer.project.module(self.unit.path)
        local = self.unit.info.imports if self.unit.info is not None else {}
        quick = {name for each in self.analyzer.frameworks.frameworks.values() for name in each.quick}
        brought = {**(module.imports if module is not None else {}), **local}
        return frozenset(n for n, i in brought.items() if f"{i.module}.{i.name}" in quick) | quick

    @property
    def name(self) -> str:
        """The dotted name shown to users; "" at module level."""
        return "" if self.unit.key == MODULE else self.unit.key.partition("@")[0]

    @cached_property
    def sites(self) -> list[SiteFacts]:
        """Every acquire whose connection is this function's to give back."""
        found = []
        for site in self.analyzer.sites(self.unit):
            if not self._is_module_global(site):
                found.append(SiteFacts(self, site, self.analyzer.explore(self.unit, site)))
        return found

    @cached_property
    def borrowed(self) -> list[SiteFacts]:
        """Every connection that a caller lends by an annotated parameter, and will give back."""
        sites = self.analyzer.borrowed(self.unit)
        return [SiteFacts(self, site, self.analyzer.explore(self.unit, site, Phase.MANAGED)) for site in sites]

    @cached_property
    def duties(self) -> Duties:
        """The scoped sessions that it should remove, or see to it that they are, and does not."""
        return sessions_of(self.analyzer).duties(self.unit)

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

    @cached_property
    def yields(self) -> frozenset[int]:
        """The operations that are `yield`s."""
        return frozenset(o.at for o in self.unit.ops() if isinstance(o, ir.Yield))

    @cached_property
    def roles(self) -> frozenset[Role]:
        """What frameworks make of the function."""
        return frozenset(self.analyzer.context.roles(self.unit.path, self.unit.info))

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
    def is_test(self) -> bool:
        """Whether it is test code."""
        return is_test_code(self.unit.path)

    @property
    def ends_with_process(self) -> bool:
        """Whether what it leaks lives no longer than a short process: a script, a migration, a module's top level."""
        return self.unit.key == MODULE or Role.SCRIPT in self.roles or is_migration(self.unit.path)

    def severity(self, kind: Kind, base: Severity = Severity.ERROR) -> Severity:
        """`base` in this context: milder where collection closes it, in test code and in short processes."""
        found = base
        if kind.gc is Gc.REFCOUNT or (kind.gc is Gc.CYCLIC and Role.ROUTE not in self.roles):
            found = found.lowered()
        if self.is_test or self.ends_with_process:
            found = found.lowered()
        return found

    def step(self, at: int, text: str) -> Step:
        """A station of a path in this function."""
        return Step(self.path, self.unit.span(at), text)

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

    def closed_in(self, acquisition: Acquisition) -> list[Step]:
        """The `return` of the wrapper that hands the connection out closed, so that it opens again at its first use."""
        ref = acquisition.closed_by
        unit = self.analyzer.unit(ref.path, ref.key) if ref is not None else None
        if unit is None:
            return []
        wrapper = FunctionFacts(self.analyzer, unit, self.display)
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


def confidence_of(site: SiteFacts) -> Confidence:
    """How sure a leak of this site is."""
    if site.exploration.capped or all(leak.cancelled for leak in site.leaks):
        return min(site.acquisition.confidence, Confidence.MEDIUM, key=lambda c: c.rank)
    return site.acquisition.confidence
