"""The functions that use what a function of the project returns, or lends."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from putback.flow import ir
from putback.flow.names import Awaited, Entered, Expr, Invoke, last_name
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.site import Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.module import FunctionInfo
from putback.ownership.makers.often import frequency_of
from putback.ownership.resolve.types import FunctionRef


def binding(analyzer: Analyzer, wrapper: FunctionRef) -> Iterator[tuple[str, FunctionInfo]]:
    """The functions, with their files, that bind what a function of the wrapper's name returns."""
    name = wrapper.key.rpartition(".")[2]
    for path in sorted(analyzer.project.importers(wrapper.path)):
        module = analyzer.project.module(path)
        for info in module.functions.values() if module is not None else ():
            if any(_called(value) == name for values in info.bindings.values() for value in values):
                yield path, info


def _called(value: Expr) -> str:
    while isinstance(value, (Awaited, Entered)):
        value = value.value
    return last_name(value.func) if isinstance(value, Invoke) else ""


def closings(analyzer: Analyzer, unit: Unit, names: Collection[str], site: Site) -> list[int]:
    """The calls that close a connection under one of these names; in a `finally` once for each way out."""
    calls = [op for op in unit.ops() if isinstance(op, ir.Call) and op.receiver in names]
    effects = ((op.at, analyzer.method(site.kind.type, op.name)) for op in calls)
    return [at for at, effect in effects if effect is not None and (effect.closes or effect.releases_self)]


def is_closed_by_users(analyzer: Analyzer, manager: FunctionRef, site: Site) -> bool:
    """Whether all who enter a context manager of the project close what it lends them."""
    uses = frequency_of(analyzer).users.of(manager)
    users = {(use.part.path, use.part.key_of(use.node)) for use in uses}
    return bool(users) and all(_closes_what_it_enters(analyzer, analyzer.unit(*user), manager, site) for user in users)


def _closes_what_it_enters(analyzer: Analyzer, unit: Unit | None, manager: FunctionRef, site: Site) -> bool:
    if unit is None:
        return False
    calls = (op for op in unit.ops() if isinstance(op, ir.Call) and manager in analyzer.call_info(unit, op).functions)
    made = unit.names_of({op.target for op in calls})
    lent = [op.target for op in unit.ops() if isinstance(op, ir.Enter) and op.manager in made]
    return bool(lent) and all(closings(analyzer, unit, unit.names_of({value}), site) for value in lent)
