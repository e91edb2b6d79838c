"""How far a reader believes that an operation raises: the database first, then I/O, then code that is not known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from putback.drivers.schema import Kind
from putback.flow import ir
from putback.flow.names import Invoke, Literal, Member, dotted
from putback.frameworks.idioms import idioms
from putback.ownership.analysis.release_points import ReleasePoints
from putback.ownership.analysis.statements import first_word
from putback.ownership.facts.surroundings import Surroundings


class Weight(IntEnum):
    """The weightier the lower. SLIGHT: what fails by a mistake in the data only; TRIVIAL: what nobody has seen fail."""

    DATABASE = 0
    IO = 1
    UNKNOWN = 2
    SLIGHT = 3
    TRIVIAL = 4


@dataclass(frozen=True)
class Evidence:
    """What happens in a function, as a reader sees it who looks for a connection of this kind."""

    function: Surroundings
    kind: Kind
    release_points: ReleasePoints

    def weight_of(self, at: int) -> Weight:
        """The weight of what happens at operation `at`."""
        if at in self.function.raise_statements or at in self.function.yields:
            return Weight.DATABASE
        ops = [op for op in self.function.unit.ops() if op.at == at]
        return min((self._weight(op) for op in ops), default=Weight.UNKNOWN)

    def _weight(self, op: ir.Op) -> Weight:
        match op:
            case ir.Call():
                return self._call(op)
            case ir.Await() | ir.Enter() | ir.Exit() | ir.Yield():
                return Weight.UNKNOWN
            case ir.Next(is_async=is_async):
                return Weight.UNKNOWN if is_async else Weight.SLIGHT
            case ir.Item():
                return Weight.SLIGHT
            case _:
                return Weight.TRIVIAL

    def _call(self, op: ir.Call) -> Weight:
        analyzer, unit = self.function.analyzer, self.function.unit
        known = self.release_points.names | self.release_points.parts
        info = analyzer.call_info(unit, op)
        effects = [each.effect for each in info.drivers]
        if any(e.executes for e in effects) and self._only_sets_up(op):
            return Weight.TRIVIAL
        if any(e.executes or e.ends or e.acquires for e in effects):
            return Weight.DATABASE
        on_connection = op.receiver in known or _root(op) in known
        if any(argument.value in known for argument in op.arguments) or (on_connection and not effects):
            return Weight.DATABASE
        if effects or on_connection:
            return Weight.SLIGHT
        if info.functions or info.classes:
            return Weight.UNKNOWN
        return self._outside(op, info.names)

    def _only_sets_up(self, op: ir.Call) -> bool:
        """Whether a statement sets up a database that is in the process: `PRAGMA foreign_keys = ON`."""
        is_embedded = self.function.analyzer.catalog.drivers[self.kind.driver].embedded
        return is_embedded and first_word(self.function.unit.text(op.at)) == "PRAGMA"

    def _outside(self, op: ir.Call, names: tuple[str, ...]) -> Weight:
        """The weight of a call of something outside of the project."""
        table = idioms().evidence
        roots = {name.partition(".")[0] for name in names}
        if not table.io.isdisjoint((*names, *roots)):
            return Weight.IO
        if not table.trivial.isdisjoint((*names, *roots)):
            return Weight.TRIVIAL
        if not table.slight.isdisjoint((*names, *roots)):
            return Weight.SLIGHT
        func = op.expr.func if isinstance(op.expr, Invoke) else op.expr
        if not isinstance(func, Member):
            return Weight.UNKNOWN
        if isinstance(func.base, Literal):
            return Weight.TRIVIAL
        if func.attr not in table.methods_of_values:
            return Weight.UNKNOWN
        return Weight.TRIVIAL if self._is_value(op.receiver) else Weight.SLIGHT

    def _is_value(self, name: ir.Val) -> bool:
        """Whether a name is a text, a number or a container that the function itself has written down."""
        ops = list(self.function.unit.ops())
        made = {op.target for op in ops if isinstance(op, ir.Build)}
        sources = [op.source for op in ops if isinstance(op, ir.Assign) and op.target == name]
        return name in made or (bool(sources) and all(s == ir.CONSTANT or s in made for s in sources))


def _root(op: ir.Call) -> str:
    func = op.expr.func if isinstance(op.expr, Invoke) else op.expr
    return (dotted(func) or "").partition(".")[0]
