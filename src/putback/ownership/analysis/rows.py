"""Which values of a function are rows, or what stands in them: data, of which reading raises what Python's own does.

Lists and dictionaries that are written out are data as well.
"""

from __future__ import annotations

from collections.abc import Iterable

from putback.flow import ir
from putback.ownership.analysis.handlers import builtin_exception
from putback.ownership.analysis.program import Program
from putback.ownership.analysis.unit import Unit


def fetched(program: Program, unit: Unit) -> frozenset[ir.Val]:
    """The values that drivers have answered with, and what is read from them; none where no handler asks for them."""
    if not any(map(_is_of_a_class, unit.function.blocks)):
        return frozenset()
    sources: dict[ir.Val, list[ir.Val]] = {param.name: [""] for param in unit.function.params}
    for op in unit.ops():
        for target, source in _bound(program, unit, op):
            sources.setdefault(target, []).append(source)
    data = {_DATA, ir.CONSTANT}
    while found := {v for v, given in sources.items() if v not in data and data.issuperset(given)}:
        data |= found
    return frozenset(data)


_DATA = "<data>"


def _is_of_a_class(block: ir.Block) -> bool:
    """Whether an exception of the block's `try` is told by a class that Python does not have."""
    clauses = block.end.clauses if isinstance(block.end, ir.Dispatch) else ()
    return any(builtin_exception(name) is None for clause in clauses for name in clause.types)


def _bound(program: Program, unit: Unit, op: ir.Op) -> Iterable[tuple[ir.Val, ir.Val]]:
    """The values that an operation binds, each with what it comes from ("" for anything else)."""
    match op:
        case ir.Call(target=target):
            called = (name.rpartition(".") for name in program.call_info(unit, op).names)
            is_fetch = any(program.catalog.is_detached(owner, method) for owner, _, method in called)
            return [(target, _DATA if is_fetch else "")]
        case ir.Assign() | ir.Next() | ir.Await():
            return [(op.target, op.source)]
        case ir.Item():
            return [(op.target, op.base)]
        case ir.Build():
            return [(op.target, "" if op.source else _DATA)]
        case ir.Unpack():
            return [(target, op.source) for target in op.targets]
        case ir.Catch() | ir.Delete() | ir.StoreGlobal():
            return [(op.name, "")]
        case _:
            return [(target, "")] if (target := getattr(op, "target", "")) else []
