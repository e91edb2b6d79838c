"""Sessions that a framework has injected and that are needed after the function has returned."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from msgspec import Struct

from putback.flow import ir
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.site import Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.makers.often import frequency_of
from putback.ownership.resolve.types import FunctionRef, Instance, Scope
from putback.ownership.sessions.session_use import function_node

_FURTHEST = 3
"""Calls between a route and the function that adds a task."""


class Outliving(Struct, frozen=True):
    """The session of `site` is given, at operation `at`, to what runs when the function has returned.

    `is_stream`: to the generator of a response, else to a background task.
    """

    site: Site
    at: int
    is_stream: bool


def serves_a_request(analyzer: Analyzer, unit: Unit) -> bool:
    """Whether a function adds to tasks that it is handed, and a route is seen to come to it."""
    return _takes_tasks(analyzer, unit) and _is_reached(analyzer, unit, _FURTHEST)


def _is_reached(analyzer: Analyzer, unit: Unit, left: int) -> bool:
    uses = frequency_of(analyzer).users.of(FunctionRef(unit.path, unit.key)) if left else ()
    callers = (analyzer.unit(use.part.path, use.part.key_of(use.node)) for use in uses)
    return any(_is_route(analyzer, each) or _is_reached(analyzer, each, left - 1) for each in callers if each)


def _is_route(analyzer: Analyzer, unit: Unit) -> bool:
    framework = analyzer.context.route_framework(unit.path, unit.info) if unit.info is not None else None
    return framework is not None and framework.injects


def _takes_tasks(analyzer: Analyzer, unit: Unit) -> bool:
    """Whether a parameter is what runs tasks when the function has returned."""
    info, frameworks = unit.info, analyzer.frameworks
    added = {op.receiver for op in unit.ops() if isinstance(op, ir.Call) and op.name in frameworks.later_names}
    owners = {name.rpartition(".")[0] for name in frameworks.deferring}
    for param in info.params if info is not None and added else ():
        types = analyzer.resolver.types(param.annotation, Scope(unit.path, info.outer)) if info is not None else ()
        names = {frameworks.canonical(t.name) for t in types if isinstance(t, Instance)}
        if param.name in added and not owners.isdisjoint(names):
            return True
    return False


def outliving(analyzer: Analyzer, unit: Unit, sites: list[Site]) -> Iterator[Outliving]:
    """Every place where an injected session outlives the function."""
    calls = {op.target: op for op in unit.ops() if isinstance(op, ir.Call)}
    behind = {op.target: op.source for op in unit.ops() if isinstance(op, ir.Assign)}
    told: set[int] = set()
    for op in calls.values():
        streams = _is(analyzer, unit, op, "streaming")
        for site in sites if op.at not in told and (streams or _is(analyzer, unit, op, "deferring")) else ():
            values = [calls.get(behind.get(a.value, a.value)) for a in op.arguments[:1]] if streams else []
            given = [v for v in values if v is not None and _generates(analyzer, unit, v, site.name)]
            if given or (not streams and _defers(analyzer, unit, op, site.name)):
                told.add(op.at)
                yield Outliving(site, op.at, streams)


def _is(analyzer: Analyzer, unit: Unit, op: ir.Call, what: str) -> bool:
    names = analyzer.call_info(unit, op).names
    known = analyzer.frameworks.streaming if what == "streaming" else analyzer.frameworks.deferring
    return any(analyzer.frameworks.canonical(name) in known for name in names)


def _defers(analyzer: Analyzer, unit: Unit, op: ir.Call, name: str) -> bool:
    """Whether the connection is given to a task that, as far as it is seen, has a use for it."""
    given = [(at, a) for at, a in enumerate(op.arguments) if a.value == name]
    tasks = [t for e in op.expr.args[:1] for t in analyzer.resolver.types(e, unit.scope)]
    known = [t for t in tasks if isinstance(t, FunctionRef)]
    return bool(given) and not (known and all(_ignores(analyzer, task, given, -1) for task in known))


def _ignores(analyzer: Analyzer, function: FunctionRef, given: Iterable[tuple[int, ir.Argument]], offset: int) -> bool:
    """Whether a function never reads the parameters that take some arguments."""
    info = analyzer.info(function)
    names = {analyzer.summaries.parameter_for(function, a, at + offset) for at, a in given}
    found = function_node(analyzer.reader, function.path, info) if info is not None and "" not in names else None
    return found is not None and not any(isinstance(n, ast.Name) and n.id in names for n in ast.walk(found[0]))


def _generates(analyzer: Analyzer, unit: Unit, call: ir.Call, name: str) -> bool:
    """Whether a call makes a generator that has the connection: given to it, or captured."""
    for function in analyzer.call_info(unit, call).functions:
        info = analyzer.info(function)
        given = [(at, a) for at, a in enumerate(call.arguments) if a.value == name]
        has_it = name in unit.closures.get(function.key, ()) or (given and not _ignores(analyzer, function, given, 0))
        if info is not None and info.is_generator and has_it:
            return True
    return False
