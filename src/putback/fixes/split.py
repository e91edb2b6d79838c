"""Statements that share a row, each put on a row of its own, so that a fix can put some of them in a `try`.

`conn = db(); cur = conn.cursor()` and `if path: conn = db(path)` become rows, `conn, name = db(), other()` becomes two
assignments. Which row is split is told by what stands in it; the others stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import libcst as cst
from msgspec.structs import replace as changed

from putback.fixes.code import Code, SharedRow, all_below, mentions
from putback.fixes.declined import Declined
from putback.fixes.draft import differences
from putback.fixes.rows import rows_edit
from putback.flow.lower import Lowered, parse, with_plain_names
from putback.model.errors import SourceError
from putback.model.fix import Edit, Fix
from putback.model.span import Position, Span

_WRAPPED = "class _:\n"
_Key = tuple[type[cst.CSTNode], Position, Position]


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is written on a row of its own: the columns `start` to `end` of the row that is split, behind `lead`.

    `name` are the columns of the name that `lead` begins with, its indentation aside.
    """

    lead: str
    start: int
    end: int
    name: range = range(0)

    def column(self, old: int) -> int:
        """Where a column of the old row stands in the new one; 0 where it does not."""
        if old in self.name:
            return len(self.lead) - len(self.lead.lstrip()) + 1 + self.name.index(old)
        return old - self.start + len(self.lead) + 1 if self.start <= old < self.end else 0


def on_own_rows(code: Code, make: Callable[[Code], Fix]) -> Fix:
    """The fix that `make` makes of a function, where it has to be with some rows split. Raises Declined."""
    current = code
    while True:
        try:
            fix = make(current)
        except SharedRow as shared:
            current = _split(current, shared)
            continue
        return fix if current is code else _as_one(fix, current.rows, code.rows)


def _as_one(fix: Fix, between: Sequence[str], rows: Sequence[str]) -> Fix:
    """A fix of rows that were split, with the splitting."""
    after = _applied(between, fix.edits)
    edits = (rows_edit(rows, a + 1, b + 1, after[c:d]) for a, b, c, d in differences(rows, after))
    return replace(fix, edits=tuple(edits))


def _applied(rows: Sequence[str], edits: Sequence[Edit]) -> Sequence[str]:
    done = list(rows)
    for edit in sorted(edits, key=lambda each: each.span, reverse=True):
        start, end = edit.span.start, edit.span.end
        last = done[end.row - 1] if end.row <= len(done) else ""
        text = done[start.row - 1][: start.column - 1] + edit.content + last[end.column - 1 :]
        done[start.row - 1 : end.row] = text.split("\n")
    return done


def _split(code: Code, shared: SharedRow) -> Code:
    """The function with the row of a statement split. Raises Declined."""
    row = code.span(shared.node).start.row
    pieces = _pieces(code, shared, row)
    new = [f"{piece.lead}{code.rows[row - 1][piece.start - 1 : piece.end - 1]}" for piece in pieces]
    lowered = code.lowered
    text = lowered.tree.code
    inner = text.split("\n")
    at = row - lowered.row_offset - 1
    if inner[at] != with_plain_names(code.rows[row - 1]):
        raise Declined(shared.reason)
    inner[at : at + 1] = map(with_plain_names, new)
    rows = [*code.rows[: row - 1], *new, *code.rows[row:]]
    try:
        tree = parse("\n".join(inner))
    except SourceError:
        raise Declined(shared.reason) from None
    made = Lowered(lowered.functions, tree, lowered.row_offset, {}, lowered.nested)
    known = {(type(n), *_ends(made, n)): n for n in all_below(tree)}
    moved = _moving(row, pieces)
    nodes = {
        key: [_found(known, lowered, node, moved, shared) for node in lowered.nodes[key]]
        for key in lowered.nodes
        if key == code.key
    }
    return Code(changed(made, nodes=nodes), code.key, rows, code.path)


def _ends(lowered: Lowered, node: cst.CSTNode) -> tuple[Position, Position]:
    span = lowered.place(node)
    return span.start, span.end


