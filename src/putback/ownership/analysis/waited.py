"""Calls that have a thread make another call, and wait for its end: `await asyncio.to_thread(f, x)` does what `f(x)`
does, and so does `executor.submit(f, x).result()`."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from putback.flow import ir
from putback.flow.names import Invoke, last_name
from putback.ownership.analysis.events import CallInfo, describe
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.resolver import Resolver

Described = Callable[[Unit, ir.Call], CallInfo]


class Run(Struct, frozen=True):
    """The call that is made elsewhere, as if it were made here, and what its callee resolves to."""

    call: ir.Call
    info: CallInfo


def run_by(resolver: Resolver, described: Described, unit: Unit, op: ir.Call) -> Run | None:
    """What a thread runs for a call, and is waited for; `described` tells what the callee of a call resolves to."""
    known = resolver.frameworks
    for name in described(unit, op).names:
        answers = known.answers(name) if op.awaited else None
        promises = known.promises(name) if answers is None else None
        found = answers or (
            promises if promises is not None and _is_waited_for(resolver, described, unit, op) else None
        )
        if found is not None:
            return _run(resolver, unit, op, found[1])
    return None


def _run(resolver: Resolver, unit: Unit, op: ir.Call, index: int) -> Run | None:
    given, expr = op.arguments, op.expr
    if len(given) <= index or index >= len(expr.args) or any(a.keyword or a.star for a in given[: index + 1]):
        return None
    made = Invoke(expr.args[index], expr.args[index + 1 :], expr.keywords)
    name, rest = last_name(made.func), given[index + 1 :]
    call = replace(op, callee=given[index].value, receiver="", name=name, arguments=rest, expr=made)
    return Run(call, describe(made, unit.scope, resolver))


def _is_waited_for(resolver: Resolver, described: Described, unit: Unit, op: ir.Call) -> bool:
    """Whether the answer to a call is asked for what it came to in the same expression."""
    calls = (o for o in unit.ops() if isinstance(o, ir.Call) and o.receiver == op.target)
    names = (name for call in calls for name in described(unit, call).names)
    return ir.is_temporary(op.target) and any(resolver.frameworks.waits(name) for name in names)
