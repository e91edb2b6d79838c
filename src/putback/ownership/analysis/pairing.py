"""The project's own release for what one of its wrappers acquires, found by what functions do, not by their names."""

from __future__ import annotations

from collections.abc import Iterator

from putback.flow import ir
from putback.flow.names import Expr, Invoke, Member, Name, dotted
from putback.ownership.analysis.acquire_kept import EndingMethod, giving_back
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.domain import Phase
from putback.ownership.analysis.release_effects import ReleaseEffects, in_words
from putback.ownership.analysis.site import Acquisition, Owner
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.module import FunctionInfo, ModuleInfo
from putback.ownership.resolve.types import FunctionRef

_MOST = 200
_EXITS = ("__exit__", "__aexit__")


def paired_release(analyzer: Analyzer, acquisition: Acquisition) -> FunctionRef | None:
    """The function of the project that gives back what the nearest wrapper of `acquisition` hands out, and no more.

    It stands beside the wrapper: in its module, and for a method in its class. None when there is none.
    """
    found = [ref for ref, more in _returning(analyzer, acquisition) if not more]
    return found[0] if len(found) == 1 else None


def why_unpaired(analyzer: Analyzer, acquisition: Acquisition) -> str:
    """What the functions that give it back do besides, in words; "" where there are none."""
    return next((f"`{ref.key}()` also {more}" for ref, more in _returning(analyzer, acquisition) if more), "")


def paired_method(analyzer: Analyzer, acquisition: Acquisition) -> FunctionRef | None:
    """The method by which the object around a connection gives it back, and does no more; None unless there is one."""
    owner, plain = acquisition.owner, acquisition.bare()
    if owner is None:
        return None
    effects = analyzer.known(ReleaseEffects)
    found = []
    for method, ref in _methods(analyzer, owner):
        info, effect = analyzer.info(ref), analyzer.summaries.owner_effect(owner, method, plain, Phase.HELD)
        name = analyzer.summaries.own_path(ref, owner.attribute)
        is_bare = info is not None and not any(p.required for p in info.params[1:])
        gives_back = effect is not None and effect.normal is Phase.RELEASED and not effect.returns
        if is_bare and gives_back and not in_words(effects.of_function(ref, name, plain)):
            found.append(ref)
    return found[0] if len(found) == 1 else None


def _methods(analyzer: Analyzer, owner: Owner) -> Iterator[tuple[str, FunctionRef]]:
    """The methods of a class and of those above it that are called by name from outside."""
    seen: set[str] = set()
    for module, cls in analyzer.resolver.classes.lineage(owner.path, owner.key):
        for name, key in cls.methods.items():
            if name not in seen and not name.startswith("_"):
                yield name, FunctionRef(module.path, key)
            seen.add(name)


def _returning(analyzer: Analyzer, acquisition: Acquisition) -> list[tuple[FunctionRef, str]]:
    """The functions beside the nearest wrapper that give back what it hands out, and what they do besides."""
    wrapper = acquisition.through[0] if acquisition.through else None
    module = analyzer.project.module(wrapper.path) if wrapper is not None else None
    info = module.functions.get(wrapper.key) if module is not None and wrapper is not None else None
    if module is None or info is None:
        return []
    plain = acquisition.bare()
    taken = _pools(analyzer, FunctionRef(module.path, info.key))
    given = ((FunctionRef(module.path, f.key), _given_back(analyzer, module, f, plain)) for f in _beside(module, info))
    found = [(ref, name) for ref, name in given if name and _may_be_same(taken, _pools(analyzer, ref))]
    effects = analyzer.known(ReleaseEffects)
    return [(ref, in_words(effects.of_function(ref, name, plain))) for ref, name in found]


def own_release(analyzer: Analyzer, acquisition: Acquisition) -> EndingMethod | None:
    """The method of the object around a connection that gives it back, called without arguments.

    Of several the one that does least besides; one that only others in the class are to call (`_end`) is none, but
    those are that call it. `__exit__` is the answer where nothing but leaving a `with` does it.
    """
    owner = acquisition.owner
    if owner is None:
        return None
    found = list(giving_back(analyzer, acquisition, frozenset({owner.attribute})))
    inner = frozenset(each.name for each in found)
    found += [each for each in giving_back(analyzer, acquisition, inner) if each.name not in inner] if inner else []
    plain = [each for each in found if not each.name.startswith("_") and _needs_nothing(analyzer, each.ref)]
    exits = (each for each in found if each.name in _EXITS)
    return min(plain, key=lambda each: _length(analyzer, each.ref), default=None) or next(exits, None)


def _needs_nothing(analyzer: Analyzer, ref: FunctionRef) -> bool:
    info = analyzer.info(ref)
    return info is not None and not any(p.required and not p.kind.startswith("*") for p in info.params[1:])


def _length(analyzer: Analyzer, ref: FunctionRef) -> int:
    unit = analyzer.unit(ref.path, ref.key)
    return sum(1 for _ in unit.ops()) if unit is not None else 0


def name_here(analyzer: Analyzer, unit: Unit, wanted: FunctionRef) -> str:
    """The name that a file has for a function of the project: its own or an imported one; "" for none."""
    module = analyzer.project.module(unit.path)
    if module is None:
        return ""
    local = unit.info.imports if unit.info is not None else {}
    own = [info.name for info in module.functions.values() if not info.outer and not info.owner]
    for name in (*own, *local, *module.imports):
        if _is(analyzer, Name(name), unit, wanted):
            return name
    return ""


