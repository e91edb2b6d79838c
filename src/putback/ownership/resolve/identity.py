"""Whether two expressions, in two files, mean the same thing: each is followed to where its names are defined."""

from __future__ import annotations

from msgspec import Struct

from putback.flow.names import Expr, Invoke, Literal, Member, Name
from putback.ownership.index.module import Import, ModuleInfo
from putback.ownership.index.project import Project
from putback.ownership.resolve.types import Scope

_MOST = 200


class Defined(Struct, frozen=True):
    """A name in the file that defines it; `path` is "" for what comes from outside, `name` "" for a whole module."""

    path: str
    name: str


class Made(Struct, frozen=True):
    """A call of something with arguments, keywords sorted."""

    func: Identity
    args: tuple[Identity, ...]
    keywords: tuple[tuple[str, Identity], ...]


Identity = Defined | Made | Literal


def identity(project: Project, expr: Expr, scope: Scope) -> Identity | None:
    """What an expression means, the same for all files; None for local names and everything that is not a name."""
    match expr:
        case Literal():
            return expr
        case Name(id=name):
            return _name(project, name, scope)
        case Member(base=base, attr=attr):
            return _member(project, identity(project, base, scope), attr)
        case Invoke():
            return _made(project, expr, scope)
    return None


def _made(project: Project, call: Invoke, scope: Scope) -> Made | None:
    func = identity(project, call.func, scope)
    args = [identity(project, a, scope) for a in call.args]
    keywords = [(k, identity(project, v, scope)) for k, v in call.keywords]
    known = [a for a in args if a is not None]
    named = [(k, v) for k, v in keywords if v is not None]
    if func is None or len(known) < len(args) or len(named) < len(keywords):
        return None
    return Made(func, tuple(known), tuple(sorted(named, key=lambda pair: pair[0])))


def _member(project: Project, base: Identity | None, attr: str) -> Defined | None:
    if not isinstance(base, Defined):
        return None
    if not base.path:
        return Defined("", f"{base.name}.{attr}")
    module = project.part(base.path, attr) if not base.name else None
    return global_identity(project, module, attr) if module is not None else None


def _name(project: Project, name: str, scope: Scope) -> Defined | None:
    module = project.part(scope.path, scope.function)
    if module is None:
        return None
    function = module.functions.get(scope.function)
    while function is not None:
        if name in function.imports:
            return _imported(project, function.imports[name], scope.path, set())
        if name in function.bindings or any(p.name == name for p in function.params):
            return None
        project.footprint.part(scope.path, function.outer)
        function = module.functions.get(function.outer)
    return global_identity(project, module, name)


def global_identity(
    project: Project, module: ModuleInfo, name: str, asked: set[tuple[str, str]] | None = None
) -> Defined | None:
    """What a top-level name of a module means; None when the module does not have it.

    `asked` are the modules that were asked for a name on the way: each is asked once, whoever imports it.
    """
    asked = set() if asked is None else asked
    if (module.path, name) in asked or len(asked) > _MOST:
        return None
    asked.add((module.path, name))
    project.footprint.part(module.path, name)
    if name in module.functions or name in module.classes or name in module.globals:
        return Defined(module.path, name)
    if name in module.imports:
        return _imported(project, module.imports[name], module.path, asked)
    for star in module.star_imports:
        path = project.resolve_import(star, module.path)
        target = project.part(path, name) if path is not None and path != module.path else None
        found = global_identity(project, target, name, asked) if target is not None else None
        if found is not None:
            return found
    return None


def _imported(project: Project, found: Import, importer: str, asked: set[tuple[str, str]]) -> Defined | None:
    path = project.resolve_import(found, importer)
    if path is not None and not found.name:
        return Defined(path, "")
    dotted = ".".join(part for part in (found.module, found.name) if part)
    module = project.part(path, found.name) if path is not None else None
    known = global_identity(project, module, found.name, asked) if module is not None else None
    # also a module in a folder without `__init__.py`
    submodule = project.resolve_import(Import(dotted, "", found.level), importer) if found.name else None
    if known is not None or submodule is not None:
        return known or Defined(str(submodule), "")
    return Defined("", dotted) if path is None and not found.level else None
