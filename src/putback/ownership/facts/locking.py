"""What has locked rows before something else happens in a function: its own statements, and those of what it calls."""

from __future__ import annotations

from collections.abc import Iterator

from putback.flow import ir
from putback.ownership.analysis.analyzer import Analyzer
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
    below = (analyzer.unit(ref.path, ref.key) for ref in info.functions) if left else ()
    found = (_by(analyzer, inner, each, left - 1) for inner in below if inner is not None for each in _calls(inner))
    return next(filter(None, found), "")


def _made(analyzer: Analyzer, unit: Unit, op: ir.Call) -> frozenset[str]:
    """The word of a statement that is an object: `update(User).where(...)`."""
    found = built_by(analyzer, unit, op, analyzer.catalog.writing)
    return frozenset(name.rpartition(".")[2].upper() for name in found)
