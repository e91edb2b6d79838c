"""Whether the engine that a connection comes from keeps none: with `NullPool` no limit of a pool is ever reached."""

from __future__ import annotations

from collections.abc import Iterator

from putback.drivers.schema import Effect
from putback.flow import ir
from putback.flow.names import Expr, Invoke, Literal, Member
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.identity import Defined, identity
from putback.ownership.resolve.types import Scope, Symbol

_NOT_YET = Literal(None)
_FURTHEST = 4
"""Names that are looked up one behind the other: a factory, its engine, and one rename of each."""


def comes_without_pool(analyzer: Analyzer, unit: Unit, op: ir.Call) -> bool:
    """Whether what `engine.connect()`, `factory()` or `Session(engine)` hands out comes from no pool."""
    func = op.expr.func
    source = func.base if isinstance(func, Member) else func
    return any(_keeps_none(analyzer, each, unit.scope, _FURTHEST) for each in (source, op.expr))


def _keeps_none(analyzer: Analyzer, expr: Expr, scope: Scope, left: int) -> bool:
    """Whether an engine, or a factory of sessions that is bound to one, is made so; also by its global name."""
    if left == 0:
        return False
    if not isinstance(expr, Invoke):
        values = list(_values(analyzer, expr, scope))
        return bool(values) and all(_keeps_none(analyzer, value, where, left - 1) for where, value in values)
    made = _symbols(analyzer, expr.func, scope)
    pools = [pool for name in made if (pool := analyzer.catalog.pool_made_by(name)) is not None]
    for pool in pools:
        given = expr.keyword(pool.pool_class) if pool.pool_class else None
        if given is not None:
            return not _symbols(analyzer, given, scope).isdisjoint(pool.keeping_none)
    return any(_keeps_none(analyzer, bound, scope, left - 1) for bound in _bound(analyzer, expr, made))


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
