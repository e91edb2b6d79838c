"""What an object that nothing else is known of is taken for: by its methods, and those of what one of them hands out.

`conn = await pool.acquire()`, `await conn.fetch(q)` and `await pool.release(conn)` fit one class of one driver that the
file imports. The answer is a guess, and never a class whose methods a class of the project has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct, field

from putback.drivers.schema import Effect, TypeSpec
from putback.flow import ir
from putback.flow.names import Expr, Invoke, Member, Name, chain, dotted
from putback.model.lifecycle import On
from putback.ownership.analysis.events import CallInfo, DriverCall
from putback.ownership.index.module import ModuleInfo
from putback.ownership.resolve.types import GUESSED, Instance, Scope

if TYPE_CHECKING:
    from putback.ownership.analysis.unit import Unit
    from putback.ownership.resolve.resolver import Resolver

CALLED = ""
"""The method that stands for calling the object itself, as a session factory is."""


class Shape(Struct):
    """How a function uses an object: its methods, by whether they are awaited, and those of what each hands out."""

    methods: dict[str, bool] = field(default_factory=dict)
    results: dict[str, dict[str, bool]] = field(default_factory=dict)


class Shapes:
    """Answers for calls that nothing else explains."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._catalog = resolver.catalog
        self._guessed: dict[tuple[str, str], dict[str, Instance]] = {}
        specs = {name: spec for driver in self._catalog.drivers.values() for name, spec in driver.types.items()}
        self._lending = {name: found for name, spec in specs.items() if (found := self._lent_by(spec))}

    def _lent_by(self, spec: TypeSpec) -> dict[str, Effect]:
        """The methods of a class that take a connection on their own, and being called."""
        every = {**spec.methods, **({CALLED: spec.call} if spec.call is not None else {})}
        taking = {m: e for m, e in every.items() if e.acquires and not e.itself and set(e.on) != {On.ENTER}}
        return {m: e for m, e in taking.items() if not self._catalog.kind(e.acquires).registry}

    def may_be(self, callees: Collection[Expr], scope: Scope) -> bool:
        """Whether one of these callees may be a method of an object that is told by its shape, or such an object."""
        fitting = self._imported(scope.path)
        words = {method for lending in fitting.values() for method in lending}
        methods = {callee.attr for callee in callees if isinstance(callee, Member)}
        if not methods.isdisjoint(words):
            return True
        made = {self._catalog.kind(lending[CALLED].acquires).type for lending in fitting.values() if CALLED in lending}
        of_locals = {c.attr for c in callees if isinstance(c, Member) and self._is_local(c.base, scope)}
        changes = any(self._changes(self._catalog.method(name, method)) for name in made for method in of_locals)
        return changes and any(self._is_handed_in(callee, scope) for callee in callees)

    def _is_local(self, value: Expr, scope: Scope) -> bool:
        """Whether a function may have given a value a name: it is no parameter, and no attribute of another object."""
        module = self._resolver.project.module(scope.path)
        function = module.functions.get(scope.function) if module is not None else None
        if function is None or not isinstance(value, Name):
            return isinstance(value, Name)
        return value.id in function.bindings or value.id not in {param.name for param in function.params}

    def _is_handed_in(self, callee: Expr, scope: Scope) -> bool:
        """Whether nothing is known of a callee but whose attribute or which name it is."""
        resolver = self._resolver
        if isinstance(callee, Member) and (dotted(callee) is None or not resolver.types(callee.base, scope)):
            return False
        return isinstance(callee, (Name, Member)) and not resolver.types(callee, scope)

    def _imported(self, path: str) -> dict[str, dict[str, Effect]]:
        """The classes of the drivers that a file imports, with what takes a connection from their objects."""
        module = self._resolver.project.module(path)
        roots = module.import_roots() if module is not None else frozenset()
        return {name: lending for name, lending in self._lending.items() if name.partition(".")[0] in roots}

    def taken_for(self, unit: Unit, op: ir.Call, info: CallInfo) -> CallInfo:
        """What a call does that nothing is known of, if the object that it goes to is told by its shape."""
        if info.drivers or info.functions or info.classes or info.names:
            return info
        for path, method in _receivers(op.expr):
            owner = self._of(unit).get(path)
            effect = self._effect(owner.name, method) if owner is not None else None
            if effect is not None:
                return CallInfo((DriverCall(effect, owner),), borrows=True)
        return info

    def _effect(self, name: str, method: str) -> Effect | None:
        spec = self._catalog.type(name) if method == CALLED else None
        return spec.call if spec is not None else self._catalog.method(name, method)

    def _of(self, unit: Unit) -> dict[str, Instance]:
        """The objects of a function that are told by their shapes, by their paths."""
        key = (unit.path, unit.key)
        if key not in self._guessed:
            fitting = self._imported(unit.path)
            self._guessed[key] = self._guess(unit, fitting) if fitting else {}
        return self._guessed[key]

    def _guess(self, unit: Unit, fitting: dict[str, dict[str, Effect]]) -> dict[str, Instance]:
        found = {}
        words = {method for methods in fitting.values() for method in methods}
        for path, shape in _shapes(unit).items():
            if words.isdisjoint(shape.methods) or self._is_known(path, unit):
                continue
            names = [name for name, lending in fitting.items() if self._fits(name, lending, shape)]
            kinds = {
                self._catalog.kind(fitting[n][m].acquires).type for n in names for m in shape.results if m in fitting[n]
            }
            if len(kinds) == 1 and not self._is_own(shape, unit.path):
                found[path] = Instance(min(names, key=lambda n: (len(self._catalog.supertypes(n)), n)), GUESSED)
        return found

    def _is_known(self, path: str, unit: Unit) -> bool:
        """Whether something is known of an object."""
        return bool(self._resolver.types(chain(path), unit.scope))

    def _fits(self, name: str, lending: dict[str, Effect], shape: Shape) -> bool:
        """Whether all that is done with an object, and with what it hands out, can be done with one of a class."""
        if not all(self._has(name, method, awaited) for method, awaited in shape.methods.items()):
            return False
        return any(
            (On.AWAIT in lending[method].on) == shape.methods[method]
            and self._works(self._catalog.kind(lending[method].acquires).type, used, method == CALLED)
            for method, used in shape.results.items()
            if method in lending
        )

    def _has(self, name: str, method: str, awaited: bool) -> bool:
        effect = self._effect(name, method)
        return effect is not None and (effect.awaited or On.AWAIT in effect.on or not awaited)

    def _works(self, name: str, used: dict[str, bool], is_called: bool) -> bool:
        """Whether what is done with a result is what is done with a connection, and enough of it to tell.

        Many things are made by calling an object: a session is told by what changes something or ends a transaction.
        """
        effects = [self._catalog.method(name, method) for method in used]
        if not all(e is not None and e.awaited == a for e, a in zip(effects, used.values(), strict=True)):
            return False
        telling = self._changes if is_called else _works_on
        return any(telling(effect) for effect in effects)

    @staticmethod
    def _changes(effect: Effect | None) -> bool:
        return effect is not None and bool(effect.ends or effect.defers)

    def _is_own(self, shape: Shape, path: str) -> bool:
        """Whether a class of the project has all these methods, or all those of something that is handed out."""
        wanted = [set(used) for used in (shape.methods, *shape.results.values()) if CALLED not in used]
        classes = (cls for module in self._in_reach(path) for cls in module.classes.values())
        return any(methods <= cls.methods.keys() for cls in classes for methods in wanted)

    def _in_reach(self, path: str) -> Iterator[ModuleInfo]:
        """The modules that may define what a file is given: those that it imports, and all that are known."""
        project = self._resolver.project
        module = project.module(path)
        for each in module.all_imports() if module is not None else ():
            found = project.resolve_import(each, path)
            imported = project.module(found) if found is not None else None
            if imported is not None:
                yield imported
        yield from project.loaded()


