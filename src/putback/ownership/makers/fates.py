"""What becomes of something that a call in a function makes: kept, handed on, or gone when the function ends."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import IntEnum

from putback.frameworks.catalog import FrameworkCatalog
from putback.frameworks.idioms import idioms
from putback.ownership.analysis.context import name_of
from putback.ownership.index.astnames import is_of_class, own_name, to_expr
from putback.ownership.makers.parts import Function, Part
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import ClassRef, FunctionRef, Symbol


class Fate(IntEnum):
    """How long it lives; of several ways the longest counts."""

    LOCAL = 0  # nobody has it when the function ends
    LENT = 1  # a function of the project is given it
    ENDED = 2  # the function closes it
    YIELDED = 3  # lent to whoever resumes the function
    RETURNED = 4  # the caller has it
    OBJECT = 5  # an attribute of `self`
    KEPT = 6  # a global, a container, an attribute of something that stays

    @property
    def is_over(self) -> bool:
        """Whether it does not live longer than the call of the function."""
        return self <= Fate.YIELDED


@dataclass(eq=False)
class Fates:
    """Follows one made thing through a part; `ends` are the methods that close it."""

    part: Part
    resolver: Resolver
    frameworks: FrameworkCatalog
    ends: Collection[str] = ()

    def of(self, made: ast.expr) -> Fate:
        """The fate of what an expression makes."""
        function = self.part.function_of(made)
        seen: set[str] = set()
        fate = Fate.LOCAL
        todo: list[ast.expr] = [made]
        while todo:
            node = todo.pop()
            within = self.part.function_of(node)
            if within is not function and within is not None:
                fate = max(fate, self._captured(within, function))
            found, names = self._one(node, function)
            fate = max(fate, found)
            for name in names:
                if name not in seen:
                    seen.add(name)
                    todo += self._loads(name, function)
        return fate

    def _loads(self, name: str, function: Function | None) -> Iterator[ast.expr]:
        """Where a variable of a function is read, in functions nested in it too."""
        for node in ast.walk(function if function is not None else self.part.tree):
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
                yield node

    def _one(self, node: ast.expr, function: Function | None) -> tuple[Fate, set[str]]:
        """What one mention does with it, and the names that it is given."""
        below: ast.AST = node
        for parent in self.part.above(node):
            match parent:
                case ast.Call(func=func) if below is func:
                    return Fate.LOCAL, set()
                case ast.Attribute(attr=attr):
                    call = self.part.parents.get(parent)
                    is_called = isinstance(call, ast.Call) and call.func is parent
                    return (Fate.ENDED if is_called and attr in self.ends else Fate.LOCAL), set()
                case ast.Call() if not self._passes_on(parent):
                    return self._given(parent), set()
                case ast.Assign(targets=targets):
                    return self._assigned(targets, parent, function)
                case ast.AnnAssign(target=target) | ast.NamedExpr(target=target):
                    fate, names = self._assigned([target], parent, function)
                    if isinstance(parent, ast.AnnAssign) or fate is Fate.KEPT:
                        return fate, names
                    further, more = self._one(parent, function)
                    return max(fate, further), names | more
                case ast.Return() | ast.Lambda():
                    return Fate.RETURNED, set()
                case ast.Yield():
                    return Fate.YIELDED, set()
                case ast.withitem(optional_vars=ast.Name(id=name)):
                    return Fate.ENDED, {name}
                case ast.withitem():
                    return Fate.ENDED, set()
                case ast.Compare() | ast.Subscript() | ast.JoinedStr() | ast.comprehension():
                    return Fate.LOCAL, set()
                case ast.stmt():
                    return Fate.LOCAL, set()
            below = parent
        return Fate.LOCAL, set()

    def _captured(self, nested: Function, function: Function | None) -> Fate:
        """What comes of what a nested function uses: it lives as long as that, which a decorator may keep."""
        if nested.decorator_list:
            return Fate.KEPT
        uses = self._loads(nested.name, function)
        parents = [(node, self.part.parents.get(node)) for node in uses]
        if any(isinstance(parent, ast.Return) for _, parent in parents):
            return Fate.RETURNED
        return Fate.LENT if any(not (isinstance(p, ast.Call) and p.func is n) for n, p in parents) else Fate.LOCAL

    def _assigned(
        self, targets: list[ast.expr], statement: ast.AST, function: Function | None
    ) -> tuple[Fate, set[str]]:
        fate, names = Fate.LOCAL, set()
        for target in targets:
            for each in ast.walk(target):
                match each:
                    case ast.Name(id=name, ctx=ast.Store()):
                        names.add(name)
                        fate = max(fate, Fate.KEPT if self._is_outside(name, function) else Fate.LOCAL)
                    case ast.Attribute(value=base, ctx=ast.Store()):
                        fate = max(fate, self._set_on(base, function))
                    case ast.Subscript(ctx=ast.Store()):
                        fate = Fate.KEPT
        return fate, names

    def _is_outside(self, name: str, function: Function | None) -> bool:
        """Whether a function assigns a name that is not its own; at the top level of a module every name stays."""
        if function is None:
            return True
        outer = (n for n in ast.walk(function) if isinstance(n, (ast.Global, ast.Nonlocal)))
        return any(name in each.names for each in outer)

    def _set_on(self, base: ast.expr, function: Function | None) -> Fate:
        """How long an attribute of `base` lives: as long as the request, the object, or the program."""
        own = own_name(function) if function is not None and self._is_method(function) else ""
        if function is not None and isinstance(base, ast.Name) and base.id == own != "":
            return Fate.KEPT if is_of_class(function) else Fate.OBJECT
        names = set(map(name_of, self.resolver.types(to_expr(base), self.part.scope_of(base))))
        return Fate.LOCAL if names & self.frameworks.per_request else Fate.KEPT

    def _is_method(self, function: Function | None) -> bool:
        return function is not None and isinstance(self.part.parents.get(function), ast.ClassDef)

    def _passes_on(self, call: ast.Call) -> bool:
        """Whether the result of a call stands for what it is given: an object around it, a factory over it."""
        known = self.resolver.types(to_expr(call.func), self.part.scope_of(call))
        if any(isinstance(t, ClassRef) for t in known):
            return True
        outside = {t.name for t in known if isinstance(t, Symbol)}
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        wraps = name in idioms().methods.entering or not outside.isdisjoint(idioms().functions.wrapping)
        return wraps or any(
            self.resolver.catalog.type(each) or self.resolver.catalog.pool_made_by(each) for each in outside
        )

    def _given(self, call: ast.Call) -> Fate:
        """What comes of an argument of a call."""
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        is_method = isinstance(call.func, ast.Attribute)
        if name == "setattr" or (is_method and name in idioms().methods.keeping | idioms().methods.registering):
            return Fate.KEPT
        known = self.resolver.types(to_expr(call.func), self.part.scope_of(call))
        return Fate.LENT if any(isinstance(t, FunctionRef) for t in known) else Fate.LOCAL
