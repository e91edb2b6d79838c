"""Who in a project removes scoped sessions, and whether something may do so around every job."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import cached_property

from putback.flow.ir import MODULE
from putback.flow.names import Expr, Invoke, last_name
from putback.frameworks.schema import Role
from putback.model.errors import SourceError
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.app_contexts import is_of_something_unknown
from putback.ownership.analysis.context import name_of
from putback.ownership.index.module import FunctionInfo, ModuleInfo
from putback.ownership.index.places import is_test_code
from putback.ownership.index.subclasses import plain
from putback.ownership.resolve.types import ClassRef, FunctionRef, Scope, Types
from putback.ownership.sessions.registries import Registries, function_refs
from putback.ownership.sessions.session_use import SessionUse, session_use, top_level_use
from putback.ownership.sessions.task_classes import TaskClasses


class Cleaners:
    """Answers for all files of a project but its tests, whether they are candidates or not."""

    def __init__(self, analyzer: Analyzer, registries: Registries) -> None:
        self.analyzer = analyzer
        self.project = analyzer.project
        self.registries = registries
        self.task_classes = TaskClasses(analyzer.project, analyzer.resolver, self.modules_with)
        self._session_uses: dict[FunctionRef, SessionUse] = {}

    def session_use(self, ref: FunctionRef) -> SessionUse:
        """What one function does."""
        if ref not in self._session_uses:
            info = self.analyzer.info(ref)
            self._session_uses[ref] = (
                session_use(self.registries, self.analyzer.app_contexts, self.analyzer.reader, ref.path, info)
                if info is not None
                else SessionUse()
            )
        return self._session_uses[ref]

    @cached_property
    def functions(self) -> list[tuple[ModuleInfo, FunctionInfo]]:
        """The functions outside of tests that remove a session, or that enter an application context."""
        return [
            (module, info)
            for module in (*self.modules_with(self._signs), *self._closing_modules())
            for info in module.functions.values()
            if self._may_clean(module, info) and self._cleans(self.session_use(FunctionRef(module.path, info.key)))
        ]

    def _may_clean(self, module: ModuleInfo, info: FunctionInfo) -> bool:
        rows = self.analyzer.reader.rows(module.path)[info.row - 1 : info.end_row]
        return any(word in row for row in rows for word in self._words)

    @cached_property
    def _signs(self) -> tuple[bytes, ...]:
        """What has to be in a file for it to discard a session, to end all, or to enter a context."""
        types = self.registries.types
        ending = {name.rpartition(".")[2] for name in types.sweeping} - types.removing
        whole = {*ending, *self.analyzer.frameworks.context_names}
        return tuple(word.encode() for word in (*(f".{name}()" for name in types.discarding), *whole))

    @cached_property
    def _words(self) -> tuple[str, ...]:
        """The same of a function, with what closes one session."""
        return (*(sign.decode() for sign in self._signs), *(f".{name}" for name in self.registries.types.removing))

    @staticmethod
    def _cleans(found: SessionUse) -> bool:
        return bool(found.removes) or found.removes_unknown or found.in_context

    def _closing_modules(self) -> Iterator[ModuleInfo]:
        """The modules that only close something, and have the name of a registry."""
        names = [registry.name.encode() for registry in self.registries.found.values()]
        for module in self.modules_with(names):
            text = self.text(module.path)
            closing = (f".{name}" for name in self.registries.types.removing)
            if any(word in text for word in closing) and not any(sign.decode() in text for sign in self._signs):
                yield module

    def modules_with(self, words: Collection[bytes]) -> Iterator[ModuleInfo]:
        """The modules outside of tests with one of some words in their text."""
        for path in sorted(self.analyzer.texts.having(words)):
            module = self.project.module(path) if not is_test_code(path) else None
            if module is not None:
                yield module

    def attends(self, job: FunctionRef, concerns: Callable[[FunctionRef], bool]) -> bool:
        """Whether something in the project may clean up around a job: a task class, a signal, a listener.

        `concerns` tells whether a function may clean up what is asked for: who removes another session does not count.
        """
        if self.task_classes.is_of_foreign(job) or any(map(concerns, self._listeners)):
            return True
        own = set(self.task_classes.of(job))
        return any(
            (cls in own or not self.task_classes.is_own(cls) or self.task_classes.is_for_all(cls)) and concerns(method)
            for method, cls in self._methods
        )

    @cached_property
    def _listeners(self) -> frozenset[FunctionRef]:
        """The functions of the project that signals and listeners call."""
        return self._hooked | {
            FunctionRef(module.path, info.key)
            for module in self.modules_with([f"{name}{end}".encode() for name in self._hooking for end in "(\r\n"])
            for info in module.functions.values()
            if self._is_connected(module, info)
        }

    @cached_property
    def _methods(self) -> tuple[tuple[FunctionRef, ClassRef], ...]:
        """The methods that clean up and that a framework may call around a job, each with its class."""
        found = ((module, info) for module, info in self.functions if self._is_inherited(module, info))
        return tuple((FunctionRef(m.path, info.key), ClassRef(m.path, info.owner)) for m, info in found)

    def jobs_have_context(self, in_own_thread: Collection[FunctionRef]) -> bool:
        """Whether an application context may have been entered, for good, where jobs run.

        What a function of `in_own_thread` enters, it enters for its thread, in which no job runs.
        """
        return any(
            not any(
                info.row <= row <= info.end_row and FunctionRef(module.path, info.key) in in_own_thread
                for info in module.functions.values()
            )
            for module, row in self._contexts
        )

    @cached_property
    def _contexts(self) -> tuple[tuple[ModuleInfo, int], ...]:
        """The rows that enter an application context for good, or do so at the top of a file that runs jobs."""
        return tuple(
            (module, number)
            for module in self.modules_with((b"app_context",))
            for number, row in enumerate(self.analyzer.reader.rows(module.path), 1)
            if "app_context().push" in row
            or ("app_context" in row and not row[:1].isspace() and self._runs_jobs(module))
        )

    def _runs_jobs(self, module: ModuleInfo) -> bool:
        return not module.import_roots().isdisjoint(self._job_roots)

    @property
    def _hooking(self) -> list[str]:
        return sorted(self.analyzer.frameworks.hooking_names)

    @cached_property
    def _hooked(self) -> frozenset[FunctionRef]:
        """The functions that are given to signals and listeners."""
        found: set[FunctionRef] = set()
        types = self.analyzer.resolver.types
        for module in self.modules_with([f"{name}(".encode() for name in self._hooking]):
            for scope, call in module.calls:
                here = Scope(module.path, scope)
                if isinstance(call, Invoke) and self._hooks(call.func, here):
                    given = (*call.args, *(value for _, value in call.keywords))
                    found.update(ref for each in given for ref in function_refs(types(each, here)))
        return frozenset(found)

    def _is_connected(self, module: ModuleInfo, info: FunctionInfo) -> bool:
        scope = Scope(module.path, info.outer)
        return any(self._hooks(d.func if isinstance(d, Invoke) else d, scope) for d in info.decorators)

    def _hooks(self, callee: Expr, scope: Scope) -> bool:
        """Whether what is given to this is called by a signal or listener, or may be, because it is not resolved."""
        frameworks = self.analyzer.frameworks
        if last_name(callee) not in frameworks.hooking_names:
            return False
        types = self.analyzer.resolver.types(callee, scope)
        return all(map(is_of_something_unknown, types)) or any(frameworks.hooks(name_of(t)) for t in types)

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

    @cached_property
    def removes_at_top(self) -> bool:
        """Whether some module removes a session outside of its functions, or in a lambda there."""
        words = [f".{name}{end}".encode() for name in self.registries.types.discarding for end in "()"]
        for module in self.modules_with(words):
            rows = self.analyzer.part(module.path, MODULE)
            found = top_level_use(self.registries, self.analyzer.app_contexts, module.path, rows)
            if found.removes or found.removes_unknown:
                return True
        return False

    def are_joined(self, path: str) -> bool:
        """Whether a file hands its sessions to a manager of transactions, which ends them with each request."""
        module = self.project.module(path)
        brought = module.all_imports() if module is not None else []
        names = {name for i in brought if not i.level for name in (i.module, f"{i.module}.{i.name}")}
        return any(not names.isdisjoint(f.joining) for f in self.analyzer.frameworks.frameworks.values())

    def text(self, path: str) -> str:
        """The text of a file; empty when it cannot be read."""
        try:
            return self.analyzer.reader.text(path)
        except SourceError:
            return ""
