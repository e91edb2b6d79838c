"""The questions a rule may ask of what a function makes: a pool, an engine, a session factory, a plain connection."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from putback.drivers.schema import Pool
from putback.flow import ir
from putback.frameworks.idioms import idioms
from putback.frameworks.schema import Role
from putback.model.finding import Step
from putback.model.span import Position, Span
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.context import name_of
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.astnames import to_expr
from putback.ownership.makers.by_hand import is_command
from putback.ownership.makers.fates import Fate
from putback.ownership.makers.often import Often, Race, frequency_of
from putback.ownership.makers.parts import Part
from putback.ownership.makers.settings import Settings, reader_of
from putback.ownership.makers.sharing import Requested, sharing_of
from putback.ownership.resolve.types import ClassRef, Partial, Symbol


@dataclass(eq=False)
class Making:
    """A call that makes something new; `ends` are the methods that close it."""

    analyzer: Analyzer = field(repr=False)
    unit: Unit = field(repr=False)
    at: int
    display: Callable[[str], str] = field(repr=False)
    ends: Collection[str] = field(default=(), repr=False)

    @property
    def span(self) -> Span:
        """Where the call stands."""
        return self.unit.span(self.at)

    @cached_property
    def _place(self) -> tuple[Part, ast.Call] | None:
        part = frequency_of(self.analyzer).parts.part(self.unit.path, self.unit.key)
        call = part.call_at(self.span) if part is not None else None
        return (part, call) if part is not None and call is not None else None

    @property
    def call(self) -> ast.Call | None:
        """The call as a tree."""
        return self._place[1] if self._place is not None else None

    @cached_property
    def fate(self) -> Fate:
        """What becomes of it in this function."""
        if self._place is None:
            return Fate.KEPT
        return frequency_of(self.analyzer).fate(*self._place, self.ends)

    @cached_property
    def often(self) -> Often | None:
        """Who makes it again and again, if anybody is seen to."""
        if self._place is None:
            return None
        return frequency_of(self.analyzer).often(*self._place, self.ends)

    @cached_property
    def others(self) -> list[Often]:
        """Who else makes it again and again."""
        if self._place is None or self.often is None or self.often.role is None:
            return []
        everybody = frequency_of(self.analyzer).everybody(*self._place, self.ends)
        return [each for each in everybody if each.role is not None and not _is_same(each, self.often)]

    @cached_property
    def race(self) -> Race | None:
        """Which requests may make it at the same time, although each looks first whether it is there."""
        if self._place is None:
            return None
        return frequency_of(self.analyzer).raced(*self._place)

    @cached_property
    def requested(self) -> tuple[str, Requested] | None:
        """The global that keeps it, and a use of it by requests that no lock keeps apart."""
        return sharing_of(self.analyzer).requested(*self._place) if self._place is not None else None

    @cached_property
    def is_limited(self) -> bool:
        """Whether something around the call ends it when it takes too long."""
        if self._place is None:
            return True
        part, call = self._place
        if any(k.arg in self._limits and not _is_none(k.value) for k in call.keywords):
            return True
        around = (n for each in part.above(call) for n in (each, *_entered(each)))
        calls = (n.func for n in around if isinstance(n, ast.Call))
        types = (t for func in calls for t in self.analyzer.resolver.types(to_expr(func), part.scope_of(func)))
        return any(name_of(t) in idioms().functions.limiting for t in types)

    @property
    def _limits(self) -> frozenset[str]:
        """The arguments of the call that end its waiting."""
        calls = (op for op in self.unit.ops() if isinstance(op, ir.Call) and op.at == self.at)
        infos = (self.analyzer.call_info(self.unit, op) for op in calls)
        return frozenset(d.effect.limited for info in infos for d in info.drivers if d.effect.limited)

    def is_for_command(self, often: Often) -> bool:
        """Whether it is a loop of a command that makes it anew, which comes to an end."""
        return often.ref is not None and is_command(self.analyzer, often.ref)

    def way(self, often: Often) -> Iterator[Step]:
        """The steps from the one who runs often down to this call, which is not among them."""
        yield self.step(often.path, often.row, f"{often.name} {_WHEN[often.role]}")
        for link in reversed(often.links):
            yield self.step(link.path, link.row, f"uses {link.name} ...")

    def elsewhere(self, others: Iterable[Often]) -> Iterator[Step]:
        """The steps that name who else makes it."""
        for each in others:
            yield self.step(each.path, each.row, f"{each.name} {_WHEN[each.role]}, too, and makes one of its own")

    def step(self, path: str, row: int, text: str) -> Step:
        """A station of a path that takes a whole row."""
        return Step(self.display(path), self._row(path, row), text)

    def _row(self, path: str, row: int) -> Span:
        rows = self.analyzer.reader.rows(path)
        text = rows[row - 1] if 0 < row <= len(rows) else ""
        start = len(text) - len(text.lstrip()) + 1
        return Span(Position(row, start), Position(row, start + len(text.strip())))


@dataclass(eq=False)
class PoolFacts(Making):
    """A pool, engine or session factory that a function makes."""

    pool: Pool = field(kw_only=True)

    @cached_property
    def settings(self) -> list[Settings]:
        """The ways in which it is set up."""
        return reader_of(self.analyzer).settings(*self._place, self.pool) if self._place is not None else []

    @cached_property
    def is_embedded(self) -> bool:
        """Whether each way in which it is set up is for a database in the process itself."""
        backends = self.analyzer.catalog.drivers[self.pool.driver].backends
        meant = [each.backend(backends) for each in self.settings]
        return bool(meant) and all(each is not None and not each.server for each in meant)

    @cached_property
    def is_for_others(self) -> bool:
        """Whether each call may be for another database: the URL is one that a caller or a request gives."""
        url, place = self.pool.url, self._place
        if url is None or place is None or any(each.url for each in self.settings):
            return False
        part, call = place
        given = next((k.value for k in call.keywords if k.arg == url.name), call.args[0] if call.args else None)
        seen = any(value.variables for each in self.settings if (value := each.of(url)) is not None)
        names = (n.id for n in ast.walk(given) if isinstance(n, ast.Name)) if given is not None else ()
        return not seen and not part.own_names(call).isdisjoint(names)

    @property
    def listens(self) -> bool:
        """Whether its file listens to one of the events that may test a connection before it is lent."""
        text = "\n".join(self.analyzer.reader.rows(self.unit.path))
        return any(f'"{event}"' in text or f"'{event}'" in text for event in self.pool.pinged_by)

    @property
    def last_argument(self) -> Span | None:
        """Where the last argument of the call stands."""
        if self._place is None:
            return None
        part, call = self._place
        spans = [part.span(each) for each in call.args]
        spans += [part.span(k) for k in call.keywords]
        return max(spans, key=lambda span: span.start, default=None)

    @cached_property
    def is_without_pool(self) -> bool:
        """Whether it is told to keep no connections."""
        call = self.call
        given = (k.value for k in call.keywords if k.arg == self.pool.pool_class) if call is not None else ()
        return any(self._is_none_kept(value) for value in given)

    def _is_none_kept(self, value: ast.expr) -> bool:
        names = {t.name for t in self.analyzer.resolver.types(to_expr(value), self.unit.scope) if isinstance(t, Symbol)}
        return not names.isdisjoint(self.pool.keeping_none)


def _is_same(one: Often, other: Often) -> bool:
    return (one.path, one.row) == (other.path, other.row)


def _entered(node: ast.AST) -> Iterator[ast.expr]:
    """What a `with` enters."""
    if isinstance(node, (ast.With, ast.AsyncWith)):
        yield from (item.context_expr for item in node.items)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


_WHEN = {
    Role.ROUTE: "runs for every request",
    Role.DEPENDENCY: "runs for every request",
    Role.JOB: "runs for every job",
    None: "runs this for each item",
}


def pools_in(analyzer: Analyzer, unit: Unit, display: Callable[[str], str]) -> Iterator[PoolFacts]:
    """What the calls of a function make that keeps connections."""
    makers = analyzer.catalog.pool_makers()
    seen: set[int] = set()
    for op in unit.ops():
        if isinstance(op, ir.Call) and op.at not in seen and (op.name in makers or not op.receiver):
            seen.add(op.at)
            pool = _made_by(analyzer, unit, op)
            if pool is not None:
                yield PoolFacts(analyzer, unit, op.at, display, pool.ends, pool=pool)


def _made_by(analyzer: Analyzer, unit: Unit, op: ir.Call) -> Pool | None:
    for t in analyzer.resolver.types(op.expr.func, unit.scope):
        callee = t.function if isinstance(t, Partial) else t
        names = [callee.name] if isinstance(callee, Symbol) else []
        if isinstance(callee, ClassRef):
            names = analyzer.resolver.classes.outside_bases(callee.path, callee.key)
        found = next(filter(None, map(analyzer.catalog.pool_made_by, names)), None)
        if found is not None:
            return found
    return None
