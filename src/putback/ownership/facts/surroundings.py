"""Where a function stands: its file, what frameworks make of it, how harmful a leak is there; and how that is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from putback.drivers.schema import Kind
from putback.flow import ir
from putback.flow.ir import MODULE
from putback.frameworks.idioms import idioms
from putback.frameworks.schema import Framework, Role
from putback.model.config import FixStyle
from putback.model.finding import Place, Step
from putback.model.lifecycle import Gc
from putback.model.span import Position, Span
from putback.model.spelling import inside
from putback.model.weighing import Frequency, Likelihood, Loss
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.context import name_of
from putback.ownership.analysis.extent import Extent, Extents
from putback.ownership.analysis.outside import Station
from putback.ownership.analysis.parts import RETURNED, Tie
from putback.ownership.analysis.quick import Cheap, cheap_calls
from putback.ownership.analysis.site import Acquisition, Site
from putback.ownership.analysis.statements import surely_writes
from putback.ownership.analysis.unit import Unit
from putback.ownership.facts.pool_facts import PoolFacts, pools_in
from putback.ownership.index.module import ModuleInfo
from putback.ownership.index.places import (
    goes_on,
    imported_roots,
    is_among_scripts,
    is_called_a_test,
    is_main,
    is_put_aside,
    is_started,
    is_test_code,
    is_test_function,
    place_by_path,
    reruns,
    runs_once,
)
from putback.ownership.index.requirements import least_version_of, version_of
from putback.ownership.makers.by_hand import is_out_of_use, is_started_by_hand
from putback.ownership.makers.databases import Databases
from putback.ownership.makers.programs import Programs, Run, packages_that_serve
from putback.ownership.resolve.types import FunctionRef


@dataclass(eq=False)
class Surroundings:
    """One analysed function and its place in the project.

    `style`: how the project wants its fixes written. `code` is the place where the fixes keep their own view of the
    function, once there is one. `mentioned` are the files that were spelled for its findings.
    """

    analyzer: Analyzer = field(repr=False)
    unit: Unit = field(repr=False)
    spell: Callable[[str], str] = field(repr=False)
    style: FixStyle = FixStyle.TRY_FINALLY
    code: object | None = field(default=None, repr=False)
    mentioned: dict[str, str] = field(default_factory=dict, repr=False)

    def let_go(self) -> None:
        """Forget everything: what was found out points back here, so that only a search for garbage would find it."""
        vars(self).clear()

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

    @property
    def forks(self) -> bool:
        """Whether it goes on in a second process, which has its connections too: `os.fork()`."""
        forking = idioms().functions.forking
        calls = (op for op in self.unit.ops() if isinstance(op, ir.Call))
        return any(not forking.isdisjoint(self.analyzer.call_info(self.unit, op).names) for op in calls)

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
    def pools(self) -> list[PoolFacts]:
        """Every pool, engine or session factory that it makes."""
        return list(pools_in(self.analyzer, self.unit, self.display))

    def version_of(self, package: str) -> tuple[int, int] | None:
        """The version of a package that the project settles on, by its first two numbers."""
        self.analyzer.project.footprint.name("all", "packages")
        return version_of(self.unit.path, package)

    def release_of(self, kind: Kind) -> str:
        """How the paired release of a kind is written: as the oldest version of its library knows it that the project
        may run on."""
        if not kind.older:
            return kind.release
        self.analyzer.project.footprint.name("all", "packages")
        least = least_version_of(self.unit.path, self.analyzer.catalog.drivers[kind.driver].packages[0])
        older = (text for version, text in kind.older.items() if least is None or least < _version(version))
        return next(older, kind.release)

    @property
    def is_in_process(self) -> bool:
        """Whether all databases that the project names are in its own process, or those of the engines nearest by."""
        nearest = self.analyzer.once(Databases)
        return self.analyzer.servers.only_embedded or nearest.is_embedded_by_default(self.unit.path)

    @property
    def is_surely_in_process(self) -> bool:
        """Whether the engines nearest by are made for a database in the process, whatever is configured."""
        return self.analyzer.once(Databases).is_embedded(self.unit.path)

    def surely_writes(self, at: int) -> bool:
        """Whether the statement of operation `at` is shown to change rows."""
        return surely_writes(self.analyzer.words(self.unit, at))

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

    def way_out(self, extent: Extent) -> list[Station]:
        """The calls that lead out of the process meanwhile, from the one in this function on."""
        return self.analyzer.known(Extents).way(extent.out)

    def leaves_at(self, extent: Extent) -> Station:
        """The last of these calls."""
        return self.analyzer.known(Extents).last(extent.out)

    def ended_at(self, extent: Extent) -> Station | None:
        """Where a called function ends it."""
        return self.analyzer.known(Extents).station(extent.ended) if extent.ended is not None else None

    @cached_property
    def place(self) -> Place:
        """What kind of code it is: what serves again and again, what runs once, an example or a test."""
        if self._is_of_test_case:
            return Place.TEST
        is_service = self.file_place is Place.SERVICE
        return Place.SCRIPT if is_service and self._runs_once else self.file_place

    @property
    def _is_of_test_case(self) -> bool:
        info = self.unit.info
        bases = self.analyzer.resolver.classes.outside_bases(self.unit.path, info.owner) if info and info.owner else ()
        return not idioms().places.test_cases.isdisjoint(bases)

    @property
    def _runs_once(self) -> bool:
        module = self.analyzer.project.module(self.unit.path)
        if module is not None and reruns(module):
            return False
        return (
            self.unit.key == MODULE
            or Role.SCRIPT in self.roles
            or is_started_by_hand(self.analyzer, FunctionRef(self.unit.path, self.unit.key))
            or self.ends_with_its_run
        )

    @property
    def ends_with_its_run(self) -> bool:
        """Whether nothing in the whole project serves again and again, and something is started by hand."""
        return self.analyzer.once(Programs).run is Run.ENDS

    @cached_property
    def is_of_windows(self) -> bool:
        """Whether the file is of a desktop program, which one user has started, or the whole project is one."""
        module = self.analyzer.project.module(self.unit.path)
        draws = module is not None and not imported_roots(module).isdisjoint(idioms().places.windows)
        return draws or self.analyzer.once(Programs).run is Run.STAYS

    @cached_property
    def file_place(self) -> Place:
        """The same for the whole file: the top level of a module that serves is of the service."""
        path = inside(self.unit.path, self.analyzer.root)
        found = place_by_path(path)
        is_used = False
        if found is Place.TEST and is_called_a_test(path):
            if self._is_imported_by_service(apart=frozenset()) or self._goes_on_by_itself:
                return Place.SERVICE
        elif found is Place.SCRIPT and is_among_scripts(path):
            is_used = self._is_imported_by_service(apart=idioms().places.scripts)
        if found is not Place.SERVICE and not is_used:
            return found
        if self._is_alone and is_put_aside(path):
            return Place.EXAMPLE
        module = self.analyzer.project.module(self.unit.path)
        return Place.SCRIPT if module is not None and self._is_run_once(module) else Place.SERVICE

    def _is_run_once(self, module: ModuleInfo) -> bool:
        known = self.analyzer.known(_runs_once)
        if module.path not in known:
            content = self.analyzer.reader.data(module.path)
            known[module.path] = runs_once(module, content, self._is_alone, packages_that_serve(self.analyzer))
        return known[module.path]

    def _is_imported_by_service(self, apart: frozenset[str]) -> bool:
        """Whether a file of the service imports this one. What stands below a folder in `apart` is none, nor is what
        `python -m` runs, which takes commands together."""
        paths = (inside(path, self.analyzer.root) for path in self.analyzer.importing(self.unit.path))
        serving = (p for p in paths if place_by_path(p) is Place.SERVICE and not is_main(p))
        return any(apart.isdisjoint(p.split("/")) for p in serving)

    @property
    def _goes_on_by_itself(self) -> bool:
        """Whether the file is started to run for ever, and has no tests in it."""
        module = self.analyzer.project.module(self.unit.path)
        content = self.analyzer.reader.data(self.unit.path)
        has_tests = module is None or any(is_test_function(function.name) for function in module.functions.values())
        return not has_tests and is_started(self.unit.path, content) and goes_on(content)

    @property
    def _is_alone(self) -> bool:
        return self.analyzer.is_alone(self.unit.path)

    @property
    def may_be_mocked(self) -> bool:
        """Whether it is a test in whose file, or in whose parameters, something puts mocks in the place of things."""
        module = self.analyzer.project.module(self.unit.path)
        if self.file_place is not Place.TEST or module is None:
            return False
        functions = idioms().functions
        brought = {name for i in module.all_imports() for name in (i.module, f"{i.module}.{i.name}")}
        given = {p.name for p in self.unit.function.params}
        return bool(functions.mocking_modules & brought or functions.mocking_fixtures & given)

    @property
    def is_entered_by_mocks(self) -> bool:
        """Whether a test that imports the file says what entering something answers: `mock.__enter__.return_value`."""
        analyzer = self.analyzer
        tests = (p for p in sorted(analyzer.importing(self.unit.path)) if is_test_code(inside(p, analyzer.root)))
        return any(analyzer.says(path, "__enter__") for path in tests)

    @cached_property
    def is_out_of_use(self) -> bool:
        """Whether it is a function that nobody uses, in a file that others do."""
        return is_out_of_use(self.analyzer, FunctionRef(self.unit.path, self.unit.key))

    @cached_property
    def frequency(self) -> Frequency:
        """How often it runs, as far as anybody sees."""
        return Frequency.ASIDE if self.is_out_of_use else self.frequency_of_place

    @property
    def frequency_of_place(self) -> Frequency:
        """The same, whoever uses it: what is asked of all code that serves is asked of this as well."""
        if self.place in (Place.TEST, Place.EXAMPLE):
            return Frequency.ASIDE
        return Frequency.ONCE if self.place is Place.SCRIPT else Frequency.AGAIN

    def frequency_for(self, kind: Kind, likelihood: Likelihood) -> Frequency:
        """The same for what works on a kind, on a path as likely as that: one user's window opens a few files of SQLite
        before it is closed, and only now and then a connection is left behind by an error in it."""
        embedded = self.analyzer.catalog.drivers[kind.driver].embedded
        is_seldom = embedded or not (kind.gc is Gc.PERMANENT or likelihood is Likelihood.EACH_TIME)
        is_ended = is_seldom and self.frequency is Frequency.AGAIN and self.is_of_windows
        return Frequency.ONCE if is_ended else self.frequency

    def loss(self, kind: Kind, pooled: bool = True) -> Loss:
        """What is lost with one connection of a kind, `pooled` or not, that nobody gives back."""
        if kind.gc is Gc.PERMANENT:
            return Loss.SLOT
        if kind.pooled and kind.gc is Gc.CYCLIC:
            return Loss.LATE
        if kind.keeps_process:
            return Loss.PROCESS
        return Loss.HANDLE if self.analyzer.catalog.drivers[kind.driver].embedded else Loss.CONNECTION

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
        if site.at is None:
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
            site = next((each for each in sites if each.kind == acquisition.kind and each.at is not None), None)
            if unit is not None and site is not None:
                steps.append(self._of(unit).step(site.acquired_at, f"{text} in {unit.key.partition('@')[0]}"))
        return tuple(steps)

    def _of(self, unit: Unit) -> Surroundings:
        """Another function, whose file is mentioned as well."""
        return Surroundings(self.analyzer, unit, self.spell, mentioned=self.mentioned)

    def closed_in(self, acquisition: Acquisition) -> list[Step]:
        """The `return` of the wrapper that hands the connection out closed, so that it opens again at its first use."""
        ref = acquisition.closed_by
        unit = self.analyzer.unit(ref.path, ref.key) if ref is not None else None
        if unit is None:
            return []
        wrapper = self._of(unit)
        endings = (e for site in self.analyzer.sites(unit) for e in self.analyzer.explore(unit, site).endings)
        at = next((e.at for e in endings if e.state.part(RETURNED) is Tie.RETURNED_CLOSED), None)
        text = f"{wrapper.name} returns it here after closing it: the next statement opens it again"
        return [wrapper.step(at, text)] if at is not None else []

    def pool_text(self, site: Site) -> str:
        """The pool as the acquire spells it: `pool` of `pool.getconn()`; "" when a wrapper or the caller hides it."""
        if site.acquisition.through or site.at is None:
            return ""
        text = self.unit.text(site.at)
        return text.partition("(")[0].rpartition(".")[0] if "\n" not in text.partition("(")[0] else ""


def _runs_once(analyzer: Analyzer) -> dict[str, bool]:
    """By file, as far as somebody has asked, whether it is only ever started by hand."""
    return {}


def _version(text: str) -> tuple[int, int]:
    """A version by its first two numbers."""
    major, minor, *_ = (int(each) for each in text.split("."))
    return major, minor
