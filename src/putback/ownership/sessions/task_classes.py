"""The classes that a framework makes jobs of, and which jobs those are: the named ones, or every job of the project."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property

from putback.flow.names import Expr, Invoke, Literal, last_name
from putback.frameworks.schema import Role
from putback.ownership.analysis.context import name_of
from putback.ownership.index.module import FunctionInfo, ModuleInfo
from putback.ownership.index.project import Project
from putback.ownership.index.subclasses import plain
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import ClassRef, FunctionRef, Scope, Symbol


class TaskClasses:
    """Answers for the jobs and classes of a project; the frameworks' tables know which classes jobs are made of.

    `modules_with` gives the modules of the whole project with one of some words in their text.
    """

    def __init__(
        self,
        project: Project,
        resolver: Resolver,
        modules_with: Callable[[Collection[bytes]], Iterable[ModuleInfo]],
    ) -> None:
        self._project = project
        self._resolver = resolver
        self._modules_with = modules_with

    def of(self, job: FunctionRef) -> Iterator[ClassRef]:
        """The project classes that a job is made of: those its decorator names, and the one whose method it is."""
        module = self._project.module(job.path)
        info = module.functions.get(job.key) if module is not None else None
        if info is None:
            return
        if info.owner:
            yield from self._with_bases(ClassRef(job.path, info.owner))
        for value in self._named(info):
            yield from self._classes(value, Scope(job.path, info.outer))

    def _named(self, info: FunctionInfo) -> Iterator[Expr]:
        """The classes that the decorators of a job name, as they are written."""
        markers = [m for f in self._resolver.frameworks.frameworks.values() for m in f.markers]
        keywords = {keyword for m in markers if m.role is Role.JOB for keyword in m.made_of}
        for decorator in info.decorators:
            if isinstance(decorator, Invoke):
                yield from (value for keyword, value in decorator.keywords if keyword in keywords)

    def is_of_foreign(self, job: FunctionRef) -> bool:
        """Whether a job is made of a class from outside that the tables do not know: it may do anything around it."""
        module = self._project.module(job.path)
        info = module.functions.get(job.key) if module is not None else None
        named = self._named(info) if info is not None else ()
        types = [t for value in named for t in self._resolver.types(value, Scope(job.path, info.outer if info else ""))]
        return any(isinstance(t, Symbol) and not self._is_job_class(t.name) for t in types)

    def _is_job_class(self, name: str) -> bool:
        """Whether jobs are made of a class, according to the tables."""
        frameworks = self._resolver.frameworks
        markers = [m for f in frameworks.frameworks.values() for m in f.markers if m.role is Role.JOB]
        return any(frameworks.canonical(name) in m.methods for m in markers)

    def is_own(self, cls: ClassRef) -> bool:
        """Whether the tables tell that jobs are made of a class: it then concerns its own jobs only."""
        lineage = self._resolver.classes.lineage(cls.path, cls.key)
        bases = [(base, Scope(module.path)) for module, each in lineage for base in each.bases]
        types = [t for base, scope in bases for t in self._resolver.types(plain(base), scope)]
        return any(self._is_job_class(name_of(t)) for t in types)

    def is_for_all(self, cls: ClassRef) -> bool:
        """Whether every job is made of a class: it is set as the class of tasks, or handed to the application."""
        return any(self._names(value, cls) or cls in self._classes(value, scope) for value, scope in self._set_for_all)

    @staticmethod
    def _names(value: Expr, cls: ClassRef) -> bool:
        """Whether a text is the dotted name of a class: `"shop.tasks:Base"`."""
        text = value.value if isinstance(value, Literal) else None
        return isinstance(text, str) and text.replace(":", ".").rpartition(".")[2] == cls.key

    @cached_property
    def _set_for_all(self) -> tuple[tuple[Expr, Scope], ...]:
        """What is set as `app.Task`, or given to the application: `task_cls=Base`."""
        return tuple(self._given_for_all())

    def _given_for_all(self) -> Iterator[tuple[Expr, Scope]]:
        for framework in self._resolver.frameworks.frameworks.values():
            bases = [base for m in framework.markers if m.role is Role.JOB for base in m.methods]
            names = {base.rpartition(".")[2] for base in bases}
            applications = {each.rpartition(".")[2] for each in framework.types} if bases else set()
            words = [*(f".{name}" for name in names), *applications]
            for module in self._modules_with([word.encode() for word in words]):
                yield from ((value, Scope(module.path, at)) for at, name, _, value in module.stores if name in names)
                if not module.import_roots().isdisjoint(framework.imports):
                    yield from self._given_to(applications, module)

    @staticmethod
    def _given_to(applications: Collection[str], module: ModuleInfo) -> Iterator[tuple[Expr, Scope]]:
        """The keyword arguments of what makes an application, in a file that imports the framework."""
        values = [(Scope(module.path, scope), v) for pairs in module.globals.values() for scope, v in pairs]
        for info in module.functions.values():
            here = Scope(module.path, info.key)
            values += [(here, v) for v in (*info.returns, *(v for each in info.bindings.values() for v in each))]
        for scope, value in values:
            if isinstance(value, Invoke) and last_name(value.func) in applications:
                yield from ((given, scope) for _, given in value.keywords)

    def _classes(self, value: Expr, scope: Scope) -> Iterator[ClassRef]:
        """The project classes that a value is, with their bases."""
        for t in self._resolver.types(value, scope):
            if isinstance(t, ClassRef):
                yield from self._with_bases(t)

    def _with_bases(self, cls: ClassRef) -> Iterator[ClassRef]:
        for module, each in self._resolver.classes.lineage(cls.path, cls.key):
            yield ClassRef(module.path, each.key)
