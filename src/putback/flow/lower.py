"""The libcst visitor: source text of a function -> blocks.

`lower` takes the text of one slice (a function with its decorators, a method with its indentation, or the top level of
a module) and returns the functions in it, nested ones included. Positions are computed only when asked for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from msgspec import Struct, field

from putback.flow import ir
from putback.flow.builder import pruned
from putback.flow.params import parameters
from putback.flow.statements import StatementLowering
from putback.model.errors import SourceError
from putback.model.span import Position, Span

_WORD = re.compile(r"[^\W\d]\w*")


class Lowered(Struct):
    """The functions of one slice by qualified name, and the way to their positions.

    `row_offset` is added to each row of the slice; `nodes` stays inside this process.
    """

    functions: dict[str, ir.FunctionIR]
    tree: cst.Module
    row_offset: int
    nodes: Mapping[str, list[cst.CSTNode]]
    nested: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _positions: Mapping[cst.CSTNode, object] | None = None
    _texts: dict[tuple[str, int], str] = field(default_factory=dict)

    def span(self, qualname: str, at: int) -> Span:
        """Where operation `at` of function `qualname` stands in the file."""
        return self.place(_anchor(self.nodes[qualname][at]))

    def place(self, node: cst.CSTNode) -> Span:
        """Where a node of the tree stands in the file."""
        if self._positions is None:
            self._positions = _Places(self.tree, unsafe_skip_copy=True).resolve(PositionProvider)
        found = self._positions[node]
        start, end = found.start, found.end  # type: ignore[attr-defined]
        rows = self.row_offset
        return Span(Position(start.line + rows, start.column + 1), Position(end.line + rows, end.column + 1))

    def text(self, qualname: str, at: int) -> str:
        """The source text of operation `at`, as written."""
        text = self._texts.get((qualname, at))
        if text is None:
            text = self._texts[qualname, at] = self.tree.code_for_node(self.nodes[qualname][at]).strip()
        return text


class _Places(MetadataWrapper):
    """Resolving goes through the whole tree once more for those who wait to be visited, even if that is nobody."""

    def visit_batched(
        self,
        visitors: Iterable[cst.BatchableCSTVisitor],
        before_visit: Callable[[cst.CSTNode], None] | None = None,
        after_leave: Callable[[cst.CSTNode], None] | None = None,
    ) -> cst.CSTNode:
        waiting = [*visitors]
        return super().visit_batched(waiting, before_visit, after_leave) if waiting else self.module


def _anchor(node: cst.CSTNode) -> cst.CSTNode:
    """The part of a compound statement that is shown: its name or its type, not its whole body."""
    match node:
        case cst.FunctionDef():
            return node.name
        case cst.ExceptHandler() | cst.ExceptStarHandler():
            return node.type if node.type is not None else node
        case _:
            return node


def _last(node: cst.CSTNode) -> cst.CSTNode:
    """The statement that stands last in a block, at any depth."""
    match node:
        case cst.IndentedBlock(body=[*_, last]) | cst.SimpleStatementSuite(body=[*_, last]):
            return _last(last)
        case cst.SimpleStatementLine(body=[*_, last]):
            return last
        case cst.Try() | cst.TryStar():
            return _last((node.finalbody or node.orelse or [node, *node.handlers][-1]).body)
        case cst.If(orelse=rest) | cst.For(orelse=rest) | cst.While(orelse=rest) if rest is not None:
            return _last(rest if isinstance(rest, cst.If) else rest.body)
        case cst.If() | cst.For() | cst.While() | cst.With():
            return _last(node.body)
        case cst.Match(cases=[*_, last]):
            return _last(last.body)
        case _:
            return node


def parse(text: str) -> cst.Module:
    """Parse source text. Raises SourceError with row and column when it is not Python."""
    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        raise SourceError(error.message.splitlines()[0], error.raw_line, error.raw_column + 1) from None
    except RecursionError:
        raise SourceError("nested too deeply to parse") from None
    except (cst.CSTLogicError, cst.CSTValidationError) as error:
        raise SourceError(f"cannot be parsed: {error}") from None


def with_plain_names(text: str) -> str:
    """The text with names as Python reads them (NFKC), where they stay as long: `ｃｏｎｎ` is `conn`."""
    return text if text.isascii() else _WORD.sub(_as_python_reads, text)


def _as_python_reads(word: re.Match[str]) -> str:
    plain = unicodedata.normalize("NFKC", word[0])
    return plain if len(plain) == len(word[0]) and word[0].isidentifier() else word[0]


def lower(text: str, row_offset: int, key: str, keys: Mapping[int, str] = MappingProxyType({})) -> Lowered:
    """Lower the function that a slice holds, and those nested in it, as `key` and `key.inner`.

    A slice whose first line is indented is wrapped in a class, and the extra row is taken off again. `keys` says by row
    what nested functions are called that share a name.
    """
    text = with_plain_names(text)
    if text[:1] in (" ", "\t"):
        text, row_offset = "class _:\n" + text, row_offset - 1
    tree = parse(text)
    statements: Sequence[cst.CSTNode] = tree.body
    if statements and isinstance(statements[0], cst.ClassDef) and text.startswith("class _:\n"):
        statements = statements[0].body.body
    collector = _Collector(tree, row_offset, keys)
    for statement in statements:
        if isinstance(statement, cst.FunctionDef):
            collector.function(statement, key)
    return collector.result()


def lower_module(text: str) -> Lowered:
    """Lower the top level of a module as the function `<module>`; definitions are left out."""
    tree = parse(with_plain_names(text))
    collector = _Collector(tree, 0, {})
    body = [s for s in tree.body if not isinstance(s, (cst.FunctionDef, cst.ClassDef))]
    collector.module(tree, body)
    return collector.result()


class _Collector:
    """Lowers functions and keeps what belongs together."""

    def __init__(self, tree: cst.Module, row_offset: int, keys: Mapping[int, str]) -> None:
        self.functions: dict[str, ir.FunctionIR] = {}
        self.nodes: dict[str, list[cst.CSTNode]] = {}
        self.keys = keys
        self._names: dict[cst.CSTNode, frozenset[str]] = {}
        self.lowered = Lowered(self.functions, tree, row_offset, self.nodes)

    def result(self) -> Lowered:
        return self.lowered

    def name(self, node: cst.Lambda | cst.FunctionDef, qualname: str) -> str:
        """What a nested function is called: after its row, where another one has its name."""
        if not self.keys or not isinstance(node, cst.FunctionDef):
            return qualname
        return self.keys.get(self.lowered.place(node.name).start.row, qualname)

    def names(self, function: cst.Lambda | cst.FunctionDef) -> frozenset[str]:
        """Every bare name in a function. Those of the functions in it are known: inner ones are closed first."""
        found: set[str] = set()
        stack: list[cst.CSTNode] = [*function.children]
        while stack:
            current = stack.pop()
            if isinstance(current, cst.Name):
                found.add(current.value)
            elif isinstance(current, cst.Attribute):
                stack.append(current.value)
            elif current in self._names:
                found |= self._names[current]
            else:
                stack.extend(current.children)
        self._names[function] = known = frozenset(found)
        return known

    def module(self, tree: cst.Module, body: Sequence[cst.CSTNode]) -> None:
        lowering = _FunctionLowering(ir.MODULE, self)
        at = lowering.at(tree)
        lowering.body(body)
        end = lowering.at(_last(body[-1])) if body else at
        self._finish(lowering, ir.MODULE, (), False, at, end)

    def function(self, node: cst.FunctionDef | cst.Lambda, qualname: str) -> _FunctionLowering:
        lowering = _FunctionLowering(qualname, self)
        at = lowering.at(node)
        params = parameters(node.params)
        if isinstance(node, cst.Lambda):
            value = lowering.value(node.body)
            lowering.leave_function(lowering.at(node.body), value)
            is_async = False
            end = at
        else:
            lowering.statement(node.body)
            end = lowering.at(_last(node.body))
            is_async = node.asynchronous is not None
        self._finish(lowering, qualname, params, is_async, at, end)
        return lowering

    def _finish(
        self,
        lowering: _FunctionLowering,
        qualname: str,
        params: tuple[ir.Param, ...],
        is_async: bool,
        at: int,
        end: int,
    ) -> None:
        """Close a function that stands `at` its definition and ends, without a `return`, at `end`."""
        lowering.current.end = ir.Return(end, ir.NONE)
        self.nodes[qualname] = lowering.nodes
        self.functions[qualname] = ir.FunctionIR(
            qualname=qualname,
            params=params,
            is_async=is_async,
            is_generator=lowering.is_generator,
            at=at,
            blocks=pruned(lowering.blocks),
            entry=0,
            assigned=frozenset(lowering.assigned),
            globals=frozenset(lowering.globals),
        )


class _FunctionLowering(StatementLowering):
    """Statements of one function; nested functions go to the shared collector."""

    def __init__(self, qualname: str, collector: _Collector) -> None:
        super().__init__(qualname)
        self.collector = collector

    def closure(self, node: cst.Lambda | cst.FunctionDef, qualname: str) -> ir.Val:
        qualname = self.collector.name(node, qualname)
        inner = self.collector.function(node, qualname)
        own = {p.name for p in parameters(node.params)} | (inner.assigned - inner.globals)
        captured = tuple(sorted(self.collector.names(node) - own))
        target = self.temporary()
        self.emit(ir.Closure(self.at(node), target, qualname, captured))
        return target
