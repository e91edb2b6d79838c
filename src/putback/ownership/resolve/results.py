"""What calls result in: of driver functions by their tables, of project functions by what they return."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from putback.drivers.schema import Effect
from putback.flow import names
from putback.flow.names import Expr
from putback.frameworks.idioms import idioms
from putback.frameworks.schema import Providing
from putback.ownership.index.annotations import unquoted
from putback.ownership.index.module import FunctionInfo
from putback.ownership.resolve.classes import Classes
from putback.ownership.resolve.evaluation import Evaluation
from putback.ownership.resolve.given import answers, argument, called_parameter, is_parameter
from putback.ownership.resolve.stores import Containers, Stores
from putback.ownership.resolve.types import (
    ANY_RESULT,
    NOTHING,
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
    partial_of,
    result_of,
    union,
)

_CACHES = {"functools.lru_cache", "functools.cache"}


class Results:
    """Answers about calls; their arguments are evaluated by `values`."""

    def __init__(self, values: Evaluation, classes: Classes, stores: Stores, containers: Containers) -> None:
        self._values = values
        self._classes = classes
        self._stores = stores
        self._containers = containers

    def called(self, callee: Type, call: names.Invoke, scope: Scope) -> Types:
        """The types of the result of calling `callee`."""
        match callee:
            case Symbol() | Method() if (run := self.run_for(callee, call)) is not None:
                return self._values.types(run, scope)
            case Symbol(name=name):
                return self._called_symbol(name, call, scope)
            case Method(owner=owner, name=name):
                effect = self._values.catalog.method(owner.name, name)
                return (
                    self._result(effect, call, owner, scope)
                    if effect
                    else self._handed_out(f"{owner.name}.{name}", call, scope)
                )
            case Instance(name=name):
                if callee == ANY_RESULT:
                    return frozenset({callee})
                spec = self._values.catalog.type(name)
                return self._result(spec.call, call, callee, scope) if spec and spec.call else NOTHING
            case FunctionRef():
                return self._answered(callee, call, scope)
            case ClassRef(path=path, key=key):
                return frozenset({Object(path, key)})
            case Partial(function=function):
                return self.called(function, call, scope)
            case Later(value=value, scope=where):
                return self._values.types(value, where)
            case Provider():
                return self.provided(callee)
            case Object(path=path, key=key):
                return union(
                    self.called(t, call, scope) for t in self._classes.member(path, key, "__call__", bound=True)
                )
            case _:
                return NOTHING

    def run_for(self, callee: Symbol | Method, call: names.Invoke) -> names.Invoke | None:
        """The call whose result this one gives once it is awaited: `f(x)` of `asyncio.to_thread(f, x)`."""
        name = callee.name if isinstance(callee, Symbol) else f"{callee.owner.name}.{callee.name}"
        answer = self._values.frameworks.answers(name)
        if answer is None:
            return None
        _, index, keyword = answer
        function = call.keyword(keyword) if keyword else None
        if function is not None:
            rest = tuple((k, v) for k, v in call.keywords if k != keyword)
            return names.Invoke(function, call.args, rest)
        return names.Invoke(call.args[index], call.args[index + 1 :], call.keywords) if index < len(call.args) else None

    def _called_symbol(self, name: str, call: names.Invoke, scope: Scope) -> Types:
        if name == "functools.partial" and call.args:
            given = len(call.args) - 1
            return frozenset(partial_of(t, given) for t in self._values.types(call.args[0], scope))
        effect = self._values.catalog.function(name)
        if effect is not None:
            return self._result(effect, call, None, scope, name)
        spec = self._values.catalog.type(name)
        if spec is not None:
            if spec.init.acquires:
                return self._result(spec.init, call, None, scope)
            return frozenset({Instance(name, self._made_with(name, spec.init, call, scope))})
        if self._values.frameworks.knows_type(name):
            return frozenset({Instance(name)})
        if name in _CACHES:
            return frozenset({Symbol(name)})
        if (keyword := idioms().annotations.naming.get(name)) is not None and (meant := call.named(keyword)):
            return frozenset({Naming(tuple(map(unquoted, meant)), scope)})
        if call.args and (asks := self._values.frameworks.asks_provider(name)) is not None:
            return self._values.types(names.Invoke(call.args[0]) if asks else call.args[0], scope)
        if call.args and (what := self._values.frameworks.provides(name)) is not None:
            return self._provider(what, call, scope)
        return frozenset({self._outside(name)})

    def _outside(self, name: str) -> Instance:
        """What a callable of this name answers with, of which no driver table speaks."""
        returned = self._values.frameworks.returned(name)
        return Instance(returned) if returned else result_of(name)

    def _provider(self, what: Providing, call: names.Invoke, scope: Scope) -> Types:
        """What a call makes that makes a provider."""
        first = call.args[0]
        match what:
            case "anew" | "once":
                made = names.Invoke(first, call.args[1:], call.keywords)
                return frozenset({Provider(made, scope, what == "once")})
            case "itself":
                return frozenset({Provider(first, scope, True)})
            case "typed":
                return frozenset({Provider(names.Annotation(first), scope, True)})
            case "container":
                return union(self.constructed(t) for t in self._values.types(first, scope))

    def provided(self, provider: Provider) -> Types:
        """What a provider hands out: of a generator that the container runs to its end, what that yields."""
        found = self._values.types(provider.value, provider.scope)
        if not provider.kept:
            return found
        return union(self.yielded(t.function) if isinstance(t, Managed) else frozenset({t}) for t in found)

    def _handed_out(self, name: str, call: names.Invoke, scope: Scope) -> Types:
        """What a method results in that no driver knows: what a container has for the class that it is given."""
        index, keyword = self._values.frameworks.resolves(name) or (len(call.args), "")
        asked = call.args[index] if index < len(call.args) else call.keyword(keyword) if keyword else None
        found = NOTHING if asked is None else union(self.constructed(t) for t in self._values.types(asked, scope))
        return found or frozenset({self._outside(name)})

    def _result(
        self, effect: Effect, call: names.Invoke, owner: Instance | None, scope: Scope, maker: str = ""
    ) -> Types:
        if effect.itself and owner is not None:
            return frozenset({owner})
        if effect.acquires:
            kind = self._values.catalog.kind(self.kind_id(effect, call, owner, scope))
            return frozenset({Instance(kind.type)})
        name = effect.returns or as_called(effect, call).derives
        made = self._flags(call, scope) if owner is not None else self._made_with(maker, effect, call, scope)
        flags = made | (owner.flags if owner is not None else frozenset())
        return frozenset({Instance(name, flags)}) if name else NOTHING

    def kind_id(self, effect: Effect, call: names.Invoke, owner: Instance | None, scope: Scope) -> str:
        """Which kind an acquiring call hands out, its keyword arguments and its receiver's considered."""
        given = self._flags(call, scope) | (owner.flags if owner is not None else frozenset())
        if effect.makes is not None:
            for flag in given:
                name, _, made = flag.partition("=")
                spec = self._values.catalog.type(made) if name == effect.makes.name and made else None
                if spec is not None and spec.init.acquires:
                    return spec.init.acquires
        return next((kind for flag, kind in effect.when.items() if flag in given), effect.acquires)

    def _flags(self, call: names.Invoke, scope: Scope) -> frozenset[str]:
        """The keywords of a call that are given and not off; for classes also "keyword=qualified name", and for what
        switches transactions off "keyword=value"."""
        off, switches = (None, False), self._values.catalog.switches()
        found: set[str] = set()
        for keyword, value in call.keywords:
            if keyword and not (isinstance(value, names.Literal) and value.value in off):
                found.add(keyword)
                if isinstance(value, (names.Name, names.Member)):
                    found.update(f"{keyword}={made}" for made in self._class_names(value, scope))
                elif isinstance(value, names.Literal) and str(value.value) in switches.get(keyword, ()):
                    found.add(f"{keyword}={value.value}")
        return frozenset(found)

    def _made_with(self, maker: str, effect: Effect, call: names.Invoke, scope: Scope) -> frozenset[str]:
        """The flags of a pool, an engine or a factory: also what it is told to pass on, and what it is bound to."""
        found, switches = self._flags(call, scope), self._values.catalog.switches()
        pool = self._values.catalog.pool_made_by(maker)
        passed = call.keyword(pool.passes) if pool is not None and pool.passes else None
        if passed is not None:
            named = self._values.values_of(passed.id, scope) if isinstance(passed, names.Name) else []
            on = frozenset.intersection(*(_on(each) for each in [value for value, _ in named] or [passed]))
            found |= {f"{key}=True" for key in on if "True" in switches.get(key, ())}
        every = {f"{name}={value}" for name, values in switches.items() for value in values}
        for param in effect.bound:
            for value in call.given(param.index, param.name):
                bound = [t.flags & every for t in self._values.types(value, scope) if isinstance(t, Instance)]
                found |= frozenset.intersection(*bound) if bound else frozenset()
        return found

    def _class_names(self, value: Expr, scope: Scope) -> list[str]:
        found: list[str] = []
        for t in self._values.types(value, scope):
            if isinstance(t, Symbol):
                found.append(t.name)
            elif isinstance(t, ClassRef):
                found += self._classes.outside_bases(t.path, t.key)
        return found

    def returned(self, function: FunctionRef) -> Types:
        """The types of the result of calling a project function."""
        module = self._values.project.part(function.path, function.key)
        info = module.functions.get(function.key) if module is not None else None
        if info is None or module is None:
            return NOTHING
        if info.is_generator:
            return frozenset({Managed(function)})
        scope = Scope(function.path, function.key)
        found = self._values.answers.ask(
            ("returned", function), lambda: union(self._values.types(v, scope) for v in info.returns), NOTHING
        )
        return found or self._values.types(info.returns_annotation, Scope(function.path, info.outer))

    def _answered(self, function: FunctionRef, call: names.Invoke, scope: Scope) -> Types:
        """What a project function answers one call with: what it is given to call is each caller's own."""
        module = self._values.project.part(function.path, function.key)
        info = module.functions.get(function.key) if module is not None else None
        if info is None or info.is_generator or not info.params:
            return self.returned(function)
        where = Scope(function.path, function.key)
        nothing: dict[Expr, str] = {}
        called = self._values.answers.ask(("calls given", function), lambda: self._calls_given(function, info), nothing)
        passed = {value: self.passed(function, call, name) if name else None for value, name in called.items()}
        if not any(passed.values()):
            return self.returned(function)
        found = union(
            self._values.types(value if own is None else names.Invoke(own), where if own is None else scope)
            for value, own in passed.items()
        )
        return found or self._values.types(info.returns_annotation, Scope(function.path, info.outer))

    def _calls_given(self, function: FunctionRef, info: FunctionInfo) -> dict[Expr, str]:
        """What a function answers with, each with the parameter whose function it is the answer of; "" if it is not.
        Empty where that is so of none."""
        called = {value: self._parameter_called(value, function, info) for value in answers(info)}
        return called if any(called.values()) else {}

    def _parameter_called(self, value: Expr, function: FunctionRef, info: FunctionInfo) -> str:
        runs = [value]
        if isinstance(value, names.Invoke) and any(is_parameter(each, info) for each in value.args):
            callees = self._values.types(value.func, Scope(function.path, function.key))
            runs += [r for t in callees if isinstance(t, Symbol | Method) and (r := self.run_for(t, value)) is not None]
        return next(filter(None, (called_parameter(each, info) for each in runs)), "")

    def passed(self, function: FunctionRef, call: names.Invoke, name: str) -> Expr | None:
        """What a call of a project function passes for its parameter `name`."""
        module = self._values.project.part(function.path, function.key)
        info = module.functions.get(function.key) if module is not None else None
        if info is None:
            return None
        is_filled = function.bound and info.owner
        skip = is_filled and not self._values.has_decorator(info, function.path, {"staticmethod"})
        return argument(call, info, name, int(bool(skip)))

    def yielded(self, function: FunctionRef) -> Types:
        """The types that a project generator function yields."""
        module = self._values.project.part(function.path, function.key)
        info = module.functions.get(function.key) if module is not None else None
        if info is None:
            return NOTHING
        found = union(self._values.types(v, Scope(function.path, function.key)) for v in info.yields)
        return found or self._values.types(info.returns_annotation, Scope(function.path, info.outer))

    def entered(self, manager: Type) -> Types:
        """What `with` on this manager binds."""
        match manager:
            case Managed(function=function):
                return self.yielded(function)
            case Object(path=path, key=key):
                found: Types = NOTHING
                for dunder in ("__enter__", "__aenter__"):
                    for t in self._classes.member(path, key, dunder, bound=True):
                        found |= self.returned(t) if isinstance(t, FunctionRef) else NOTHING
                return found or frozenset({manager})
            case _:
                return frozenset({manager})

    def element(self, value: Expr, index: int | str | None, scope: Scope) -> Types:
        """One item of a value: by its index, or (None) of an iteration."""
        owners = self._values.types(value, scope) if not isinstance(index, int) else NOTHING
        if isinstance(index, int):
            found = self._item(value, index, scope)
        elif index is not None:
            found = union(self._stores.of(t, f"[{index}]", scope.path) for t in owners)
        else:
            found = union(self.yielded(t.function) for t in owners if isinstance(t, Managed))
        return found or (NOTHING if owners else self._containers.item(value, index, scope))

    def _item(self, value: Expr, index: int, scope: Scope) -> Types:
        """One item of a tuple, written out here or returned by a project function."""
        match value:
            case names.Group(items=items):
                return self._values.types(items[index], scope) if -len(items) <= index < len(items) else NOTHING
            case names.Awaited(value=inner):
                return self._item(inner, index, scope)
            case names.Name(id=name):
                bound = self._values.values_of(name, scope)
                question = ("item", value, index, scope)
                return self._values.answers.ask(
                    question, lambda: union(self._item(v, index, s) for v, s in bound), NOTHING
                )
            case names.Invoke(func=func):
                functions = [t for t in self._values.types(func, scope) if isinstance(t, FunctionRef)]
                return union(
                    self._item(returned, index, Scope(f.path, f.key))
                    for f in functions
                    for returned in self._returns_of(f)
                    if isinstance(returned, names.Group)
                )
            case _:
                return NOTHING

    def _returns_of(self, function: FunctionRef) -> Sequence[Expr]:
        module = self._values.project.part(function.path, function.key)
        info = module.functions.get(function.key) if module is not None else None
        return info.returns if info is not None else ()

    def constructed(self, t: Type) -> Types:
        """An object of a class."""
        match t:
            case Symbol(name=name):
                return frozenset({Instance(name)})
            case ClassRef(path=path, key=key):
                return frozenset({Object(path, key)})
            case Naming(options=options, scope=scope):
                return union(self._values.types(names.Annotation(each), scope) for each in options)
            case _:
                return NOTHING


def _on(value: Expr) -> frozenset[str]:
    """The keys of a dictionary that is written out whose value is True."""
    return frozenset(value.on) if isinstance(value, names.Record | names.Unknown) else frozenset()


def as_called(effect: Effect, call: names.Invoke) -> Effect:
    """The effect of a method with what the keywords of a call say of its result, and whether it runs a statement."""
    if any(call.keyword(keyword) == names.Literal(value) for keyword, value in effect.idle_with.items()):
        return replace(effect, executes=False)
    given = (name for keyword, name in effect.derives_when.items() if call.keyword(keyword) == names.Literal(True))
    derives = next(given, effect.derives)
    return effect if derives == effect.derives else replace(effect, derives=derives)
