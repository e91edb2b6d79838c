"""Whether a function that hands out a new connection may answer with one that was there before as well.

It gives its caller the argument it got, or what an attribute, a global or a container keeps: others may use that one
at the same time, or find it there later, so who takes it does not know whether it is theirs to close.
"""

from __future__ import annotations

from putback.flow.names import Awaited, Choice, Element, Expr, Group, Invoke, Member, Name
from putback.frameworks.idioms import idioms
from putback.ownership.index.module import FunctionInfo
from putback.ownership.resolve.carriers import Carriers
from putback.ownership.resolve.types import FunctionRef, Object, Scope


def may_return_known(carriers: Carriers, function: FunctionRef, element: int | None) -> bool:
    """Whether a `return` of the function may give such a one; `element`: as this item of a tuple."""
    key = ("known before", function.path, function.key, element)
    return carriers.answers.ask(key, lambda: _Search(carriers, element).answers(function), False)


class _Search:
    """What one function returns; `seen` keeps bindings that lead in circles from being followed for ever: who has been
    asked once has nothing to add."""

    def __init__(self, carriers: Carriers, element: int | None) -> None:
        self.carriers = carriers
        self.resolver = carriers.resolver
        self.element = element
        self.seen: set[tuple[str, Scope]] = set()

    def finds(self, value: Expr, scope: Scope) -> bool:
        """Whether a value may be a connection that was there before."""
        match value:
            case Name(id=name):
                return self._is_known_name(name, value, scope)
            case Member() | Element():
                return self._may_be_held(value, scope) and self._is_kept(value, scope)
            case Choice(options=options):
                return any(self.finds(option, scope) for option in options)
            case Awaited(value=inner):
                return self.finds(inner, scope)
            case Group(items=items):
                is_meant = self.element is not None and -len(items) <= self.element < len(items)
                return is_meant and self.finds(items[self.element or 0], scope)
            case Invoke():
                return self._is_known_answer(value, scope)
            case _:
                return False

    def _is_known_name(self, name: str, value: Name, scope: Scope) -> bool:
        if (name, scope) in self.seen:
            return False
        self.seen.add((name, scope))
        info = self._info(scope)
        if info is not None and any(p.name == name for p in info.params):
            return True
        if info is None or name not in info.bindings or name in info.globals:
            return self._may_be_held(value, scope) and bool(self.resolver.values_of(name, scope))
        return any(self.finds(v, s) for v, s in self.resolver.values_of(name, scope))

    def _is_kept(self, value: Expr, scope: Scope) -> bool:
        """Whether a value is an attribute, or an item of something that outlives the function."""
        match value:
            case Member():
                return True
            case Element(value=inner):
                return not isinstance(inner, Invoke) and self._outlives(inner, scope)
            case _:
                return False

    def _outlives(self, value: Expr, scope: Scope) -> bool:
        match value:
            case Name(id=name):
                info = self._info(scope)
                bound = self.resolver.values_of(name, scope) if info is not None and name in info.bindings else []
                return not bound or any(isinstance(v, (Member, Element)) for v, _ in bound)
            case _:
                return isinstance(value, (Member, Element))

    def _is_known_answer(self, call: Invoke, scope: Scope) -> bool:
        """What a function of the project answers, or what a method of a container takes out of it."""
        callees = self.resolver.types(call.func, scope)
        functions = [t for t in callees if isinstance(t, FunctionRef)]
        if functions:
            return any(may_return_known(self.carriers, f, self.element) for f in functions)
        match call.func:
            case Member(base=base, attr=method) if not callees and method in idioms().methods.of_values:
                return self._outlives(base, scope)
        return False

    def answers(self, function: FunctionRef) -> bool:
        """Whether what a function of the project returns may be a connection that was there before."""
        inner = Scope(function.path, function.key)
        info = self._info(inner)
        if info is None or info.is_generator:
            return False
        return any(self.finds(v, inner) for v in info.returns)

    def _info(self, scope: Scope) -> FunctionInfo | None:
        module = self.resolver.project.part(scope.path, scope.function)
        return module.functions.get(scope.function) if module is not None else None

    def _may_be_held(self, value: Expr, scope: Scope) -> bool:
        types = self.resolver.types(value, scope)
        return not types or any(self.carriers.is_held(t) or isinstance(t, Object) for t in types)
