"""Whether the engine that a connection comes from keeps none: with `NullPool` no limit of a pool is ever reached."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from putback.drivers.schema import Effect, Pool
from putback.flow import ir
from putback.flow.names import Expr, Invoke, Literal, Member
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.identity import Defined, identity
from putback.ownership.resolve.types import Scope, Symbol

_NOT_YET = Literal(None)
_FURTHEST = 4
"""Names that are looked up one behind the other: a factory, its engine, and one rename of each."""


class _Made(Struct, frozen=True):
    """The call that makes an engine, and where it stands."""

    pool: Pool
    call: Invoke
    scope: Scope


def comes_without_pool(analyzer: Analyzer, unit: Unit, op: ir.Call) -> bool:
    """Whether what `engine.connect()`, `factory()` or `Session(engine)` hands out comes from no pool."""
    found = _engines(analyzer, unit, op)
    return bool(found) and all(each is not None and _keeps_none(analyzer, each) for each in found)


def exhausted(analyzer: Analyzer, unit: Unit, op: ir.Call, usual: str) -> str:
    """The error of the pool that it comes from, once that has run dry: `usual`, up to the numbers where the engine is
    told others; "" where it is told to keep a pool of which that is not known."""
    engines = [each for each in _engines(analyzer, unit, op) if each is not None]
    if any(not _is_limited(analyzer, each) for each in engines):
        return ""
    number = next((at for at, letter in enumerate(usual) if letter.isdigit()), None)
    is_told = any(_is_told_its_size(each) for each in engines)
    return usual if number is None or not is_told else f"{usual[:number]}..."


def _engines(analyzer: Analyzer, unit: Unit, op: ir.Call) -> list[_Made | None]:
    """The engines that what a call hands out may come from; None for one of which nothing is known."""
    func = op.expr.func
    source = func.base if isinstance(func, Member) else func
    return next((found for each in (source, op.expr) if (found := _makers(analyzer, each, unit.scope, _FURTHEST))), [])


def _makers(analyzer: Analyzer, expr: Expr, scope: Scope, left: int) -> list[_Made | None]:
    """What makes an engine, or the one that a factory of sessions is bound to; also by its global name."""
    if left == 0:
        return [None]
    if not isinstance(expr, Invoke):
        values = _values(analyzer, expr, scope)
        return [made for where, value in values for made in _makers(analyzer, value, where, left - 1) or [None]]
    made = _symbols(analyzer, expr.func, scope)
    pools = [pool for name in made if (pool := analyzer.catalog.pool_made_by(name)) is not None]
    if engines := [pool for pool in pools if pool.pool_class]:
        return [_Made(pool, expr, scope) for pool in engines]
    return [each for bound in _bound(analyzer, expr, made) for each in _makers(analyzer, bound, scope, left - 1)]


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
    """What a global name is given, wherever it is defined; None stands for none so far."""
    meant = identity(analyzer.project, expr, scope)
    module = analyzer.project.module(meant.path) if isinstance(meant, Defined) and meant.path else None
    if module is not None and isinstance(meant, Defined):
        for function, value in module.globals.get(meant.name, ()):
            if value != _NOT_YET:
                yield Scope(meant.path, function or ir.MODULE), value


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
