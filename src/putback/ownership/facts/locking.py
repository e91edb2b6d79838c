"""What has locked rows before something else happens in a function: its own statements, and those of what it calls."""

from __future__ import annotations

from collections.abc import Iterator

from putback.flow import ir
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.events import CallInfo
from putback.ownership.analysis.statements import locks_what_it_reads, surely_writes
from putback.ownership.analysis.unit import Unit
from putback.ownership.facts.built import built_by

_DEEPEST = 2


def locks(analyzer: Analyzer, unit: Unit, first: int, last: int) -> str:
    """What locks rows on a way from one operation to another, as one says it: "an `UPDATE`"; "" for nothing that is
    seen."""
    start, end = unit.span(first).start, unit.span(last).start
    ops = (op for op in _calls(unit) if start <= unit.span(op.at).start < end)
    found = ((op, _by(analyzer, unit, op, _DEEPEST)) for op in ops)
    return next((what for op, what in found if what and unit.leads_to(op.at, last)), "")


def _calls(unit: Unit) -> Iterator[ir.Call]:
    return (op for op in unit.ops() if isinstance(op, ir.Call))


def _by(analyzer: Analyzer, unit: Unit, op: ir.Call, left: int) -> str:
    info = analyzer.call_info(unit, op)
    effects = [each.effect for each in info.drivers]
    if any(e.flushes for e in effects):
        return "a flush"
    if any(e.writes for e in effects):
        return f"`{op.name}`"
    if any(e.executes for e in effects):
        text = unit.text(op.at)
        if locks_what_it_reads(text):
            return "a `SELECT ... FOR UPDATE`"
        words = analyzer.words(unit, op.at)
        words = _made(analyzer, unit, op) if words <= {""} else words
        return f"an `{min(words)}`" if surely_writes(words) else ""
    return next(filter(None, (_within(analyzer, inner, left - 1) for inner in _below(analyzer, info, left))), "")


def _within(analyzer: Analyzer, unit: Unit, left: int) -> str:
    """What a function that is called leaves locked: nothing where it goes on to end the transaction, on some way."""
    for op in _calls(unit):
        what = _by(analyzer, unit, op, left)
        if what and not any(unit.leads_to(op.at, end.at) and _ends(analyzer, unit, end, left) for end in _calls(unit)):
            return what
    return ""


def _ends(analyzer: Analyzer, unit: Unit, op: ir.Call, left: int) -> bool:
    info = analyzer.call_info(unit, op)
    if any(each.effect.ends for each in info.drivers):
        return True
    below = _below(analyzer, info, left)
    return any(_ends(analyzer, inner, each, left - 1) for inner in below for each in _calls(inner))


def _below(analyzer: Analyzer, info: CallInfo, left: int) -> Iterator[Unit]:
    units = (analyzer.unit(ref.path, ref.key) for ref in info.functions) if left > 0 else ()
    return (unit for unit in units if unit is not None)


def _made(analyzer: Analyzer, unit: Unit, op: ir.Call) -> frozenset[str]:
    """The word of a statement that is an object: `update(User).where(...)`."""
    found = built_by(analyzer, unit, op, analyzer.catalog.writing)
    return frozenset(name.rpartition(".")[2].upper() for name in found)
