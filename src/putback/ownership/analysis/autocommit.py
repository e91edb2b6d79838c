"""Whether a call that makes or configures a connection switches its transactions off."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from putback.drivers.schema import Kind
from putback.flow import ir
from putback.flow.names import Expr, Invoke, Literal, Name, last_name
from putback.ownership.resolve.types import Instance, Type

_CONSTANTS = {ir.TRUE: "True", ir.FALSE: "False", ir.NONE: "None"}


def is_made_with(call: Invoke, kind: Kind) -> bool:
    """Whether the arguments of an acquire say so: `autocommit=True`, `isolation_level=None` of sqlite3."""
    return any(_is_off(call.keyword(name), values) for name, values in kind.autocommit.items())


def is_unpacked(call: ir.Call, ops: Iterable[ir.Op], kind: Kind) -> bool:
    """Whether a dictionary says so that an acquire unpacks: `options["autocommit"] = True`, `connect(**options)`."""
    unpacked = {argument.value for argument in call.arguments if argument.star}
    items = [op for op in ops if isinstance(op, ir.StoreItem) and op.base in unpacked] if unpacked else []
    return any(_CONSTANTS.get(op.source) in kind.autocommit.get(str(op.key), ()) for op in items)


def is_of_pool(owners: Iterable[Type | None], kind: Kind) -> bool:
    """Whether what hands it out, a pool, an engine or a factory, is made so whichever it is:
    `create_engine(url, isolation_level="AUTOCOMMIT")`."""
    flags = [owner.flags if isinstance(owner, Instance) else frozenset() for owner in owners]
    switches = {f"{name}={value}" for name, values in kind.autocommit.items() for value in values}
    return bool(flags) and all(not switches.isdisjoint(each) for each in flags)


def switched(call: Invoke, kind: Kind, parameters: Collection[str]) -> bool | None:
    """What a method of the connection switches to: True, no transactions; None when it is about something else.

    parameters: the names whose value the caller of the function gives. What they say is not known, and taken as True:
    what follows from a transaction is then not said.
    """
    setter = last_name(call.func).removeprefix("set_")
    given = {name: value for name in kind.autocommit if (value := call.keyword(name)) is not None}
    if setter in kind.autocommit and call.args:
        given = {setter: call.args[0]}
    if not given:
        return None
    return any(
        (isinstance(value, Name) and value.id in parameters) or _is_off(value, kind.autocommit[name])
        for name, value in given.items()
    )


def _is_off(value: Expr | None, values: tuple[str, ...]) -> bool:
    if isinstance(value, Literal):
        return str(value.value) in values
    return value is not None and last_name(value).endswith(values)
