"""What leaves the process: calls of the table, and the project's functions that make one, by light types.

No flow: a function makes a call if one stands in it, outside of its `except` clauses and of what only the first call of
a process runs, or in a function that it calls, however many that leads through. Of several calls the one counts that
is no sleep and takes long as a rule, then the one that fewer functions lead to, then the first. Coroutines count where
they are awaited.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Container, Iterator
from operator import attrgetter
from typing import Protocol

from msgspec import Struct

from putback.flow import ir
from putback.flow.ir import MODULE
from putback.flow.names import Expr, Invoke, Literal, Member, dotted, last_name
from putback.frameworks.external import Sort, external
from putback.frameworks.idioms import idioms
from putback.frameworks.schema import Role
from putback.model.errors import SourceError
from putback.ownership.analysis.bounding import is_given, number
from putback.ownership.analysis.context import Context
from putback.ownership.analysis.events import CallInfo
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.astnames import is_of_class, own_name, to_expr
from putback.ownership.index.module import FunctionInfo
from putback.ownership.index.trees import parsed, push_children
from putback.ownership.resolve.recursion import Answers
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import (
    ClassRef,
    FunctionRef,
    Instance,
    Method,
    Object,
    Scope,
    Symbol,
    Type,
)
from putback.source.slices import Slice

_MOST_CALLEES = 3
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_MESSAGE = Sort("a message", brief=True)


class Station(Struct, frozen=True):
    """A call on the way out of the process: where it stands and what it calls."""

    path: str
    row: int
    name: str


class Outside(Struct, frozen=True):
    """A call that leaves the process, through the functions `way`, the outermost first; the last is the call."""

    sort: Sort
    way: tuple[Station, ...]

    @property
    def rank(self) -> tuple[int, int]:
        """What is told of two calls is the lower one. A longer way to the same is never lower: circles come to rest."""
        return self.sort.rank, len(self.way)


class _Call(Struct, frozen=True):
    """A call in a function, by its row.

    `waits`: it is awaited; `given`: the callee that it is given to; `entered`: by a `with`.
    """

    expr: Invoke
    row: int
    waits: bool
    given: Expr | None = None
    entered: bool = False


Describing = Callable[[Unit, ir.Call], CallInfo]
"""What the callee of a call resolves to."""

_Ways = tuple[Outside | None, list[tuple[int, FunctionRef]]]
"""How a function leaves the process: by a call of its own, and perhaps by functions that it calls, with their rows."""


class Knowledge(Protocol):
    """What has to be known of a project: its functions, by their definitions and their text."""

    resolver: Resolver
    context: Context
    lasting: Answers

    def info(self, ref: FunctionRef) -> FunctionInfo | None:
        """The definition of a function."""
        ...

    def outermost(self, path: str, key: str) -> str:
        """The function around `key` that stands in no other."""
        ...

    def part(self, path: str, key: str) -> Slice:
        """The rows of an outermost function."""
        ...


class Leaving:
    """One run's knowledge of what leaves the process."""

    def __init__(self, known: Knowledge) -> None:
        self._known = known
        self._calls: dict[tuple[str, str], dict[int, list[_Call]]] = {}

    def sort_of(self, call: Invoke, scope: Scope, entered: bool = False) -> Sort | None:
        """The sort of call that this one is by itself, if it leaves the process, or a `with` on it does at its end."""
        if call.args and isinstance(call.args[0], Literal) and call.args[0].value == 0:
            return None  # `asyncio.sleep(0)` only lets others run
        names = list(self._names(call.func, scope))
        found = (external().sort_of(name) for name in (*names, *(f"{n}.__exit__" for n in names if entered)))
        sort = next((sort for sort in found if sort is not None), None)
        if sort is None:
            return _MESSAGE if self._queues(call.func, scope) else None
        if sort.bounded_by and not is_given(self._known.resolver, call, sort.bounded_by, scope):
            return sort.unbounded
        return sort.lasting(number(self._known.resolver, call.args[0], scope) if call.args else None)

    def _names(self, func: Expr, scope: Scope) -> Iterator[str]:
        """The qualified names of something outside, attributes and results of attributes of an object included."""
        types = self._known.resolver.types(func, scope)
        known = [name for t in types if (name := _name(t))]
        yield from known
        if not types and isinstance(func, Member):
            yield from (f"{base}.{func.attr}" for base in self._names(func.base, scope))
        elif not types and isinstance(func, Invoke):
            yield from (f"{base}()" for base in self._names(func.func, scope))

    def _queues(self, func: Expr, scope: Scope) -> bool:
        """Whether it is a method of a job that has somebody else run it: `send_mail.delay`."""
        if not isinstance(func, Member) or func.attr not in external().queueing:
            return False
        bases = [t for t in self._known.resolver.types(func.base, scope) if isinstance(t, FunctionRef)]
        infos = ((t.path, self._known.info(t)) for t in bases)
        roles = (self._known.context.decorated_roles(path, info) for path, info in infos if info is not None)
        return any(Role.JOB in each for each in roles)

    def callees(self, call: Invoke, scope: Scope, waits: bool) -> list[FunctionRef]:
        """The project's functions that run when this call does."""
        refs = {ref for t in self._known.resolver.types(call.func, scope) for ref in self._functions(t)}
        found = sorted(refs, key=attrgetter("path", "key", "bound"))
        infos = ((ref, self._known.info(ref)) for ref in found)
        running = [r for r, i in infos if i is not None and not i.is_generator and (waits or not i.is_async)]
        return running if len(running) <= _MOST_CALLEES else []

    def _functions(self, callee: Type) -> list[FunctionRef]:
        """What runs when this is called: a function, a constructor, the `__call__` of an object."""
        match callee:
            case FunctionRef():
                return [callee]
            case ClassRef(path=path, key=key):
                lineage = self._known.resolver.classes.lineage(path, key)
                made = (FunctionRef(m.path, c.methods["__init__"], True) for m, c in lineage if "__init__" in c.methods)
                return [ref for ref in [next(made, None)] if ref is not None]
            case Object():
                members = self._known.resolver.member(callee, "__call__")
                return [t for t in members if isinstance(t, FunctionRef)]
        return []

    def run_by(self, call: Invoke, scope: Scope) -> Invoke:
        """The call that a thread makes for this one, if it is awaited: `f(x)` of `asyncio.to_thread(f, x)`."""
        for t in self._known.resolver.types(call.func, scope):
            run = self._known.resolver.results.run_for(t, call) if isinstance(t, (Symbol, Method)) else None
            if run is not None:
                return run
        return call

    def made_by(self, ref: FunctionRef) -> Outside | None:
        """The call that leaves the process when a project function runs, if one does."""
        return self._known.lasting.ask(("outside", ref.path, ref.key), lambda: self._search(ref), None)

    def _search(self, ref: FunctionRef) -> Outside | None:
        here, callees = self._ways(ref)
        if here is not None and not here.sort.rank:
            return here
        further = ((row, callee, self.made_by(callee)) for row, callee in callees)
        found = [Outside(o.sort, (Station(ref.path, row, c.key), *o.way)) for row, c, o in further if o is not None]
        return min([here, *found] if here is not None else found, key=attrgetter("rank"), default=None)

    def _ways(self, ref: FunctionRef) -> _Ways:
        """The first call in a function that leaves the process itself, and the functions that it calls."""
        nothing: _Ways = (None, [])
        return self._known.lasting.ask(("ways outside", ref.path, ref.key), lambda: self._look(ref), nothing)

    def _look(self, ref: FunctionRef) -> _Ways:
        scope = Scope(ref.path, ref.key)
        here: Outside | None = None
        inside: list[tuple[_Call, Invoke]] = []
        for call in self._in(ref):
            run = self.run_by(call.expr, scope)
            sort = self.sort_of(run, scope, call.entered)
            if sort is not None:
                found = Outside(sort, (Station(ref.path, call.row, ""),))
                if not sort.rank:
                    return found, []
                here = min(here or found, found, key=attrgetter("rank"))
            else:
                inside.append((call, run))
        waiting = ((call, run, call.waits or self._awaits(call.given, scope)) for call, run in inside)
        return here, [(call.row, ref) for call, run, waits in waiting for ref in self.callees(run, scope, waits)]

    def _awaits(self, func: Expr | None, scope: Scope) -> bool:
        """Whether a callee awaits what it is given."""
        awaiting = idioms().functions.awaiting
        is_likely = func is not None and any(name.endswith(f".{last_name(func)}") for name in awaiting)
        return func is not None and is_likely and not awaiting.isdisjoint(self._names(func, scope))

    def _in(self, ref: FunctionRef) -> list[_Call]:
        """The calls in a function, those nested in it left out."""
        info = self._known.info(ref)
        if info is None or self._is_remembered(ref, info):
            return []
        place = (ref.path, self._known.outermost(ref.path, ref.key))
        if place not in self._calls:
            self._calls[place] = self._read(*place)
        return self._calls[place].get(info.def_row, [])

    def _is_remembered(self, ref: FunctionRef, info: FunctionInfo) -> bool:
        """Whether only the first call runs: it is given nothing, and what it answers is kept."""
        return not info.params and self._known.resolver.has_decorator(info, ref.path, idioms().functions.caching)

    def _read(self, path: str, key: str) -> dict[int, list[_Call]]:
        try:
            if key == MODULE:
                return {}
            tree, offset = parsed(self._known.part(path, key))
        except (SourceError, KeyError):
            return {}
        found: dict[int, list[_Call]] = {}
        _collect(tree, offset, 0, False, found, _run_once(tree))
        return found


