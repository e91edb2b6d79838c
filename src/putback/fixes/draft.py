"""What a fix makes of a function: changes of its tree, given out as edits of the rows that differ by them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby, pairwise
from typing import Any, TypeVar

import libcst as cst

from putback.fixes.code import Block, Code, parts
from putback.fixes.declined import Declined
from putback.fixes.longer import Wrapped
from putback.fixes.remarks import is_of
from putback.fixes.rows import Rows, rows_edit
from putback.fixes.shifted import Shifted, ends_further_left, last_block
from putback.model.fix import Edit
from putback.source.formatter import formatter

Compound = cst.BaseCompoundStatement
Enclosing = TypeVar("Enclosing", bound=cst.BaseCompoundStatement)
_CLAUSES = (cst.Else, cst.Finally, cst.ExceptHandler, cst.ExceptStarHandler)
Change = Callable[[Any], cst.CSTNode | None]
Lines = list[cst.EmptyLine]


class Draft(Rows):
    """A function on its way to what it becomes. Statements move as they are, with the comments above them.

    They are told by what they were in the old tree; the new one is built when all is said. Those that are `moving` take
    the comments in them along; of those that are `unsaid` they go with them. What stands outside of the function
    (imports) is changed by rows.
    """

    def __init__(self, code: Code) -> None:
        super().__init__(code.rows)
        self.code = code
        self.moving: set[cst.CSTNode] = set()
        self.unsaid: set[cst.CSTNode] = set()
        self._bodies: dict[cst.CSTNode, list[cst.BaseStatement]] = {}
        self._homes: dict[cst.CSTNode, cst.CSTNode] = {}
        self._lines: dict[cst.CSTNode, Lines] = {}
        self._changes: dict[cst.CSTNode, list[Change]] = {}

    # -- what there is

    def body(self, block: cst.CSTNode) -> list[cst.BaseStatement]:
        """The statements of a block as they are to be."""
        if block not in self._bodies:
            self._bodies[block] = list(block.body)  # type: ignore[attr-defined]
        return self._bodies[block]

    def home(self, statement: cst.CSTNode) -> cst.CSTNode:
        """The block in which a statement is to stand."""
        found = self._homes.get(statement) or self.code.parent(statement)
        assert found is not None
        return found

    def lines(self, node: cst.CSTNode) -> Lines:
        """The blank lines and comments above a statement or clause, or those at the end of a block."""
        if node not in self._lines:
            own = getattr(node, "footer", None) if isinstance(node, Block) else getattr(node, "leading_lines", None)
            self._lines[node] = list(own or ())
        return self._lines[node]

    def following(self, statement: cst.CSTNode) -> cst.CSTNode:
        """The statement behind another, or the block that this ends: where lines that are left over go."""
        block, at = self.home(statement), self._index(statement) + 1
        return self.body(block)[at] if at < len(self.body(block)) else block

    # -- statements

    def put_before(self, statement: cst.BaseStatement, *new: cst.BaseStatement) -> None:
        """Put statements in front of another and of the comments directly above it."""
        lines = self.lines(statement)
        cut = remarks_begin(lines)
        self._lines[statement] = lines[cut:]
        self.lines(new[0])[:0] = lines[:cut]
        self._put(self.home(statement), self._index(statement), new)

    def put_behind(self, statement: cst.BaseStatement, *new: cst.BaseStatement) -> None:
        """Put statements behind another."""
        self._put(self.home(statement), self._index(statement) + 1, new)

    def put_first(self, block: cst.CSTNode, new: cst.BaseStatement) -> None:
        """Put a statement at the head of a block."""
        self._put(block, 0, [new])

    def fill(self, block: cst.CSTNode, new: Sequence[cst.BaseStatement]) -> None:
        """Put statements at the end of a block, behind what is said there."""
        if new and self.lines(block):
            self.lines(new[0])[:0] = self.lines(block)
            self._lines[block] = []
        self._put(block, len(self.body(block)), new)

    def remove(self, statement: cst.BaseStatement, carried: list[str] | None = None) -> None:
        """Take a statement out. Comments stay; those above it that spoke of nothing else go to `carried`."""
        left, following = self.detach(statement)
        stays = statement not in self.moving | self.unsaid
        remarks = [remark(text) for text in comments(statement)] if stays else []
        cut = remarks_begin(left)
        if carried is not None and is_of(said(left[cut:]), statement):
            carried += [text for text in said(left[cut:]) if text not in carried]
            del left[cut:]
        if not remarks and left and left[-1].comment is None and self._is_blank(self.code.last_row(statement) + 1):
            left.pop()
        self.lines(following)[:0] = [*left, *remarks]

    def detach(self, statement: cst.BaseStatement) -> tuple[Lines, cst.CSTNode]:
        """Take a statement from its place. The lines above it, nowhere now, and what follows (or its block)."""
        following, left = self.following(statement), self.lines(statement)
        del self.body(self.home(statement))[self._index(statement)]
        self._lines[statement] = []
        return left, following

    def enclose(
        self, statements: Sequence[cst.BaseStatement], make: Callable[[cst.IndentedBlock], Enclosing]
    ) -> Enclosing:
        """Put neighbours in a compound statement, the body of which is handed to `make`."""
        first, last = statements[0], statements[-1]
        if self.code.is_known(first):
            self.code.ensure_complete(self.code.first_row(first), self.code.last_row(last))
        inner, block = self.code.block(), self.home(first)
        made = make(inner)
        at, end = self._index(first), self._index(last) + 1
        taken = self.body(block)[at:end]
        lines = self.lines(first)
        cut = remarks_begin(lines)
        self._lines[first] = lines[cut:]
        if isinstance(first, (cst.FunctionDef, cst.ClassDef)):
            self.lines(first).insert(0, cst.EmptyLine(indent=False))
        if isinstance(block, cst.Module):
            for each in taken:
                self._lines[each] = _indented(self.lines(each))
        del self.body(block)[at:end]
        self._lines[made] = lines[:cut]
        self._put(block, at, [made])
        self._put(inner, 0, taken)
        if isinstance(block, cst.IndentedBlock) and self.code.is_known(block) and block.body[-1] is last:
            self.lines(inner)[:] = self._take_end(block)
            self.lines(block)[:0] = self._take_blank_end(inner)
        return made

    def _take_end(self, block: cst.IndentedBlock) -> Lines:
        """The comments directly below the last statement of a block, which go on with what stands there."""
        lines = self.lines(block)
        end = next((at for at, line in enumerate(lines) if line.comment is None), len(lines))
        taken, lines[:end] = lines[:end], []
        return taken

    def _take_blank_end(self, block: cst.BaseSuite) -> Lines:
        """The blank lines with which a block ends, as those of the blocks do that it ends with."""
        taken: Lines = []
        inner: cst.CSTNode | None = block
        while isinstance(inner, cst.IndentedBlock):
            lines = self.lines(inner)
            end = next((at for at in range(len(lines), 0, -1) if lines[at - 1].comment is not None), 0)
            taken[:0], lines[end:] = lines[end:], []
            inner = last_block(self.body(inner)[-1]) if not lines and self.body(inner) else None
        return taken

    def take_in(self, statements: Sequence[cst.BaseStatement], outer: Compound) -> None:
        """Let a compound statement begin above those before it."""
        self.code.ensure_complete(self.code.first_row(statements[0]), self.code.first_row(outer))
        if any(line.comment is not None for line in self.lines(outer)):
            self.lines(self.body(outer.body)[0])[:0] = self.lines(outer)
        lines = self.lines(statements[0])
        cut = remarks_begin(lines)
        self._lines[outer], self._lines[statements[0]] = lines[:cut], lines[cut:]
        for at, each in enumerate(statements):
            kept = _indented(self.lines(each)) if isinstance(self.home(each), cst.Module) else self.lines(each)
            self.detach(each)
            self._lines[each] = kept
            self._put(outer.body, at, [each])

    def let_out(self, statements: Sequence[cst.BaseStatement], outer: Compound) -> None:
        """Let a compound statement begin below the first ones of its body."""
        lines = self.lines(self.body(outer.body)[len(statements)])
        blank = next((at for at, line in enumerate(lines) if line.comment is not None), len(lines))
        self.lines(statements[0])[:0] = self.lines(outer)
        self._lines[outer] = lines[:blank]
        del lines[:blank]
        del self.body(outer.body)[: len(statements)]
        self._put(self.home(outer), self._index(outer), statements)

    def dissolve(self, statement: Compound, *clauses: cst.CSTNode) -> None:
        """Leave the body of a compound statement alone; of its header, and of `clauses` that go, the comments stay."""
        block, at = self.home(statement), self._index(statement)
        inner = statement.body
        taken = self.body(inner)
        self.lines(taken[0] if taken else inner)[:0] = [*self.lines(statement), *in_header(statement)]
        following = self.following(statement)
        del self.body(block)[at]
        behind = [*self.lines(inner)]
        for clause in clauses:
            body = clause.body  # type: ignore[attr-defined]
            behind += [*self.lines(clause), *in_header(clause), *self.lines(body)]
        self.lines(following)[:0] = behind
        self._put(block, at, taken)

    def _put(self, block: cst.CSTNode, at: int, new: Sequence[cst.BaseStatement]) -> None:
        self.body(block)[at:at] = new
        for each in new:
            self._homes[each] = block

    def _index(self, statement: cst.CSTNode) -> int:
        return next(i for i, each in enumerate(self.body(self.home(statement))) if each is statement)

    def is_followed(self, statement: cst.CSTNode) -> bool:
        """Whether the row below a statement holds something that the comments above it may speak of, too."""
        last = self.code.last_row(statement)
        below = self.rows[last] if last < len(self.rows) else ""
        return below.startswith(self.code.indent_of(statement)) and below.lstrip()[:1] not in ("", "#")

    def _is_blank(self, row: int) -> bool:
        return row <= len(self.rows) and not self.rows[row - 1].strip()

    # -- other nodes

    def change(self, node: cst.CSTNode, make: Change) -> None:
        """Put what `make` makes of a node in its place; None takes a clause out."""
        self._changes.setdefault(node, []).append(make)

    # -- the outcome

    def edits(self) -> tuple[Edit, ...]:
        """The changes as edits, in order, one for each stretch of neighbouring rows that differ."""
        function, begin = self.code.function, self.code.begin
        old = [*self._old()]
        new = self._rendered(self._built(function, self._touched(), self.code.indent_of(function)))
        self._fill_tables(old, begin, new)
        written = self._in_own_letters(old, begin, new)
        found = list(super().edits())
        for first, end, start, stop in differences(old, new):
            if any("\f" in row and row.strip() for row in self.rows[begin - 1 + first : begin - 1 + end]):
                raise Declined("a form feed stands in what changes, which a tree does not keep")
            found.append(rows_edit(self.rows, begin + first, begin + end, written[start:stop]))
        found.sort(key=lambda edit: edit.span)
        if any(one.span.end > other.span.start for one, other in pairwise(found)):
            raise Declined("what it needs is imported in the rows that change")
        return tuple(found)

    def _fill_tables(self, old: list[str], begin: int, new: list[str]) -> None:
        """Put large tables of constants, which are blank in a tree, where they stand and where they come to stand."""
        if isinstance(self.code.function, cst.Module):
            return
        tables = [(i, j) for i, j in _blank_runs(old) if any(map(str.strip, self.rows[begin - 1 + i : begin - 1 + j]))]
        lengths = [end - first for first, end in tables]
        moved = [(first, end) for first, end in _blank_runs(new) if end - first in lengths] if tables else []
        if [end - first for first, end in moved] != lengths:
            raise Declined("a part of what changes was not read as it stands")
        for (first, end), (start, stop) in zip(tables, moved, strict=True):
            old[first:end] = new[start:stop] = self.rows[begin - 1 + first : begin - 1 + end]

    def _in_own_letters(self, old: Sequence[str], row: int, new: Sequence[str]) -> list[str]:
        """New rows in the letters of the file, for the tree has those that Python reads. `old` ones begin at `row`."""
        both = zip(old, self.rows[row - 1 :], strict=False)
        spelled = {plain.strip(): written.strip() for plain, written in both if plain != written and plain.strip()}
        if spelled.keys() - {each.strip() for each in new}:
            raise Declined("a part of what changes was not read as it stands")
        return [each.replace(text, spelled.get(text, text)) if (text := each.strip()) else each for each in new]

    def _old(self) -> Sequence[str]:
        """The rows of the function as it is, which all of its fixes begin with."""
        if self.code.rendered is None:
            self.code.rendered = self._rendered(self.code.function)
        return self.code.rendered

    def _rendered(self, node: cst.CSTNode | None) -> list[str]:
        """The rows of the function or module."""
        if isinstance(node, cst.Module):
            return node.code.split("\n")[:-1]
        assert isinstance(node, cst.FunctionDef)
        indent = self.code.indent_of(self.code.function)
        block = cst.IndentedBlock([node], indent=indent) if indent else cst.Module([node])
        text = self.code.lowered.tree.code_for_node(block)
        return (text.partition("\n")[2] if indent else text).split("\n")[:-1]

    def _touched(self) -> set[cst.CSTNode]:
        """The old nodes below which something changes."""
        named = (*self._bodies, *self._lines, *self._changes)
        return {node for each in named for node in (each, *self.code.ancestors(each))}

    def _built(self, node: cst.CSTNode, touched: set[cst.CSTNode], indent: str = "") -> cst.CSTNode | None:
        """A node as it is to be; `indent` is what its rows begin with."""
        if node not in touched and self.code.is_known(node):
            return self._shifted(node, node, indent)
        made: cst.CSTNode | None = node
        for make in self._changes.pop(node, ()):
            made = make(made)
        if made is None:
            return None
        new: dict[str, Any] = {}
        if node in self._lines:
            new["footer" if isinstance(made, Block) else "leading_lines"] = self._lines[node]
        if isinstance(made, cst.IndentedBlock):
            indent += made.indent if made.indent is not None else self.code.lowered.tree.default_indent
        for name in parts(type(made)):
            value = self._bodies[node] if name == "body" and node in self._bodies else getattr(made, name)
            if isinstance(value, cst.CSTNode):
                new[name] = self._built(value, touched, indent)
            elif isinstance(value, (tuple, list)):
                built = [self._built(each, touched, indent) for each in value if isinstance(each, cst.CSTNode)]
                new[name] = [each for each in built if each is not None]
        return self._shifted(node, made.with_changes(**new), indent)

    def _shifted(self, node: cst.CSTNode, made: cst.CSTNode, indent: str) -> cst.CSTNode | None:
        """A statement that has moved, with the rows that a tree does not know how to indent, or that are too long."""
        if node not in self._homes or not self.code.is_known(node) or (old := self.code.indent_of(node)) == indent:
            return made
        above = len(getattr(made, "leading_lines", ()))
        rows = self.rows[self.code.first_row(node) - 1 - above : self.code.last_row(node)]
        found: cst.CSTNode = made
        form = formatter(os.path.dirname(self.code.path))
        further = len(indent) - len(old)
        if form.tool and any(len(row) <= form.row_length < len(row) + further for row in rows):
            found = _visited(found, Wrapped(old, indent, self.code.unit(), form.row_length))
        odd = (row for row in rows if row.endswith("\\") or (row and not (row.strip() and row.startswith(old))))
        if any(odd) or ends_further_left(node):
            found = _visited(found, Shifted(old, indent))
        return found


def _visited(node: cst.CSTNode, transformer: cst.CSTTransformer) -> cst.CSTNode:
    visited = node.visit(transformer)
    assert isinstance(visited, cst.CSTNode)
    return visited


def differences(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """From and to where rows differ: in the old ones, and in the new ones."""
    least = min(len(old), len(new))
    head = next((i for i in range(least) if old[i] != new[i]), least)
    tail = next((i for i in range(least - head) if old[-1 - i] != new[-1 - i]), least - head)
    middle = SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False)
    for kind, first, end, start, stop in middle.get_opcodes():
        if kind != "equal":
            yield head + first, head + end, head + start, head + stop


def _blank_runs(rows: Sequence[str]) -> Iterator[tuple[int, int]]:
    """From and to where rows are blank."""
    for blank, run in groupby(range(len(rows)), lambda at: not rows[at].strip()):
        found = [*run]
        if blank:
            yield found[0], found[-1] + 1


def in_header(statement: cst.CSTNode) -> Lines:
    """The comments in the header of a compound statement or clause, as lines of their own."""
    others = (cst.EmptyLine, cst.BaseSuite, *_CLAUSES)
    found = [text for part in statement.children if not isinstance(part, others) for text in comments(part)]
    last = getattr(statement.body, "header", None)  # type: ignore[attr-defined]
    return [remark(text) for text in [*found, *(comments(last) if last is not None else ())]]


def remark(text: str) -> cst.EmptyLine:
    """A comment on a line of its own."""
    return cst.EmptyLine(comment=cst.Comment(text))


def remarks_begin(lines: Sequence[cst.EmptyLine]) -> int:
    """Where those of some lines begin that stand directly above a statement and speak of it."""
    at = len(lines)
    while at and lines[at - 1].comment is not None and lines[at - 1].indent and not lines[at - 1].whitespace.value:
        at -= 1
    return at


def said(lines: Sequence[cst.EmptyLine]) -> list[str]:
    """The comments among some lines."""
    return [line.comment.value for line in lines if line.comment is not None]


def comments(node: cst.CSTNode) -> Iterator[str]:
    """The comments in a statement or clause, those above it left out."""
    own = {id(each) for each in getattr(node, "leading_lines", ())}
    stack = [each for each in reversed(node.children) if id(each) not in own]
    while stack:
        current = stack.pop()
        if isinstance(current, cst.Comment):
            yield current.value
        stack.extend(reversed(current.children))


def _indented(lines: Lines) -> Lines:
    """Lines that stood at the margin as they stand in a block: one blank line in place of two."""
    found: Lines = []
    for line in lines:
        if line.comment is not None:
            found.append(line)
        elif not found or found[-1].comment is not None:
            found.append(cst.EmptyLine(indent=False))
    return found
