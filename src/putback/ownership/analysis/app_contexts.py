"""Whether a `with` enters an application or request context, behind which an extension has removed its session."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from putback.flow.names import Expr, Invoke, Member, Name
from putback.ownership.analysis.context import name_of
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import FunctionRef, Method, Scope, Type

_DEEPEST = 4


class AppContexts:
    """Answers for what a `with` enters. `entered` gives what a generator of the project enters itself."""

    def __init__(self, resolver: Resolver, entered: Callable[[FunctionRef], Sequence[Expr]]) -> None:
        self._resolver = resolver
        self._frameworks = resolver.frameworks
        self._entered = entered

    def pushed_by(self, callee: Expr, scope: Scope) -> bool:
        """Whether calling this pushes a context: `app.app_context().push`."""
        return isinstance(callee, Member) and callee.attr == "push" and self.opened_by(callee.base, scope)

    def opened_by(self, expr: Expr, scope: Scope, depth: int = 0) -> bool:
        """Whether it is a context: a framework's, what a function of the project makes of one, or a name for it.

        Of an application that cannot be resolved the method's name tells.
        """
        if depth > _DEEPEST:
            return False
        match expr:
            case Invoke(func=func):
                callees = self._resolver.types(func, scope)
                if all(map(is_of_something_unknown, callees)):
                    return isinstance(func, Member) and func.attr in self._frameworks.context_names
                return any(self._makes_one(callee, depth + 1) for callee in callees)
            case Name(id=name):
                values = self._resolver.values_of(name, scope)
                return any(value != expr and self.opened_by(value, where, depth + 1) for value, where in values)
        return False

    def made_by(self, decorator: Expr, scope: Scope) -> bool:
        """Whether a decorator runs what it decorates in a context: a framework's, or one that enters it inside."""
        return any(self._wraps(t) for t in self._resolver.types(decorator, scope))

    def _wraps(self, decorator: Type) -> bool:
        if not isinstance(decorator, FunctionRef):
            return self._frameworks.opens_context(name_of(decorator))
        module = self._resolver.project.module(decorator.path)
        inside = [key for key in module.functions if key.startswith(f"{decorator.key}.")] if module is not None else []
        refs = [FunctionRef(decorator.path, key) for key in inside]
        return any(self.opened_by(each, Scope(ref.path, ref.key)) for ref in refs for each in self._entered(ref))

    def _makes_one(self, callee: Type, depth: int) -> bool:
        if not isinstance(callee, FunctionRef):
            return self._frameworks.opens_context(name_of(callee))
        module = self._resolver.project.module(callee.path)
        info = module.functions.get(callee.key) if module is not None else None
        if info is None:
            return False
        inside = self._entered(callee) if info.is_generator else info.returns
        return any(self.opened_by(each, Scope(callee.path, callee.key), depth) for each in inside)


def is_of_something_unknown(callee: Type) -> bool:
    """Whether it is a method of what something outside of the project has returned, of which nothing more is known."""
    return isinstance(callee, Method) and callee.owner.name.endswith("()")
