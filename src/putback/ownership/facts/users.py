"""The functions that use what a function of the project returns."""

from __future__ import annotations

from collections.abc import Iterator

from putback.flow.names import Awaited, Entered, Expr, Invoke, last_name
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.index.module import FunctionInfo
from putback.ownership.resolve.types import FunctionRef


def binding(analyzer: Analyzer, wrapper: FunctionRef) -> Iterator[tuple[str, FunctionInfo]]:
    """The functions, with their files, that bind what a function of the wrapper's name returns."""
    name = wrapper.key.rpartition(".")[2]
    for path in sorted(analyzer.project.importers(wrapper.path)):
        module = analyzer.project.module(path)
        for info in module.functions.values() if module is not None else ():
            if any(_called(value) == name for values in info.bindings.values() for value in values):
                yield path, info


def _called(value: Expr) -> str:
    while isinstance(value, (Awaited, Entered)):
        value = value.value
    return last_name(value.func) if isinstance(value, Invoke) else ""