def awaited_in(unit: Unit, describe: Describing) -> frozenset[str]:
    """The values that some call in a function awaits: what `gather` is given."""
    return _given_to(unit, describe, idioms().functions.awaiting)


def started_in(unit: Unit, describe: Describing) -> frozenset[str]:
    """The values that some call in a function has run beside it: what `create_task` is given."""
    return _given_to(unit, describe, idioms().functions.starting)


def entered_in(unit: Unit) -> frozenset[str]:
    """The values that a function enters by `with`."""
    managers = frozenset(op.manager for op in unit.ops() if isinstance(op, ir.Enter))
    return managers | {op.source for op in unit.ops() if isinstance(op, ir.Assign) and op.target in managers}


def _given_to(unit: Unit, describe: Describing, names: frozenset[str]) -> frozenset[str]:
    lasts = {name.rpartition(".")[2] for name in names}
    meant = (op for op in unit.ops() if isinstance(op, ir.Call) and op.name in lasts)
    calls = (op for op in meant if not names.isdisjoint(describe(unit, op).names))
    return frozenset(argument.value for op in calls for argument in op.arguments)


def _run_once(tree: ast.AST) -> frozenset[ast.AST]:
    """The statements that only the first call of a process runs: they fill a global, or an attribute of a class, which
    is asked for before (`if _client is None: _client = connect()`)."""
    nodes = list(ast.walk(tree))
    shared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    classes = {own_name(node) for node in nodes if isinstance(node, _FUNCTIONS) and is_of_class(node)}
    filling = (node for node in nodes if isinstance(node, ast.If) and _fills(node, shared, classes))
    return frozenset(statement for node in filling for statement in node.body)


