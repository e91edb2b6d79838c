"""The cursors that a function makes, and whether it closes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from putback.drivers.schema import Effect
from putback.flow import ir
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.events import argument_of
from putback.ownership.analysis.unit import Unit


class Cursor(Struct, frozen=True):
    """A cursor made by operation `at` and called `name` ("" for none), of the class `type`.

    `closes` are the calls that close it: none of them stands in a `finally`. `closing` is what closing it does;
    `serverside`: it may be one of the server's, which closing it asks.
    """

    at: int
    name: str
    type: str
    closes: tuple[int, ...]
    closing: Effect
    serverside: bool = False

    @property
    def driver(self) -> str:
        """The library that it is of."""
        return self.type.partition(".")[0]

    @property
    def closes_calmly(self) -> bool:
        """Whether closing it cannot raise."""
        return not self.closing.raises and not self.serverside


def unclosed(analyzer: Analyzer, unit: Unit) -> Iterator[Cursor]:
    """Every cursor that stays in the function and is not closed whatever happens."""
    copies = Counter(op.at for op in unit.ops() if isinstance(op, ir.Call) and op.name == "close")
    told: set[int] = set()
    for op in unit.ops():
        making = _making(analyzer, unit, op) if isinstance(op, ir.Call) and op.at not in told else None
        if making is None or not isinstance(op, ir.Call):
            continue
        told.add(op.at)
        names = _names(unit, op.target)
        closes = {o.at for o in unit.ops() if isinstance(o, ir.Call) and o.name == "close" and o.receiver in names}
        in_a_finally = any(copies[at] > 1 for at in closes)
        if not in_a_finally and not _leaves(unit, names):
            name = next((n for n in names if ir.is_local(n) and n.isidentifier()), "")
            closing = analyzer.catalog.method(making.derives, "close") or Effect()
            serverside = making.serverside is not None and argument_of(op, making.serverside) is not None
            yield Cursor(op.at, name, making.derives, tuple(sorted(closes)), closing, serverside)


def _making(analyzer: Analyzer, unit: Unit, op: ir.Call) -> Effect | None:
    """What a call does that makes a cursor, by a method that runs nothing; None for every other call."""
    effects = (call.effect for call in analyzer.call_info(unit, op).drivers)
    return next((e for e in effects if analyzer.catalog.is_cursor(e.derives) and not e.executes), None)


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
