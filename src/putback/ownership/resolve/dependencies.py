"""What a framework hands in by a parameter: `db=Depends(get_db)`, `db: Annotated[Session, Depends(get_db)]`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from putback.flow.names import Annotation, Choice, Expr, Invoke, Member, Name, TypeForm
from putback.frameworks.catalog import FrameworkCatalog
from putback.frameworks.schema import Role
from putback.ownership.index.module import ParamInfo
from putback.ownership.index.project import Project
from putback.ownership.resolve.identity import Defined, identity
from putback.ownership.resolve.types import Scope, Symbol, Type, Types

_MOST = 8  # names for names of an annotation


class Resolver(Protocol):
    """What has to be known of names."""

    frameworks: FrameworkCatalog
    project: Project

    def types(self, expr: Expr, scope: Scope) -> Types:
        """The possible types of a value."""
        ...


def dependencies(resolver: Resolver, param: ParamInfo, scope: Scope) -> list[Type]:
    """The functions and classes that a parameter gives to the framework, which calls them and hands in the result."""
    return [
        t
        for call, scope, places in _asking(resolver, param, scope)
        for at in sorted(places)
        if 0 <= at < len(call.args)
        for t in resolver.types(call.args[at], scope)
    ]


def is_injected(resolver: Resolver, param: ParamInfo, scope: Scope) -> bool:
    """Whether the framework gives a parameter what a dependency makes, whatever that is."""
    return next(_asking(resolver, param, scope), None) is not None


def _asking(resolver: Resolver, param: ParamInfo, scope: Scope) -> Iterator[tuple[Invoke, Scope, set[int]]]:
    """The calls by which a parameter asks for a dependency, each with the places of what it is given for that."""
    for call, where in ((param.default, scope), *_beside(resolver.project, param.annotation, scope, _MOST)):
        if isinstance(call, Invoke):
            names = (t.name for t in resolver.types(call.func, where) if isinstance(t, Symbol))
            roles = (argument for name in names for argument in resolver.frameworks.argument_role(name))
            places = {at for role, at, _ in roles if role is Role.DEPENDENCY}
            if places:
                yield call, where, places


def _beside(project: Project, annotation: Expr, scope: Scope, left: int) -> Iterator[tuple[Expr, Scope]]:
    """The calls that stand beside the type in an annotation, or in what it is a name for."""
    match annotation:
        case Annotation(type=inner):
            yield from _beside(project, inner, scope, left)
        case TypeForm(type=inner, metadata=metadata):
            yield from ((each, scope) for each in metadata)
            yield from _beside(project, inner, scope, left)
        case Choice(options=options):
            for each in options:
                yield from _beside(project, each, scope, left)
        case Name() | Member() if left:
            meant = identity(project, annotation, scope)
            if isinstance(meant, Defined) and meant.path:
                module = project.part(meant.path, meant.name)
                for where, value in module.globals.get(meant.name, ()) if module is not None else ():
                    yield from _beside(project, value, Scope(meant.path, where), left - 1)
