"""From a route and its session to the parameter that asks for the project's own dependency."""

from __future__ import annotations

import builtins

from putback.fixes.declined import Declined
from putback.fixes.imports import Needed
from putback.fixes.inject import Parameter
from putback.ownership.facts.dependencies import Spelling, dependencies_for, spelling
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.index.module import ModuleInfo
from putback.ownership.index.project import Project
from putback.ownership.resolve.identity import global_identity
from putback.ownership.resolve.types import FunctionRef


def parameter(site: SiteFacts) -> Parameter:
    """The parameter that injects the session of a route, in the style of its neighbours. Raises Declined."""
    facts = site.function
    analyzer = facts.analyzer
    found = dependencies_for(analyzer, facts.unit, site.site)
    if not found:
        raise Declined("the project has no dependency that yields this session")
    ref = _chosen(site, found)
    style = spelling(analyzer, ref, facts.unit.path)
    if style is None:
        raise Declined(f"no other function shows how `{ref.key}` is asked for")
    return Parameter(style.annotation, style.default, tuple(_needs(site, style)))


def _chosen(site: SiteFacts, found: list[FunctionRef]) -> FunctionRef:
    """The only dependency, or the only one that the route's own file asks for."""
    if len(found) == 1:
        return found[0]
    path = site.function.unit.path
    near = [ref for ref in found if (s := spelling(site.function.analyzer, ref, path)) is not None and s.path == path]
    if len(near) != 1:
        raise Declined(f"several dependencies yield this session: {', '.join(sorted(ref.key for ref in found))}")
    return near[0]


def _needs(site: SiteFacts, style: Spelling) -> list[Needed]:
    """The imports that a spelling from another file needs in the route's file."""
    project = site.function.analyzer.project
    here, there = project.module(site.function.unit.path), project.module(style.path)
    assert here is not None and there is not None
    if here is there:
        return []
    return [_import(site, n, here, there) for n in sorted(style.names()) if not _has(site, n, here, there)]


def _has(site: SiteFacts, name: str, here: ModuleInfo, there: ModuleInfo) -> bool:
    """Whether a name means the same in both modules. Declines when it means something else."""
    project = site.function.analyzer.project
    mine, theirs = global_identity(project, here, name), global_identity(project, there, name)
    if mine is not None and mine != theirs:
        raise Declined(f"`{name}` means something else in this file")
    return mine is not None or name in here.imports or (theirs is None and hasattr(builtins, name))


def _import(site: SiteFacts, name: str, here: ModuleInfo, there: ModuleInfo) -> Needed:
    """Where to import a name from: beside what this file has from the same module, else by the module's own name."""
    project = site.function.analyzer.project
    home = global_identity(project, there, name)
    if home is not None and not home.path and home.name.endswith(f".{name}"):
        return Needed(name, home.name.removesuffix(f".{name}"))
    for known, found in here.imports.items():
        if home is not None and home.path and found.name and project.resolve_import(found, here.path) == home.path:
            return Needed(name, beside=known)
    module = module_name(project, home.path, here) if home is not None and home.path else ""
    if not module:
        raise Declined(f"how to import `{name}` is not clear")
    return Needed(name, module)


def module_name(project: Project, path: str, here: ModuleInfo) -> str:
    """How a file of the project is called in absolute imports, judged by one that `here` has; "" when it has none."""
    for found in here.imports.values():
        target = project.resolve_import(found, here.path) if not found.level else None
        tail = found.module.replace(".", "/")
        for end in (f"{tail}.py", f"{tail}/__init__.py"):
            root = target.removesuffix(end) if target is not None and target.endswith(f"/{end}") else None
            if root is not None and path.startswith(root):
                return path.removeprefix(root).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return ""
