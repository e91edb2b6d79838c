"""The intermediate representation: basic blocks of small operations.

A value (`Val`) is a string: a local name ("conn"), a temporary ("%7"), or a constant ("=None", "=True", "=False",
"=?"). Operations hold no tree nodes; `at` is an index into the positions of the function's slice, resolved to a span
only when somebody has to see it. An operation that can raise has an edge to its block's `handler` (None: the
exceptional exit of the function).
"""

from __future__ import annotations

from msgspec import Struct, field

from putback.flow.names import Expr, Invoke

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


class Argument(Struct, frozen=True):
    """An argument of a call: `keyword` is "" for a positional one, `star` marks `*args` and `**kwargs`."""

    value: Val
    keyword: str = ""
    star: bool = False


class Op(Struct, frozen=True):
    """Base of the operations."""

    at: int


class Assign(Op, frozen=True):
    """`target = source` for a local name or a temporary."""

    target: Val
    source: Val


class StoreGlobal(Op, frozen=True):
    """Assignment to a name declared `global` or `nonlocal`."""

    name: str
    source: Val


class Attr(Op, frozen=True):
    """`target = base.name`."""

    target: Val
    base: Val
    name: str
    expr: Expr


class StoreAttr(Op, frozen=True):
    """`base.name = source`."""

    base: Val
    name: str
    source: Val


class Item(Op, frozen=True):
    """`target = base[index]`; `index` is the constant used, if it is one."""

    target: Val
    base: Val
    index: int | str | None = None


class StoreItem(Op, frozen=True):
    """`base[key] = source`; `key` is the constant used, if it is one."""

    base: Val
    source: Val
    key: int | str | None = None


class Unpack(Op, frozen=True):
    """`a, b = source`; a starred target stands as it is."""

    targets: tuple[Val, ...]
    source: Val


class Build(Op, frozen=True):
    """A tuple, list, set or dict that holds `elements`.

    One that a generator expression makes reads from `source`, and reads the names `later`, when somebody asks for what
    is in it.
    """

    target: Val
    elements: tuple[Val, ...]
    is_tuple: bool = False
    source: Val = ""
    later: tuple[str, ...] = ()


class Compute(Op, frozen=True):
    """An operator, comparison or formatted string: reads `operands`, keeps nothing, does not raise."""

    target: Val
    operands: tuple[Val, ...]


class Read(Op, frozen=True):
    """A condition asks about the variable `name` itself, which raises when nothing is bound to it."""

    name: Val


class Call(Op, frozen=True):
    """`target = callee(arguments)`.

    `receiver` is the object of a method call ("" for none) and `name` the last name of the callee.
    `awaited`: stands directly under `await`; `discarded`: an expression statement that drops the result.
    """

    target: Val
    callee: Val
    receiver: Val
    name: str
    arguments: tuple[Argument, ...]
    expr: Invoke
    awaited: bool = False
    discarded: bool = False


class Await(Op, frozen=True):
    """`target = await source`; `direct` when the source is the call under the `await`, which then raises for both."""

    target: Val
    source: Val
    direct: bool


class Enter(Op, frozen=True):
    """Entering `with manager as target`; `group` numbers the `with` item inside its function."""

    target: Val
    manager: Val
    is_async: bool
    group: int
    expr: Expr


class Exit(Op, frozen=True):
    """Leaving the same; `exceptional` when an exception is on its way out."""

    manager: Val
    is_async: bool
    group: int
    exceptional: bool
    expr: Expr


class Next(Op, frozen=True):
    """One step of an iteration over `source`."""

    target: Val
    source: Val
    is_async: bool


class Yield(Op, frozen=True):
    """`target = yield source`; `delegate` for `yield from`."""

    target: Val
    source: Val
    delegate: bool


class Closure(Op, frozen=True):
    """A nested function or lambda comes to life; `captured` are the enclosing names it reads."""

    target: Val
    qualname: str
    captured: tuple[str, ...]


class Decorate(Op, frozen=True):
    """`target` is what `decorators`, the innermost first, make of the nested function `source`."""

    target: Val
    source: Val
    decorators: tuple[Expr, ...]


class NestedClass(Op, frozen=True):
    """A nested class comes to life, with the closures that are its `methods`."""

    target: Val
    methods: tuple[Val, ...]


class Catch(Op, frozen=True):
    """Entry of an `except` clause; `name` is bound to the exception ("" for none)."""

    name: str


class EndCatch(Op, frozen=True):
    """Normal end of an `except` clause."""


class Leave(Op, frozen=True):
    """A `return`, `break` or `continue` statement takes effect here, before any `finally` runs."""

    how: str


class Delete(Op, frozen=True):
    """`del name`."""

    name: str


class Test(Struct, frozen=True):
    """What a branch asks. `kind`: "truth", "none" (is None), "equal" (to `other`), "isinstance", "bound", "has" (an
    attribute called `other`), or "unknown".

    `key` is a stable text of an unknown condition, so that two branches on the same condition agree ("" for none).
    """

    kind: str
    subject: Val = ""
    other: Val = ""
    key: str = ""


class Jump(Struct, frozen=True):
    """Go on at `target`."""

    target: int


class Branch(Struct, frozen=True):
    """Go on at `then` when `test` holds, else at `orelse`."""

    test: Test
    then: int
    orelse: int


class Return(Struct, frozen=True):
    """Leave the function with `value`."""

    at: int
    value: Val


class Raise(Struct, frozen=True):
    """An explicit `raise`; `type` is the dotted name of the class when it is known, "" for a bare `raise`."""

    at: int
    type: str
    value: Val = ""


class Clause(Struct, frozen=True):
    """One `except` clause: the dotted names of its classes (empty: catches everything) and its block."""

    types: tuple[str, ...]
    target: int


class Dispatch(Struct, frozen=True):
    """An exception arrives at a `try`: the clauses in order, else the exception goes on to the block's handler."""

    clauses: tuple[Clause, ...]


class Resume(Struct, frozen=True):
    """The exception in flight goes on to the block's handler.

    It ends at `swallowed` when the manager of `group` swallows it.
    """

    swallowed: int | None = None
    group: int | None = None


class Unreachable(Struct, frozen=True):
    """The end of a block that no path reaches."""


Terminator = Jump | Branch | Return | Raise | Dispatch | Resume | Unreachable


class Block(Struct):
    """A basic block; built once by the lowering and not changed afterwards."""

    id: int
    handler: int | None
    ops: list[Op] = field(default_factory=list)
    end: Terminator = field(default_factory=Unreachable)


class Param(Struct, frozen=True):
    """A parameter: `kind` is "" for an ordinary one, "*" or "**" for the collecting ones, "kw" for keyword only."""

    name: str
    kind: str = ""


class FunctionIR(Struct):
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
