"""What callers pass: the types of parameters that nobody annotated, from the calls that the project makes.

A parameter is the union of what the calls of its function give it, in the project as it is: code that is never called
here keeps what its annotations say. Calls are looked up by the last name of what they call, on demand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from msgspec import Struct

from putback.flow.names import (
    Awaited,
    Choice,
    Element,
    Entered,
    Expr,
    Group,
    Invoke,
    Literal,
    Member,
    Name,
    Record,
    Unknown,
    last_name,
    root_name,
)
from putback.frameworks.catalog import load_frameworks
from putback.ownership.index.module import FunctionInfo, ModuleInfo, packed_calls, unpacked_calls
from putback.ownership.index.places import is_test_code
from putback.ownership.index.subclasses import Subclasses
from putback.ownership.resolve.classes import Classes
from putback.ownership.resolve.evaluation import Evaluation
from putback.ownership.resolve.given import argument
from putback.ownership.resolve.types import (
    ClassRef,
    FunctionRef,
    Partial,
    Provider,
    Scope,
    Symbol,
    Type,
    Types,
    union,
)

_MOST_CALLS = 25
_REMEMBERED = 2_000
_CONSTRUCTORS = ("__init__", "__new__")
_PLAIN = (Name, Literal, Unknown)
"""What has no call in it."""
PARTIAL = frozenset({"functools.partial", "functools.partialmethod"})

_PARTIAL_NAMES = frozenset(name.rpartition(".")[2] for name in PARTIAL)

Place = tuple[Scope, Invoke]
"""A call and where it stands."""

_Callback = tuple[ModuleInfo, str, str]
"""A function of a module, and its parameter that is another function."""


class _Calls(Struct, frozen=True):
    """The calls of a module: those of a bare name by that, and those that pass a name by who makes them and that."""

    bare: dict[str, list[Place]]
    passing: dict[tuple[str, str], list[Invoke]]


class Callers:
    """Answers for parameters; the values that are passed are evaluated by `values`."""

    def __init__(self, values: Evaluation, classes: Classes) -> None:
        self._values = values
        self._classes = classes
        self._project = values.project
        self._subclasses = Subclasses(values.project)
        self._calls: dict[tuple[str, str], tuple[list[Place], int]] = {}
        self._modules: dict[str, _Calls] = {}

    def given(self, module: ModuleInfo, function: FunctionInfo, name: str) -> Types:
        """What the callers of a function pass for its parameter `name`, as far as they are looked at."""
        return union(self._values.types(value, scope) for value, scope in self.passed(module, function, name))

    def passed(self, module: ModuleInfo, function: FunctionInfo, name: str) -> Iterator[tuple[Expr, Scope]]:
        """The same as it is written."""
        for scope, call in self._calls_of(module, function):
            if not any(argument(call, function, name, first) for first in (0, 1, -1)):
                continue
            for first in self._first_arguments(call, scope, module, function):
                value = argument(call, function, name, first)
                if value is not None:
                    yield self._asked_for(value, call, scope), scope
        yield from self._handed_in(module, function, name)

    def subclasses(self, key: str) -> list[tuple[str, str]]:
        """Path and key of the classes that may derive from a class `key`, by the names of their bases."""
        return self._subclasses.of(key)

    def _handed_in(self, module: ModuleInfo, function: FunctionInfo, name: str) -> Iterator[tuple[Expr, Scope]]:
        """What others of the project pass for a parameter, who were given the function itself: `function(conn)`."""
        for home, key, called in (*self._decorating(module, function), *self._calling_back(module, function)):
            for scope, call in self.calls_of_parameter(home, key, called):
                value = argument(call, function, name, 0)
                if value is not None:
                    yield value, scope

    def calls_of_parameter(self, module: ModuleInfo, key: str, name: str) -> list[Place]:
        """The calls of parameter `name` of a function, in it and in the functions nested in it."""
        self._project.footprint.name("call", name)
        calls = self._calls_in(module).bare.get(name, ())
        return [place for place in calls if place[0].function == key or place[0].function.startswith(f"{key}.")]

    def _calls_in(self, module: ModuleInfo) -> _Calls:
        if module.path not in self._modules:
            if len(self._modules) >= _REMEMBERED:
                self._modules.clear()
            found = self._modules[module.path] = _Calls({}, {})
            for scope, call in invocations(module):
                if isinstance(call.func, Name):
                    found.bare.setdefault(call.func.id, []).append((Scope(module.path, scope), call))
                for value in (*call.args, *(v for _, v in call.keywords)):
                    if isinstance(value, Name):
                        found.passing.setdefault((scope, value.id), []).append(call)
        return self._modules[module.path]

    def _decorating(self, module: ModuleInfo, function: FunctionInfo) -> Iterator[_Callback]:
        """The functions of the project that decorate one, with the parameters by which they know it."""
        for decorator in function.decorators:
            for t in self._values.types(decorator, Scope(module.path, function.outer)):
                yield from self._known_as(t, 0, "")

    def _calling_back(self, module: ModuleInfo, function: FunctionInfo) -> Iterator[_Callback]:
        """The functions of the project that a nested one is given to by the function around it."""
        if not function.outer:
            return
        scope = Scope(module.path, function.outer)
        self._project.footprint.part(module.path, function.outer)
        for call in self._calls_in(module).passing.get((function.outer, function.name), ()):
            places = [(at, "") for at, value in enumerate(call.args) if value == Name(function.name)]
            places += [(0, keyword) for keyword, value in call.keywords if value == Name(function.name)]
            for t in self._values.types(call.func, scope):
                yield from self._known_as(t, *places[0])

    def _known_as(self, t: Type, at: int, keyword: str) -> Iterator[_Callback]:
        """A function of the project, and the parameter that is given its argument number `at`, or that by name."""
        home = self._project.part(t.path, t.key) if isinstance(t, FunctionRef) else None
        if isinstance(t, FunctionRef) and home is not None and t.key in home.functions:
            params = [p.name for p in home.functions[t.key].params[t.bound :] if not p.kind.startswith("*")]
            if keyword in params or at < len(params):
                yield home, t.key, keyword if keyword in params else params[at]

    def _calls_of(self, module: ModuleInfo, function: FunctionInfo) -> list[Place]:
        """The calls that may mean a function, by their last names: those of tests count for functions of tests only."""
        key = (module.path, function.key)
        footprint = self._project.footprint
        if key not in self._calls:
            if len(self._calls) >= _REMEMBERED:
                self._calls.clear()
            before = footprint.begin()
            found = []
            try:
                found = list(islice(self._search(module, function), _MOST_CALLS))
            finally:
                seen = footprint.end(before)
            self._calls[key] = found, seen
        found, seen = self._calls[key]
        footprint.seen |= seen
        return found

    def _search(self, module: ModuleInfo, function: FunctionInfo) -> Iterator[Place]:
        is_test = is_test_code(module.path)
        by_import = not function.owner or function.name in _CONSTRUCTORS
        reach = self._project.importers(module.path) if by_import else frozenset()
        for name in self._names(module, function):
            for path, calls in self._project.callers(name):
                if (is_test or not is_test_code(path)) and (not by_import or path in reach):
                    for scope, call in unpacked_calls(calls):
                        yield Scope(path, scope), call

    def _names(self, module: ModuleInfo, function: FunctionInfo) -> Iterator[str]:
        """What a function may be called by: its own name; a constructor by its class, the subclasses', and by what
        class methods of these call the class."""
        yield function.name
        if function.owner and function.name in _CONSTRUCTORS:
            subclasses = (key for _, key in self._subclasses.of(function.owner))
            yield from dict.fromkeys(key.rpartition(".")[2] for key in (function.owner, *subclasses))
            yield from dict.fromkeys(self._called_by_itself(module, function.owner))

    def _called_by_itself(self, module: ModuleInfo, key: str) -> Iterator[str]:
        """What methods of a class, its bases and its subclasses call the class."""
        below = ((self._project.part(path, name), name) for path, name in self._subclasses.of(key))
        classes = [(home, home.classes.get(name)) for home, name in below if home is not None]
        for home, cls in (*self._classes.lineage(module.path, key), *classes):
            methods = (home.functions.get(name) for name in cls.methods.values()) if cls is not None else ()
            yield from (method.own for method in methods if method is not None and method.is_of_class)

    def _first_arguments(self, call: Invoke, scope: Scope, module: ModuleInfo, function: FunctionInfo) -> set[int]:
        """Which parameters of a function the first positional argument of a call can be for; empty: another function.

        Negative for the arguments that stand in front of them: those of `partial(function, ...)`.
        """
        found: set[int] = set()
        for callee in self._values.types(call.func, scope):
            if isinstance(callee, Symbol) and call.args and (callee.name in PARTIAL or self._provides(callee)):
                targets = self._values.types(call.args[0], scope)
                found |= {at - 1 for t in targets if (at := self._filled(t, module, function)) is not None}
            elif (at := self._filled(callee, module, function)) is not None:
                found.add(at)
        return found

    def _provides(self, callee: Type) -> bool:
        return isinstance(callee, Symbol) and self._values.frameworks.provides(callee.name) is not None

    def _asked_for(self, value: Expr, call: Invoke, scope: Scope) -> Expr:
        """What a call passes on of a value: one that makes a provider, what providers among its arguments hand out."""
        if not any(isinstance(t, Provider) for t in self._values.types(value, scope)):
            return value
        return Invoke(value) if any(map(self._provides, self._values.types(call.func, scope))) else value

    def _filled(self, callee: Type, module: ModuleInfo, function: FunctionInfo) -> int | None:
        """How many parameters are filled when this is called; None: it is not the function."""
        match callee:
            case FunctionRef(path=path, key=key, bound=bound) if (path, key) == (module.path, function.key):
                if not function.owner or self._values.has_decorator(function, path, {"staticmethod"}):
                    return 0
                return int(bound or self._values.has_decorator(function, path, {"classmethod"}))
            case ClassRef(path=path, key=key) if function.name in _CONSTRUCTORS:
                for home, cls in self._classes.lineage(path, key):
                    if function.name in cls.methods:
                        return 1 if (home.path, cls.methods[function.name]) == (module.path, function.key) else None
                return None
            case Partial(function=inner, given=given):
                at = self._filled(inner, module, function)
                return None if at is None else at + given
            case _:
                return None


def called(call: Invoke, beginning: Collection[str]) -> list[Expr]:
    """What a call is about, as far as it begins with one of some names."""
    return [each for each in _called(call) if root_name(each) in beginning]


def _called(call: Invoke) -> tuple[Expr, ...]:
    """What a call is about: its callee, and what a `partial` or a provider is made of."""
    name = last_name(call.func)
    is_given = call.args and (name in _PARTIAL_NAMES or name in load_frameworks().providing_names)
    return (call.func, call.args[0]) if is_given else (call.func,)


def invocations(module: ModuleInfo) -> Iterator[tuple[str, Invoke]]:
    """The calls of a module that pass something which is no constant, as far as the index keeps them.

    Each with the key of the function that it stands in ("" for the top level).
    """
    for scope, value in _values(module):
        if not isinstance(value, _PLAIN):
            for call in _invocations(value):
                yield scope, call


def _values(module: ModuleInfo) -> Iterator[tuple[str, Expr]]:
    for function in module.functions.values():
        for values in function.bindings.values():
            yield from ((function.key, value) for value in values)
        yield from ((function.key, value) for value in (*function.returns, *function.yields))
    for cls in module.classes.values():
        for pairs in cls.attributes.values():
            yield from pairs
    for pairs in module.globals.values():
        yield from pairs
    yield from module.calls
    yield from ((scope, value) for scope, _, _, value in module.stores)
    yield from ((reference.scope, reference.call) for reference in module.references)


def _invocations(value: Expr) -> Iterator[Invoke]:
    todo = [value]
    while todo:
        match todo.pop():
            case Invoke() as call:
                given = (*call.args, *(each for _, each in call.keywords))
                if not all(isinstance(each, (Literal, Unknown)) for each in given):
                    yield call
                    todo += given
                todo.append(call.func)
            case Member(base=inner) | Awaited(value=inner) | Entered(value=inner) | Element(value=inner):
                todo.append(inner)
            case Choice(options=inside) | Group(items=inside):
                todo += inside
            case Record(pairs=pairs):
                todo += (each for _, each in pairs)
            case _:
                pass


def by_name(calls: Iterable[tuple[str, Invoke]]) -> dict[str, bytes]:
    """Some calls by the last names of what they call, packed."""
    found: dict[str, dict[tuple[str, Invoke], None]] = {}
    for scope, call in calls:
        for name in map(last_name, _called(call)):
            if name:
                found.setdefault(name, {})[scope, call] = None
    return {name: packed_calls(list(each)) for name, each in found.items()}
