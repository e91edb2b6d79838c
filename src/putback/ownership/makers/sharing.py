"""Connections and sessions that several threads or tasks have at the same time.

Two forms: one name is given to what runs at once (`asyncio.gather`, threads started in a loop), or a global is used by
requests, which a server runs at once. A lock around a use takes it out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from msgspec import Struct

from putback.drivers.schema import Kind
from putback.frameworks.schema import Role
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.context import name_of
from putback.ownership.index.astnames import to_expr
from putback.ownership.makers.attributes import Shared, SharedAttributes
from putback.ownership.makers.locks import Locked, locks_of
from putback.ownership.makers.often import Often, frequency_of
from putback.ownership.makers.parts import FUNCTIONS, Function, Part
from putback.ownership.resolve.identity import Defined, identity
from putback.ownership.resolve.types import Instance

_MOST = 60
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


@dataclass(frozen=True, eq=False)
class Spawned:
    """A call that runs several at once which all have `name`; `sure`: no lock may keep them apart."""

    node: ast.Call
    name: str
    kind: Kind
    sure: bool


class Requested(Struct, frozen=True):
    """A use of a global in what requests run: where it is, and who runs it; `sure`: no lock may keep it apart."""

    path: str
    row: int
    entry: Often
    sure: bool


class Sharing:
    """Answers for functions and for globals."""

    def __init__(self, analyzer: Analyzer) -> None:
        self.analyzer = analyzer
        self.frequency = frequency_of(analyzer)
        self.attributes = SharedAttributes(analyzer, self.frequency)

    # -- what runs at once

    def spawned(self, part: Part, key: str) -> Iterator[Spawned]:
        """The calls in a function that run several at once which share a connection."""
        once: dict[str, ast.Call] = {}
        told: set[str] = set()
        for call, in_threads in self._spawning(part, key):
            for name, kind, many, sure in self._given(part, call):
                if not in_threads and not self.analyzer.catalog.is_async(kind):
                    continue  # one task waits while another is in a call
                if name not in told and (many or (name in once and self._at_once(part, once[name], call))):
                    told.add(name)
                    yield Spawned(call, name, kind, sure)
                once.setdefault(name, call)

    def _spawning(self, part: Part, key: str) -> Iterator[tuple[ast.Call, bool]]:
        """The calls in a function itself that run something beside it, in order, and whether they do so in threads."""
        frameworks = self.analyzer.frameworks
        for node in ast.walk(part.tree):
            if (
                isinstance(node, ast.Call)
                and _last(node.func) in frameworks.spawning_names
                and part.key_of(node) == key
            ):
                names = self._names(part, node.func)
                in_threads = any(map(frameworks.spawns, names))
                if in_threads or any(map(frameworks.starts_tasks, names)):
                    yield node, in_threads

    def _given(self, part: Part, call: ast.Call) -> Iterator[tuple[str, Kind, bool, bool]]:
        """The connections that a call is given, each with whether more than one run has it, and no lock for it."""
        repeated = self._is_repeated(part, call)
        is_waited_for = self._waits(part, part.parents.get(call))
        is_for_each = any(map(self.analyzer.frameworks.runs_for_each, self._names(part, call.func)))
        arguments = [*call.args, *(k.value for k in call.keywords)]
        counted: dict[str, tuple[Kind, int, bool]] = {}
        for argument in arguments:
            several = isinstance(argument, ast.Starred) or is_for_each
            for name, (kind, sure) in self._held(part, argument).items():
                _, count, others = counted.get(name, (kind, 0, True))
                counted[name] = (kind, count + (2 if several else 1), sure and others)
        for name, (kind, count, sure) in counted.items():
            root = name.partition(".")[0]
            again = repeated is not None and not is_waited_for and root not in _bound_in(repeated)
            if again or count > 1:
                yield name, kind, True, sure
            elif not is_waited_for:
                yield name, kind, False, sure

    def _names(self, part: Part, node: ast.expr) -> list[str]:
        """The qualified names of what an expression is outside of the project."""
        return [name_of(t) for t in self.analyzer.resolver.types(to_expr(node), part.scope_of(node))]

    def _at_once(self, part: Part, first: ast.Call, second: ast.Call) -> bool:
        """Whether two calls stand in one block, with nothing between them that waits for the first."""
        here, there = (next(p for p in part.above(each) if isinstance(p, ast.stmt)) for each in (first, second))
        holder = part.parents.get(here)
        for block in (getattr(holder, name, None) for name in ("body", "orelse", "finalbody")):
            if isinstance(block, list) and here in block and there in block:
                between = block[block.index(here) : block.index(there)]
                return not any(self._waits(part, node) for statement in between for node in ast.walk(statement))
        return False

    def _waits(self, part: Part, node: ast.AST | None) -> bool:
        """Whether this waits for what runs beside it, or may do so, because it is a method of something unknown."""
        frameworks = self.analyzer.frameworks
        if not isinstance(node, (ast.Attribute, ast.Name)) or _last(node) not in frameworks.waiting_names:
            return isinstance(node, ast.Await)
        names = self._names(part, node)
        is_unknown = isinstance(node, ast.Attribute) and not names and not isinstance(node.value, ast.Constant)
        return is_unknown or any(map(frameworks.waits, names))

    @staticmethod
    def _is_repeated(part: Part, call: ast.Call) -> ast.AST | None:
        """The loop or comprehension around a call."""
        for parent in part.above(call):
            if isinstance(parent, FUNCTIONS):
                return None
            if isinstance(parent, (*_COMPREHENSIONS, *_LOOPS)):
                return parent
        return None

    def _held(self, part: Part, argument: ast.expr) -> dict[str, tuple[Kind, bool]]:
        """The connections that an argument has, as it writes them, and whether some use stands in no lock for sure.

        Those that a function in it closes over, too.
        """
        found: dict[str, tuple[Kind, bool]] = {}
        own = _bound_in(argument)
        for node in self._reached(part, argument):
            if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
                kind = self._kind(part, node)
                if kind is None or _root(node) in own:
                    continue
                locked = locks_of(self.analyzer).around(part, node)
                if locked is not Locked.YES:
                    name = ast.unparse(node)
                    found[name] = kind, locked is Locked.NO or (name in found and found[name][1])
        return found

    def _reached(self, part: Part, argument: ast.expr) -> Iterator[ast.AST]:
        """The nodes of an argument, and those of functions nested beside it that it names."""
        named = {node.id for node in ast.walk(argument) if isinstance(node, ast.Name)}
        around = part.function_of(argument)
        yield from ast.walk(argument)
        for nested in part.functions:
            if nested.name in named and any(each is around for each in part.above(nested)):
                own = _own_names(nested)
                yield from (node for node in ast.walk(nested) if _root(node) not in own)

    def _kind(self, part: Part, node: ast.expr) -> Kind | None:
        for t in self.analyzer.resolver.types(to_expr(node), part.scope_of(node)):
            if isinstance(t, Instance):
                kind = self.analyzer.catalog.kind_of(self.analyzer.catalog.canonical(t.name))
                if kind is not None and not kind.shareable:
                    return kind
        return None

    # -- what requests use

    def requested(self, part: Part, made: ast.expr) -> tuple[str, Requested] | None:
        """The global or attribute that keeps a connection, and a use of it by requests that no lock keeps apart."""
        kept = self.attributes.of(part, made)
        name = kept.text if kept is not None else self._kept_in(part, made)
        if not name:
            return None
        used = self._by_requests(self._uses(part.path, name) if kept is None else self.attributes.uses(kept))
        return (name, used) if used is not None else None

    def of_classes(self, path: str) -> Iterator[tuple[Shared, Kind, Requested]]:
        """The connections that classes of a file keep, and a use of each by requests that no lock keeps apart."""
        for shared, kind in self.attributes.of_classes(path):
            used = self._by_requests(self.attributes.uses(shared)) if not kind.shareable else None
            if used is not None:
                yield shared, kind, used

    def _by_requests(self, uses: Iterable[tuple[Part, ast.expr]]) -> Requested | None:
        perhaps: Requested | None = None
        for part, node in uses:
            locked = locks_of(self.analyzer).around(part, node)
            if locked is Locked.YES or (perhaps is not None and locked is Locked.PERHAPS):
                continue
            entry = self.frequency.run_by(part.ref_of(node))
            if entry is not None and entry.role is Role.ROUTE:
                found = Requested(part.path, part.row(node), entry, locked is Locked.NO)
                if found.sure:
                    return found
                perhaps = found
        return perhaps

    def _kept_in(self, part: Part, made: ast.expr) -> str:
        """The global that a call is assigned to, or what comes of it and is a library's; "" for none."""
        below: ast.AST = made
        for parent in part.above(made):
            is_read = isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is below
            if is_read and not self._is_of_library(part, parent):
                return ""
            below = parent
            if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
                function = part.function_of(made)
                name = parent.targets[0].id
                return name if function is None or name in _globals(function) else ""
            if isinstance(parent, ast.stmt):
                return ""
        return ""

    def _is_of_library(self, part: Part, node: ast.AST) -> bool:
        """Whether an attribute or item, or what calling it returns, is an object of a library: a cursor is."""
        call = part.parents.get(node)
        value = call if isinstance(call, ast.Call) and call.func is node else node
        assert isinstance(value, ast.expr)
        names = map(name_of, self.analyzer.resolver.types(to_expr(value), part.scope_of(node)))
        return any(self.analyzer.catalog.type(self.analyzer.catalog.canonical(name)) is not None for name in names)

    def _uses(self, home: str, name: str) -> Iterator[tuple[Part, ast.expr]]:
        """Where functions use a global, and what accessors answer with it."""
        wanted = Defined(home, name)
        for path in (home, *self.analyzer.importing(home)):
            module = self.analyzer.project.module(path) if self.analyzer.says(path, name) else None
            rows = self.analyzer.reader.rows(path) if module is not None else ()
            for info in module.functions.values() if module is not None else ():
                if info.outer or not any(name in row for row in rows[info.row - 1 : info.end_row]):
                    continue
                part = self.frequency.parts.part(path, info.key)
                for node in ast.walk(part.tree) if part is not None else ():
                    assert part is not None
                    if isinstance(node, (ast.Name, ast.Attribute)) and self._means(part, node, wanted, name):
                        yield from self._used(part, node)

    def _used(self, part: Part, node: ast.expr) -> Iterator[tuple[Part, ast.expr]]:
        if isinstance(part.parents.get(node), ast.Return):
            for use in self.frequency.users.of(part.ref_of(node))[:_MOST]:
                yield use.part, use.node
        else:
            yield part, node

    def _means(self, part: Part, node: ast.Name | ast.Attribute, wanted: Defined, name: str) -> bool:
        is_read = _last(node) == name and isinstance(node.ctx, ast.Load)
        return is_read and identity(self.analyzer.project, to_expr(node), part.scope_of(node)) == wanted


def _root(node: ast.AST) -> str:
    """The name that a name or an attribute begins with."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _bound_in(node: ast.AST) -> set[str]:
    """The names that a loop, a comprehension or a lambda binds."""
    stored = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return stored | {a.arg for n in ast.walk(node) if isinstance(n, ast.Lambda) for a in n.args.args}


def _own_names(function: Function) -> set[str]:
    args = function.args
    return {a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)} | _bound_in(function)


def _globals(function: Function) -> Iterable[str]:
    return {name for n in ast.walk(function) if isinstance(n, ast.Global) for name in n.names}


def sharing_of(analyzer: Analyzer) -> Sharing:
    """The run's only one."""
    return analyzer.known(Sharing)
