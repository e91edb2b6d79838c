"""Connections that are given back by hand where a context manager could, and pairs of functions that have none."""

from __future__ import annotations

from msgspec import Struct

from putback.flow import ir
from putback.frameworks.idioms import idioms
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.domain import Phase
from putback.ownership.analysis.managers import Pair, called_on, gives_back, manager_of, pair_from, pair_of
from putback.ownership.analysis.unit import Unit
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.facts.users import binding
from putback.ownership.index.module import FunctionInfo
from putback.ownership.resolve.types import FunctionRef


class ByHand(Struct, frozen=True):
    """A connection that every path gives back by a call; `pair` is set where a wrapper and its release belong together.

    `manager` is the context manager of that pair.
    """

    site: SiteFacts
    pair: Pair | None = None
    manager: FunctionInfo | None = None
    release: str = ""
    release_row: int = 0


def by_hand(site: SiteFacts) -> ByHand | None:
    """What could be held in a `with`; None for all else."""
    releases = set(site.release_points.releases)
    by_calls = all(isinstance(op, ir.Call) for op in site.function.unit.ops() if op.at in releases)
    if site.site.at is None or not releases or not by_calls or not _is_given_back(site):
        return None
    analyzer = site.function.analyzer
    pair = pair_of(analyzer, site.acquisition)
    if pair is None:
        return ByHand(site) if site.opens_with or site.kind.release == "{conn}.close()" else None
    manager, given = manager_of(analyzer, pair), analyzer.info(pair.release)
    unit = site.function.unit
    is_itself = manager is not None and (unit.path, unit.key) == (pair.wrapper.path, manager.key)
    if given is None or is_itself:
        return None
    return ByHand(site, pair, manager, given.name, given.def_row)


def _is_given_back(site: SiteFacts) -> bool:
    """Whether each path gives it back once, and nobody else gets it."""
    release_points = site.release_points
    kept = (
        release_points.hands_on
        or release_points.closes
        or site.acquisition.owner is not None
        or site.acquisition.element is not None
    )
    if kept or site.acquisition.indirect:
        return False
    endings = site.exploration.endings
    return gives_back(endings) and any(ending.state.phase is Phase.RELEASED for ending in endings)


class Unmanaged(Struct, frozen=True):
    """A pair without a context manager: the names and rows of its functions, and a `name` for the manager.

    `end_row` is the last row of the later one.
    """

    pair: Pair
    wrapper: str
    row: int
    release: str
    release_row: int
    end_row: int
    name: str
    is_async: bool
    release_waits: bool
    is_method: bool


def unmanaged(analyzer: Analyzer, unit: Unit) -> Unmanaged | None:
    """The pair whose wrapper a function is, if others pair them by hand and no context manager does."""
    ref = FunctionRef(unit.path, unit.key)
    info = analyzer.info(ref)
    if info is None or info.outer or info.is_generator or not info.returns:
        return None
    pair = pair_from(analyzer, ref)
    given = analyzer.info(pair.release) if pair is not None else None
    if pair is None or given is None or manager_of(analyzer, pair) is not None:
        return None
    users = [user for _, user in binding(analyzer, ref)]
    is_bound = {called_on(analyzer, unit.path, each) for each in (info, given)} == {"object"}
    if not users or (info.owner and not is_bound):
        return None
    waits = info.is_async or given.is_async
    name = _free_name(info.name, _taken(analyzer, unit.path, users))
    end, is_method = max(info.end_row, given.end_row), bool(info.owner)
    return Unmanaged(
        pair=pair,
        wrapper=info.name,
        row=info.def_row,
        release=given.name,
        release_row=given.def_row,
        end_row=end,
        name=name,
        is_async=waits,
        release_waits=given.is_async,
        is_method=is_method,
    )


def _taken(analyzer: Analyzer, path: str, users: list[FunctionInfo]) -> frozenset[str]:
    """The names that mean something in the module of a pair, or in a function that uses it."""
    module = analyzer.project.module(path)
    own = {*module.globals, *module.imports, *module.functions, *module.classes} if module is not None else set()
    local = {name for info in users for name in (*info.bindings, *info.imports, *(p.name for p in info.params))}
    return frozenset(each.rpartition(".")[2] for each in own | local)


def _free_name(wrapper: str, taken: frozenset[str]) -> str:
    """`db_connection` for `get_db_connection`; a single word would look like the connection itself."""
    bare = wrapper.lstrip("_")
    private = wrapper[: len(wrapper) - len(bare)]
    first, _, rest = bare.partition("_")
    wanted = [f"managed_{bare}", f"managed_{bare}_2"]
    if "_" in rest.strip("_") and first in idioms().methods.taking:
        wanted.insert(0, rest)
    return next((private + each for each in wanted if private + each not in taken), f"{private}with_{bare}")
