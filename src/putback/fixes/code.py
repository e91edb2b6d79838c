"""A function as a fix sees it: libcst nodes with their parents, their blocks and their rows in the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache

import libcst as cst

from putback.fixes.declined import Declined
from putback.flow.lower import Lowered
from putback.model.span import Span

Block = cst.IndentedBlock | cst.Module


@dataclass(frozen=True, slots=True)
class Place:
    """Statement number `index` of a block."""

    block: Block
    index: int

    @property
    def statements(self) -> Sequence[cst.BaseStatement]:
        """All statements of the block."""
        return self.block.body

    @property
    def statement(self) -> cst.BaseStatement:
        """The statement itself."""
        return self.statements[self.index]


class SharedRow(Declined):
    """No fix as the rows are: `node` stands in a statement that shares its row with another."""

    def __init__(self, reason: str, node: cst.CSTNode) -> None:
        super().__init__(reason)
        self.node = node


class Code:
    """The function `key` of a lowered slice. `rows` are the rows of the whole file `path`, without line ends."""

    def __init__(self, lowered: Lowered, key: str, rows: Sequence[str], path: str) -> None:
        self.lowered = lowered
        self.key = key
        self.rows = rows
        self.path = path
        function = lowered.nodes[key][lowered.functions[key].at]
        if not isinstance(function, (cst.FunctionDef, cst.Module)):
            raise Declined("it stands in a lambda")
        self.function: cst.FunctionDef | cst.Module = function
        self.is_async = isinstance(self.function, cst.FunctionDef) and self.function.asynchronous is not None
        self.rendered: Sequence[str] | None = None
        self._parents: dict[int, cst.CSTNode] = {}  # by identity: libcst's own hash of a node is slow
        self._walk()

    def _walk(self) -> None:
        stack: list[cst.CSTNode] = [self.function]
        while stack:
            node = stack.pop()
            for child in children(node):
                self._parents[id(child)] = node
                stack.append(child)

    def node(self, at: int) -> cst.CSTNode:
        """The node of operation `at`."""
        return self.lowered.nodes[self.key][at]

    def nodes(self) -> Sequence[cst.CSTNode]:
        """The nodes of all operations, by their number."""
        return self.lowered.nodes[self.key]

    def is_known(self, node: cst.CSTNode) -> bool:
        """Whether a node is one of the function's own, not a new one."""
        return node is self.function or id(node) in self._parents

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """The node around `node`; None around the function."""
        return self._parents.get(id(node))

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes around `node`, the nearest first, up to the function."""
        current = self._parents.get(id(node))
        while current is not None:
            yield current
            current = self._parents.get(id(current))

    def is_inside(self, node: cst.CSTNode, outer: cst.CSTNode) -> bool:
        """Whether `node` is `outer` or stands in it."""
        return self.is_inside_any(node, (outer,))

    def is_inside_any(self, node: cst.CSTNode, outer: Sequence[cst.CSTNode]) -> bool:
        """Whether `node` is one of `outer` or stands in one."""
        wanted = {id(each) for each in outer}
        current: cst.CSTNode | None = node
        while current is not None and id(current) not in wanted:
            current = self._parents.get(id(current))
        return current is not None

    @cached_property
    def names(self) -> tuple[cst.Name, ...]:
        """Every variable that is read or bound in the function."""
        return tuple(names(self.function))

    @cached_property
    def operations(self) -> dict[int, list[int]]:
        """The operations of each node, by its identity."""
        found: dict[int, list[int]] = {}
        for at, node in enumerate(self.nodes()):
            found.setdefault(id(node), []).append(at)
        return found

    def mentions(self, name: str) -> Sequence[cst.Name]:
        """Where a variable is read or bound in the function."""
        return self._by_name.get(name, ())

    @cached_property
    def _by_name(self) -> dict[str, list[cst.Name]]:
        found: dict[str, list[cst.Name]] = {}
        for node in self.names:
            found.setdefault(node.value, []).append(node)
        return found

    def place(self, node: cst.CSTNode) -> Place:
        """The innermost statement of a block that holds `node`."""
        child = node
        for parent in self.ancestors(node):
            if isinstance(parent, (cst.IndentedBlock, cst.Module)):
                index = next((i for i, s in enumerate(parent.body) if s is child), None)
                if index is not None:
                    return Place(parent, index)
            if isinstance(parent, cst.SimpleStatementSuite):
                raise SharedRow("the statement shares its line with the header of its block", node)
            child = parent
        raise Declined("it stands outside of any block")

    def owner(self, block: Block) -> cst.CSTNode | None:
        """The compound statement, clause or function whose body `block` is."""
        return self._parents.get(id(block))

    def span(self, node: cst.CSTNode) -> Span:
        """Where a node stands in the file."""
        return self.lowered.place(node)

    def text(self, node: cst.CSTNode) -> str:
        """The source text of a node."""
        return self.lowered.tree.code_for_node(node).strip()

    def first_row(self, statement: cst.CSTNode) -> int:
        """The row on which a statement begins, decorators included, comments above it not."""
        if isinstance(statement, (cst.FunctionDef, cst.ClassDef)) and statement.decorators:
            return self.span(statement.decorators[0]).start.row
        return self.span(statement).start.row

    def last_row(self, statement: cst.CSTNode) -> int:
        """The last row of a statement, with the deeper comments that follow it."""
        end = self.span(statement).end
        last = end.row - 1 if end.column == 1 else end.row
        indent = len(self.indent_of(statement))
        row = last + 1
        while row <= len(self.rows):
            text = self.rows[row - 1]
            bare = text.strip()
            if bare and not (bare.startswith("#") and len(text) - len(text.lstrip()) > indent):
                break
            last = row if bare else last
            row += 1
        return last

    def indent_of(self, statement: cst.CSTNode) -> str:
        """The white space in front of a statement, or of a module, which is none."""
        if isinstance(statement, cst.Module):
            return ""
        text = self.rows[self.first_row(statement) - 1]
        return text[: len(text) - len(text.lstrip())].rpartition("\f")[2]

    def unit(self) -> str:
        """One level of indentation, as the function itself has it."""
        if isinstance(self.function, cst.Module) or not isinstance(self.function.body, cst.IndentedBlock):
            return self.lowered.tree.default_indent
        body = self.function.body
        inner, outer = self.indent_of(body.body[0]), self.indent_of(self.function)
        return inner.removeprefix(outer) or self.lowered.tree.default_indent

    def block(self, statements: Sequence[cst.BaseStatement] = ()) -> cst.IndentedBlock:
        """A new block, indented as the function is."""
        return cst.IndentedBlock(statements, indent=self.unit())

    @property
    def begin(self) -> int:
        """The row of the file where the function begins, with the lines above it that belong to it."""
        if isinstance(self.function, cst.Module):
            return self.lowered.row_offset + 1
        return self.first_row(self.function) - len(self.function.leading_lines)

    def free_name(self, wanted: Sequence[str]) -> str:
        """The first of some names that means nothing in the function so far."""
        taken = set(self._by_name)
        free = next((n for n in wanted if n not in taken), None)
        if free is None:
            raise Declined("no name is free for the connection")
        return free

    def ensure_complete(self, first: int, last: int) -> None:
        """Decline where rows of a module hold functions, which were not parsed with it."""
        begin = self.lowered.row_offset + 1
        if isinstance(self.function, cst.Module) and any(
            self.rows[r - 1].strip() and not self._parsed[r - begin].strip() for r in range(first, last + 1)
        ):
            raise Declined("functions are defined in between")

    @cached_property
    def _parsed(self) -> Sequence[str]:
        return self.lowered.tree.code.split("\n")


def statement(text: str) -> cst.SimpleStatementLine:
    """A new simple statement."""
    made = cst.parse_statement(text)
    assert isinstance(made, cst.SimpleStatementLine)
    return made


def call(name: str, *arguments: cst.CSTNode) -> cst.Call:
    """A new call of a function or class by its name."""
    return cst.Call(cst.parse_expression(name), [cst.Arg(a) for a in arguments if isinstance(a, cst.BaseExpression)])


def ask(name: str, body: cst.BaseSuite, by_truth: bool = False) -> cst.If:
    """`if name is not None:`, or `if name:`"""
    return cst.If(is_there(name, by_truth), body)


def is_there(name: str, by_truth: bool) -> cst.BaseExpression:
    """`name is not None`, or `name`"""
    return cst.parse_expression(name if by_truth else f"{name} is not None")


_LAYOUT = (
    "whitespace",
    "lpar",
    "rpar",
    "lbra",
    "rbra",
    "leading",
    "lines_",
    "header",
    "footer",
    "trailing",
    "first_line",
)
_MARKS = {"comma", "semicolon", "colon", "equal", "dot", "asynchronous", "newline"}


@lru_cache(maxsize=512)
def parts(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    """The fields of a sort of node that hold code, and no white space or punctuation."""
    every = (f.name for f in fields(kind))
    return tuple(name for name in every if not name.startswith(_LAYOUT) and name not in _MARKS)


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The nodes directly below a node that are code; libcst's own `children` visits the layout as well, and is slow."""
    found: list[cst.CSTNode] = []
    for name in parts(type(node)):
        value = getattr(node, name)
        if isinstance(value, cst.CSTNode):
            found.append(value)
        elif isinstance(value, (tuple, list)):
            found += [each for each in value if isinstance(each, cst.CSTNode)]
    return found


def names(node: cst.CSTNode) -> Iterator[cst.Name]:
    """Every variable that is read or bound below a node; attributes and keywords are no variables."""
    stack: list[cst.CSTNode] = [node]
    while stack:
        current = stack.pop()
        match current:
            case cst.Name():
                yield current
            case cst.Attribute():
                stack.append(current.value)
            case cst.Arg():
                stack.append(current.value)
            case _:
                stack.extend(reversed(children(current)))


def mentions(node: cst.CSTNode, wanted: frozenset[str]) -> bool:
    """Whether one of the variables `wanted` occurs below a node."""
    return any(n.value in wanted for n in names(node))


def all_below(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """A node and every node below it."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(children(current)))


def dotted(node: cst.CSTNode) -> str | None:
    """`a.b.c` for a chain of names, None for everything else."""
    match node:
        case cst.Name(value=value):
            return value
        case cst.Attribute(value=base, attr=attr):
            head = dotted(base)
            return None if head is None else f"{head}.{attr.value}"
    return None