def is_attribute_here(analyzer: Analyzer, unit: Unit, base: str, wanted: FunctionRef) -> bool:
    """Whether `base.name`, as the file would spell it, is that function of the project."""
    head, *attributes = base.split(".")
    expr: Expr = Name(head)
    for attribute in (*attributes, wanted.key.rpartition(".")[2]):
        expr = Member(expr, attribute)
    return _is(analyzer, expr, unit, wanted)


def is_imported_from(analyzer: Analyzer, unit: Unit, name: str, wanted: FunctionRef) -> bool:
    """Whether the statement that imports `name` names the very module that defines `wanted`."""
    module = analyzer.project.module(unit.path)
    local = unit.info.imports if unit.info is not None else {}
    found = local.get(name) or (module.imports.get(name) if module is not None else None)
    return found is not None and bool(found.name) and analyzer.project.resolve_import(found, unit.path) == wanted.path


def _is(analyzer: Analyzer, expr: Expr, unit: Unit, wanted: FunctionRef) -> bool:
    found = analyzer.resolver.types(expr, unit.scope)
    return any(isinstance(t, FunctionRef) and (t.path, t.key) == (wanted.path, wanted.key) for t in found)


def _beside(module: ModuleInfo, wrapper: FunctionInfo) -> Iterator[FunctionInfo]:
    """The functions of the same class, or of the same module, that are not nested and no generators."""
    for info in list(module.functions.values())[:_MOST]:
        if info.owner == wrapper.owner and not info.outer and info is not wrapper and not info.is_generator:
            yield info


def given_parameter(info: FunctionInfo, is_static: bool = False) -> str:
    """The one parameter that a caller has to fill, the first; "" when there is none, or when others have no default."""
    plain = [p for p in info.params if not p.kind][1 if info.owner and not is_static else 0 :]
    others = (*plain[1:], *(p for p in info.params if p.kind == "kw"))
    return plain[0].name if plain and not any(p.required for p in others) else ""


def _given_back(analyzer: Analyzer, module: ModuleInfo, info: FunctionInfo, acquisition: Acquisition) -> str:
    """The parameter that a function gives back; "" where it does not."""
    is_static = analyzer.resolver.has_decorator(info, module.path, {"staticmethod"})
    name = given_parameter(info, is_static)
    if not name or name not in analyzer.mentions(module.path, info):
        return ""
    effect = analyzer.summaries.param_effect(FunctionRef(module.path, info.key), name, acquisition, Phase.HELD)
    return name if effect.normal is Phase.RELEASED and not effect.returns else ""


def _may_be_same(taken: frozenset[str], returned: frozenset[str]) -> bool:
    """Whether what is taken from some pools can go back to others; pools that are not known can be any."""
    return not taken or not returned or not taken.isdisjoint(returned)


def _pools(analyzer: Analyzer, ref: FunctionRef) -> frozenset[str]:
    """The global names and attributes of the pools that a function takes from or gives back to, as far as known."""
    unit = analyzer.unit(ref.path, ref.key)
    found: set[str] = set()
    for op in unit.ops() if unit is not None else ():
        if unit is None or not isinstance(op, ir.Call):
            continue
        info = analyzer.call_info(unit, op)
        effects = [d.effect for d in info.drivers if d.owner is not None]
        if isinstance(op.expr.func, Member) and any(e.acquires or e.releases is not None for e in effects):
            found |= _named(analyzer, op.expr.func.base, ref)
    return frozenset(found)


def _named(analyzer: Analyzer, pool: Expr, ref: FunctionRef) -> set[str]:
    """The lasting names of a pool: what a local name stands for, and what a function of the project returns."""
    module, info = analyzer.project.module(ref.path), analyzer.info(ref)
    match pool:
        case Member(base=Name()):
            return {dotted(pool) or ""}
        case Name(id=name) if module is not None and info is not None:
            if name not in info.bindings:
                return {name} if name in module.globals else set()
            bound = info.bindings[name]
            return _named(analyzer, bound[0], ref) if len(bound) == 1 and bound[0] != pool else set()
        case Invoke(func=Name(id=name)) if module is not None and name in module.functions and name != ref.key:
            made = module.functions[name].returns
            return {r.id for r in made if isinstance(r, Name) and r.id in module.globals}
    return set()


def pool_here(analyzer: Analyzer, unit: Unit, acquisition: Acquisition) -> str:
    """The pool that a wrapper of this very file takes its connection from, when it is a global name of the file.

    "" for every other wrapper: another file's pool is not known by that name here.
    """
    path, name = pool_of(analyzer, acquisition)
    return name if path == unit.path else ""


def pool_of(analyzer: Analyzer, acquisition: Acquisition) -> tuple[str, str]:
    """The file and the global name of the pool that the one wrapper takes a connection from; ("", "") if not known."""
    wrapper = acquisition.through[0] if len(acquisition.through) == 1 else None
    module = analyzer.project.module(wrapper.path) if wrapper is not None else None
    info = analyzer.info(wrapper) if wrapper is not None else None
    if module is None or info is None or len(info.returns) != 1:
        return "", ""
    match info.returns[0]:
        case Invoke(func=Member(base=Name(id=name))) if name in module.globals and name not in info.bindings:
            return module.path, name
    return "", ""
