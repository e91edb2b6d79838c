"""One function ready for analysis: its blocks, its definition, and what its tests and closures are about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from putback.flow import ir
from putback.flow.lower import Lowered
from putback.flow.names import Invoke, Member, dotted
from putback.model.span import Span
from putback.ownership.module import FunctionInfo
from putback.ownership.types import Scope


@dataclass(slots=True)
class Unit:
    """A function of the project. `info` is None for a module's top level and for lambdas."""

    path: str
    key: str
    function: ir.FunctionIR
    lowered: Lowered
    info: FunctionInfo | None
    tested: frozenset[str] = frozenset()
    closures: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        """Where its names are looked up; a lambda's are those of the function around it."""
        key = self.key
        while "<" in key:
            key = key.rpartition(".")[0]
        return Scope(self.path, key)

    def span(self, at: int) -> Span:
        """Where operation `at` stands in the file."""
        return self.lowered.span(self.key, at)

    def text(self, at: int) -> str:
        """The source text of operation `at`."""
        return self.lowered.text(self.key, at)

    def ops(self) -> Iterator[ir.Op]:
        """Every operation once, copies of clean-up code left out."""
        seen: set[tuple[int, type[ir.Op]]] = set()
        for block in self.function.blocks:
            for op in block.ops:
                if (op.at, type(op)) not in seen:
                    seen.add((op.at, type(op)))
                    yield op


def make_unit(path: str, key: str, lowered: Lowered, info: FunctionInfo | None) -> Unit:
    """Collect what the tests of a lowered function are about."""
    function = lowered.functions[key]
    unit = Unit(path, key, function, lowered, info)
    unit.tested = _tested(function)
    for op in unit.ops():
        if isinstance(op, ir.Closure):
            unit.closures[op.qualname] = op.captured
    return unit


def _tested(function: ir.FunctionIR) -> frozenset[str]:
    """The names and conditions worth remembering: asked more than once, assigned a constant, or copied into such a name.

    A condition is a key with a leading "?"; one about the object that a method is called on counts too.
    """
    asked: Counter[str] = Counter()
    keys: Counter[str] = Counter()
    copies: list[tuple[str, str]] = []
    constants: set[str] = set()
    receivers: set[str] = set()
    for block in function.blocks:
        if isinstance(block.end, ir.Branch):
            test = block.end.test
            asked.update({v for v in (test.subject, test.other) if v and not v.startswith("=")})
            if test.key and not (test.subject and ir.is_local(test.subject)):
                keys[f"?{test.key}"] += 1
        for op in block.ops:
            if isinstance(op, ir.Assign):
                (constants.add(op.target) if op.source.startswith("=") else copies.append((op.target, op.source)))
            elif isinstance(op, ir.Call) and op.receiver:
                receivers |= {op.receiver, f"?{_receiver(op)}", f"?{_receiver(op)} None"}
    names = {n for n, count in asked.items() if count > 1 or n in constants or n in receivers or not ir.is_local(n)}
    grown = True
    while grown:
        more = {s for t, s in copies if t in names} - names
        names |= more
        grown = bool(more)
    return frozenset(names) | {k for k, n in keys.items() if n > 1 or k in receivers}


def _receiver(op: ir.Call) -> str:
    func = op.expr.func if isinstance(op.expr, Invoke) else op.expr
    return (dotted(func.base) if isinstance(func, Member) else None) or ""
