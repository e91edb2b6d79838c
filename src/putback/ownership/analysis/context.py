"""What a function is for: a route, a dependency, a fixture, a script entry; and whether its file is test code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from putback.drivers.catalog import Catalog
from putback.drivers.schema import Kind
from putback.flow.names import Expr, Group, Invoke, Member, Record, dotted, last_name
from putback.frameworks.catalog import FrameworkCatalog
from putback.frameworks.schema import Framework, Role
from putback.ownership.analysis import handlers
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.module import FunctionInfo, ModuleInfo, Reference
from putback.ownership.index.project import Project
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import FunctionRef, Instance, Method, Scope, Symbol, Type, Types, union

Mentions = Callable[[str, FunctionInfo], frozenset[str]]


class Misgiven(Struct, frozen=True):
    """A factory of connections, written as `given`, that a framework is given as a dependency on row `row`.

    `scope` is the function in whose signature or body that is ("" for the top level); `kind` what it hands out.
    """

    scope: str
    row: int
    given: Expr
    kind: Kind

    @property
    def name(self) -> str:
        """The factory as it is written; "" when it has no plain name."""
        return dotted(self.given) or ""


class Context:
    """Answers about roles. `prepare` reads the references of all indexed modules once.

    `mentions` gives the names and attributes in a function of a file.
    """

    def __init__(self, project: Project, resolver: Resolver, frameworks: FrameworkCatalog, mentions: Mentions) -> None:
        self.project = project
        self.resolver = resolver
        self.frameworks = frameworks
        self._mentions = mentions
        self._given: dict[tuple[str, str], set[Role]] = {}
        self._rethrowing: set[tuple[str, str]] = set()
        self.misgiven: dict[str, list[Misgiven]] = {}
        self.releasing = _releasing_methods(resolver.catalog)

    def prepare(self, resolver: Resolver, also: Callable[[ModuleInfo], None]) -> None:
        """Note which functions are given to `Depends`, `Thread`, `add_job` etc.; `resolver` sees candidates only.

        `also` is called with every module, so that they are unpacked only once.
        """
        for module in resolver.project.loaded():
            also(module)
            for reference in module.references:
                self._note(module, reference, resolver)

    def _note(self, module: ModuleInfo, reference: Reference, resolver: Resolver) -> None:
        call = reference.call
        if not isinstance(call, Invoke):
            return
        scope = Scope(module.path, reference.scope)
        for callee in resolver.types(call.func, scope):
            for role, index, keyword in self.frameworks.argument_role(name_of(callee)):
                every = ((g, t) for g in call.given(index, keyword) for t in _types_of(g, scope, resolver))
                for given, target in every:
                    if isinstance(target, FunctionRef):
                        self._note_function(target, role, self.frameworks.rethrows(name_of(callee)))
                    elif self.frameworks.queries(name_of(callee)):
                        self._note_factory(module, reference, given, target)

    def _note_function(self, target: FunctionRef, role: Role, rethrows: bool) -> None:
        place = (target.path, target.key)
        self._given.setdefault(place, set()).add(role)
        if rethrows:
            self._rethrowing.add(place)

    def _note_factory(self, module: ModuleInfo, reference: Reference, given: Expr, target: Type) -> None:
        """Note an object given as a dependency that hands out a connection when it is called."""
        spec = self.resolver.catalog.type(target.name) if isinstance(target, Instance) else None
        if spec is not None and spec.call is not None and spec.call.acquires:
            kind = self.resolver.catalog.kind(spec.call.acquires)
            self.misgiven.setdefault(module.path, []).append(Misgiven(reference.scope, reference.row, given, kind))

    def misgiven_in(self, path: str) -> Sequence[Misgiven]:
        """The factories that a file gives to frameworks as dependencies."""
        self.project.footprint.name("misgiven", path)
        return self.misgiven.get(path, ())

    def compared(self) -> Iterator[tuple[str, str, str]]:
        """What was noted, as questions by name, each with the answer: what rests on one of them holds if that is the
        same."""
        for path, key in self._given.keys() | self._rethrowing:
            roles = sorted(role.value for role in self._given.get((path, key), ()))
            yield "role", f"{path}:{key}", f"{roles} {(path, key) in self._rethrowing}"
        yield from (("misgiven", path, repr(found)) for path, found in self.misgiven.items())

    def must_rethrow(self, path: str, info: FunctionInfo | None) -> bool:
        """Whether a framework demands of the function that what is thrown in at its `yield` leaves it again."""
        if info is None:
            return False
        self.project.footprint.name("role", f"{path}:{info.key}")
        return (path, info.key) in self._rethrowing

    def roles(self, path: str, info: FunctionInfo | None) -> set[Role]:
        """The roles of a function."""
        if info is None:
            return set()
        self.project.footprint.name("role", f"{path}:{info.key}")
        found = set(self._given.get((path, info.key), ()))
        found |= self.decorated_roles(path, info)
        if info.owner:
            for base in self.resolver.classes.outside_bases(path, info.owner):
                role = self.frameworks.method_role(base, info.name)
                if role is not None:
                    found.add(role)
        return found

    def decorated_roles(self, path: str, info: FunctionInfo) -> set[Role]:
        """The roles that decorators give to a function."""
        return {role for role, _ in self._decorated(path, info)}

    def route_framework(self, path: str, info: FunctionInfo) -> Framework | None:
        """The framework that makes a function a route by a decorator, if one does."""
        return next((f for role, f in self._decorated(path, info) if role is Role.ROUTE), None)

    def _decorated(self, path: str, info: FunctionInfo) -> list[tuple[Role, Framework | None]]:
        found: list[tuple[Role, Framework | None]] = []
        for name in self.resolver.decorator_names(info, path):
            role = self.frameworks.decorator_role(name)
            if role is not None:
                found.append(role)
        if not found and info.decorators:
            found += self._by_attribute(path, info)
        return found

    def _by_attribute(self, path: str, info: FunctionInfo) -> list[tuple[Role, Framework | None]]:
        """Decorators such as `@router.get(...)` whose receiver cannot be resolved."""
        module = self.project.module(path)
        roots = module.import_roots() if module is not None else frozenset()
        found: list[tuple[Role, Framework | None]] = []
        for decorator in info.decorators:
            base = decorator.func if isinstance(decorator, Invoke) else decorator
            known = self.resolver.types(base, Scope(path, info.outer))
            if not isinstance(base, Member) or any(not isinstance(t, Symbol) for t in known):
                continue
            role = self.frameworks.attribute_roles(last_name(base), roots)
            if role is not None:
                injecting = next((f for f in self.frameworks.frameworks.values() if roots & set(f.imports)), None)
                found.append((role, injecting))
        return found

    def thrown_at_yield(self, path: str, info: FunctionInfo | None) -> tuple[str, ...]:
        """The classes of exceptions that can arrive at a `yield` of this function."""
        if info is None:
            return (handlers.CANCELLED,)
        roles = self.roles(path, info)
        if Role.FIXTURE in roles:
            return ()
        if Role.DEPENDENCY in roles or self.resolver.is_manager(info, path):
            return (handlers.UNKNOWN, handlers.CANCELLED) if info.is_async else (handlers.UNKNOWN,)
        return (handlers.CANCELLED,)

    def is_provider(self, path: str, info: FunctionInfo | None) -> bool:
        """Whether the function is resumed by someone who waits for the use to end: context manager or dependency."""
        if info is None or not info.is_generator:
            return False
        return Role.DEPENDENCY in self.roles(path, info) or self.resolver.is_manager(info, path)

    def owner_releases(self, unit: Unit) -> bool:
        """Whether the class of a method has another method that gives back what it stores; True outside of classes."""
        module = self.project.module(unit.path)
        if unit.info is None or not unit.info.owner or module is None:
            return True
        path, owner = unit.path, unit.info.owner
        question = ("giving back", path, owner)
        found = self.resolver.answers.ask(question, lambda: frozenset(self._giving_back(path, owner)), frozenset[str]())
        return bool(found - {unit.key})

    def _giving_back(self, path: str, owner: str) -> Iterator[str]:
        """The methods of a class that mention a release of some driver, by their keys."""
        for home, cls in self.resolver.classes.lineage(path, owner):
            methods = (home.functions[key] for key in cls.methods.values())
            yield from (m.key for m in methods if not self._mentions(home.path, m).isdisjoint(self.releasing))


def _releasing_methods(catalog: Catalog) -> frozenset[str]:
    """The method names by which some driver gives a connection back."""
    specs = (spec for driver in catalog.drivers.values() for spec in driver.types.values())
    methods = ((name, effect) for spec in specs for name, effect in spec.methods.items())
    return frozenset(n for n, e in methods if e.closes or e.releases_self or e.releases is not None or e.releases_all)


def _types_of(given: Expr, scope: Scope, resolver: Resolver) -> Types:
    """What a framework is given: also what stands in a list, or in a dictionary by the names of parameters."""
    match given:
        case Group(items=items):
            return union(resolver.types(each, scope) for each in items)
        case Record(pairs=pairs):
            return union(resolver.types(each, scope) for _, each in pairs)
        case _:
            return resolver.types(given, scope)


def name_of(callee: Type) -> str:
    """The qualified name of something outside of the project; "" for everything else."""
    match callee:
        case Symbol(name=name):
            return name
        case Method(owner=owner, name=name):
            return f"{owner.name}.{name}"
        case Instance(name=name):
            return name
        case _:
            return ""
