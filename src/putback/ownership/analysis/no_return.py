"""Functions that never return to whoever calls them: on every path they raise, or end the process."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from putback.flow.names import Invoke
from putback.frameworks.idioms import idioms
from putback.ownership.analysis.beginning import function_in
from putback.ownership.analysis.context import name_of
from putback.ownership.analysis.events import CallInfo, describe
from putback.ownership.index.astnames import to_expr
from putback.ownership.index.module import FunctionInfo
from putback.ownership.resolve.types import FunctionRef, Scope

if TYPE_CHECKING:
    from putback.ownership.analysis.program import Program

_LONGEST = 200
_OTHER_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_Ends = Callable[[ast.Call, bool], bool]


class NoReturn:
    """One run's answers."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def is_call(self, info: CallInfo, awaited: bool) -> bool:
        """Whether a call never returns, whatever of that it can mean it reaches."""
        if not idioms().functions.raising.isdisjoint(info.names):
            return True
        only_functions = bool(info.functions) and not (info.classes or info.drivers or info.names)
        return only_functions and all(self._is(function, awaited) for function in info.functions)

    def _is(self, ref: FunctionRef, awaited: bool) -> bool:
        info = self._program.info(ref)
        if info is None or info.is_generator or (info.is_async and not awaited):
            return False
        ref = FunctionRef(ref.path, ref.key)

        def find() -> bool:
            return not self._is_overridden(info) and (self._says_so(ref, info) or self._shows(ref, info))

        return self._program.answers.ask(("never returns", ref), find, False)  # who calls himself says nothing of it

    def _is_overridden(self, info: FunctionInfo) -> bool:
        """Whether a class below has a method of the same name, which may be the one that is called."""
        below = self._program.resolver.callers.subclasses(info.owner) if info.owner else ()
        modules = ((self._program.project.module(path), key) for path, key in below)
        return any(m is not None and key in m.classes and info.name in m.classes[key].methods for m, key in modules)

    def _says_so(self, ref: FunctionRef, info: FunctionInfo) -> bool:
        types = self._program.resolver.types(info.returns_annotation, Scope(ref.path, info.outer))
        return not idioms().functions.never.isdisjoint(map(name_of, types))

    def _shows(self, ref: FunctionRef, info: FunctionInfo) -> bool:
        if info.end_row - info.row > _LONGEST:
            return False
        function = function_in(self._program.function_part(ref.path, info))
        if function is None or any(isinstance(node, ast.Return) for node in _own_nodes(function.body)):
            return False
        scope = Scope(ref.path, ref.key)

        def ends(call: ast.Call, awaited: bool) -> bool:
            expr = to_expr(call)
            meant = describe(expr, scope, self._program.resolver) if isinstance(expr, Invoke) else CallInfo()
            return meant.ends_process or self.is_call(meant, awaited)

        return _never_goes_on(function.body, ends)


def _own_nodes(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes of a body, without those of the functions and classes in it."""
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if not isinstance(node, _OTHER_SCOPES):
            yield node
            todo += ast.iter_child_nodes(node)


def _never_goes_on(body: Sequence[ast.stmt], ends: _Ends) -> bool:
    """Whether no path leads behind the last of these statements."""
    return any(_is_last(statement, ends) for statement in body)


def _is_last(statement: ast.stmt, ends: _Ends) -> bool:
    match statement:
        case ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))):
            return False  # somebody else is to fill it in
        case ast.Raise():
            return True
        case ast.Expr(value=ast.Await(value=ast.Call() as call)):
            return ends(call, True)
        case ast.Expr(value=ast.Call() as call):
            return ends(call, False)
        case ast.If(body=body, orelse=orelse):
            return _never_goes_on(body, ends) and _never_goes_on(orelse, ends)
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=last):
            goes_on = not _never_goes_on([*body, *orelse], ends) or any(
                not _never_goes_on(each.body, ends) for each in handlers
            )
            return _never_goes_on(last, ends) or not goes_on
        case ast.Match(cases=cases):
            is_all = any(isinstance(c.pattern, ast.MatchAs) and c.pattern.pattern is None for c in cases if not c.guard)
            return is_all and all(_never_goes_on(case.body, ends) for case in cases)
    return False
