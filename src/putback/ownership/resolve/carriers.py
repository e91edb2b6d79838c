"""Which definitions of the project can carry a connection, a pool or a session factory: by light types alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from putback.drivers.catalog import Catalog
from putback.drivers.schema import TypeSpec
from putback.flow.names import Awaited, Expr, Group, Invoke, Name, last_name
from putback.ownership.index.module import ClassInfo, FunctionInfo, ModuleInfo
from putback.ownership.resolve.recursion import Answers
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import (
    ClassRef,
    FunctionRef,
    Instance,
    Later,
    Managed,
    Method,
    Naming,
    Object,
    Partial,
    Provider,
    Scope,
    Symbol,
    Type,
    Types,
)

_CALLABLE = (FunctionRef, Method, Partial, Later, Provider)


class Carriers:
    """Answers for definitions; each is decided once.

    *Hands out*: a call returns or yields a connection. *Carries*: a value is a connection, or a pool, engine or factory
    that hands one out, or an object of a class that has such a method or attribute of its own (not one object further).
    """

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.catalog = resolver.catalog
        self.answers = Answers(resolver.project.footprint)
        self._held = frozenset(self.catalog.canonical(kind.type) for kind in self.catalog.kinds.values())
        self._acquiring = acquiring_types(self.catalog, self._held)

    # -- values

    def carries(self, t: Type) -> bool:
        """Whether a value of this type is, makes or holds a connection."""
        match t:
            case Instance(name=name):
                return self.catalog.canonical(name) in self._acquiring
            case Object(path=path, key=key) | ClassRef(path=path, key=key):
                return self.by_class(path, key)
            case Managed():
                return self._is_handed(t)
            case FunctionRef():
                return self.by_function(t)
            case Partial(function=function):
                return self.carries(function) or self.makes(function)
            case Method() | Later():
                return self.makes(t)
            case Provider():
                return any(self.carries(handed) for handed in self.resolver.results.provided(t))
            case _:
                return False

    def _results(self, ref: FunctionRef) -> Types:
        return self.resolver.results.returned(ref)

    def by_function(self, ref: FunctionRef) -> bool:
        """Whether what a project function returns, yields or gives to a function that it is given carries one."""
        ref = FunctionRef(ref.path, ref.key)
        return self.answers.ask(("carries", ref), lambda: self._answers_with_one(ref), False)

    def _answers_with_one(self, ref: FunctionRef) -> bool:
        answers = self.hands_out(ref) or any(self.carries(t) for t in self.resolver.results.returned(ref))
        return answers or self._lends(ref)

    def _lends(self, ref: FunctionRef) -> bool:
        """Whether a function gives a connection to a function that it is given: `function(conn, *args)`."""
        module = self.resolver.project.part(ref.path, ref.key)
        info = module.functions.get(ref.key) if module is not None else None
        if module is None or info is None:
            return False
        places = (
            place for p in info.params for place in self.resolver.callers.calls_of_parameter(module, ref.key, p.name)
        )
        return any(self.passes_one(call, scope) for scope, call in places)

    def by_class(self, path: str, key: str) -> bool:
        """Whether a project class derives from a driver's, or has an own attribute or method that carries one."""
        return self.answers.ask(("class", path, key), lambda: self._has_one(path, key), False)

    def _has_one(self, path: str, key: str) -> bool:
        bases = self.resolver.classes.outside_bases(path, key)
        return any(self.carries(Instance(base)) for base in bases) or any(
            True for module, cls in self.resolver.classes.lineage(path, key) for _ in self._members(module, cls)
        )

    def _members(self, module: ModuleInfo, cls: ClassInfo) -> Iterator[str]:
        """The attributes and methods of a class that carry one by themselves, or take one for their object."""
        for name, key in cls.methods.items():
            ref = FunctionRef(module.path, key)
            if self.hands_out(ref) or any(self._is_plain(t) for t in self._results(ref)):
                yield name
        containers = self.resolver.containers.names(module)
        for name, values in cls.attributes.items():
            # all of them in one question: values that rest on each other are then gone through once, not once for each
            self.resolver.classes.member(module.path, cls.key, name, bound=True)
            types = (t for s, v in values for t in self.resolver.types(v, Scope(module.path, s)))
            is_one = any(self._is_plain(t) or (isinstance(t, _CALLABLE) and self._hands(t)) for t in types)
            if is_one or (name in containers and self._items_are_plain(module, cls, name)):
                yield name
        yield from (name for name, key in cls.methods.items() if self.takes(FunctionRef(module.path, key)))

    def _hands(self, t: Type) -> bool:
        """Whether calling this hands out a connection or, of a container, what hands one out."""
        is_given = isinstance(t, Provider) and any(map(self._is_plain, self.resolver.results.provided(t)))
        return is_given or self.makes(t)

    def _items_are_plain(self, module: ModuleInfo, cls: ClassInfo, name: str) -> bool:
        found = self.resolver.containers.in_attribute(Object(module.path, cls.key), name)
        return any(self._is_plain(t) for t in found)

    def _is_plain(self, t: Type) -> bool:
        return isinstance(t, Instance) and self.carries(t)

    def _has_carriers(self, container: Expr, scope: Scope) -> bool:
        """Whether something in a list or dictionary carries one."""
        return any(self.carries(t) for t in self.resolver.containers.item(container, None, scope))

    def _names_one(self, t: Type) -> bool:
        """Whether a value of this type carries one, or is the class of one, which annotations elsewhere name."""
        is_class = isinstance(t, (Symbol, Naming))
        return any(map(self.carries, self.resolver.results.constructed(t))) if is_class else self.carries(t)

    # -- calls

    def hands_out(self, ref: FunctionRef) -> bool:
        """Whether calling a project function can answer with a connection, bare, managed or wrapped."""
        ref = FunctionRef(ref.path, ref.key)
        return self.answers.ask(("hands out", ref), lambda: self._hands_out(ref), False)

    def _hands_out(self, ref: FunctionRef) -> bool:
        return any(self._is_handed(t) for t in self._results(ref)) or self._wraps(ref) or self._in_tuple(ref)

    def is_held(self, t: Type) -> bool:
        """Whether a value of this type is itself a connection."""
        return isinstance(t, Instance) and self.catalog.canonical(t.name) in self._held

    def _is_yielded(self, function: FunctionRef) -> bool:
        """Whether a project generator yields a connection or an object around one; a recursive one proves nothing."""
        return self.answers.ask(("yields", function), lambda: self._yields_one(function), False)

    def _yields_one(self, function: FunctionRef) -> bool:
        return any(self._is_handed(y) or self.carries(y) for y in self.resolver.results.yielded(function))

    def _is_handed(self, t: Type) -> bool:
        match t:
            case Instance(name=name):
                return self.catalog.canonical(name) in self._held
            case Managed(function=function):
                return self._is_yielded(function)
            case _:
                return False

    def _in_tuple(self, ref: FunctionRef) -> bool:
        """Whether a function returns a tuple with a connection in it."""
        module = self.resolver.project.part(ref.path, ref.key)
        info = module.functions.get(ref.key) if module is not None else None
        if info is None or info.is_generator:
            return False
        scope = Scope(ref.path, ref.key)
        values = [v for r in info.returns for v in (info.bindings.get(r.id, ()) if isinstance(r, Name) else (r,))]
        items = (item for value in values if isinstance(value, Group) for item in value.items)
        return any(self._is_handed(t) for item in items for t in self.resolver.types(item, scope))

    def _wraps(self, ref: FunctionRef) -> bool:
        """Whether a function returns a project object that it has made around a connection, or that takes one."""
        module = self.resolver.project.part(ref.path, ref.key)
        info = module.functions.get(ref.key) if module is not None else None
        if info is None:
            return False
        scope = Scope(ref.path, ref.key)
        values = [v for r in info.returns for v in (info.bindings.get(r.id, ()) if isinstance(r, Name) else (r,))]
        return any(self._is_wrapping(v, scope) for v in values)

    def _is_wrapping(self, value: Expr, scope: Scope) -> bool:
        if not isinstance(value, Invoke):
            return False
        made = self.resolver.types(value.func, scope)
        if any(isinstance(t, FunctionRef) and self.hands_out(t) for t in made):
            return True
        if any(isinstance(t, ClassRef) and self.keeps_its_own(t.path, t.key) for t in made):
            return True
        given = (*value.args, *(v for _, v in value.keywords))
        wraps = any(isinstance(t, ClassRef) for t in made)
        return wraps and any(self._is_handed(t) for g in given for t in self.resolver.types(g, scope))

    def makes(self, callee: Type) -> bool:
        """Whether calling this can hand out a connection."""
        match callee:
            case Symbol(name=name):
                effect, spec = self.catalog.function(name), self.catalog.type(name)
                return bool((effect and effect.acquires) or (spec and (spec.init.acquires or self._is_registry(spec))))
            case Method(owner=owner, name=name):
                effect = self.catalog.method(owner.name, name)
                return bool(effect and effect.acquires)
            case Instance(name=name):
                spec = self.catalog.type(name)
                return bool(spec and spec.call and spec.call.acquires)
            case Partial(function=function):
                return self.makes(function)
            case Later(value=value, scope=scope) | Provider(value=value, scope=scope):
                return any(self._is_handed(t) for t in self.resolver.types(value, scope))
            case FunctionRef():
                return self.hands_out(callee) or self.takes(callee)
            case ClassRef(path=path, key=key):
                bases = self.resolver.classes.outside_bases(path, key)
                return any(self.makes(Symbol(base)) for base in bases) or self.keeps_its_own(path, key)
            case Object():
                return any(self.makes(t) for t in self.resolver.member(callee, "__call__"))
            case _:
                return False

    def _is_registry(self, spec: TypeSpec) -> bool:
        """Whether an object of a class keeps sessions of its own, one for each thread."""
        return bool(spec.call and spec.call.acquires and self.catalog.kind(spec.call.acquires).registry)

    def keeps_its_own(self, path: str, key: str) -> bool:
        """Whether the constructor of a project class takes a connection and keeps it in an attribute."""
        return self.answers.ask(("keeps its own", path, key), lambda: self._constructor_takes(path, key), False)

    def _constructor_takes(self, path: str, key: str) -> bool:
        homes = self.resolver.classes.lineage(path, key)
        init = next((FunctionRef(m.path, c.methods["__init__"]) for m, c in homes if "__init__" in c.methods), None)
        return init is not None and self.takes(init)

    def takes(self, ref: FunctionRef) -> bool:
        """Whether a method of a project class takes a connection and keeps it in an attribute."""
        ref = FunctionRef(ref.path, ref.key)
        return self.answers.ask(("takes", ref), lambda: self._takes(ref), False)

    def _takes(self, ref: FunctionRef) -> bool:
        module = self.resolver.project.part(ref.path, ref.key)
        info = module.functions.get(ref.key) if module is not None else None
        self.resolver.project.footprint.part(ref.path, info.owner if info is not None else "")
        cls = module.classes.get(info.owner) if module is not None and info is not None else None
        return info is not None and cls is not None and self._keeps_result(ref, info, cls)

    def _keeps_result(self, ref: FunctionRef, info: FunctionInfo, cls: ClassInfo) -> bool:
        """Whether an attribute is given what a call in a method hands out."""
        mine = [value for values in cls.attributes.values() for scope, value in values if scope == ref.key]
        mine += [v for each in mine if isinstance(each, Name) for v in info.bindings.get(each.id, ())]
        calls = (value.value if isinstance(value, Awaited) else value for value in mine)
        return any(self.any_makes((c.func,), Scope(ref.path, ref.key)) for c in calls if isinstance(c, Invoke))

    def any_makes(self, callees: Iterable[Expr], scope: Scope) -> bool:
        """Whether calling one of these can hand out a connection."""
        return any(self.makes(t) for callee in callees for t in self.resolver.types(callee, scope))

    def any_makes_pool(self, callees: Iterable[Expr], scope: Scope) -> bool:
        """Whether calling one of these makes a pool, an engine or a session factory."""
        makers = self.catalog.pool_makers()
        named = (c for c in callees if last_name(c) in makers or isinstance(c, Name))
        return any(self._makes_pool(t) for callee in named for t in self.resolver.types(callee, scope))

    def _makes_pool(self, callee: Type) -> bool:
        match callee:
            case Symbol(name=name):
                return self.catalog.pool_made_by(name) is not None
            case ClassRef(path=path, key=key):
                return any(self._makes_pool(Symbol(b)) for b in self.resolver.classes.outside_bases(path, key))
            case Partial(function=function):
                return self._makes_pool(function)
            case _:
                return False

    def passes_one(self, call: Invoke, scope: Scope) -> bool:
        """Whether a call is given what carries a connection, or makes one, also in a dictionary: `f(**options)`."""
        unpacked = call.keyword("")
        if unpacked is not None and self._has_carriers(unpacked, scope):
            return True
        return any(self.carries_any(value, scope) for value in (*call.args, *(v for _, v in call.keywords)))

    def carries_any(self, value: Expr, scope: Scope) -> bool:
        """Whether a value carries a connection, or makes one."""
        return any(self.carries(t) or self.makes(t) for t in self.resolver.types(value, scope))

    # -- names

    def names(self, modules: Iterable[ModuleInfo]) -> dict[str, set[str]]:
        """The top-level names of carriers in these modules, with the paths that define them: what others import."""
        found: dict[str, set[str]] = {}
        for module in modules:
            for name in self._exported(module):
                if not name.startswith("__"):
                    found.setdefault(name, set()).add(module.path)
        return found

    def members(self, modules: Iterable[ModuleInfo]) -> set[str]:
        """The attributes and methods of classes in these modules that carry one."""
        return {
            name
            for module in modules
            for cls in module.classes.values()
            if self.by_class(module.path, cls.key)
            for name in self._members(module, cls)
        }

    def _exported(self, module: ModuleInfo) -> set[str]:
        """The names of carriers that others can import from a module."""
        taken = (name for other in self._starred(module) for name in self._defined(other) if not name.startswith("_"))
        return {*self._defined(module), *taken}

    def _starred(self, module: ModuleInfo) -> list[ModuleInfo]:
        """The modules that a module takes over by `*`, those that they take over included."""
        project = self.resolver.project
        found = {module.path: module}
        todo = [module]
        while todo:
            here = todo.pop()
            for star in here.star_imports:
                path = project.resolve_import(star, here.path)
                target = project.module(path) if path is not None and path not in found else None
                if target is not None:
                    found[target.path] = target
                    todo.append(target)
        return [each for each in found.values() if each is not module]

    def _defined(self, module: ModuleInfo) -> frozenset[str]:
        """The names of carriers that a module itself defines or imports."""
        return self.answers.ask(("defined", module.path), lambda: frozenset(self._carriers_in(module)), frozenset())

    def _carriers_in(self, module: ModuleInfo) -> set[str]:
        found: set[str] = set()
        for function in module.functions.values():
            if not function.outer and self._is_exported(function, module):
                found.add(function.name)
        containers = self.resolver.containers.names(module)
        for name, values in module.globals.items():
            is_one = any(self._names_one(t) for s, v in values for t in self.resolver.types(v, Scope(module.path, s)))
            if is_one or (name in containers and self._has_carriers(Name(name), Scope(module.path))):
                found.add(name)
        for name in module.imports:
            if any(self._names_one(t) for t in self.resolver.global_name(module, name)):
                found.add(name)
        for cls in module.classes.values():
            if self.by_class(module.path, cls.key):
                found.add(cls.key.rpartition(".")[2])
        return found

    def _is_exported(self, function: FunctionInfo, module: ModuleInfo) -> bool:
        return bool(function.returns or function.is_generator) and self.by_function(
            FunctionRef(module.path, function.key)
        )


def acquiring_types(catalog: Catalog, held: frozenset[str]) -> frozenset[str]:
    """The driver classes that are held, or that hand out or make something that is, by their methods or calls."""
    found = set(held)
    specs = {name: spec for driver in catalog.drivers.values() for name, spec in driver.types.items()}
    grown = True
    while grown:
        more = {name for name, spec in specs.items() if name not in found and _leads_to(spec, found)}
        found |= more
        grown = bool(more)
    return frozenset(found)


def _leads_to(spec: TypeSpec, known: set[str]) -> bool:
    effects = [*spec.methods.values(), *([spec.call] if spec.call is not None else [])]
    return not known.isdisjoint(spec.bases) or any(e.acquires or (e.returns and e.returns in known) for e in effects)
