"""Application contexts that a function pushes, and does not pop."""

from __future__ import annotations

from collections.abc import Iterator

from putback.flow import ir
from putback.flow.names import Expr, Invoke
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.unit import Unit


def pushed(analyzer: Analyzer, unit: Unit) -> Iterator[int]:
    """Every such push in a function; one that makes the application itself does that once, and for good."""
    pushes = [op for op in unit.ops() if isinstance(op, ir.Call) and op.name == "push" and not op.arguments]
    found = [op for op in pushes if _is_context(analyzer, unit, op.expr)]
    if not found or _makes_application(analyzer, unit):
        return
    yield from dict.fromkeys(op.at for op in found if not _is_kept(unit, op.receiver))


def _is_context(analyzer: Analyzer, unit: Unit, call: Expr) -> bool:
    func = call.func if isinstance(call, Invoke) else call
    return analyzer.app_contexts.pushed_by(func, unit.scope)


def _is_kept(unit: Unit, context: ir.Val) -> bool:
    """Whether the context is popped under its name, or somebody else is given it."""
    if not ir.is_local(context):
        return False
    for op in unit.ops():
        match op:
            case ir.Call(receiver=receiver, name="pop") if receiver == context:
                return True
            case ir.Call(arguments=arguments) if any(a.value == context for a in arguments):
                return True
            case ir.StoreAttr(source=source) | ir.StoreItem(source=source) | ir.Yield(source=source):
                if source == context:
                    return True
            case ir.StoreGlobal(source=source) if source == context:
                return True
            case ir.Attr(base=base, name="pop") if base == context:
                return True
    returned = (block.end.value for block in unit.function.blocks if isinstance(block.end, ir.Return))
    captured = (name for names in unit.closures.values() for name in names)
    return context in (*returned, *captured)


def _makes_application(analyzer: Analyzer, unit: Unit) -> bool:
    """Whether the function makes the application whose context that is: a factory runs once."""
    calls = (op for op in unit.ops() if isinstance(op, ir.Call))
    names = (name for op in calls for name in analyzer.call_info(unit, op).names)
    return any(analyzer.frameworks.has_contexts(name) for name in names)
