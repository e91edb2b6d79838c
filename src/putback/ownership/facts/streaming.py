"""Sessions that a framework has injected and that are needed after the function has returned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from putback.flow import ir
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.site import Site
from putback.ownership.analysis.unit import Unit


@dataclass(frozen=True, slots=True)
class Outliving:
    """The session of `site` is given, at operation `at`, to what runs when the function has returned.

    `is_stream`: to the generator of a response, else to a background task.
    """

    site: Site
    at: int
    is_stream: bool


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
            if given or (not streams and any(a.value == site.name for a in op.arguments)):
                told.add(op.at)
                yield Outliving(site, op.at, streams)


def _is(analyzer: Analyzer, unit: Unit, op: ir.Call, what: str) -> bool:
    names = analyzer.call_info(unit, op).names
    known = analyzer.frameworks.streaming if what == "streaming" else analyzer.frameworks.deferring
    return any(analyzer.frameworks.canonical(name) in known for name in names)


def _generates(analyzer: Analyzer, unit: Unit, call: ir.Call, name: str) -> bool:
    """Whether a call makes a generator that has the connection: given to it, or captured."""
    for function in analyzer.call_info(unit, call).functions:
        info = analyzer.info(function)
        has_it = name in unit.closures.get(function.key, ()) or any(a.value == name for a in call.arguments)
        if info is not None and info.is_generator and has_it:
            return True
    return False
