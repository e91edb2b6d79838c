"""Light types: what a symbolic value is, as far as names, imports, annotations and assignments say.

No inference over control flow: a name has the union of what is assigned to it. An empty result means unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from putback.drivers.catalog import Catalog
from putback.drivers.schema import Effect
from putback.flow import names
from putback.flow.names import Expr
from putback.frameworks.catalog import FrameworkCatalog
from putback.ownership.heirs import ABSTRACT_BASES, Heirs, plain
from putback.ownership.module import ClassInfo, FunctionInfo, Import, ModuleInfo
from putback.ownership.project import Project


@dataclass(frozen=True, slots=True)
class Symbol:
    """A module, class or function outside of the project, by canonical qualified name."""

    name: str


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of an outside class. `flags` are the constructor keywords that driver tables ask about."""

    name: str
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ModuleRef:
    """A module of the project."""

    path: str


@dataclass(frozen=True, slots=True)
class FunctionRef:
    """A function of the project; `bound` when it is reached through an instance, so that `self` is filled."""

    path: str
    key: str
    bound: bool = False


@dataclass(frozen=True, slots=True)
class ClassRef:
    """A class of the project."""

    path: str
    key: str


@dataclass(frozen=True, slots=True)
class Object:
    """An instance of a project class."""

    path: str
    key: str


@dataclass(frozen=True, slots=True)
class Method:
    """A method of an outside object; `alias` when the owner's base is a driver class."""

    owner: Instance
    name: str


@dataclass(frozen=True, slots=True)
class Managed:
    """A context manager or generator made by calling a project generator function; nothing has run yet."""

    function: FunctionRef


@dataclass(frozen=True, slots=True)
class Partial:
    """`functools.partial(function, …)` with `given` positional arguments."""

    function: Type
    given: int


Type = Symbol | Instance | ModuleRef | FunctionRef | ClassRef | Object | Method | Managed | Partial
Types = frozenset[Type]
NOTHING: Types = frozenset()
GUESSED = frozenset({"?"})
"""The flags of an instance whose class rests on the name of a method."""

