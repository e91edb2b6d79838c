"""The project's own context manager for what one of its wrappers hands out, found by what it does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from putback.flow import ir
from putback.flow.solve import Edge, Ending
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.domain import Phase, State
from putback.ownership.analysis.pairing import paired_release
from putback.ownership.analysis.site import Acquisition
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.module import FunctionInfo, ModuleInfo
from putback.ownership.resolve.types import FunctionRef

_GIVEN_BACK = (Phase.RELEASED, Phase.ABSENT, Phase.PENDING)


class Pair(Struct, frozen=True):
    """A wrapper of the project, and the function beside it that gives back what it hands out."""

    wrapper: FunctionRef
    release: FunctionRef
    acquisition: Acquisition


def pair_of(analyzer: Analyzer, acquisition: Acquisition) -> Pair | None:
    """The pair that an acquire through a wrapper belongs to; None where there is none, or the wrapper is a manager."""
    if not acquisition.through or acquisition.generator or acquisition.element is not None:
        return None
    release = paired_release(analyzer, acquisition)
    return Pair(acquisition.through[0], release, acquisition) if release is not None else None


def pair_from(analyzer: Analyzer, ref: FunctionRef) -> Pair | None:
    """The pair whose wrapper is `ref`."""
    made = [each for each in analyzer.summaries.returns(ref) if each.through and each.owner is None]
    return pair_of(analyzer, made[0]) if len(made) == 1 else None


def manager_of(analyzer: Analyzer, pair: Pair) -> FunctionInfo | None:
    """The context manager beside a pair that takes, lends and gives back, and does nothing else."""
    module, wrapper = analyzer.project.module(pair.wrapper.path), analyzer.info(pair.wrapper)
    if module is None or wrapper is None:
        return None
    found = (info for info in _managers(analyzer, module, wrapper) if _only_lends(analyzer, pair, info))
    return next(found, None)


def behind(analyzer: Analyzer, acquisition: Acquisition) -> FunctionRef | None:
    """The wrapper that a context manager takes from, when to lend and to give back is all that it does."""
    if not acquisition.generator or len(acquisition.through) < 2:
        return None
    manager, wrapper = acquisition.through[:2]
    pair = pair_from(analyzer, wrapper) if manager.path == wrapper.path else None
    known = manager_of(analyzer, pair) if pair is not None else None
    return wrapper if known is not None and known.key == manager.key else None


def _managers(analyzer: Analyzer, module: ModuleInfo, wrapper: FunctionInfo) -> Iterator[FunctionInfo]:
    for info in module.functions.values():
        is_beside = info.owner == wrapper.owner and not info.outer and analyzer.resolver.is_manager(info, module.path)
        if is_beside and called_on(analyzer, module.path, info) == called_on(analyzer, module.path, wrapper):
            yield info


def called_on(analyzer: Analyzer, path: str, info: FunctionInfo) -> str:
    """What a function is called on: "object", "class", or "" for nothing that it is given."""
    if not info.owner or analyzer.resolver.has_decorator(info, path, {"staticmethod"}):
        return ""
    return "class" if analyzer.resolver.has_decorator(info, path, {"classmethod"}) else "object"


def _only_lends(analyzer: Analyzer, pair: Pair, info: FunctionInfo) -> bool:
    unit = analyzer.unit(pair.wrapper.path, info.key)
    sites = analyzer.sites(unit) if unit is not None else []
    if unit is None or len(sites) != 1 or sites[0].acquisition.through[:1] != (pair.wrapper,):
        return False
    lends = any(each.generator for each in analyzer.summaries.returns(FunctionRef(pair.wrapper.path, info.key)))
    asks = any(isinstance(block.end, ir.Branch) for block in unit.function.blocks)
    is_plain = not any(isinstance(op, ir.Catch) for op in unit.ops()) and _calls(analyzer, unit, pair)
    is_plain = is_plain and (asks or not pair.acquisition.maybe_none)
    return lends and is_plain and gives_back(analyzer.explore(unit, sites[0]).endings)


def gives_back(endings: Iterable[Ending[State]]) -> bool:
    """Whether every way out has given the connection back, or come to where its release itself raises."""
    return all(
        ending.state.phase in _GIVEN_BACK or (ending.state.phase is Phase.PASSED and ending.edge is Edge.RAISED)
        for ending in endings
    )


def _calls(analyzer: Analyzer, unit: Unit, pair: Pair) -> bool:
    """Whether a function calls the two of a pair and nothing else."""
    wanted = {(ref.path, ref.key) for ref in (pair.wrapper, pair.release)}
    called = [analyzer.call_info(unit, op).functions for op in unit.ops() if isinstance(op, ir.Call)]
    return {(ref.path, ref.key) for refs in called for ref in refs} == wanted and all(called)
