"""The project's own dependency for a session: which function yields the same one, and how parameters ask for it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from putback.flow import ir
from putback.flow.names import Expr, Invoke
from putback.frameworks.schema import Role
from putback.model.errors import SourceError
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.defects import Wrong
from putback.ownership.analysis.site import Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.annotations import annotation
from putback.ownership.index.astnames import to_expr
from putback.ownership.index.module import FunctionInfo, ModuleInfo, ParamInfo
from putback.ownership.index.trees import parse_ast
from putback.ownership.resolve.dependencies import dependencies
from putback.ownership.resolve.identity import Defined, Identity, identity
from putback.ownership.resolve.types import FunctionRef, Scope

_MOST = 20
"""How many files of a project are asked how it spells a dependency."""


class Spelling(Struct, frozen=True):
    """How a parameter asks for a dependency: its annotation and default as written ("" for none), and in which file."""

    annotation: str
    default: str
    path: str

    def names(self) -> set[str]:
        """The names that it uses."""
        parts = [ast.parse(text, mode="eval") for text in (self.annotation, self.default) if text]
        return {n.id for part in parts for n in ast.walk(part) if isinstance(n, ast.Name)}


def dependencies_for(analyzer: Analyzer, unit: Unit, site: Site) -> list[FunctionRef]:
    """The dependencies that yield a session made by the same factory, with the same arguments, as `site` is."""
    return _yielding(analyzer, _made_by(analyzer, unit, site))


def dependencies_on(analyzer: Analyzer, factory: Expr, scope: Scope) -> list[FunctionRef]:
    """The dependencies that yield what `factory`, called without arguments, makes."""
    return _yielding(analyzer, identity(analyzer.project, Invoke(factory, (), ()), scope))


def _yielding(analyzer: Analyzer, wanted: Identity | None) -> list[FunctionRef]:
    if wanted is None:
        return []
    return [ref for ref in _dependencies(analyzer) if wanted in set(_yielded(analyzer, ref))]


def _made_by(analyzer: Analyzer, unit: Unit, site: Site) -> Identity | None:
    expr = next((op.expr for op in unit.ops() if isinstance(op, ir.Call) and op.at == site.at), None)
    return identity(analyzer.project, expr, unit.scope) if expr is not None else None


def _dependencies(analyzer: Analyzer) -> Iterator[FunctionRef]:
    """Every generator at the top of a module that the framework calls as a dependency."""
    for module in analyzer.project.loaded():
        for info in module.functions.values():
            if _is_plain(info) and Role.DEPENDENCY in analyzer.context.roles(module.path, info):
                yield FunctionRef(module.path, info.key)


def _is_plain(info: FunctionInfo) -> bool:
    return info.is_generator and not info.outer and not info.owner and not info.decorators


def _yielded(analyzer: Analyzer, ref: FunctionRef) -> Iterator[Identity]:
    """What a dependency yields, by what makes it."""
    unit = analyzer.unit(ref.path, ref.key)
    for site in analyzer.sites(unit) if unit is not None else ():
        assert unit is not None
        found = _made_by(analyzer, unit, site)
        if found is not None and any(d.what is Wrong.YIELDED for d in analyzer.explore(unit, site).defects):
            yield found


# -- how parameters ask for it


def spelling(analyzer: Analyzer, ref: FunctionRef, path: str) -> Spelling | None:
    """How parameters ask for a dependency: the way most do in file `path`, else in the project; None if none does."""
    known = analyzer.known(_none_beside)
    if (ref, path) not in known:
        found = Counter(_spellings(analyzer, ref, path))
        known[ref, path] = found.most_common(1)[0][0] if found else _elsewhere(analyzer, ref)
    return known[ref, path]


def _none_beside(analyzer: Analyzer) -> dict[tuple[FunctionRef, str], Spelling | None]:
    return {}


def _none_yet(analyzer: Analyzer) -> dict[FunctionRef, Spelling | None]:
    return {}


def _elsewhere(analyzer: Analyzer, ref: FunctionRef) -> Spelling | None:
    """How the project asks: by a name that it has given to the annotation, else as most parameters do."""
    known = analyzer.known(_none_yet)
    if ref not in known:
        asking = sorted(m.path for m in analyzer.project.loaded() if _asks(analyzer, m, ref))[:_MOST]
        found = Counter(s for path in asking for s in _aliases(analyzer, ref, path))
        found = found or Counter(s for path in asking for s in _spellings(analyzer, ref, path))
        known[ref] = found.most_common(1)[0][0] if found else None
    return known[ref]


def _asks(analyzer: Analyzer, module: ModuleInfo, ref: FunctionRef) -> bool:
    """Whether a module gives the function to a callable such as `Depends`."""
    wanted = Defined(ref.path, ref.key)
    given = ((r, a) for r in module.references if isinstance(r.call, Invoke) for a in r.call.args)
    return any(identity(analyzer.project, a, Scope(module.path, r.scope)) == wanted for r, a in given)


def _aliases(analyzer: Analyzer, ref: FunctionRef, path: str) -> Iterator[Spelling]:
    """The names that a module gives to `Annotated[Session, Depends(get_db)]`."""
    module = analyzer.project.module(path)
    tree = _tree(analyzer, path) if module is not None and "Annotated" in module.imports else None
    if module is not None and tree is not None:
        asks = _Asking(analyzer, module, ref)
        for name, value in _assignments(tree):
            if isinstance(value, ast.Subscript) and asks.by_annotation(value):
                yield Spelling(name, "", path)


def _spellings(analyzer: Analyzer, ref: FunctionRef, path: str) -> Iterator[Spelling]:
    module = analyzer.project.module(path)
    tree = _tree(analyzer, path)
    if module is None or tree is None:
        return
    asks = _Asking(analyzer, module, ref)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for argument, default in _parameters(node.args):
                said = argument.annotation
                if default is not None and asks.directly(default):
                    annotated = _source(analyzer, path, said) if said else ""
                    yield Spelling(annotated, _source(analyzer, path, default), path)
                elif default is None and said is not None and asks.by_annotation(said):
                    yield Spelling(_source(analyzer, path, said), "", path)


def _source(analyzer: Analyzer, path: str, node: ast.expr) -> str:
    """An expression as it is written, on one row."""
    return " ".join((ast.get_source_segment(analyzer.reader.text(path), node) or ast.unparse(node)).split())


def _parameters(args: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    plain = [*args.posonlyargs, *args.args]
    missing = len(plain) - len(args.defaults)
    yield from zip(plain, [None] * missing + list(args.defaults), strict=True)
    yield from zip(args.kwonlyargs, args.kw_defaults, strict=True)


def _tree(analyzer: Analyzer, path: str) -> ast.Module | None:
    try:
        return parse_ast(analyzer.reader.text(path))
    except SourceError:
        return None


class _Asking:
    """Recognises, in one module, what asks for one dependency."""

    def __init__(self, analyzer: Analyzer, module: ModuleInfo, ref: FunctionRef) -> None:
        self.analyzer = analyzer
        self.module = module
        self.wanted = Defined(ref.path, ref.key)

    def directly(self, node: ast.expr) -> bool:
        """`Depends(get_db)`."""
        return (
            isinstance(node, ast.Call)
            and len(node.args) == 1
            and not node.keywords
            and self._is_dependency(node.args[0])
        )

    def by_annotation(self, node: ast.expr) -> bool:
        """`Annotated[Session, Depends(get_db)]`, or a name for it."""
        param = ParamInfo("", annotation=annotation(node, {}))
        asked = dependencies(self.analyzer.resolver, param, Scope(self.module.path))
        return FunctionRef(self.wanted.path, self.wanted.name) in asked

    def _is_dependency(self, node: ast.expr) -> bool:
        return identity(self.analyzer.project, to_expr(node), Scope(self.module.path)) == self.wanted


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
