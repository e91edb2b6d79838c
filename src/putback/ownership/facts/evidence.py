"""How far a reader believes that an operation raises: the database first, then I/O, then code that is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate

from putback.drivers.schema import Effect, Kind
from putback.flow import ir
from putback.flow.names import Expr, Group, Literal, Member, Name, dotted
from putback.frameworks.idioms import idioms
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.statements import first_word, only_reads
from putback.ownership.analysis.unit import Unit
from putback.ownership.facts.built import builds, built_by
from putback.ownership.resolve.types import FunctionRef, Instance, Scope

_DEEPEST = 2


class Weight(IntEnum):
    """The weightier the lower. READING: a statement that only reads; SLIGHT: what fails by a mistake only, such as an
    `assert`; TRIVIAL: what nobody has seen fail."""

    DATABASE = 0
    IO = 1
    UNKNOWN = 2
    READING = 3
    SLIGHT = 4
    TRIVIAL = 5


@dataclass(frozen=True)
class Evidence:
    """What happens in a function, as a reader sees it who looks for a connection of this kind.

    `names` are the connection's, and of what belongs to it. Of functions that are called, as many as `left` below each
    other are looked into.
    """

    analyzer: Analyzer
    unit: Unit
    kind: Kind
    names: frozenset[str] = frozenset()
    left: int = _DEEPEST

    def weight_of(self, at: int) -> Weight:
        """The weight of what happens at operation `at`."""
        if at in self.unit.raise_statements:
            return Weight.DATABASE
        if at in self.unit.assertions:
            return Weight.SLIGHT
        ops = [op for op in self.unit.ops() if op.at == at]
        return min((self._weight(op) for op in ops), default=Weight.UNKNOWN)

    @property
    def whole(self) -> Weight:
        """The weightiest of all that happens in the function."""
        if self.unit.raise_statements:
            return Weight.DATABASE
        return min(map(self._weight, self.unit.ops()), default=Weight.TRIVIAL)

    def _weight(self, op: ir.Op) -> Weight:
        match op:
            case ir.Yield():
                return Weight.DATABASE
            case ir.Call():
                return self._call(op)
            case ir.Enter() | ir.Exit() if self.analyzer.enters_quietly(self.unit, op):
                return Weight.TRIVIAL
            case ir.Await(direct=True):
                return Weight.TRIVIAL  # it raises for the call, which is weighed
            case ir.Await() | ir.Enter() | ir.Exit():
                return Weight.UNKNOWN
            case ir.Next(is_async=is_async):
                return Weight.UNKNOWN if is_async else Weight.SLIGHT
            case ir.Item():
                return Weight.SLIGHT
            case _:
                return Weight.TRIVIAL

    def _call(self, op: ir.Call) -> Weight:
        info = self.analyzer.call_info(self.unit, op)
        effects = [each.effect for each in info.drivers]
        executes = any(e.executes for e in effects)
        on_connection = op.receiver in self.names or _root(op) in self.names
        if executes and self._only_sets_up(op):
            return Weight.TRIVIAL
        may_run = executes or on_connection or info.functions or op.name in self.analyzer.catalog.fetching
        if may_run and self._only_reads(op, effects):
            return Weight.READING
        if any(e.executes or e.ends or e.acquires for e in effects):
            return Weight.DATABASE
        is_given = any(argument.value in self.names for argument in op.arguments)
        if (is_given or on_connection) and info.functions and not info.classes:
            return min(self._whole(ref, Weight.DATABASE) for ref in info.functions)
        if is_given or (on_connection and not effects):
            return Weight.DATABASE
        if effects:
            return Weight.TRIVIAL if all(e.derives for e in effects) else Weight.SLIGHT
        if info.quiet:
            return Weight.TRIVIAL
        if info.functions or info.classes:
            return Weight.UNKNOWN if info.classes else min(map(self._function, info.functions))
        return self._outside(op, info.names)

    def _function(self, ref: FunctionRef) -> Weight:
        """The weight of what a function of the project does: code that is not known, or no more than bookkeeping."""
        return max(Weight.UNKNOWN, self._whole(ref, Weight.UNKNOWN))

    def _whole(self, ref: FunctionRef, otherwise: Weight) -> Weight:
        """The weightiest of all that a function of the project does; `otherwise` where nobody looks into it."""
        unit = self.analyzer.unit(ref.path, ref.key) if self.left > 0 else None
        if unit is None or unit.function.is_generator:
            return otherwise
        return Evidence(self.analyzer, unit, self.kind, left=self.left - 1).whole

    def _only_sets_up(self, op: ir.Call) -> bool:
        """Whether a statement sets up a database that is in the process: `PRAGMA foreign_keys = ON`."""
        is_embedded = self.analyzer.catalog.drivers[self.kind.driver].embedded
        return is_embedded and first_word(self.unit.text(op.at)) == "PRAGMA"

    def _only_reads(self, op: ir.Call, effects: Sequence[Effect]) -> bool:
        """Whether a statement is shown to change nothing, by its text, its object or the method that runs it.

        What fails when its rows are asked for has failed in the statement before.
        """
        if op.name in self.analyzer.catalog.fetching and not any(e.executes for e in effects):
            return True
        if effects and all(e.reads for e in effects):
            return True
        if only_reads(self.analyzer.words(self.unit, op.at)):
            return True
        functions = self.analyzer.catalog.reading
        return bool(functions) and bool(built_by(self.analyzer, self.unit, op, functions))

    def _outside(self, op: ir.Call, names: tuple[str, ...]) -> Weight:
        """The weight of a call of something outside of the project."""
        table = idioms().evidence
        meant = {outer for name in names for outer in accumulate(name.split("."), "{}.{}".format)}
        if not table.io.isdisjoint(meant):
            return Weight.IO
        builders = self.analyzer.catalog.reading
        if not table.trivial.isdisjoint(meant) or (builders and builds(self.analyzer, self.unit, op, builders)):
            return Weight.TRIVIAL
        if not table.slight.isdisjoint(meant):
            return Weight.SLIGHT
        func = op.expr.func
        if not isinstance(func, Member):
            return Weight.UNKNOWN
        if isinstance(func.base, Literal) or self._is_container(func.base):
            return Weight.TRIVIAL
        if func.attr not in table.methods_of_values:
            return Weight.UNKNOWN
        return Weight.TRIVIAL if self._is_value(op.receiver) else Weight.SLIGHT

    def _is_value(self, name: ir.Val) -> bool:
        """Whether a name is a text, a number or a container that the function itself has written down."""
        ops = list(self.unit.ops())
        made = {op.target for op in ops if isinstance(op, ir.Build)}
        sources = [op.source for op in ops if isinstance(op, ir.Assign) and op.target == name]
        return name in made or (bool(sources) and all(s == ir.CONSTANT or s in made for s in sources))

    def _is_container(self, base: Expr) -> bool:
        """Whether an attribute of the object is all over its class a list, or another container of Python's own."""
        info = self.unit.info
        if not isinstance(base, Member) or info is None or not info.owner:
            return False
        if base.base not in [Name(each.name) for each in info.params[:1]]:
            return False
        lineage = self.analyzer.resolver.classes.lineage(self.unit.path, info.owner)
        values = [(v, Scope(m.path, s)) for m, c in lineage for s, v in c.attributes.get(base.attr, ())]
        return bool(values) and all(isinstance(v, Group) or self._is_made_plain(v, scope) for v, scope in values)

    def _is_made_plain(self, value: Expr, scope: Scope) -> bool:
        table = idioms().evidence
        types = self.analyzer.resolver.types(value, scope)
        names = [t.name for t in types if isinstance(t, Instance) and t.name.endswith("()")]
        roots = {name.removesuffix("()").partition(".")[0] for name in names}
        return bool(names) and len(names) == len(types) and roots <= table.trivial | table.slight


def _root(op: ir.Call) -> str:
    return (dotted(op.expr.func) or "").partition(".")[0]
