"""What becomes of scoped sessions: which functions use them, followed through calls, and who removes them.

An answer that nobody removes a session rests on all functions that can be reached. Something that removes or may
remove it anywhere among them is the answer that somebody does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from functools import cached_property

from msgspec import Struct, field

from putback.flow.ir import MODULE
from putback.frameworks.schema import Role
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.module import FunctionInfo, ModuleInfo
from putback.ownership.index.places import is_test_code
from putback.ownership.resolve.identity import Defined
from putback.ownership.resolve.types import ClassRef, FunctionRef
from putback.ownership.sessions.cleaners import Cleaners
from putback.ownership.sessions.entry_points import Entry, Unattended
from putback.ownership.sessions.registries import Registries, Registry
from putback.ownership.sessions.session_use import function_node
from putback.ownership.sessions.teardowns import Missed, Teardown

_DEEPEST = 20
_MOST = 2000


class Step(Struct, frozen=True):
    """A call on the way to a use: the function that is entered, and where it is called."""

    path: str
    row: int
    name: str


class Way(Struct, frozen=True):
    """How a function comes to use a registry's session: through the calls `steps`, in file `path` on row `row`."""

    steps: tuple[Step, ...]
    path: str
    row: int


class Reached(Struct):
    """What a function and all that it calls do. `capped`: not all of it was looked at."""

    ways: dict[Registry, Way] = field(default_factory=dict)
    removed: set[Registry] = field(default_factory=set)
    removes_unknown: bool = False
    ended: set[Registry] = field(default_factory=set)
    capped: bool = False


class Neglect(Struct, frozen=True):
    """An entry that uses a session which nobody removes.

    `ended`: its transactions are ended on some path; `thread_ends`: the thread ends with the function, and with it the
    session; `repeats`: the function loops; `capped`: not all that it calls was looked at.
    """

    entry: Entry
    registry: Registry
    way: Way
    ended: bool
    thread_ends: bool
    repeats: bool
    capped: bool


class Lapse(Struct, frozen=True):
    """A teardown that removes a session on rows `removals`, and not on the path that turns off at `missed`."""

    registry: Registry
    removals: tuple[int, ...]
    missed: Missed


class Duties(Struct, frozen=True):
    """What a function leaves undone, and for the top level of a module the registries that nobody removes."""

    neglects: tuple[Neglect, ...] = ()
    lapse: Lapse | None = None
    unremoved: tuple[tuple[Registry, Way], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.neglects or self.lapse or self.unremoved)


