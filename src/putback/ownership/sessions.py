"""What becomes of scoped sessions: which functions use them, followed through calls, and who removes them.

An answer that nobody removes a session rests on all functions that can be reached. Something that removes or may
remove it anywhere among them is the answer that somebody does.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from weakref import WeakKeyDictionary

from putback.flow.names import Invoke, last_name
from putback.frameworks.schema import Role
from putback.model.errors import SourceError
from putback.ownership.analyzer import Analyzer
from putback.ownership.conduct import Conduct, conduct
from putback.ownership.context import is_test_code, name_of
from putback.ownership.heirs import plain
from putback.ownership.module import FunctionInfo, ModuleInfo
from putback.ownership.registries import Registries, Registry
from putback.ownership.types import FunctionRef, Scope, Types
from putback.ownership.unattended import Entry, Unattended

_DEEPEST = 20
_MOST = 2000
_HOOKS = re.compile(r"(?:connect|add_listener|add_event_listener|listen)\(\s*([\w.]+)\s*[,)]")
_CLEANING = re.compile(r"\.remove\(\)|_context\b")
_CONNECTING = frozenset({"connect", "connect_via", "listens_for"})


@dataclass(frozen=True, slots=True)
class Step:
    """A call on the way to a use: the function that is entered, and where it is called."""

    path: str
    row: int
    name: str


@dataclass(frozen=True, slots=True)
class Way:
    """How a function comes to use a registry's session: through the calls `steps`, in file `path` on row `row`."""

    steps: tuple[Step, ...]
    path: str
    row: int


@dataclass(slots=True)
class Reached:
    """What a function and all that it calls do. `capped`: not all of it was looked at."""

    ways: dict[Registry, Way] = field(default_factory=dict)
    removed: set[Registry] = field(default_factory=set)
    removes_unknown: bool = False
    ended: set[Registry] = field(default_factory=set)
    capped: bool = False


@dataclass(frozen=True, slots=True)
class Neglect:
    """An entry that uses a session which nobody removes.

    `ended`: its transactions are ended on some path; `thread_ends`: the thread ends with the function, and with it the
    session; `capped`: not all that it calls was looked at.
    """

    entry: Entry
    registry: Registry
    way: Way
    ended: bool
    thread_ends: bool
    capped: bool


