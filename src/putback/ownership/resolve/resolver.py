"""Light types: what a symbolic value is, as far as names, imports, annotations and assignments say.

No inference over control flow: a name has the union of what is assigned to it. An empty result means unknown.
"""

from __future__ import annotations

from putback.drivers.catalog import Catalog
from putback.flow import names
from putback.flow.names import Expr
from putback.frameworks.catalog import FrameworkCatalog
from putback.ownership.index.module import FunctionInfo, Import, ModuleInfo, ParamInfo
from putback.ownership.index.project import Project
from putback.ownership.index.subclasses import plain
from putback.ownership.resolve.callers import Callers
from putback.ownership.resolve.classes import Classes
from putback.ownership.resolve.dependencies import dependencies
from putback.ownership.resolve.evaluation import Evaluation
from putback.ownership.resolve.jobs import itself
from putback.ownership.resolve.recursion import Beside
from putback.ownership.resolve.results import Results
from putback.ownership.resolve.stores import Containers, Stores
from putback.ownership.resolve.types import (
    ANY_RESULT,
    GUESSED,
    NOTHING,
    ClassRef,
    FunctionRef,
    Instance,
    Later,
    Managed,
    Method,
    ModuleRef,
    Object,
    Provider,
    Scope,
    Symbol,
    Type,
    Types,
    union,
)

_ANYTHING = frozenset(
    Instance(name)
    for name in ("typing.Any", "object", "typing.Callable", "collections.abc.Callable", "typing_extensions.Any")
)
"""What an annotation may say without saying anything."""


