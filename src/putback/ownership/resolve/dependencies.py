"""What a framework hands in by the default of a parameter: `db=Depends(get_db)`."""

from __future__ import annotations

from typing import Protocol

from putback.flow.names import Expr, Invoke
from putback.frameworks.catalog import FrameworkCatalog
from putback.frameworks.schema import Role
from putback.ownership.resolve.types import Scope, Symbol, Type, Types


class Resolver(Protocol):
    """What has to be known of names."""

    frameworks: FrameworkCatalog

    def types(self, expr: Expr, scope: Scope) -> Types:
        """The possible types of a value."""
        ...


def dependencies(resolver: Resolver, default: Expr, scope: Scope) -> list[Type]:
    """The functions and classes that a default gives to the framework, which calls them and hands in the result."""
    if not isinstance(default, Invoke) or not default.args:
        return []
    names = (t.name for t in resolver.types(default.func, scope) if isinstance(t, Symbol))
    roles = (argument for name in names for argument in resolver.frameworks.argument_role(name))
    places = {at for role, at, _ in roles if role is Role.DEPENDENCY and 0 <= at < len(default.args)}
    return [t for at in sorted(places) for t in resolver.types(default.args[at], scope)]