class Sessions:
    """One run's knowledge of the project's scoped sessions."""

    def __init__(self, analyzer: Analyzer) -> None:
        self.analyzer = analyzer
        self.project = analyzer.project
        self.registries = Registries(analyzer.resolver, analyzer.reader)
        self._conducts: dict[FunctionRef, Conduct] = {}

    @property
    def concerned(self) -> Collection[FunctionRef]:
        """The functions that a rule has something to say of."""
        return self.neglected.keys()

    # -- who neglects a session

    @cached_property
    def neglected(self) -> dict[FunctionRef, list[Neglect]]:
        """The jobs and threads that leave a session behind; none in a project without a registry."""
        if not self.registries.found:
            return {}
        context = self.analyzer.context
        finder = Unattended(self.project, self.analyzer.resolver, context, self.analyzer.reader)
        found = {ref: list(self._neglects(entry)) for ref, entry in finder.entries().items()}
        return {ref: neglects for ref, neglects in found.items() if neglects}

    def _neglects(self, entry: Entry) -> Iterator[Neglect]:
        """What an entry leaves behind.

        Who removes a session himself is trusted with those that he uses through others.
        """
        own = self.conduct(entry.target)
        if own.in_context or is_test_code(entry.target.path):
            return
        found = self.reach(entry.target)
        for registry, way in sorted(found.ways.items(), key=_nearness):
            is_removed = found.removes_unknown or registry in found.removed or bool(own.removes and way.steps)
            if not is_removed and not (entry.role is Role.JOB and self._is_attended(registry)):
                ends = entry.ends and not own.repeats
                yield Neglect(entry, registry, way, registry in found.ended, ends, found.capped)

    def _is_attended(self, registry: Registry) -> bool:
        """Whether something may clean up around every job that uses a registry."""
        return self._jobs_are_attended or (registry.is_managed and self._jobs_have_context)

    def reach(self, start: FunctionRef) -> Reached:
        """What `start` does, the nearest uses first; what enters an application context cleans up for itself."""
        found = Reached()
        todo: deque[tuple[FunctionRef, tuple[Step, ...], bool]] = deque([(start, (), False)])
        seen = {(start, False)}
        while todo:
            ref, steps, given = todo.popleft()
            here = self.conduct(ref)
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

    def conduct(self, ref: FunctionRef) -> Conduct:
        """What one function does."""
        if ref not in self._conducts:
            info = self.analyzer.info(ref)
            self._conducts[ref] = (
                conduct(self.registries, self.analyzer.reader, ref.path, info) if info is not None else Conduct()
            )
        return self._conducts[ref]

    # -- who cleans up for all

    @cached_property
    def cleaners(self) -> list[tuple[ModuleInfo, FunctionInfo]]:
        """The functions outside of tests that remove a session, or that enter an application context."""
        return [
            (module, info)
            for module in self._modules_with((b".remove()", b"_context"))
            for info in module.functions.values()
            if self._may_clean(module, info) and self._cleans(self.conduct(FunctionRef(module.path, info.key)))
        ]

    def _may_clean(self, module: ModuleInfo, info: FunctionInfo) -> bool:
        rows = self.analyzer.reader.rows(module.path)[info.row - 1 : info.end_row]
        return any(_CLEANING.search(row) for row in rows)

    @staticmethod
    def _cleans(found: Conduct) -> bool:
        return bool(found.removes) or found.removes_unknown or found.in_context

    def _modules_with(self, words: Iterable[bytes]) -> Iterator[ModuleInfo]:
        for path in sorted(self.project.paths):
            if is_test_code(path):
                continue
            try:
                data = self.analyzer.reader.data(path)
            except OSError:
                continue
            module = self.project.module(path) if any(word in data for word in words) else None
            if module is not None:
                yield module

    @cached_property
    def _jobs_are_attended(self) -> bool:
        """Whether something in the project may clean up around every job: a task class, a signal, a listener."""
        hooked = self._hooked
        return any(
            info.name in hooked or self._is_connected(info) or self._is_inherited(module, info)
            for module, info in self.cleaners
        )

    @cached_property
    def _jobs_have_context(self) -> bool:
        """Whether an application context may have been entered, for good, where jobs run."""
        return any(
            "app_context().push" in row or ("app_context" in row and not row[:1].isspace() and self._runs_jobs(module))
            for module in self._modules_with((b"app_context",))
            for row in self.analyzer.reader.rows(module.path)
        )

    def _runs_jobs(self, module: ModuleInfo) -> bool:
        return not module.import_roots().isdisjoint(self._job_roots)

    @cached_property
    def _hooked(self) -> frozenset[str]:
        """The names of what is given to signals and listeners."""
        found: set[str] = set()
        for module in self._modules_with((b"connect(", b"listener(", b"listen(")):
            try:
                text = self.analyzer.reader.text(module.path)
            except SourceError:
                continue
            found |= {name.rpartition(".")[2] for name in _HOOKS.findall(text)}
        return frozenset(found)

    @staticmethod
    def _is_connected(info: FunctionInfo) -> bool:
        names = (last_name(d.func if isinstance(d, Invoke) else d) for d in info.decorators)
        return not _CONNECTING.isdisjoint(names)

    def _is_inherited(self, module: ModuleInfo, info: FunctionInfo) -> bool:
        """Whether it is a method of a class that derives from another: a framework may call it around a job."""
        cls = module.classes.get(info.owner)
        types = self.analyzer.resolver.types
        return cls is not None and any(self._may_run_jobs(types(plain(b), Scope(module.path))) for b in cls.bases)

    def _may_run_jobs(self, base: Types) -> bool:
        names = [name for name in map(name_of, base) if name]
        return not base or any("." not in name or name.partition(".")[0] in self._job_roots for name in names)

    @cached_property
    def _job_roots(self) -> frozenset[str]:
        """The packages that run jobs."""
        every = self.analyzer.frameworks.frameworks.values()
        return frozenset(name for f in every if any(m.role is Role.JOB for m in f.markers) for name in f.imports)


def _nearness(found: tuple[Registry, Way]) -> tuple[int, str, str]:
    registry, way = found
    return len(way.steps), registry.path, registry.name


_KNOWN: WeakKeyDictionary[Analyzer, Sessions] = WeakKeyDictionary()


def sessions_of(analyzer: Analyzer) -> Sessions:
    """What is known of the scoped sessions of a run."""
    if analyzer not in _KNOWN:
        _KNOWN[analyzer] = Sessions(analyzer)
    return _KNOWN[analyzer]
