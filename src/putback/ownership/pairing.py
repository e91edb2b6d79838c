"""The project's own release for what one of its wrappers acquires, found by what functions do, not by their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from putback.ownership.analyzer import Analyzer
from putback.ownership.domain import Phase
from putback.ownership.module import FunctionInfo, ModuleInfo
from putback.ownership.site import Acquisition
from putback.ownership.types import FunctionRef

_MOST = 200


def paired_release(analyzer: Analyzer, acquisition: Acquisition) -> FunctionRef | None:
    """The function of the project that gives back what the nearest wrapper of `acquisition` hands out.

    It stands beside the wrapper: in its module, and for a method in its class. None when there is none.
    """
    wrapper = acquisition.through[0] if acquisition.through else None
    module = analyzer.project.module(wrapper.path) if wrapper is not None else None
    info = module.functions.get(wrapper.key) if module is not None and wrapper is not None else None
    if module is None or info is None:
        return None
    plain = replace(acquisition, owner=None, element=None)
    found = [f for f in _beside(module, info) if _gives_back(analyzer, module, f, plain)]
    return FunctionRef(module.path, found[0].key) if len(found) == 1 else None


def _beside(module: ModuleInfo, wrapper: FunctionInfo) -> Iterator[FunctionInfo]:
    """The functions of the same class, or of the same module, that are not nested and no generators."""
    for info in list(module.functions.values())[:_MOST]:
        if info.owner == wrapper.owner and not info.outer and info is not wrapper and not info.is_generator:
            yield info


def given_parameter(info: FunctionInfo) -> str:
    """The first parameter that a caller fills; "" when there is none, or when more than one has no default."""
    plain = [p.name for p in info.params if not p.kind][1 if info.owner else 0 :]
    return plain[0] if plain else ""


def _gives_back(analyzer: Analyzer, module: ModuleInfo, info: FunctionInfo, acquisition: Acquisition) -> bool:
    name = given_parameter(info)
    if not name or name not in info.mentions:
        return False
    effect = analyzer.param_effect(FunctionRef(module.path, info.key), name, acquisition, Phase.HELD)
    return effect.normal is Phase.RELEASED and not effect.returns