def _found(
    known: dict[_Key, cst.CSTNode],
    lowered: Lowered,
    node: cst.CSTNode,
    moved: Callable[[Position], Position],
    shared: SharedRow,
) -> cst.CSTNode:
    """The node of the new tree that stands for one of the old."""
    start, end = _ends(lowered, node)
    last = moved(Position(end.row, end.column - 1)) if end.column > 1 else Position(moved(end).row, 0)
    found = known.get((type(node), moved(start), Position(last.row, last.column + 1)))
    if found is None and isinstance(node, cst.Tuple | cst.Assign):  # the tuple that is no more
        found = next((n for (kind, at, _), n in known.items() if kind is cst.Assign and at == moved(start)), None)
    if found is None:
        raise Declined(shared.reason)
    return found


def _moving(row: int, pieces: Sequence[_Piece]) -> Callable[[Position], Position]:
    """Where a place in the old rows is in the new ones."""

    def moved(place: Position) -> Position:
        if place.row != row:
            return Position(place.row + (len(pieces) - 1 if place.row > row else 0), place.column)
        for further, piece in enumerate(pieces):
            if column := piece.column(place.column):
                return Position(row + further, column)
        return place

    return moved


# -- what the rows are


def _pieces(code: Code, shared: SharedRow, row: int) -> Sequence[_Piece]:
    """The pieces of a row. Raises Declined where they are not plain."""
    node = shared.node
    line = next((n for n in (node, *code.ancestors(node)) if isinstance(n, _LINES)), None)
    if line is None or code.span(line).start.row != row:
        raise Declined(shared.reason)
    indent = code.rows[row - 1][: len(code.rows[row - 1]) - len(code.rows[row - 1].lstrip())]
    spans = [code.span(each) for each in line.body]
    if any(span.start.row != row or span.end.row != row for span in spans):
        raise Declined(f"{shared.reason}, and it goes on below")
    if isinstance(line, cst.SimpleStatementSuite):
        head = len(code.rows[row - 1][: spans[0].start.column - 1].rstrip()) + 1
        begun = _Piece("", 1, head)
        if code.rows[row - 1][: head - 1].rstrip()[-1:] != ":":
            raise Declined(shared.reason)
        return [begun, *_each(code, row, indent + code.unit(), spans)]
    if len(line.body) > 1:
        return [*_each(code, row, indent, spans)]
    assign = line.body[0]
    if isinstance(assign, cst.Assign):
        return _assignments(code, row, indent, assign, shared)
    raise Declined(shared.reason)


_LINES = (cst.SimpleStatementLine, cst.SimpleStatementSuite)


def _each(code: Code, row: int, indent: str, spans: Sequence[Span]) -> Iterator[_Piece]:
    """A piece for each statement; the comment at the end goes on with the last."""
    for span in spans:
        is_last = span is spans[-1]
        yield _Piece(indent, span.start.column, _end_of_row(code, row, span) if is_last else span.end.column)


def _end_of_row(code: Code, row: int, span: Span) -> int:
    """Where what is to be kept of a row ends: a semicolon at its end is not."""
    rest = code.rows[row - 1][span.end.column - 1 :]
    return span.end.column if rest.strip() in ("", ";") else len(code.rows[row - 1]) + 1


def _assignments(code: Code, row: int, indent: str, assign: cst.Assign, shared: SharedRow) -> Sequence[_Piece]:
    """`a = x` and `b = y` for `a, b = x, y`, where no value reads a name that is bound before it."""
    match assign:
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Tuple(elements=names))], value=cst.Tuple(elements=values)):
            targets = [e.value for e in names if isinstance(e, cst.Element) and isinstance(e.value, cst.Name)]
            given = [e.value for e in values if isinstance(e, cst.Element)]
        case _:
            raise Declined(shared.reason)
    bound = [target.value for target in targets]
    if len(set(bound)) != len(names) or len(given) != len(names) or len(values) != len(names):
        raise Declined(shared.reason)
    if any(mentions(value, frozenset(bound[:at])) for at, value in enumerate(given)):
        raise Declined(shared.reason)
    spans, places = [code.span(value) for value in given], [code.span(target) for target in targets]
    if any(span.start.row != row or span.end.row != row for span in (*spans, *places)):
        raise Declined(shared.reason)
    return [
        replace(piece, lead=f"{indent}{name} = ", name=range(place.start.column, place.end.column))
        for name, place, piece in zip(bound, places, _each(code, row, indent, spans), strict=True)
    ]
