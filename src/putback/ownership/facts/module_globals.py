"""Connections that the names of a module keep: they are there for as long as the module is, for whoever reads them."""

from __future__ import annotations

from collections.abc import Iterator

from putback.flow import ir
from putback.flow.names import Name
from putback.ownership.analysis import guards
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.site import Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.module import ModuleInfo
from putback.ownership.index.places import is_started_there
from putback.ownership.resolve.identity import Defined, Identity, global_identity, identity
from putback.ownership.resolve.types import Scope


def is_module_global(analyzer: Analyzer, unit: Unit, site: Site) -> bool:
    """Whether the top level of a module binds a connection, an object around it or what belongs to it (a cursor) to a
    name that functions of the module or other files of the project read."""
    module = analyzer.project.module(unit.path)
    if unit.key != ir.MODULE or module is None:
        return False
    deriving = analyzer.methods_that(site.kind, "derive")
    names = frozenset(n for n in guards.aliases(unit, site, deriving) if ir.is_local(n))
    return bool(names) and (
        not names.isdisjoint(_read_here(analyzer, module)) or _is_read(analyzer, module.path, names)
    )


def may_be_imported(analyzer: Analyzer, unit: Unit, site: Site) -> bool:
    """Whether code that is not seen may import what the top level of a file takes: the file can be imported by its
    name, and this is not in the block that runs only when the file is started."""
    name, _, ending = unit.path.rpartition("/")[2].rpartition(".")
    if unit.key != ir.MODULE or ending != "py" or not name.isidentifier():
        return False
    return not is_started_there(analyzer.reader.rows(unit.path), unit.span(site.acquired_at).start.row)


def _read_here(analyzer: Analyzer, module: ModuleInfo) -> frozenset[str]:
    """The names of a module that its functions mention and do not bind themselves."""
    used: set[str] = set()
    for function in module.functions.values():
        mentioned = analyzer.mentions(module.path, function)
        used |= mentioned - function.bindings.keys() - {p.name for p in function.params}
    return frozenset(used)


def _is_read(analyzer: Analyzer, home: str, names: frozenset[str]) -> bool:
    """Whether another file imports one of the names of a module, or the module and reads one of its attributes."""
    own = home.removesuffix("/__init__.py").removesuffix(".py").rpartition("/")[2]
    for path in sorted(analyzer.importing(home)):
        said = [name for name in sorted(names) if path != home and analyzer.says(path, name)]
        module = analyzer.project.module(path) if said else None
        meant = {*_meant(analyzer, module)} if module is not None else set()
        if any(Defined(home, name) in meant for name in said):
            return True
        # `import shop.db` binds `shop`, which may be no file
        dotted = "." if Defined(home, "") in meant else f"{own}."
        if any(analyzer.says(path, f"{dotted}{name}") for name in said):
            return True
    return False


def _meant(analyzer: Analyzer, module: ModuleInfo) -> Iterator[Identity | None]:
    """What the imported names of a file mean, and what a star import gives it."""
    project = analyzer.project
    scopes = {"": module.imports, **{info.key: info.imports for info in module.functions.values()}}
    for scope, imports in scopes.items():
        yield from (identity(project, Name(alias), Scope(module.path, scope)) for alias in imports)
    for star in module.star_imports:
        path = project.resolve_import(star, module.path)
        origin = project.module(path) if path is not None else None
        if origin is not None:
            yield from (global_identity(project, origin, name) for name in (*origin.globals, *origin.imports))
