"""What leaves a function and works only as long as the connection is open: then no fix may give it back there."""

from __future__ import annotations

import builtins
from collections.abc import Iterator

import libcst as cst

from putback.fixes.code import all_below, dotted, names
from putback.fixes.declined import Declined
from putback.fixes.holding import Holding

_LAZY = {"map", "filter", "zip", "iter", "enumerate", "reversed"}


def ensure_stays_inside(holding: Holding) -> None:
    """Decline when something that needs the open connection leaves the function."""
    if holding.stores:
        raise Declined("what needs the connection is kept for later")
    leaving = _Leaving(holding)
    for node in all_below(holding.code.function):
        if not isinstance(node, cst.Return) or node.value is None:
            continue
        open_then = holding.returned.get(node, holding.related | {holding.name})
        if isinstance(node.value, cst.Name) and node.value.value in open_then:
            raise Declined(f"`{node.value.value}` leaves the function")
        if leaving.needs(node.value, open_then | leaving.lazy):
            raise Declined("what it returns still needs the connection")


class _Leaving:
    """Which values of a function need the connection of `holding` when they are used; `lazy` are names of such."""

    def __init__(self, holding: Holding) -> None:
        self.holding = holding
        self.streams = {id(call) for call in holding.streams}
        self.lazy: frozenset[str] = frozenset()
        held = holding.related | {holding.name}
        while (found := self.lazy | frozenset(self._bound_to_lazy(held | self.lazy)) - held) != self.lazy:
            self.lazy = found

    def _bound_to_lazy(self, wanted: frozenset[str]) -> Iterator[str]:
        for node in all_below(self.holding.code.function):
            match node:
                case cst.FunctionDef(name=cst.Name(value=name)) if node is not self.holding.code.function:
                    if self._mentions(node.body, wanted):
                        yield name
                case cst.Assign(targets=targets, value=value) if self.needs(value, wanted):
                    yield from (t.target.value for t in targets if isinstance(t.target, cst.Name))
                case cst.NamedExpr(target=cst.Name(value=name), value=value) if self.needs(value, wanted):
                    yield name

    def needs(self, value: cst.BaseExpression, wanted: frozenset[str]) -> bool:
        """Whether what `value` gives is no good without the connection; `wanted` are the names of such things."""
        match value:
            case cst.Name(value=name):
                return name in wanted
            case cst.Await(expression=inner) | cst.NamedExpr(value=inner):
                return self.needs(inner, wanted)
            case cst.Call():
                return self._is_lazy_call(value, wanted)
            case cst.GeneratorExp(for_in=loops):
                later = self._mentions(value.elt, wanted) or self._mentions_later(loops, wanted)
                return later or self.needs(loops.iter, wanted)
            case cst.Lambda(body=body):
                return self._mentions(body, wanted)
            case cst.Tuple(elements=elements) | cst.List(elements=elements) | cst.Set(elements=elements):
                return any(self.needs(e.value, wanted) for e in elements)
            case cst.Dict(elements=pairs):
                return any(self.needs(e.value, wanted) for e in pairs)
            case cst.IfExp(body=one, orelse=other) | cst.BooleanOperation(left=one, right=other):
                return self.needs(one, wanted) or self.needs(other, wanted)
        return False

    def _is_lazy_call(self, call: cst.Call, wanted: frozenset[str]) -> bool:
        if id(call) in self.streams:
            return True
        called = dotted(call.func) or ""
        if called in _LAZY:
            return any(self.needs(a.value, wanted) for a in call.args)
        if hasattr(builtins, called) or _is_method_of_text(call.func):
            return False
        return any(self._runs_later(a.value, wanted) for a in call.args)

    def _runs_later(self, value: cst.BaseExpression, wanted: frozenset[str]) -> bool:
        """Whether an argument is code that will use the connection: a generator, a function; not a mere cursor."""
        match value:
            case cst.GeneratorExp() | cst.Lambda():
                return self.needs(value, wanted)
            case cst.Name(value=name):
                return name in self.lazy
            case cst.Call(func=cst.Name()):
                return id(value) in self.streams
        return False

    def _mentions(self, node: cst.CSTNode, wanted: frozenset[str]) -> bool:
        return any(n.value in wanted for n in names(node))

    def _mentions_later(self, loops: cst.CompFor, wanted: frozenset[str]) -> bool:
        """Whether anything but what the first loop goes over uses the connection."""
        parts = [*loops.ifs, *([loops.inner_for_in] if loops.inner_for_in is not None else [])]
        return any(self._mentions(part, wanted) for part in parts)


def _is_method_of_text(func: cst.BaseExpression) -> bool:
    """Whether a call is like `", ".join(...)`."""
    return isinstance(func, cst.Attribute) and isinstance(func.value, cst.BaseString)
