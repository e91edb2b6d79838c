"""What a new session, or a factory of sessions, is told to work on: on a connection it holds none of its own."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from putback.drivers.catalog import Catalog
from putback.drivers.schema import Effect
from putback.flow import ir
from putback.flow.names import Invoke
from putback.ownership.analysis.events import argument_of, describe
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import NOTHING, Instance, Scope, Types


class Written(Struct, frozen=True):
    """A call as it is written, and where. `depth`: how many lambdas and threads lead to it from the operation."""

    expr: Invoke
    scope: Scope
    depth: int = 0

    @property
    def is_here(self) -> bool:
        """Whether it is the operation itself."""
        return self.depth == 0


def works_on_held(resolver: Resolver, catalog: Catalog, op: ir.Call, call: Written, effect: Effect) -> bool:
    """Whether a call tells the new object to work on a connection."""
    bind = told(resolver, op, call, effect)
    return any(isinstance(t, Instance) and catalog.kind_of(t.name) is not None for t in bind or NOTHING)


def told(resolver: Resolver, op: ir.Call, call: Written, effect: Effect) -> Types | None:
    """The types of what the new object is told to work on, None when it is told nothing.

    On a connection that exists already it holds none of its own; on something unknown that may be so.
    """
    for param in effect.bound:
        if call.is_here and argument_of(op, param) is None:
            continue
        by_position = call.expr.args[param.index] if 0 <= param.index < len(call.expr.args) else None
        expr = call.expr.keyword(param.name) or by_position
        if expr is not None or call.is_here:
            return resolver.types(expr, call.scope) if expr is not None else NOTHING
    return None


def is_configured(resolver: Resolver, catalog: Catalog, ops: Sequence[ir.Op], name: str, scope: Scope) -> bool:
    """Whether a method tells an object of this name to work on a connection: `Session.configure(bind=connection)`."""
    return any(
        works_on_held(resolver, catalog, op, Written(op.expr, scope), each.effect)
        for op in ops
        if isinstance(op, ir.Call) and op.receiver == name
        for each in describe(op.expr, scope, resolver).drivers
    )


def is_lent(resolver: Resolver, catalog: Catalog, ops: Sequence[ir.Op], op: ir.Call, registry: Written) -> bool:
    """Whether a registry, or the factory that it is made with, is told to work on a connection."""
    factories = [Written(each, registry.scope, 1) for each in registry.expr.args if isinstance(each, Invoke)]
    made = [(f, each.effect) for f in factories for each in describe(f.expr, f.scope, resolver).drivers]
    if any(works_on_held(resolver, catalog, op, factory, effect) for factory, effect in made):
        return True
    names = (o.target for o in ops if isinstance(o, ir.Assign) and o.source == op.target)
    return any(is_configured(resolver, catalog, ops, name, registry.scope) for name in names)
