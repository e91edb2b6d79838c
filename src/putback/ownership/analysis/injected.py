"""Connections that a framework hands in by a parameter: `db=Depends(get_db)`."""

from __future__ import annotations

from putback.ownership.analysis.ambient import Ambients
from putback.ownership.analysis.site import Acquisition, Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.module import ParamInfo
from putback.ownership.resolve.dependencies import dependencies
from putback.ownership.resolve.resolver import Resolver
from putback.ownership.resolve.types import FunctionRef, Instance, Managed, Scope, Types, union


def lent(ambients: Ambients, resolver: Resolver, unit: Unit) -> list[Site]:
    """The connections that callers hand in by parameters: what is injected goes before what the annotation says."""
    found = ambients.lent_to(unit)
    for param in unit.info.params if unit.info is not None else ():
        outer = unit.info.outer if unit.info is not None else ""
        types = injected(resolver, param, Scope(unit.path, outer))
        names = {t.name for t in types if isinstance(t, Instance)}
        kind = next((k for k in resolver.catalog.kinds.values() if k.type in names and not k.registry), None)
        if any(map(resolver.catalog.type, names)) or any(isinstance(t, Managed) for t in types):
            found = [site for site in found if site.name != param.name or site.kind.type in names]
        if kind is not None and all(site.name != param.name for site in found):
            found.append(Site(None, Acquisition((kind,)), param.name))
    return found


def injected(resolver: Resolver, param: ParamInfo, scope: Scope) -> Types:
    """What a dependency yields or returns that a parameter asks for."""
    functions = (t for t in dependencies(resolver, param, scope) if isinstance(t, FunctionRef))
    return union(resolver.results.yielded(function) or resolver.returned(function) for function in functions)
