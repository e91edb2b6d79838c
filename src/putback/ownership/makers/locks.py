"""Whether a lock keeps a place to one thread or task at a time: a `with` of what resolves to one, whatever its name."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterator
from enum import IntEnum

from putback.frameworks.idioms import idioms
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.context import name_of
from putback.ownership.index.astnames import to_expr
from putback.ownership.makers.parts import Part, Parts
from putback.ownership.resolve.types import FunctionRef, Managed, Object, Type

_DEEPEST = 3
_ENTERING = ("__enter__", "__aenter__")


class Locked(IntEnum):
    """PERHAPS: it stands in a `with` of something that is not known, which may be a lock."""

    NO = 0
    PERHAPS = 1
    YES = 2


class Locks:
    """Looks at what is entered: a lock of a library, an object or a context manager of the project that takes one."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._parts = analyzer.once(Parts)
        self._packages = frozenset(n for f in analyzer.frameworks.frameworks.values() for n in f.imports)

    def around(self, part: Part, node: ast.AST, left: int = _DEEPEST) -> Locked:
        """What stands around a place."""
        return max((self._entered(part, item, left) for item in _entered(part, node)), default=Locked.NO)

    def _entered(self, part: Part, item: ast.withitem, left: int) -> Locked:
        types = self._analyzer.resolver.types(to_expr(item.context_expr), part.scope_of(item.context_expr))
        found = max((self._takes(t, left) for t in types), default=Locked.PERHAPS)
        is_used = item.optional_vars is not None  # a lock has nothing to give to who enters it
        return Locked.NO if found is Locked.PERHAPS and is_used else found

    def _takes(self, t: Type, left: int) -> Locked:
        match t:
            case Managed(function=function):
                return self._in(function, left)
            case Object(path=path, key=key):
                return self._of_class(path, key, left)
            case _:
                return self._of_library(name_of(t).replace("()", ""))

    def _of_library(self, name: str) -> Locked:
        if name in idioms().functions.locking:
            return Locked.YES
        return Locked.NO if self._is_known(name) else Locked.PERHAPS

    def _is_known(self, name: str) -> bool:
        root = name.partition(".")[0]
        is_python = root in sys.stdlib_module_names or hasattr(builtins, root)
        return is_python or root in self._packages or self._analyzer.catalog.knows(name)

    def _of_class(self, path: str, key: str, left: int) -> Locked:
        """Whether entering an object of a class of the project takes a lock: its base is one, or its method does."""
        classes = self._analyzer.resolver.classes
        inherited = max(map(self._of_library, classes.outside_bases(path, key)), default=Locked.NO)
        entering = [
            t for name in _ENTERING for t in classes.member(path, key, name, bound=True) if isinstance(t, FunctionRef)
        ]
        own = max((self._in(each, left) for each in entering), default=Locked.NO)
        return max(inherited, own) if entering else inherited

    def _in(self, ref: FunctionRef, left: int) -> Locked:
        """Whether a function takes a lock: it calls a method of one, or yields under one."""
        part = self._parts.part(ref.path, ref.key) if left > 0 else None
        if part is None:
            return Locked.PERHAPS
        own = [node for node in ast.walk(part.tree) if part.ref_of(node) == FunctionRef(ref.path, ref.key)]
        receivers = (n.func.value for n in own if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute))
        if any(self._is_lock(part, each) for each in receivers):
            return Locked.YES
        yields = (n for n in own if isinstance(n, (ast.Yield, ast.YieldFrom)))
        return max((self.around(part, each, left - 1) for each in yields), default=Locked.NO)

    def _is_lock(self, part: Part, receiver: ast.expr) -> bool:
        types = self._analyzer.resolver.types(to_expr(receiver), part.scope_of(receiver))
        return any(self._of_library(name_of(t).replace("()", "")) is Locked.YES for t in types)


def _entered(part: Part, node: ast.AST) -> Iterator[ast.withitem]:
    """What every `with` around a place enters."""
    for parent in part.above(node):
        if isinstance(parent, (ast.With, ast.AsyncWith)):
            yield from parent.items


def locks_of(analyzer: Analyzer) -> Locks:
    """The run's only one."""
    return analyzer.known(Locks)