def _works_on(effect: Effect | None) -> bool:
    return effect is not None and bool(effect.executes or effect.derives or effect.ends or effect.defers)


def _receivers(call: Invoke) -> list[tuple[str, str]]:
    """The paths of the objects that a call may go to, each with the method."""
    found = [(dotted(call.func) or "", CALLED)]
    if isinstance(call.func, Member):
        found.insert(0, (dotted(call.func.base) or "", call.func.attr))
    return [(path, method) for path, method in found if path]


def _shapes(unit: Unit) -> dict[str, Shape]:
    """How a function uses the objects that it knows by name."""
    calls = [(op, op.expr) for op in unit.ops() if isinstance(op, ir.Call)]
    used: dict[str, dict[str, bool]] = {}
    for op, call in calls:
        for path, method in _receivers(call):
            used.setdefault(path, {})[method] = op.awaited
    names = {op.source: op.target for op in unit.ops() if isinstance(op, (ir.Assign, ir.Await)) and op.target}
    found: dict[str, Shape] = {}
    for op, call in calls:
        result = names.get(op.target, "")
        result = names.get(result, "") if ir.is_temporary(result) else result
        for path, method in _receivers(call):
            if result in used and result != path:
                found.setdefault(path, Shape(used[path])).results[method] = used[result]
    return found
