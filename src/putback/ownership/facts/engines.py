"""The engines that a session or a connection comes from: with `NullPool` no limit of a pool is ever reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from putback.drivers.schema import Effect, Kind, Pool
from putback.flow import ir
from putback.flow.names import Expr, Invoke, Literal, Member, Name
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.autocommit import is_made_with
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.identity import Defined, identity
from putback.ownership.resolve.types import FunctionRef, Scope, Symbol

_NOT_YET = Literal(None)
_Asked = frozenset[tuple[Scope, Expr]]
"""The names and calls that were looked up on the way: what leads to itself is not known."""


class _Made(Struct, frozen=True):
    """The call that makes an engine, and where it stands; `called` is the call that comes down to it: another one where
    a function of the project makes the engine anew for each of its callers."""

    pool: Pool
    call: Invoke
    scope: Scope
    called: tuple[Scope, Invoke]


@dataclass(frozen=True)
class Engines:
    """All engines that something may come from; None stands for one of which nothing is known."""

    analyzer: Analyzer
    made: tuple[_Made | None, ...]

    @property
    def keep_none(self) -> bool:
        """Whether what they hand out comes from no pool."""
        return bool(self.made) and all(each is not None and _keeps_none(self.analyzer, each) for each in self.made)

    def called_in(self, unit: Unit) -> dict[int, Pool]:
        """The operations of a function that make them all, each with what it makes; none if they do not make all."""
        known = [each for each in self.made if each is not None and each.called[0] == unit.scope]
        pools = {each.called[1]: each.pool for each in known}
        calls = (op for op in unit.ops() if isinstance(op, ir.Call))
        return {op.at: pools[op.expr] for op in calls if op.expr in pools} if len(known) == len(self.made) else {}

    def autocommit(self, kind: Kind) -> bool:
        """Whether none of them begins a transaction with a statement."""
        return bool(self.made) and all(each is not None and is_made_with(each.call, kind) for each in self.made)

    def exhausted(self, usual: str) -> str:
        """The error of the pool once that has run dry: `usual`, up to the numbers where an engine is told others; ""
        where it is told to keep a pool of which that is not known."""
        engines = [each for each in self.made if each is not None]
        if any(not _is_limited(self.analyzer, each) for each in engines):
            return ""
        number = next((at for at, letter in enumerate(usual) if letter.isdigit()), None)
        is_told = any(_is_told_its_size(each) for each in engines)
        return usual if number is None or not is_told else f"{usual[:number]}..."


def engines_of_call(analyzer: Analyzer, unit: Unit, at: int) -> Engines:
    """Those of what `engine.connect()`, `factory()` or `Session(engine)` hands out, which stands at an operation."""
    for op in (op for op in unit.ops() if isinstance(op, ir.Call) and op.at == at):
        func = op.expr.func
        for each in (func.base if isinstance(func, Member) else func, op.expr):
            if made := _makers(analyzer, each, unit.scope, frozenset()):
                return Engines(analyzer, tuple(made))
    return Engines(analyzer, ())


def engines_of_global(analyzer: Analyzer, meant: Defined) -> Engines:
    """Those of a session, or of what hands sessions out, that a global name leads to."""
    return Engines(analyzer, tuple(_makers(analyzer, Name(meant.name), Scope(meant.path), frozenset())))


def _makers(analyzer: Analyzer, expr: Expr, scope: Scope, asked: _Asked) -> list[_Made | None]:
    """What makes an engine, or the one that a factory of sessions is bound to; also by its global name."""
    if (scope, expr) in asked:
        return [None]
    asked |= {(scope, expr)}
    if not isinstance(expr, Invoke):
        values = _values(analyzer, expr, scope)
        return [made for where, value in values for made in _makers(analyzer, value, where, asked) or [None]]
    made = _symbols(analyzer, expr.func, scope)
    pools = [pool for name in made if (pool := analyzer.catalog.pool_made_by(name)) is not None]
    if engines := [pool for pool in pools if pool.pool_class]:
        return [_Made(pool, expr, scope, (scope, expr)) for pool in engines]
    if returned := list(_returned(analyzer, expr, scope)):
        found = [made for where, value in returned for made in _makers(analyzer, value, where, asked) or [None]]
        return [replace(made, called=(scope, expr)) if made is not None else None for made in found]
    return [each for bound in _bound(analyzer, expr, made) for each in _makers(analyzer, bound, scope, asked)]


def _returned(analyzer: Analyzer, call: Invoke, scope: Scope) -> Iterator[tuple[Scope, Expr]]:
    """What a function of the project makes for each caller: it returns a call, and nothing decorates it."""
    refs = [t for t in analyzer.resolver.types(call.func, scope) if isinstance(t, FunctionRef)]
    for ref in refs:
        info = analyzer.info(ref)
        if info is not None and not info.decorators:
            yield from ((Scope(ref.path, ref.key), value) for value in info.returns if isinstance(value, Invoke))


def _keeps_none(analyzer: Analyzer, made: _Made) -> bool:
    given = made.call.keyword(made.pool.pool_class)
    return given is not None and not _symbols(analyzer, given, made.scope).isdisjoint(made.pool.keeping_none)


def _is_limited(analyzer: Analyzer, made: _Made) -> bool:
    """Whether the pool that an engine keeps has a size, as the usual one has."""
    given = made.call.keyword(made.pool.pool_class)
    pools = map(analyzer.catalog.pool_made_by, _symbols(analyzer, given, made.scope) if given is not None else ())
    return given is None or any(pool is not None and pool.size is not None for pool in pools)


def _is_told_its_size(made: _Made) -> bool:
    limits = (limit for limit in (made.pool.size, made.pool.overflow) if limit is not None)
    return any(made.call.keyword(each.name) not in (None, Literal(each.default)) for each in limits)


def _values(analyzer: Analyzer, expr: Expr, scope: Scope) -> Iterator[tuple[Scope, Expr]]:
    """What a name is given, in the function or wherever a global is defined; None stands for none so far."""
    own = analyzer.project.part(scope.path, scope.function) if isinstance(expr, Name) else None
    function = own.functions.get(scope.function) if own is not None else None
    if function is not None and isinstance(expr, Name) and expr.id in function.bindings:
        yield from ((scope, value) for value in function.bindings[expr.id] if value != _NOT_YET)
        return
    meant = identity(analyzer.project, expr, scope)
    module = analyzer.project.module(meant.path) if isinstance(meant, Defined) and meant.path else None
    if module is not None and isinstance(meant, Defined):
        for where, value in module.globals.get(meant.name, ()):
            if value != _NOT_YET:
                yield Scope(meant.path, where or ir.MODULE), value


def _symbols(analyzer: Analyzer, expr: Expr, scope: Scope) -> frozenset[str]:
    found = (t.name for t in analyzer.resolver.types(expr, scope) if isinstance(t, Symbol))
    return frozenset(analyzer.catalog.canonical(name) for name in found)


def _bound(analyzer: Analyzer, call: Invoke, made: frozenset[str]) -> Iterator[Expr]:
    """The arguments by which what a call makes is bound to an engine."""
    effects: list[Effect] = [spec.init for name in made if (spec := analyzer.catalog.type(name)) is not None]
    for param in (param for effect in effects for param in effect.bound):
        given = call.keyword(param.name)
        if given is None and 0 <= param.index < len(call.args):
            given = call.args[param.index]
        if given is not None:
            yield given