class Resolver(Evaluation):
    """Answers what a symbolic value is. Answers are remembered for the run.

    `classes` knows what project classes have, `results` what calls result in.
    """

    def __init__(self, project: Project, catalog: Catalog, frameworks: FrameworkCatalog) -> None:
        super().__init__(project, catalog, frameworks)
        self._own: Beside[str, bool] = Beside(self.answers, project.footprint)
        self.classes = Classes(self)
        self.stores = Stores(self)
        self.containers = Containers(self, self.classes, self.stores)
        self.results = Results(self, self.classes, self.stores, self.containers)
        self.callers = Callers(self, self.classes)

    def returned(self, function: FunctionRef) -> Types:
        """The types of the result of calling a project function."""
        return self.results.returned(function)

    def types(self, expr: Expr, scope: Scope) -> Types:
        """The possible types of `expr` in `scope`; empty when unknown."""
        key = (expr, scope)
        known: Types | None = self.answers.known(key)
        return known if known is not None else self.answers.ask(key, lambda: self._evaluate(expr, scope), NOTHING)

    def _evaluate(self, expr: Expr, scope: Scope) -> Types:
        match expr:
            case names.Name(id=name):
                return self._name(name, scope)
            case names.Member(base=base, attr=attr):
                owners = self.types(base, scope)
                return union(self.member(t, attr, scope.path) for t in owners) if owners else self._told(attr, scope)
            case names.Invoke(func=names.Name(id="super")):
                return self._above(scope)
            case names.Invoke(func=names.Name(id="getattr"), args=(base, names.Literal(value=str() as attr), *rest)):
                return union(self.types(each, scope) for each in (names.Member(base, attr), *rest))
            case names.Invoke():
                callees = self.types(expr.func, scope)
                return (
                    union(self.results.called(t, expr, scope) for t in callees)
                    if callees
                    else self.containers.taken(expr, scope)
                )
            case names.Awaited(value=value):
                return self.types(value, scope)
            case names.Entered(value=value):
                return union(self.results.entered(t) for t in self.types(value, scope))
            case names.Choice(options=options):
                return union(self.types(o, scope) for o in options)
            case names.Annotation(type=annotated):
                return union(self.results.constructed(t) for t in self.types(annotated, scope))
            case names.TypeForm(type=meant):
                return self.types(meant, scope)
            case names.Lambda(value=value):
                return frozenset({Later(value, scope)})
            case names.Element(value=value, index=index):
                return self.results.element(value, index, scope)
            case _:
                return NOTHING

    def _above(self, scope: Scope) -> Types:
        """What `super()` in a method is: an object of each base of the class."""
        module = self.project.part(scope.path, scope.function)
        function = module.functions.get(scope.function) if module is not None else None
        while module is not None and function is not None and not function.owner:
            function = self._around(function, module)
        self.project.footprint.part(scope.path, function.owner if function is not None else "")
        cls = module.classes.get(function.owner) if module is not None and function is not None else None
        bases = cls.bases if cls is not None else ()
        return union(self.results.constructed(t) for base in bases for t in self.types(plain(base), Scope(scope.path)))

    def _told(self, attr: str, scope: Scope) -> Types:
        """A method of an unknown object whose name gives the class away, in a file that imports the driver."""
        owners = self.catalog.telling(attr)
        module = self.project.module(scope.path) if owners else None
        if module is None or self._has_own(attr):
            return NOTHING
        roots = module.import_roots()
        return frozenset(Method(Instance(o, GUESSED), attr) for o in owners if o.partition(".")[0] in roots)

    def _has_own(self, attr: str) -> bool:
        """Whether a class of the project that is not made from a driver's has a method of this name."""
        return self._own.ask(attr, lambda: self._is_own(attr))

    def _is_own(self, attr: str) -> bool:
        having = ((path, cls.key) for path, cls in self.project.classes() if attr in cls.methods)
        self.project.footprint.name("method", attr)
        return any(not self.classes.outside_bases(path, key) for path, key in having)

    def _name(self, name: str, scope: Scope) -> Types:
        module = self.project.part(scope.path, scope.function)
        if module is None:
            return NOTHING
        function = module.functions.get(scope.function)
        while function is not None:
            found = self._local(name, function, module)
            if found is not None:
                return found
            function = self._around(function, module)
        return self.global_name(module, name)

    def _local(self, name: str, function: FunctionInfo, module: ModuleInfo) -> Types | None:
        """The types of a local name, or None when the function does not bind it."""
        if name in function.imports:
            return self._imported(function.imports[name], module.path)
        nested = f"{function.key}.{name}"
        self.project.footprint.part(module.path, nested)
        if nested in module.functions:
            return frozenset({FunctionRef(module.path, nested)})
        if nested in module.classes:
            return frozenset({ClassRef(module.path, nested)})
        values = self.bound(name, function, module) if name in function.bindings else None
        param = next((p for p in function.params if p.name == name), None)
        if values is None and param is None:
            return None
        question = ("local", module.path, function.key, name)
        found = self.answers.ask(question, lambda: union(self.types(v, scope) for v, scope in values or ()), NOTHING)
        return found if found or param is None else self._parameter(function, name, module)

    def _parameter(self, function: FunctionInfo, name: str, module: ModuleInfo) -> Types:
        first = function.params[0].name if function.params else ""
        if function.owner and name == first and not self.has_decorator(function, module.path, {"staticmethod"}):
            is_class = self.has_decorator(function, module.path, {"classmethod"})
            return frozenset({(ClassRef if is_class else Object)(module.path, function.owner)})
        param = next(p for p in function.params if p.name == name)
        outside = Scope(module.path, function.outer)
        found = self.types(param.annotation, outside) - _ANYTHING
        if not found and name == first and function.decorators:
            self.project.footprint.file(module.path)
            found = itself(self, module, function)
        found = found or self._injected(param, outside) or self.types(param.default, outside)
        question = ("given", module.path, function.key, name)
        return found or self.answers.ask(question, lambda: self.callers.given(module, function, name), NOTHING)

    def _injected(self, param: ParamInfo, scope: Scope) -> Types:
        """What a framework hands in for a parameter."""
        found: list[Types] = []
        for given in dependencies(self, param, scope):
            if isinstance(given, ClassRef):
                found.append(frozenset({Object(given.path, given.key)}))
            elif isinstance(given, FunctionRef):
                made = self.results.returned(given)
                found.append(self.results.yielded(given) if Managed(given) in made else made)
        return union(found)

    def global_name(self, module: ModuleInfo, name: str) -> Types:
        """The types of a top-level name of a module."""
        self.project.footprint.part(module.path, name)
        if name in module.functions:
            return frozenset({FunctionRef(module.path, name)})
        if name in module.classes:
            return frozenset({ClassRef(module.path, name)})
        found: Types = NOTHING
        if name in module.imports:
            found = self._imported(module.imports[name], module.path)
            if name in module.fallbacks and not any(self._is_known(t) for t in found):
                found = self._imported(module.fallbacks[name], module.path)
        if name in module.globals:
            values = [(v, Scope(module.path, s)) for s, v in module.globals[name]]
            question = ("global", module.path, name)
            found |= self.answers.ask(question, lambda: union(self.types(v, s) for v, s in values), NOTHING)
            return found or self.stores.of(ModuleRef(module.path), name, "")
        if found or name in module.imports:
            return found
        for star in module.star_imports:
            path = self.project.resolve_import(star, module.path)
            target = self.project.part(path, name) if path and path != module.path else None
            if target is not None and (starred := self._defined(target, name)):
                return starred
        is_module = self.catalog.knows(name)  # a driver's, which nothing imports here
        return NOTHING if is_module else frozenset({Symbol(name)})

    def _is_known(self, t: Type) -> bool:
        """Whether this is the project's, or of a library that a driver table knows."""
        return not isinstance(t, Symbol) or self.catalog.knows(t.name)

    def _defined(self, module: ModuleInfo, name: str) -> Types:
        """The types of a top-level name that a module defines or passes on; nothing for all other names."""
        found = self.answers.ask(("name", module.path, name), lambda: self.global_name(module, name), NOTHING)
        return NOTHING if found == {Symbol(name)} else found

    def _imported(self, found: Import, importer: str) -> Types:
        if not found.level and self.catalog.knows(found.module):
            return self._symbol(f"{found.module}.{found.name}" if found.name else found.module)
        path = self.project.resolve_import(found, importer)
        if found.name:
            inside = Import(f"{found.module}.{found.name}" if found.module else found.name, "", found.level)
            submodule = self.project.resolve_import(inside, importer)
            module = self.project.part(path, found.name) if path and path != importer else None
            if module is not None and (defined := self._defined(module, found.name)):
                return defined
            if submodule is not None:
                return frozenset({ModuleRef(submodule)})
            if path is not None:
                return NOTHING
            return self._symbol(f"{found.module}.{found.name}") if not found.level else NOTHING
        if path is not None:
            return frozenset({ModuleRef(path)})
        return self._symbol(found.module)

    def _symbol(self, name: str) -> Types:
        name = self.frameworks.canonical(self.catalog.canonical(name))
        value = self.frameworks.value(name)
        return frozenset({Instance(value) if value else Symbol(name)})

    # -- members

    def member(self, owner: Type, attr: str, path: str = "") -> Types:
        """The types of `owner.attr`, seen from a file."""
        match owner:
            case Symbol(name=name):
                return self._symbol(f"{name}.{attr}")
            case ModuleRef(path=path):
                return self._module_member(path, attr)
            case Instance() | Method():
                return frozenset({owner}) if owner == ANY_RESULT else self._of_outside(owner, attr, path)
            case Object(path=path, key=key):
                return self.classes.member(path, key, attr, bound=True) or self.stores.of(owner, attr, path)
            case ClassRef(path=path, key=key):
                return self.classes.member(path, key, attr, bound=False)
            case Provider() if attr == "provider":
                return frozenset({Provider(names.Lambda(owner.value), owner.scope, True)})
            case _:
                return NOTHING

    def _of_outside(self, owner: Instance | Method, attr: str, path: str) -> Types:
        """An attribute of something outside: as the tables say, or a method, or what the project sets in its place."""
        value = self.frameworks.value(f"{owner.name}.{attr}") if isinstance(owner, Instance) else ""
        if value:
            return frozenset({Instance(value)})
        found = self.classes.of_instance(owner, attr) if isinstance(owner, Instance) else NOTHING
        is_method = found <= {Method(owner, attr)} if isinstance(owner, Instance) else True
        return found | self.stores.of(owner, attr, path) if is_method else found

    def _module_member(self, path: str, attr: str) -> Types:
        module = self.project.part(path, attr)
        if module is not None and (found := self._defined(module, attr)):
            return found
        folder = path.rpartition("/")[0] if path.endswith("/__init__.py") else path.rpartition(".")[0]
        for candidate in (f"{folder}/{attr}.py", f"{folder}/{attr}/__init__.py"):
            if self.project.part(candidate, "") is not None:
                return frozenset({ModuleRef(candidate)})
        return NOTHING