class Sessions:
    """One run's knowledge of the project's scoped sessions."""

    def __init__(self, analyzer: Analyzer) -> None:
        self.analyzer = analyzer
        self.project = analyzer.project
        self.registries = Registries(analyzer.resolver, analyzer.reader)
        self.cleaners = Cleaners(analyzer, self.registries)
        self._neglected: dict[FunctionRef, tuple[Neglect, ...]] = {}

    def duties(self, unit: Unit) -> Duties:
        """What a function, or the top level of a module, leaves undone."""
        ref = FunctionRef(unit.path, unit.key)
        self.project.footprint.name("duties", f"{ref.path}:{ref.key}")
        return self.project.footprint.aside(lambda: self._duties(ref))

    def compared(self, paths: Collection[str]) -> Iterator[tuple[str, str, str]]:
        """What functions in some files leave undone, as questions by name, each with the answer."""
        for ref in self.concerned(paths):
            yield "duties", f"{ref.path}:{ref.key}", repr(self._duties(ref))

    def _duties(self, ref: FunctionRef) -> Duties:
        made = [r for r in self.registries.found.values() if r.path == ref.path] if ref.key == MODULE else ()
        unremoved = tuple((registry, self.unremoved[registry]) for registry in made if registry in self.unremoved)
        return Duties(self.neglects(ref), self.lapses.get(ref), unremoved)

    def concerned(self, paths: Collection[str]) -> set[FunctionRef]:
        """The functions in some files that a rule has something to say of."""
        if not self.registries.found:
            return set()
        neglecting = (ref for ref in self.entries if ref.path in paths and self.neglects(ref))
        lapsing = (ref for ref in self.lapses if ref.path in paths)
        made = (r for r in self.registries.found.values() if r.path in paths and r in self.unremoved)
        return {*neglecting, *lapsing, *(FunctionRef(r.path, MODULE) for r in made)}

    # -- teardowns

    @cached_property
    def lapses(self) -> dict[FunctionRef, Lapse]:
        """The teardowns that do not remove a session on every path."""
        found: dict[FunctionRef, Lapse] = {}
        own = not all(registry.is_standing for registry in self.registries.found.values())
        for module, info in self.cleaners.functions if own else ():
            ref = FunctionRef(module.path, info.key)
            if self.is_teardown(ref) and (lapse := self._lapse(ref, info)) is not None:
                found[ref] = lapse
        return found

    def is_teardown(self, ref: FunctionRef) -> bool:
        """Whether a framework calls the function at the end of a request or a context."""
        info = self.analyzer.info(ref)
        return info is not None and Role.TEARDOWN in self.analyzer.context.roles(ref.path, info)

    def _lapse(self, ref: FunctionRef, info: FunctionInfo) -> Lapse | None:
        here = self.cleaners.session_use(ref)
        parsed = function_node(self.analyzer.reader, ref.path, info)
        for registry, rows in here.removes.items() if parsed is not None and not here.removes_unknown else ():
            if here.closes.isdisjoint(rows) and parsed is not None:
                function, offset = parsed
                missed = Teardown(rows, [p.name for p in info.params], offset).missed(function.body)
                if missed is not None:
                    return Lapse(registry, tuple(rows), missed)
        return None

    # -- registries that nobody removes

    @cached_property
    def unremoved(self) -> dict[Registry, Way]:
        """The registries that request code uses while nothing removes them, with one such use."""
        own = [r for r in self.registries.found.values() if not (r.is_managed or r.is_standing)]
        if not own or self.cleaners.removes_at_top:
            return {}
        kept = [r for r in own if self._is_kept(r)]
        reached = [self.reach(ref) for ref in self._routes()] if kept else []
        ways = [r.ways for r in reached if not r.removes_unknown and r.removed.isdisjoint(kept)]
        found = {r: min((w[r] for w in ways if r in w), key=_length, default=None) for r in kept}
        return {r: way for r, way in found.items() if way is not None}

    def is_removed(self, meant: Defined) -> bool:
        """Whether something in the project removes the session of a registry, or may do so."""
        self.project.footprint.name("all", "contents")
        registry = self.registries.found.get(meant)
        return registry is None or self.cleaners.removes_at_top or not self._is_kept(registry)

    def _is_kept(self, registry: Registry) -> bool:
        """Whether nothing that runs in a request or around one can remove a session of this registry."""
        if is_test_code(registry.path) or self.cleaners.are_joined(registry.path):
            return False
        return not any(
            found.removes_unknown or registry in found.removes
            for module, info in self.cleaners.functions
            if (found := self.cleaners.session_use(FunctionRef(module.path, info.key)))
            and not self._ends_process(module, info)
            and FunctionRef(module.path, info.key) not in self.entries
            and not self._is_of_one_kind(module, info)
        )

    def _is_of_one_kind(self, module: ModuleInfo, info: FunctionInfo) -> bool:
        """Whether it cleans up after one route, or after jobs: nothing of that concerns other requests."""
        if Role.ROUTE in self.analyzer.context.roles(module.path, info):
            return True
        return bool(info.owner) and self.cleaners.task_classes.is_own(ClassRef(module.path, info.owner))

    def _ends_process(self, module: ModuleInfo, info: FunctionInfo) -> bool:
        return self.analyzer.resolver.has_decorator(info, module.path, {"atexit.register"})

    def _routes(self) -> Iterator[FunctionRef]:
        every = self.analyzer.frameworks.frameworks.values()
        serving = [name.encode() for f in every if any(m.role is Role.ROUTE for m in f.markers) for name in f.imports]
        for module in self.cleaners.modules_with(serving):
            for info in module.functions.values():
                if Role.ROUTE in self.analyzer.context.roles(module.path, info):
                    yield FunctionRef(module.path, info.key)

    # -- who neglects a session

    @cached_property
    def entries(self) -> dict[FunctionRef, Entry]:
        """The jobs and threads of the project."""
        analyzer = self.analyzer
        return Unattended(self.project, analyzer.resolver, analyzer.context, analyzer.texts).entries()

    @cached_property
    def _in_own_thread(self) -> frozenset[FunctionRef]:
        """The functions that run in a thread of their own, and as no job."""
        return frozenset(r for r, entry in self.entries.items() if entry.role is not Role.JOB and entry.ends)

    def neglects(self, ref: FunctionRef) -> tuple[Neglect, ...]:
        """The sessions that a function leaves behind as a job or thread; none in a project without a registry."""
        if ref not in self._neglected:
            entry = self.entries.get(ref) if self.registries.found else None
            self._neglected[ref] = tuple(self._neglects(entry)) if entry is not None else ()
        return self._neglected[ref]

    def _neglects(self, entry: Entry) -> Iterator[Neglect]:
        """What an entry leaves behind.

        Who removes a session himself is trusted with those that he uses through others.
        """
        if entry.role is Role.JOB and all(registry.is_standing for registry in self.registries.found.values()):
            return
        own = self.cleaners.session_use(entry.target)
        if own.in_context or is_test_code(entry.target.path):
            return
        found = self.reach(entry.target)
        for registry, way in sorted(found.ways.items(), key=_nearness):
            is_removed = found.removes_unknown or registry in found.removed or bool(own.removes and way.steps)
            if not is_removed and self.must_remove(entry.target, registry):
                ends = entry.ends and not own.repeats
                yield Neglect(entry, registry, way, registry in found.ended, ends, own.repeats, found.capped)

    def must_remove(self, ref: FunctionRef, registry: Registry) -> bool:
        """Whether nothing runs after a function that could remove its session: a teardown, a thread, a lonely job."""
        entry = self.entries.get(ref)
        if entry is None:
            return self.is_teardown(ref)
        return not (entry.role is Role.JOB and self._is_attended(ref, registry))

    def _is_attended(self, job: FunctionRef, registry: Registry) -> bool:
        """Whether something may clean up around a job that uses a registry."""
        return (
            registry.is_standing
            or self.cleaners.attends(job, lambda ref: self._may_remove(ref, registry))
            or (registry.is_managed and self.cleaners.jobs_have_context(self._in_own_thread))
        )

    def _may_remove(self, ref: FunctionRef, registry: Registry) -> bool:
        """Whether a function may remove the session of a registry: itself, through others, or by a context."""
        found = self.reach(ref)
        is_open = found.removes_unknown or found.capped or self.cleaners.session_use(ref).in_context
        return is_open or registry in found.removed

    def reach(self, start: FunctionRef) -> Reached:
        """What `start` does, the nearest uses first; what enters an application context cleans up for itself."""
        found = Reached()
        todo: deque[tuple[FunctionRef, tuple[Step, ...], bool]] = deque([(start, (), False)])
        seen = {(start, False)}
        while todo:
            ref, steps, given = todo.popleft()
            here = self.cleaners.session_use(ref)
            if here.in_context:
                continue
            found.removed |= here.removes.keys()
            found.removes_unknown |= here.removes_unknown
            if not given:
                found.ended |= here.ends
                for registry, row in here.uses.items():
                    found.ways.setdefault(registry, Way(steps, ref.path, row))
            for call in here.calls:
                info = self.analyzer.info(call.target)
                if info is None:
                    continue
                passed = given or call.given
                targets = [call.target, *(self._nested(call.target) if call.given else ())]
                for target in targets:
                    if (target, passed) in seen:
                        continue
                    if len(steps) >= _DEEPEST or len(seen) >= _MOST:
                        found.capped = True
                        continue
                    seen.add((target, passed))
                    todo.append((target, (*steps, Step(ref.path, call.row, info.name)), passed))
        return found

    def _nested(self, ref: FunctionRef) -> list[FunctionRef]:
        """The functions inside of one: what a decorator returns."""
        module = self.project.module(ref.path)
        keys = module.functions if module is not None else ()
        return [FunctionRef(ref.path, key) for key in keys if key.startswith(f"{ref.key}.")]


def _length(way: Way) -> tuple[int, str, int]:
    return len(way.steps), way.path, way.row


def _nearness(found: tuple[Registry, Way]) -> tuple[int, str, str]:
    registry, way = found
    return len(way.steps), registry.path, registry.name


def sessions_of(analyzer: Analyzer) -> Sessions:
    """What is known of the scoped sessions of a run."""
    return analyzer.once(Sessions)
