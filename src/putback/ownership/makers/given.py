"""Which parameters of a function the arguments of a call hang on, also by the names that are made of them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from putback.ownership.index.module import FunctionInfo
from putback.ownership.makers.parts import Part, names_in


def hangs_on(part: Part, call: ast.Call, info: FunctionInfo, asked: Collection[str] | None = None) -> frozenset[str]:
    """The parameters of the function `info` around a call that decide what the call is given.

    `asked`: only what is given to these parameters of the callee counts; None: to all of them. The object that a method
    stands in is none: it is the same for all calls.
    """
    function = part.function_of(call)
    if function is None:
        return frozenset()
    sources = part.sources(function)
    todo = [name for value in _given(call, asked) for name in names_in(value)]
    seen = set[str]()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(sources.get(name, ()))
    own = [p.name for p in info.params]
    return frozenset(own[1:] if info.owner else own) & seen


def parameters_of(call: ast.Call, info: FunctionInfo, wanted: Collection[str]) -> frozenset[str]:
    """What a call names, or counts by number, to give something to the `wanted` parameters of the function `info`."""
    own = [p.name for p in info.params if not p.kind]
    own = own[1:] if info.owner else own
    numbers = {str(i) for i, name in enumerate(own) if name in wanted}
    return frozenset(wanted) | numbers


def _given(call: ast.Call, asked: Collection[str] | None) -> Iterator[ast.expr]:
    """The arguments that count; `asked` has names, and numbers of those that are given by their place."""
    for number, value in enumerate(call.args):
        if asked is None or isinstance(value, ast.Starred) or str(number) in asked:
            yield value
    for keyword in call.keywords:
        if asked is None or keyword.arg is None or keyword.arg in asked:
            yield keyword.value
