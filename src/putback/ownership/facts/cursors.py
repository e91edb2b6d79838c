"""The cursors that a function makes, and whether it closes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from putback.flow import ir
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.unit import Unit


class Cursor(Struct, frozen=True):
    """A cursor made by operation `at` and called `name` ("" for none), of the library `driver`.

    `closes` are the calls that close it: none of them stands in a `finally`.
    """

    at: int
    name: str
    driver: str
    closes: tuple[int, ...]


def unclosed(analyzer: Analyzer, unit: Unit) -> Iterator[Cursor]:
    """Every cursor that stays in the function and is not closed whatever happens."""
    copies = Counter(op.at for op in unit.ops() if isinstance(op, ir.Call) and op.name == "close")
    told: set[int] = set()
    for op in unit.ops():
        driver = _driver(analyzer, unit, op) if isinstance(op, ir.Call) and op.at not in told else ""
        if not driver or not isinstance(op, ir.Call):
            continue
        told.add(op.at)
        names = _names(unit, op.target)
        closes = {o.at for o in unit.ops() if isinstance(o, ir.Call) and o.name == "close" and o.receiver in names}
        in_a_finally = any(copies[at] > 1 for at in closes)
        if not in_a_finally and not _leaves(unit, names):
            name = next((n for n in names if ir.is_local(n) and n.isidentifier()), "")
            yield Cursor(op.at, name, driver, tuple(sorted(closes)))


def _driver(analyzer: Analyzer, unit: Unit, op: ir.Call) -> str:
    """The library whose cursor a call makes, by a method that runs nothing; "" for every other call."""
    for call in analyzer.call_info(unit, op).drivers:
        derived = call.effect.derives
        if analyzer.catalog.is_cursor(derived) and not call.effect.executes:
            return derived.partition(".")[0]
    return ""


def _names(unit: Unit, target: ir.Val) -> list[ir.Val]:
    """The values that a result is known by."""
    found = [target]
    for op in unit.ops():
        if isinstance(op, ir.Assign | ir.Await) and op.source in found and op.target not in found:
            found.append(op.target)
    return found


def _leaves(unit: Unit, names: list[ir.Val]) -> bool:
    """Whether somebody else closes it: a `with`, a function that is given it, whoever it is returned to or kept by."""
    for op in unit.ops():
        match op:
            case ir.Enter(manager=value) | ir.StoreAttr(source=value) | ir.StoreItem(source=value) if value in names:
                return True
            case ir.StoreGlobal(source=value) | ir.Yield(source=value) if value in names:
                return True
            case ir.Build(elements=values) if any(value in names for value in values):
                return True
            case ir.Call(arguments=arguments) if any(a.value in names for a in arguments):
                return True
    returned = (block.end.value for block in unit.function.blocks if isinstance(block.end, ir.Return))
    captured = (name for each in unit.closures.values() for name in each)
    return any(value in names for value in (*returned, *captured))