def _fills(node: ast.If, shared: Container[str], classes: Container[str]) -> bool:
    """Whether an `if` fills a global of `shared`, or an attribute of one of `classes`, which it finds empty."""
    match node.test:
        case ast.Compare(left=asked, ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
            pass
        case ast.UnaryOp(op=ast.Not(), operand=asked):
            pass
        case _:
            return False
    path = dotted(to_expr(asked)) or ""
    owner, dot, _ = path.partition(".")
    if path not in shared and not (dot and owner in classes):
        return False
    stores = (target for each in ast.walk(node) if isinstance(each, ast.Assign) for target in each.targets)
    return any(dotted(to_expr(target)) == path for target in stores)


def _collect(
    node: ast.AST,
    offset: int,
    row: int,
    waits: bool,
    found: dict[int, list[_Call]],
    once: Container[ast.AST],
    entered: bool = False,
    given: Expr | None = None,
) -> None:
    """Every call below a node that is made again and again, by the row of the `def` around it, in their order."""
    if isinstance(node, (ast.ExceptHandler, ast.Lambda)) or node in once:
        return
    if isinstance(node, ast.Call):
        expr = to_expr(node)
        if isinstance(expr, Invoke):
            found.setdefault(row, []).append(_Call(expr, node.lineno + offset, waits, given, entered))
        waits, given = False, to_expr(node.func)
    elif isinstance(node, ast.Await):
        waits = True
    elif isinstance(node, ast.stmt):
        waits, given = False, None
    inner = node.lineno + offset if isinstance(node, _FUNCTIONS) else row
    children: list[ast.AST] = []
    push_children(children, node)
    for child in children:
        _collect(child, offset, inner, waits, found, once, entered=isinstance(node, ast.withitem), given=given)


def _name(t: Type) -> str:
    match t:
        case Symbol(name=name) | Instance(name=name):
            return name
        case Method(owner=owner, name=name):
            return f"{owner.name}.{name}"
    return ""