_DEPTH = 40
_MANAGER_DECORATORS = {"contextlib.contextmanager", "contextlib.asynccontextmanager"}
_PROPERTY_DECORATORS = {"property", "functools.cached_property", "cached_property"}
_CACHES = {"functools.lru_cache", "functools.cache"}


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a name is looked up: a file and the key of a function in it ("" for the top level)."""

    path: str
    function: str = ""


class Resolver:
    """Answers what a symbolic value is. Answers are remembered for the run."""

    def __init__(self, project: Project, catalog: Catalog, frameworks: FrameworkCatalog) -> None:
        self.project = project
        self.catalog = catalog
        self.frameworks = frameworks
        self._heirs = Heirs(project)
        self._memo: dict[tuple[Expr, Scope], Types] = {}
        self._busy: set[object] = set()
        self._depth = 0

    # -- values

    def types(self, expr: Expr, scope: Scope) -> Types:
        """The possible types of `expr` in `scope`; empty when unknown."""
        key = (expr, scope)
        known = self._memo.get(key)
        if known is not None:
            return known
        if key in self._busy or self._depth > _DEPTH:
            return NOTHING
        self._busy.add(key)
        self._depth += 1
        try:
            found = self._evaluate(expr, scope)
        finally:
            self._depth -= 1
            self._busy.discard(key)
        if self._depth == 0 or found:
            self._memo[key] = found
        return found

    def _evaluate(self, expr: Expr, scope: Scope) -> Types:
        match expr:
            case names.Name(id=name):
                return self._name(name, scope)
            case names.Member(base=base, attr=attr):
                owners = self.types(base, scope)
                return _union(self.member(t, attr) for t in owners) if owners else self._told(attr, scope)
            case names.Invoke():
                return _union(self.called(t, expr, scope) for t in self.types(expr.func, scope))
            case names.Awaited(value=value):
                return self.types(value, scope)
            case names.Entered(value=value):
                return _union(self._entered(t) for t in self.types(value, scope))
            case names.Choice(options=options):
                return _union(self.types(o, scope) for o in options)
            case names.Annotation(type=annotated):
                return _union(self._instances(t) for t in self.types(annotated, scope))
            case names.Element(value=value, index=index):
                return self._element(value, index, scope)
            case _:
                return NOTHING

    def _told(self, attr: str, scope: Scope) -> Types:
        """A method of an unknown object whose name gives the class away, in a file that imports the driver."""
        module = self.project.module(scope.path)
        owners = self.catalog.telling(attr)
        if module is None or not owners:
            return NOTHING
        roots = module.import_roots()
        return frozenset(Method(Instance(o, GUESSED), attr) for o in owners if o.partition(".")[0] in roots)

    def _name(self, name: str, scope: Scope) -> Types:
        module = self.project.module(scope.path)
        if module is None:
            return NOTHING
        function = module.functions.get(scope.function)
        while function is not None:
            found = self._local(name, function, module)
            if found is not None:
                return found
            function = module.functions.get(function.outer)
        return self.global_name(module, name)

    def _local(self, name: str, function: FunctionInfo, module: ModuleInfo) -> Types | None:
        """The types of a local name, or None when the function does not bind it."""
        scope = Scope(module.path, function.key)
        if name in function.imports:
            return self._imported(function.imports[name], module.path)
        nested = f"{function.key}.{name}"
        if nested in module.functions:
            return frozenset({FunctionRef(module.path, nested)})
        if nested in module.classes:
            return frozenset({ClassRef(module.path, nested)})
        values = function.bindings.get(name)
        param = next((p for p in function.params if p.name == name), None)
        if values is None and param is None:
            return None
        found = _union(self.types(v, scope) for v in values or ())
        if param is not None:
            found |= self._parameter(function, name, module) if not found else NOTHING
        return found

    def _parameter(self, function: FunctionInfo, name: str, module: ModuleInfo) -> Types:
        first = function.params[0].name if function.params else ""
        if function.owner and name == first and not self.has_decorator(function, module.path, {"staticmethod"}):
            is_class = self.has_decorator(function, module.path, {"classmethod"})
            return frozenset({(ClassRef if is_class else Object)(module.path, function.owner)})
        param = next(p for p in function.params if p.name == name)
        outside = Scope(module.path, function.outer)
        found = self.types(param.annotation, outside)
        return found or self.types(param.default, outside)

    def global_name(self, module: ModuleInfo, name: str) -> Types:
        """The types of a top-level name of a module."""
        if name in module.functions:
            return frozenset({FunctionRef(module.path, name)})
        if name in module.classes:
            return frozenset({ClassRef(module.path, name)})
        found: Types = NOTHING
        if name in module.imports:
            found = self._imported(module.imports[name], module.path)
        if name in module.globals:
            found |= _union(self.types(v, Scope(module.path, s)) for s, v in module.globals[name])
            return found
        if found or name in module.imports:
            return found
        for star in module.star_imports:
            path = self.project.resolve_import(star, module.path)
            target = self.project.module(path) if path and path != module.path else None
            if target is not None and (starred := self._guarded(target, name)):
                return starred
        return frozenset({Symbol(name)})

    def _guarded(self, module: ModuleInfo, name: str) -> Types:
        key = (module.path, name)
        if key in self._busy:
            return NOTHING
        self._busy.add(key)
        try:
            found = self.global_name(module, name)
        finally:
            self._busy.discard(key)
        return NOTHING if found == {Symbol(name)} else found

    def _imported(self, found: Import, importer: str) -> Types:
        if not found.level and self.catalog.knows(found.module):
            return self._symbol(f"{found.module}.{found.name}" if found.name else found.module)
        path = self.project.resolve_import(found, importer)
        if found.name:
            inside = Import(f"{found.module}.{found.name}" if found.module else found.name, "", found.level)
            submodule = self.project.resolve_import(inside, importer)
            module = self.project.module(path) if path and path != importer else None
            if module is not None and (defined := self._guarded(module, found.name)):
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
        return frozenset({Symbol(self.frameworks.canonical(self.catalog.canonical(name)))})

    # -- members

    def member(self, owner: Type, attr: str) -> Types:
        """The types of `owner.attr`."""
        match owner:
            case Symbol(name=name):
                return self._symbol(f"{name}.{attr}")
            case ModuleRef(path=path):
                return self._module_member(path, attr)
            case Instance():
                return self._instance_member(owner, attr)
            case Object(path=path, key=key):
                return self._object_member(path, key, attr, bound=True)
            case ClassRef(path=path, key=key):
                return self._object_member(path, key, attr, bound=False)
            case _:
                return NOTHING

    def _module_member(self, path: str, attr: str) -> Types:
        module = self.project.module(path)
        if module is not None and (found := self._guarded(module, attr)):
            return found
        folder = path.rpartition("/")[0] if path.endswith("/__init__.py") else path.rpartition(".")[0]
        for candidate in (f"{folder}/{attr}.py", f"{folder}/{attr}/__init__.py"):
            if self.project.module(candidate) is not None:
                return frozenset({ModuleRef(candidate)})
        return NOTHING

    def _instance_member(self, owner: Instance, attr: str) -> Types:
        found = self.catalog.attribute(owner.name, attr)
        if found is not None and found.type:
            return frozenset({Instance(found.type, owner.flags)})
        return frozenset({Method(owner, attr)})

    def _object_member(self, path: str, key: str, attr: str, bound: bool) -> Types:
        defined, placeholder = self._inherited_member(path, key, attr, bound)
        if defined:
            return defined
        bases = self.outside_bases(path, key)
        if ABSTRACT_BASES.issuperset(bases) and (found := self._member_of_heirs(path, key, attr, bound)):
            return found
        return placeholder or _union(self._instance_member(Instance(base), attr) for base in bases if bound)

    def _inherited_member(self, path: str, key: str, attr: str, bound: bool) -> tuple[Types, Types]:
        """A member as a class and its bases define it, and as they only announce it."""
        placeholder = NOTHING
        for module, cls in self.lineage(path, key):
            found = self._own_member(module, cls, attr, bound)
            if found is not None and not self._is_announced(module, cls, attr):
                return found, placeholder
            placeholder = placeholder or found or NOTHING
        return NOTHING, placeholder

    def _own_member(self, module: ModuleInfo, cls: ClassInfo, attr: str, bound: bool) -> Types | None:
        """A member that the class itself defines; None when it does not."""
        if attr in cls.methods:
            function = module.functions[cls.methods[attr]]
            if bound and self.has_decorator(function, module.path, _PROPERTY_DECORATORS):
                return self.returned(FunctionRef(module.path, function.key, True))
            return frozenset({FunctionRef(module.path, function.key, bound)})
        if attr in cls.attributes:
            return _union(self.types(v, self._class_scope(module, s)) for s, v in cls.attributes[attr])
        nested = f"{cls.key}.{attr}"
        return frozenset({ClassRef(module.path, nested)}) if nested in module.classes else None

    @staticmethod
    def _is_announced(module: ModuleInfo, cls: ClassInfo, attr: str) -> bool:
        """Whether the class only says that heirs have this method."""
        return attr in cls.methods and module.functions[cls.methods[attr]].is_placeholder

    def _member_of_heirs(self, path: str, key: str, attr: str, bound: bool) -> Types:
        """What `self.attr` is in the project classes that derive from a class, if they agree."""
        answers = set()
        for heir in self._heirs.of(key):
            found, _ = self._inherited_member(*heir, attr, bound)
            if found and any((m.path, c.key) == (path, key) for m, c in self.lineage(*heir)):
                answers.add(found)
        return answers.pop() if len(answers) == 1 else NOTHING

    @staticmethod
    def _class_scope(module: ModuleInfo, scope: str) -> Scope:
        return Scope(module.path, scope)

    def lineage(self, path: str, key: str) -> list[tuple[ModuleInfo, ClassInfo]]:
        """A project class and its project bases, nearest first."""
        found: list[tuple[ModuleInfo, ClassInfo]] = []
        todo, seen = [(path, key)], set()
        while todo:
            here = todo.pop(0)
            module = self.project.module(here[0])
            cls = module.classes.get(here[1]) if module is not None else None
            if module is None or cls is None or here in seen:
                continue
            seen.add(here)
            found.append((module, cls))
            for base in cls.bases:
                for t in self.types(plain(base), Scope(here[0])):
                    if isinstance(t, ClassRef):
                        todo.append((t.path, t.key))
        return found

    def outside_bases(self, path: str, key: str) -> list[str]:
        """The qualified names of the outside classes among the ancestors of a project class."""
        found = []
        for module, cls in self.lineage(path, key):
            for base in cls.bases:
                found += [t.name for t in self.types(plain(base), Scope(module.path)) if isinstance(t, Symbol)]
        return found

    # -- calls

    def called(self, callee: Type, call: names.Invoke, scope: Scope) -> Types:
        """The types of the result of calling `callee`."""
        match callee:
            case Symbol(name=name):
                return self._called_symbol(name, call, scope)
            case Method(owner=owner, name=name):
                effect = self.catalog.method(owner.name, name)
                return (
                    self._result(effect, call, owner, scope)
                    if effect
                    else frozenset({Instance(f"{owner.name}.{name}()")})
                )
            case Instance(name=name):
                spec = self.catalog.type(name)
                return self._result(spec.call, call, callee, scope) if spec and spec.call else NOTHING
            case FunctionRef():
                return self.returned(callee)
            case ClassRef(path=path, key=key):
                return frozenset({Object(path, key)})
            case Partial(function=function):
                return self.called(function, call, scope)
            case Object(path=path, key=key):
                return _union(
                    self.called(t, call, scope) for t in self._object_member(path, key, "__call__", bound=True)
                )
            case _:
                return NOTHING

    def _called_symbol(self, name: str, call: names.Invoke, scope: Scope) -> Types:
        if name in ("functools.partial", "partial") and call.args:
            given = len(call.args) - 1
            return frozenset(Partial(t, given) for t in self.types(call.args[0], scope))
        effect = self.catalog.function(name)
        if effect is not None:
            return self._result(effect, call, None, scope)
        spec = self.catalog.type(name)
        if spec is not None:
            kind = spec.init.acquires
            return (
                frozenset({Instance(name, self._flags(call, scope))})
                if not kind
                else self._result(spec.init, call, None, scope)
            )
        if self.frameworks.knows_type(name):
            return frozenset({Instance(name)})
        if name in _CACHES:
            return frozenset({Symbol(name)})
        return frozenset({Instance(f"{name}()")})

    def _result(self, effect: Effect, call: names.Invoke, owner: Instance | None, scope: Scope) -> Types:
        if effect.itself and owner is not None:
            return frozenset({owner})
        if effect.acquires:
            kind = self.catalog.kind(self.kind_id(effect, call, owner, scope))
            return frozenset({Instance(kind.type)})
        name = effect.returns or effect.derives
        flags = self._flags(call, scope) | (owner.flags if owner is not None else frozenset())
        return frozenset({Instance(name, flags)}) if name else NOTHING

    def kind_id(self, effect: Effect, call: names.Invoke, owner: Instance | None, scope: Scope) -> str:
        """Which kind an acquiring call hands out, its keyword arguments and its receiver's considered."""
        given = self._flags(call, scope) | (owner.flags if owner is not None else frozenset())
        if effect.makes is not None:
            for flag in given:
                name, _, made = flag.partition("=")
                spec = self.catalog.type(made) if name == effect.makes.name and made else None
                if spec is not None and spec.init.acquires:
                    return spec.init.acquires
        return next((kind for flag, kind in effect.when.items() if flag in given), effect.acquires)

    def _flags(self, call: names.Invoke, scope: Scope) -> frozenset[str]:
        """The keywords of a call that are given and not off; for classes also "keyword=qualified name"."""
        off = (None, False)
        found: set[str] = set()
        for keyword, value in call.keywords:
            if keyword and not (isinstance(value, names.Literal) and value.value in off):
                found.add(keyword)
                if isinstance(value, (names.Name, names.Member)):
                    found.update(f"{keyword}={made}" for made in self._class_names(value, scope))
        return frozenset(found)

    def _class_names(self, value: Expr, scope: Scope) -> list[str]:
        found: list[str] = []
        for t in self.types(value, scope):
            if isinstance(t, Symbol):
                found.append(t.name)
            elif isinstance(t, ClassRef):
                found += self.outside_bases(t.path, t.key)
        return found

    def returned(self, function: FunctionRef) -> Types:
        """The types of the result of calling a project function."""
        module = self.project.module(function.path)
        info = module.functions.get(function.key) if module is not None else None
        if info is None or module is None:
            return NOTHING
        if info.is_generator:
            return frozenset({Managed(function)})
        key = ("returned", function)
        if key in self._busy:
            return NOTHING
        self._busy.add(key)
        try:
            scope = Scope(function.path, function.key)
            found = _union(self.types(v, scope) for v in info.returns)
        finally:
            self._busy.discard(key)
        return found or self.types(info.returns_annotation, Scope(function.path, info.outer))

    def yielded(self, function: FunctionRef) -> Types:
        """The types that a project generator function yields."""
        module = self.project.module(function.path)
        info = module.functions.get(function.key) if module is not None else None
        if info is None:
            return NOTHING
        found = _union(self.types(v, Scope(function.path, function.key)) for v in info.yields)
        return found or self.types(info.returns_annotation, Scope(function.path, info.outer))

    def _entered(self, manager: Type) -> Types:
        match manager:
            case Managed(function=function):
                return self.yielded(function)
            case Object(path=path, key=key):
                found: Types = NOTHING
                for dunder in ("__enter__", "__aenter__"):
                    for t in self._object_member(path, key, dunder, bound=True):
                        found |= self.returned(t) if isinstance(t, FunctionRef) else NOTHING
                return found or frozenset({manager})
            case _:
                return frozenset({manager})

    def _element(self, value: Expr, index: int | str | None, scope: Scope) -> Types:
        if isinstance(index, int):
            return self._item(value, index, scope)
        if index is not None:
            return NOTHING
        return _union(self.yielded(t.function) for t in self.types(value, scope) if isinstance(t, Managed))

    def _item(self, value: Expr, index: int, scope: Scope) -> Types:
        """One item of a tuple, written out here or returned by a project function."""
        match value:
            case names.Group(items=items):
                return self.types(items[index], scope) if -len(items) <= index < len(items) else NOTHING
            case names.Invoke(func=func):
                functions = [t for t in self.types(func, scope) if isinstance(t, FunctionRef)]
                return _union(
                    self._item(returned, index, Scope(f.path, f.key))
                    for f in functions
                    for returned in self._returns_of(f)
                    if isinstance(returned, names.Group)
                )
            case _:
                return NOTHING

    def _returns_of(self, function: FunctionRef) -> Sequence[Expr]:
        module = self.project.module(function.path)
        info = module.functions.get(function.key) if module is not None else None
        return info.returns if info is not None else ()

    def _instances(self, t: Type) -> Types:
        match t:
            case Symbol(name=name):
                return frozenset({Instance(name)})
            case ClassRef(path=path, key=key):
                return frozenset({Object(path, key)})
            case _:
                return NOTHING

    # -- decorators

    def decorator_names(self, function: FunctionInfo, path: str) -> list[str]:
        """The qualified names of a function's decorators, as far as they resolve."""
        found = []
        for decorator in function.decorators:
            base = decorator.func if isinstance(decorator, names.Invoke) else decorator
            for t in self.types(base, Scope(path, function.outer)):
                if isinstance(t, Symbol):
                    found.append(t.name)
                elif isinstance(t, Method):
                    found.append(f"{t.owner.name}.{t.name}")
        return found

    def has_decorator(self, function: FunctionInfo, path: str, wanted: Iterable[str]) -> bool:
        """Whether one of the decorators is one of `wanted`."""
        return bool(function.decorators) and not set(wanted).isdisjoint(self.decorator_names(function, path))

    def is_manager(self, function: FunctionInfo, path: str) -> bool:
        """Whether the function is a generator made into a context manager."""
        return function.is_generator and self.has_decorator(function, path, _MANAGER_DECORATORS)


def _union(parts: Iterable[Types]) -> Types:
    found: Types = NOTHING
    for part in parts:
        found |= part
    return found
