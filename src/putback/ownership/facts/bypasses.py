"""Functions that take a connection for one statement, where another function of the project does just that."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from msgspec import Struct

from putback.flow import ir
from putback.ownership.analysis import guards
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.domain import Phase
from putback.ownership.analysis.outside import Station
from putback.ownership.analysis.site import Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.facts.users import binding
from putback.ownership.resolve.types import FunctionRef

_TAKEN = (Phase.HELD, Phase.IDLE, Phase.CLOSED)
_MOST = 60


class Bypass(Struct, frozen=True):
    """A connection that is taken for the statement at operation `at`; `helper` runs what it is given on one."""

    site: Site
    at: int
    helper: Station


class _Run(Struct, frozen=True):
    """A function's only statement. `is_given`: it is a parameter. `cursor` is what the cursor is made with."""

    at: int
    is_given: bool
    fetches: bool
    commits: bool
    cursor: str

    def covers(self, other: _Run) -> bool:
        """Whether this one can do what another does."""
        return self.cursor == other.cursor and self.fetches >= other.fetches and self.commits >= other.commits


def bypasses(analyzer: Analyzer, unit: Unit) -> Iterator[Bypass]:
    """The statement of a function that takes a connection from a wrapper for nothing else."""
    sites = analyzer.sites(unit)
    through = sites[0].acquisition.through if len(sites) == 1 else ()
    run = _run(analyzer, unit, sites[0]) if through else None
    if run is None or run.is_given:
        return
    for helper, other in analyzer.known(_Helpers).over(through[0]):
        if other.covers(run) and (helper.path, helper.key) != (unit.path, unit.key):
            info = analyzer.info(helper)
            if info is not None:
                yield Bypass(sites[0], run.at, Station(helper.path, info.def_row, info.name))
            return


class _Helpers:
    """A run's functions that run a statement which they are given, on a connection that they surely give back."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._over: dict[FunctionRef, list[tuple[FunctionRef, _Run]]] = {}

    def over(self, wrapper: FunctionRef) -> list[tuple[FunctionRef, _Run]]:
        """Those that take their connection from a wrapper."""
        if wrapper not in self._over:
            self._over[wrapper] = [found for found in self._search(wrapper) if found[1].is_given]
        return self._over[wrapper]

    def _search(self, wrapper: FunctionRef) -> Iterator[tuple[FunctionRef, _Run]]:
        users = binding(self._analyzer, wrapper)
        for ref in islice((FunctionRef(path, info.key) for path, info in users if info.params), _MOST):
            unit = self._analyzer.unit(ref.path, ref.key)
            sites = self._analyzer.sites(unit) if unit is not None else []
            if unit is None or len(sites) != 1 or sites[0].acquisition.through[:1] != (wrapper,):
                continue
            run = _run(self._analyzer, unit, sites[0])
            endings = self._analyzer.explore(unit, sites[0]).endings if run is not None else ()
            if run is not None and not any(ending.state.phase in _TAKEN for ending in endings):
                yield ref, run


def _run(analyzer: Analyzer, unit: Unit, site: Site) -> _Run | None:
    """The one statement that a connection is taken for; None where it serves anything else."""
    calls = {op.at: op for op in unit.ops() if isinstance(op, ir.Call)}
    effects = {at: [each.effect for each in analyzer.call_info(unit, op).drivers] for at, op in calls.items()}
    making = {at for at, found in effects.items() if any(analyzer.catalog.is_cursor(e.derives) for e in found)}
    running = [at for at, found in effects.items() if any(e.executes for e in found)]
    values = guards.aliases(unit, site, frozenset(calls[at].name for at in making))
    mine = {at for at, op in calls.items() if op.receiver in values and at != site.at}
    if len(running) != 1 or running[0] not in mine or unit.repeats(running[0]):
        return None
    if _is_used_otherwise(unit, guards.aliases(unit, site), values):
        return None
    reading = {at for at in mine if calls[at].name in analyzer.catalog.fetching}
    ending = {at for at in mine if any(e.ends or e.closes or e.releases_self for e in effects[at])}
    if mine - making - reading - ending - set(running):
        return None
    statement = calls[running[0]]
    params = {param.name for param in unit.function.params}
    first = next((each.value for each in statement.arguments), "")
    made = sorted(unit.text(at).partition("(")[2] for at in making - set(running))
    commits = any(e.ends == "commit" for at in ending for e in effects[at])
    return _Run(running[0], first in params, bool(reading), commits, "".join(made))


def _is_used_otherwise(unit: Unit, conn: frozenset[str], values: frozenset[str]) -> bool:
    """Whether the connection, or its cursor, goes anywhere but back, or has anything looked up but its methods."""
    callees = {op.callee for op in unit.ops() if isinstance(op, ir.Call)}
    back = set[str]()
    for op in unit.ops():
        match op:
            case ir.Attr(base=base, target=target) if base in values and target not in callees:
                return True
            case ir.StoreAttr(source=value) | ir.StoreItem(source=value) | ir.StoreGlobal(source=value):
                if value in values:
                    return True
            case ir.StoreAttr(base=value) | ir.Item(base=value) | ir.Next(source=value) | ir.Yield(source=value):
                if value in values:
                    return True
            case ir.Build(elements=elements) | ir.Closure(captured=elements) if not values.isdisjoint(elements):
                return True
            case ir.Call(arguments=arguments) if any(a.value in values - conn for a in arguments):
                return True
            case ir.Call(arguments=arguments, name=name) if any(a.value in conn for a in arguments):
                back.add(name)
            case ir.Call(receiver=receiver, name="close") if receiver in conn:
                back.add("close")
    returned = (block.end.value for block in unit.function.blocks if isinstance(block.end, ir.Return))
    return len(back) > 1 or any(value in values for value in returned)
