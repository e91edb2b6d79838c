"""The intermediate representation: basic blocks of small operations.

A value (`Val`) is a string: a local name ("conn"), a temporary ("%7"), or a constant ("=None", "=True", "=False",
"=?"). Operations hold no tree nodes; `at` is an index into the positions of the function's slice, resolved to a span
only when somebody has to see it. An operation that can raise has an edge to its block's `handler` (None: the
exceptional exit of the function).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from putback.flow.names import Expr

Val = str

MODULE = "<module>"
"""The name of a module's top level among its functions."""

NONE: Val = "=None"
TRUE: Val = "=True"
FALSE: Val = "=False"
CONSTANT: Val = "=?"


def is_temporary(value: Val) -> bool:
    """Whether `value` is a temporary, which is used at most once."""
    return value.startswith("%")


def is_local(value: Val) -> bool:
    """Whether `value` is a named variable."""
    return not value.startswith(("%", "="))


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a call: `keyword` is "" for a positional one, `star` marks `*args` and `**kwargs`."""

    value: Val
    keyword: str = ""
    star: bool = False


@dataclass(frozen=True, slots=True)
class Op:
    """Base of the operations."""

    at: int


@dataclass(frozen=True, slots=True)
class Assign(Op):
    """`target = source` for a local name or a temporary."""

    target: Val
    source: Val


@dataclass(frozen=True, slots=True)
class StoreGlobal(Op):
    """Assignment to a name declared `global` or `nonlocal`."""

    name: str
    source: Val


@dataclass(frozen=True, slots=True)
class Attr(Op):
    """`target = base.name`."""

    target: Val
    base: Val
    name: str
    expr: Expr


@dataclass(frozen=True, slots=True)
class StoreAttr(Op):
    """`base.name = source`."""

    base: Val
    name: str
    source: Val


@dataclass(frozen=True, slots=True)
class Item(Op):
    """`target = base[index]`; `index` is the constant used, if it is one."""

    target: Val
    base: Val
    index: int | str | None = None


@dataclass(frozen=True, slots=True)
class StoreItem(Op):
    """`base[key] = source`; `key` is the constant used, if it is one."""

    base: Val
    source: Val
    key: int | str | None = None


@dataclass(frozen=True, slots=True)
class Unpack(Op):
    """`a, b = source`; a starred target stands as it is."""

    targets: tuple[Val, ...]
    source: Val


@dataclass(frozen=True, slots=True)
class Build(Op):
    """A tuple, list, set or dict that holds `elements`."""

    target: Val
    elements: tuple[Val, ...]
    is_tuple: bool = False


@dataclass(frozen=True, slots=True)
class Compute(Op):
    """An operator, comparison or formatted string: reads `operands`, keeps nothing, does not raise."""

    target: Val
    operands: tuple[Val, ...]


@dataclass(frozen=True, slots=True)
class Read(Op):
    """A condition asks about the variable `name` itself, which raises when nothing is bound to it."""

    name: Val


@dataclass(frozen=True, slots=True)
class Call(Op):
    """`target = callee(arguments)`.

    `receiver` is the object of a method call ("" for none) and `name` the last name of the callee.
    `awaited`: stands directly under `await`; `discarded`: an expression statement that drops the result.
    """

    target: Val
    callee: Val
    receiver: Val
    name: str
    arguments: tuple[Argument, ...]
    expr: Expr
    awaited: bool = False
    discarded: bool = False


@dataclass(frozen=True, slots=True)
class Await(Op):
    """`target = await source`; `direct` when the source is the call under the `await`, which then raises for both."""

    target: Val
    source: Val
    direct: bool


@dataclass(frozen=True, slots=True)
class Enter(Op):
    """Entering `with manager as target`; `group` numbers the `with` item inside its function."""

    target: Val
    manager: Val
    is_async: bool
    group: int
    expr: Expr


@dataclass(frozen=True, slots=True)
class Exit(Op):
    """Leaving the same; `exceptional` when an exception is on its way out."""

    manager: Val
    is_async: bool
    group: int
    exceptional: bool
    expr: Expr


@dataclass(frozen=True, slots=True)
class Next(Op):
    """One step of an iteration over `source`."""

    target: Val
    source: Val
    is_async: bool


@dataclass(frozen=True, slots=True)
class Yield(Op):
    """`target = yield source`; `delegate` for `yield from`."""

    target: Val
    source: Val
    delegate: bool


@dataclass(frozen=True, slots=True)
class Closure(Op):
    """A nested function or lambda comes to life; `captured` are the enclosing names it reads."""

    target: Val
    qualname: str
    captured: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decorate(Op):
    """`target` is what `decorators`, the innermost first, make of the nested function `source`."""

    target: Val
    source: Val
    decorators: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class NestedClass(Op):
    """A nested class comes to life, with the closures that are its `methods`."""

    target: Val
    methods: tuple[Val, ...]


@dataclass(frozen=True, slots=True)
class Catch(Op):
    """Entry of an `except` clause; `name` is bound to the exception ("" for none)."""

    name: str


@dataclass(frozen=True, slots=True)
class EndCatch(Op):
    """Normal end of an `except` clause."""


@dataclass(frozen=True, slots=True)
class Leave(Op):
    """A `return`, `break` or `continue` statement takes effect here, before any `finally` runs."""

    how: str


@dataclass(frozen=True, slots=True)
class Delete(Op):
    """`del name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Test:
    """What a branch asks. `kind`: "truth", "none" (is None), "equal" (to `other`), "isinstance", "bound", or "unknown".

    `key` is a stable text of an unknown condition, so that two branches on the same condition agree ("" for none).
    """

    kind: str
    subject: Val = ""
    other: Val = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Jump:
    """Go on at `target`."""

    target: int


@dataclass(frozen=True, slots=True)
class Branch:
    """Go on at `then` when `test` holds, else at `orelse`."""

    test: Test
    then: int
    orelse: int


@dataclass(frozen=True, slots=True)
class Return:
    """Leave the function with `value`."""

    at: int
    value: Val


@dataclass(frozen=True, slots=True)
class Raise:
    """An explicit `raise`; `type` is the dotted name of the class when it is known, "" for a bare `raise`."""

    at: int
    type: str
    value: Val = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """One `except` clause: the dotted names of its classes (empty: catches everything) and its block."""

    types: tuple[str, ...]
    target: int


@dataclass(frozen=True, slots=True)
class Dispatch:
    """An exception arrives at a `try`: the clauses in order, else the exception goes on to the block's handler."""

    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Resume:
    """The exception in flight goes on to the block's handler.

    It ends at `swallowed` when the manager of `group` swallows it.
    """

    swallowed: int | None = None
    group: int = -1


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The end of a block that no path reaches."""


Terminator = Jump | Branch | Return | Raise | Dispatch | Resume | Unreachable


@dataclass(slots=True)
class Block:
    """A basic block; built once by the lowering and not changed afterwards."""

    id: int
    handler: int | None
    ops: list[Op] = field(default_factory=list)
    end: Terminator = field(default_factory=Unreachable)


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter: `kind` is "" for an ordinary one, "*" or "**" for the collecting ones, "kw" for keyword only."""

    name: str
    kind: str = ""


@dataclass(slots=True)
class FunctionIR:
    """One function as blocks. `qualname` is the dotted name inside the module ("<module>" for its top level).

    `assigned` are the names it binds; `entry` is the first block.
    """

    qualname: str
    params: tuple[Param, ...]
    is_async: bool
    is_generator: bool
    at: int
    blocks: list[Block]
    entry: int = 0
    assigned: frozenset[str] = frozenset()
    globals: frozenset[str] = frozenset()
