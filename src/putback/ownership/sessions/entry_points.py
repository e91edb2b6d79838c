"""Functions that run where nobody ends the sessions they use: jobs of schedulers and workers, targets of threads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cached_property

from msgspec import Struct

from putback.flow.names import Entered, Invoke, Member, Name, last_name
from putback.frameworks.catalog import FrameworkCatalog
from putback.frameworks.schema import Role
from putback.ownership.analysis.context import Context, name_of
from putback.ownership.index.module import FunctionInfo, ModuleInfo, Reference
from putback.ownership.index.places import is_test_code
from putback.ownership.index.project import Project
from putback.ownership.index.texts import Texts
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import FunctionRef, Partial, Scope, Types
from putback.ownership.sessions.registries import function_refs

_OWN_THREAD = frozenset({"Thread", "Timer", "start_new_thread"})
_COMMON = frozenset({"map", "apply"})
"""Names of callables that are too common to look into every file that has them."""


class Start(Struct, frozen=True, order=True):
    """Where a function is set to run, and what runs it: `Thread`, `add_job`, `task`.

    `ends`: it runs in a thread that ends soon: one of its own, or one of a pool that a `with` shuts down.
    """

    path: str
    row: int
    by: str
    ends: bool = False


class Entry(Struct):
    """A function that is run unattended, with the places that say so, in the order of path and row."""

    target: FunctionRef
    role: Role
    starts: list[Start]

    @property
    def ends(self) -> bool:
        """Whether each run has a thread that ends with it or soon after."""
        return all(start.ends for start in self.starts)


class Unattended:
    """Finds the entries of a project."""

    def __init__(self, project: Project, resolver: Resolver, context: Context, texts: Texts) -> None:
        self.project = project
        self.resolver = resolver
        self.context = context
        self.frameworks: FrameworkCatalog = resolver.frameworks
        self.texts = texts

    def entries(self) -> dict[FunctionRef, Entry]:
        """All entries by their functions; test code starts none."""
        found: dict[FunctionRef, Entry] = {}
        for module in self._modules():
            for ref, role, start in (*self._given(module), *self._declared(module)):
                entry = found.setdefault(ref, Entry(ref, role, []))
                if start not in entry.starts:
                    entry.starts.append(start)
                if role is Role.JOB:
                    entry.role = role
        for entry in found.values():
            entry.starts.sort()
        return found

    def _modules(self) -> Iterator[ModuleInfo]:
        """The modules that were indexed, and those that may start something."""
        markers = [m for each in self.frameworks.frameworks.values() for m in each.markers if m.unattended]
        names = {name.rpartition(".")[2] for m in markers for name in m.arguments} - _COMMON
        known = {module.path for module in self.project.loaded()}
        for path in sorted(known | self.texts.having([f"{name}(".encode() for name in names])):
            module = self.project.module(path) if not is_test_code(path) else None
            if module is not None:
                yield module

    # -- `Thread(target=work)`, `scheduler.add_job(work)`

    def _given(self, module: ModuleInfo) -> Iterator[tuple[FunctionRef, Role, Start]]:
        for reference in module.references:
            if isinstance(reference.call, Invoke):
                yield from self._given_by(module, reference, reference.call)

    def _given_by(
        self, module: ModuleInfo, reference: Reference, call: Invoke
    ) -> Iterator[tuple[FunctionRef, Role, Start]]:
        scope = Scope(module.path, reference.scope)
        for name in self._callees(module, call, scope):
            by = name.rpartition(".")[2]
            start = Start(module.path, reference.row, by, by in _OWN_THREAD or self._is_short(module, call, scope))
            for role, index, keyword in self.frameworks.argument_role(name):
                for target in call.given(index, keyword):
                    yield from ((ref, role, start) for ref in self._functions(self.resolver.types(target, scope)))

    @staticmethod
    def _is_short(module: ModuleInfo, call: Invoke, scope: Scope) -> bool:
        """Whether a function gives work to a pool that it has entered by a `with`."""
        owner = call.func.base if isinstance(call.func, Member) else None
        info = module.functions.get(scope.function)
        values = info.bindings.get(owner.id, ()) if info is not None and isinstance(owner, Name) else ()
        return any(isinstance(value, Entered) for value in values)

    def _callees(self, module: ModuleInfo, call: Invoke, scope: Scope) -> list[str]:
        """The callables of the tables that a call can mean; by name alone if the file imports their framework."""
        last = last_name(call.func)
        framework = next((f for f in self._by_name.get(last, ()) if not module.import_roots().isdisjoint(f)), None)
        types = self.resolver.types(call.func, scope)
        if isinstance(call.func, Member) and framework is not None and self._is_open(types, framework):
            return [self._by_name[last][framework]]
        return [name for name in map(name_of, types) if self.frameworks.is_unattended(name)]

    @cached_property
    def _by_name(self) -> dict[str, dict[frozenset[str], str]]:
        """The callables by their last names, each under what files import that have one.

        Functions of the standard library are imported by those who use them, and would be resolved; of its methods
        those count whose name can mean nothing else: `run_in_executor`, not `submit`, which a pool of processes has.
        """
        found: dict[str, dict[frozenset[str], str]] = {}
        for framework in self.frameworks.frameworks.values():
            others = {n.rpartition(".")[2] for m in framework.markers if not m.unattended for n in m.arguments}
            for name in (n for m in framework.markers if m.unattended for n in m.arguments):
                root, last = name.partition(".")[0], name.rpartition(".")[2]
                is_told = name.count(".") > 1 and last not in others | _COMMON
                if root not in sys.stdlib_module_names or is_told:
                    found.setdefault(last, {}).setdefault(frozenset(framework.imports), name)
        return found

    @staticmethod
    def _is_open(types: Types, framework: frozenset[str]) -> bool:
        """Whether a callee is not resolved, or is the framework itself, kept among the project's files."""
        return all(isinstance(t, FunctionRef) and not framework.isdisjoint(t.path.split("/")) for t in types)

    def _functions(self, types: Types) -> Iterator[FunctionRef]:
        yield from function_refs(types)
        for t in types:
            if isinstance(t, Partial):
                yield from function_refs(frozenset({t.function}))

    # -- `@celery.task`, `class Worker(Thread)`

    def _declared(self, module: ModuleInfo) -> Iterator[tuple[FunctionRef, Role, Start]]:
        for info in module.functions.values():
            found = self._declares(module, info) if info.decorators or info.owner else None
            if found is not None:
                role, by = found
                yield FunctionRef(module.path, info.key), role, Start(module.path, info.def_row, by, by in _OWN_THREAD)

    def _declares(self, module: ModuleInfo, info: FunctionInfo) -> tuple[Role, str] | None:
        for name in self.resolver.decorator_names(info, module.path):
            found = self.frameworks.decorator_role(name)
            if found is not None and self.frameworks.is_unattended(name):
                return found[0], name.rpartition(".")[2]
        for base in self.resolver.classes.outside_bases(module.path, info.owner) if info.owner else ():
            role = self.frameworks.method_role(base, info.name)
            if role is not None and self.frameworks.is_unattended(base):
                return role, base.rpartition(".")[2]
        if info.decorators and Role.JOB in self.context.decorated_roles(module.path, info):
            return Role.JOB, "its decorator"
        return None
