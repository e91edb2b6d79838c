"""One function ready for analysis: its blocks, its definition and its closures."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field

from putback.flow import ir
from putback.flow.builder import successors
from putback.flow.names import dotted
from putback.flow.reaching import reaching
from putback.model.span import Span
from putback.ownership.analysis.attempts import Attempt
from putback.ownership.index.module import FunctionInfo
from putback.ownership.resolve.types import Scope

if TYPE_CHECKING:
    from putback.flow.lower import Lowered
    from putback.ownership.analysis.asked import Asked


class Unit(Struct):
    """A function of the project. `info` is None for a module's top level and for lambdas.

    Once somebody has asked, `swallowing` maps the `with` items whose manager swallows exceptions to the classes, and
    `attempts` the rows of handlers to what they are the handlers of, and `asked` knows which names and
    conditions a block, or one behind it, asks about; `hoards` are the containers that die with the function,
    `lent` those that are given to others meanwhile, and `flows` says where each value goes. `own` is the name by which
    a method, or what stands in it, knows the object.
    """

    path: str
    key: str
    function: ir.FunctionIR
    lowered: Lowered
    info: FunctionInfo | None
    closures: dict[str, tuple[str, ...]] = field(default_factory=dict)
    swallowing: dict[int, tuple[str, ...]] | None = None
    attempts: dict[int, Attempt] | None = None
    asked: Asked | None = None
    hoards: frozenset[str] | None = None
    lent: frozenset[str] | None = None
    flows: dict[str, list[tuple[str, str]]] | None = None
    own: str = ""
    _ops: Sequence[ir.Op] = ()
    _raises: tuple[frozenset[int], frozenset[int]] | None = None
    _assigned: dict[ir.Val, set[ir.Val]] | None = None
    _called: dict[ir.Val, ir.Call] | None = None
    _classes: dict[int, str] = field(default_factory=dict)

    def own_attribute(self, path: str) -> str:
        """What follows the own object in a path: `pool.conn` of `self.pool.conn`; "" for what begins with another."""
        owner, _, rest = path.partition(".")
        return rest if self.own and owner == self.own else ""

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

    @property
    def raise_statements(self) -> frozenset[int]:
        """The operations that are `raise` statements."""
        return self._raising()[0]

    @property
    def assertions(self) -> frozenset[int]:
        """The operations that are `assert` statements: they raise where somebody has made a mistake."""
        return self._raising()[1]

    def _raising(self) -> tuple[frozenset[int], frozenset[int]]:
        if self._raises is None:
            every = {block.end.at for block in self.function.blocks if isinstance(block.end, ir.Raise)}
            asserting = frozenset(at for at in every if self.text(at).startswith("assert"))
            self._raises = (frozenset(every - asserting), asserting)
        return self._raises

    def raised(self, end: ir.Raise) -> str:
        """The class of what a `raise` raises: as it is written there, or in the one call that has made what is bound to
        the name on every way there; "" where neither is known."""
        if end.type or not end.value:
            return end.type
        if end.at not in self._classes:
            blocks = [block for block in self.function.blocks if block.end is end]
            made = [self._made(end.value, block) for block in blocks]
            self._classes[end.at] = made[0] if len({*made}) == 1 else ""
        return self._classes[end.at]

    def _made(self, name: ir.Val, block: ir.Block) -> str:
        """The class that all calls are of which have made what a name is bound to at the end of a block."""
        if any(name in each.globals for each in self.lowered.functions.values()):
            return ""  # a nested function may bind it
        calls = [self.call_of(value) for value in reaching(self.function, name, block) or ()]
        classes = {dotted(call.expr.func) if call is not None else None for call in calls}
        return classes.pop() or "" if len(classes) == 1 else ""

    def ops(self) -> Sequence[ir.Op]:
        """Every operation, in the order of the blocks; copies of clean-up code repeat theirs with the same `at`."""
        if not self._ops:
            self._ops = tuple(op for block in self.function.blocks for op in block.ops)
        return self._ops

    def assigned(self, name: ir.Val) -> set[ir.Val]:
        """The values that are assigned to a name anywhere in the function."""
        if self._assigned is None:
            self._assigned = {}
            for op in self.ops():
                if isinstance(op, ir.Assign):
                    self._assigned.setdefault(op.target, set()).add(op.source)
        return self._assigned.get(name, set())

    def call_of(self, value: ir.Val) -> ir.Call | None:
        """The call that makes a value; the last one where several do."""
        if self._called is None:
            self._called = {op.target: op for op in self.ops() if isinstance(op, ir.Call)}
        return self._called.get(value)

    def names_of(self, values: set[ir.Val]) -> set[ir.Val]:
        """Values, and the names that they are assigned to."""
        return values | {op.target for op in self.ops() if isinstance(op, ir.Assign) and op.source in values}

    def repeats(self, at: int, without: Container[int | None] = ()) -> bool:
        """Whether an operation may be run more than once: a way leads from its block to itself, `without` others.

        A `with` and a clean-up are several blocks at one place: a way from one to another is no second time.
        """
        blocks = {block.id: block for block in self.function.blocks}
        here = [block.id for block in self.function.blocks if any(op.at == at for op in block.ops)]
        shut = {block.id for block in self.function.blocks if any(op.at in without for op in block.ops)}
        return any(each in _reached(blocks, each, shut) for each in here)

    def leads_to(self, first: int, last: int) -> bool:
        """Whether a way leads from one operation to another, or both stand in one block."""
        blocks = {block.id: block for block in self.function.blocks}
        start = [block.id for block in self.function.blocks if any(op.at == first for op in block.ops)]
        end = {block.id for block in self.function.blocks if any(op.at == last for op in block.ops)}
        return any(each in end or not end.isdisjoint(_reached(blocks, each, ())) for each in start)


def _reached(blocks: Mapping[int, ir.Block], start: int, shut: Container[int]) -> set[int]:
    """The blocks that a way leads to from `start`, through none of those that are `shut`."""
    todo, seen = [start], set[int]()
    while todo:
        following = [each for each in successors(blocks[todo.pop()]) if each not in seen and each not in shut]
        seen.update(following)
        todo += following
    return seen


def make_unit(path: str, key: str, lowered: Lowered, info: FunctionInfo | None, own: str = "") -> Unit:
    """A lowered function with the names that its closures capture."""
    function = lowered.functions[key]
    unit = Unit(path, key, function, lowered, info, own=own)
    for op in unit.ops():
        if isinstance(op, ir.Closure):
            unit.closures[op.qualname] = op.captured
    return unit
