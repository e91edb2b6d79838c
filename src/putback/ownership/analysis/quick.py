"""Which calls of a function take no time worth mentioning, and which only log: by what they resolve to."""

from __future__ import annotations

from msgspec import Struct

from putback.flow import ir
from putback.flow.names import Expr, Invoke, Literal, Member, dotted
from putback.frameworks.idioms import idioms
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.events import CallInfo
from putback.ownership.analysis.handlers import builtin_exception
from putback.ownership.analysis.unit import Unit
from putback.ownership.resolve.types import ClassRef


class Cheap(Struct, frozen=True):
    """Operations of one function: the calls that are `quick`, and those among them that only write a log.

    `value_methods` are the methods that are quick for texts, containers, rows, and what stands in rows.
    """

    quick: tuple[int, ...]
    logging: tuple[int, ...]
    value_methods: frozenset[str]


def cheap_calls(analyzer: Analyzer, unit: Unit) -> Cheap:
    """The cheap calls of a function; what does not resolve is none."""
    listed = idioms().functions.quick.union(*(f.quick for f in analyzer.frameworks.frameworks.values()))
    calls = [op for op in unit.ops() if isinstance(op, ir.Call)]
    logging = tuple(op.at for op in calls if _logs(op.expr, analyzer.call_info(unit, op)))
    quick = tuple(op.at for op in calls if _is_quick(analyzer, analyzer.call_info(unit, op), op.expr, listed))
    return Cheap((*quick, *logging), logging, idioms().methods.of_values)


def _logs(call: Expr, info: CallInfo) -> bool:
    """Whether a call prints, or is a method of something that is called as loggers are."""
    if info.functions or info.classes or info.drivers or not isinstance(call, Invoke):
        return False
    if any(name == "print" or name.startswith(idioms().functions.logging_roots) for name in info.names):
        return True
    known = idioms().logging
    receiver, _, method = (dotted(call.func) or "").rpartition(".")
    return method in known.methods and receiver.rpartition(".")[2] in known.loggers


def _is_quick(analyzer: Analyzer, info: CallInfo, call: Expr, listed: frozenset[str]) -> bool:
    if info.functions or info.classes:
        made = all(_is_plain_class(analyzer, cls) for cls in info.classes)
        return made and not any(analyzer.summaries.may_raise(f) for f in info.functions)
    if info.drivers:
        effects = [d.effect for d in info.drivers]
        return all(e.closes or e.releases_self or e.releases is not None for e in effects)
    if isinstance(call, Invoke) and isinstance(call.func, Member) and isinstance(call.func.base, Literal):
        return call.func.attr in idioms().methods.of_values
    roots = idioms().functions.quick_roots
    return bool(info.names) and all(
        n in listed or n.startswith(roots) or builtin_exception(n) is not None for n in info.names
    )


def _is_plain_class(analyzer: Analyzer, cls: ClassRef) -> bool:
    """Whether making an object of a project class runs nothing of its own: a data class, a model, an exception."""
    classes = analyzer.resolver.classes
    if classes.has_constructor(cls.path, cls.key):
        return False
    plain = idioms().functions.plain_bases
    return all(b in plain or builtin_exception(b) is not None for b in classes.outside_bases(cls.path, cls.key))
