"""The `with` that releases, in place of one that does not. Rule PB109."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from putback.fixes import region
from putback.fixes.code import Code, Place, call
from putback.fixes.code import statement as new_statement
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft, in_header
from putback.fixes.holding import ANONYMOUS, Holding
from putback.fixes.imports import CLOSING, add_import, spelled_from
from putback.fixes.leaving import ensure_stays_inside
from putback.fixes.wrap import doubted, give_back
from putback.model.fix import Applicability, Fix

_ANOTHER = "entering it may give another object"


def release_around(holding: Holding, enters_itself: bool, ends_transaction: bool, gives_another: bool) -> Fix:
    """The fix for a connection that is acquired in the header of a `with`, or before it. Raises Declined.

    `enters_itself`: the awaited acquire is an `async with` manager of its own. `ends_transaction`: leaving the `with`
    commits or rolls back, which has to stay. `gives_another`: entering it may give another object, so that the name
    goes on to mean that.
    """
    code = holding.code
    place = code.place(holding.acquire)
    if not isinstance(place.statement, cst.With):
        return give_back(holding)
    item = _item(code, place.statement, holding.acquire)
    if enters_itself and isinstance(item.item, cst.Await):
        return doubted(_without_await(code, item.item), holding.doubts)
    if item.asname is None or not isinstance(item.asname.name, cst.Name):
        raise Declined("the `with` gives the connection no name")
    named = _named(holding, item.asname.name.value)
    if named.handed_on:
        raise Declined("on some path it is handed on to another owner")
    ensure_stays_inside(named)
    closing = _is_closing(item, holding.acquire)
    plain = named.release.statement == f"{named.name}.close()" and ends_transaction and not closing
    if plain and not _used_behind(named, place):
        return doubted(_with_closing(named, place.statement, item, gives_another), named.doubts)
    keeps_with = ends_transaction and not closing
    doubts = [*named.doubts, *([_ANOTHER] if gives_another and not closing else [])]
    return doubted(_with_finally(named, place, item, keeps_with), doubts)


def _item(code: Code, statement: cst.With, acquire: cst.CSTNode) -> cst.WithItem:
    return next(i for i in statement.items if code.is_inside(acquire, i))


def _named(holding: Holding, name: str) -> Holding:
    """The same with the name that the `with` gives."""
    release = replace(holding.release, statement=holding.release.statement.replace(ANONYMOUS, name))
    return replace(holding, name=name, release=release)


def _is_closing(item: cst.WithItem, acquire: cst.CSTNode) -> bool:
    """Whether the item is `closing(acquire)`."""
    return isinstance(item.item, cst.Call) and any(_unawaited(a.value) is acquire for a in item.item.args)


def _unawaited(value: cst.BaseExpression) -> cst.BaseExpression:
    return value.expression if isinstance(value, cst.Await) else value


def _without_await(code: Code, node: cst.Await) -> Fix:
    draft = Draft(code)
    draft.change(node, lambda _: node.expression)
    return Fix(Applicability.SAFE, "let `async with` acquire and release it", draft.edits())


def _used_behind(holding: Holding, place: Place) -> bool:
    return region.last_use(holding, place.statements[place.index + 1 :]) >= 0


def _with_closing(holding: Holding, statement: cst.With, item: cst.WithItem, gives_another: bool) -> Fix:
    """`with closing(acquire) as conn, conn:`: closed at last, the transaction ended first.

    It is `conn as conn` where that may be another object.
    """
    code = holding.code
    if code.is_async and isinstance(item.item, cst.Await):
        raise Declined("the connection is made by a coroutine")
    draft = Draft(code)
    closing = call(spelled_from(code.rows, CLOSING), item.item)
    again = cst.WithItem(cst.Name(holding.name), item.asname if gives_another else None, comma=item.comma)
    both = [cst.WithItem(closing, item.asname), again]
    draft.change(statement, lambda node: node.with_changes(items=_replaced(node.items, item, both)))
    add_import(draft, code.rows, CLOSING)
    return Fix(Applicability.SAFE, f"close it behind the `with`: {spelled_from(code.rows, CLOSING)}()", draft.edits())


def _with_finally(holding: Holding, place: Place, item: cst.WithItem, keeps_with: bool) -> Fix:
    """Acquire first, then a `try` with the release, around the `with` that ends the transaction."""
    code, statement = holding.code, place.statement
    assert isinstance(statement, cst.With)
    if len(statement.items) > 1 and not _is_on_one_row(code, statement):
        raise Declined("the `with` has several managers on several rows")
    if not isinstance(statement.body, cst.IndentedBlock):
        raise Declined("the `with` is written on one line")
    if not holding.release.statement:
        raise Declined(holding.release.reason or "how it is given back is not known")
    last = max(region.last_use(holding, place.statements[place.index :]), 0) + place.index
    if item is not statement.items[0] and last > place.index:
        raise Declined("it is used behind a `with` that has managers before it")
    if any(code.is_inside(n, s) for n in holding.others for s in place.statements[place.index : last + 1]):
        raise Declined(f"`{holding.name}` is bound more than once")
    draft = Draft(code)
    _write(holding, draft, place, last, item, keeps_with)
    for needed in holding.release.needs:
        add_import(draft, code.rows, needed)
    return Fix(Applicability.SAFE, f"release it in a `finally`: {holding.release.statement}", draft.edits())


def _is_on_one_row(code: Code, statement: cst.With) -> bool:
    return code.first_row(statement) == code.span(statement.items[-1]).end.row and not isinstance(
        statement.lpar, cst.LeftParen
    )


def _replaced(items: Sequence[cst.WithItem], item: cst.WithItem, new: Sequence[cst.WithItem]) -> Sequence[cst.WithItem]:
    """The managers of a `with` with others in the place of one."""
    at = next(i for i, each in enumerate(items) if each is item)
    return [*items[:at], *new, *items[at + 1 :]]


def _write(holding: Holding, draft: Draft, place: Place, last: int, item: cst.WithItem, keeps_with: bool) -> None:
    """The managers before it stay around, those behind it stay inside."""
    statement = place.statement
    assert isinstance(statement, cst.With)
    at = next(i for i, each in enumerate(statement.items) if each is item)
    outer, inner = list(statement.items[:at]), list(statement.items[at + 1 :])
    if keeps_with:
        inner.insert(0, cst.WithItem(cst.Name(holding.name)))
    remarks = in_header(statement)
    lines = [*draft.lines(statement), *remarks]
    draft.lines(statement).clear()
    final = cst.Finally(draft.code.block([new_statement(holding.release.statement)]))
    around: cst.BaseCompoundStatement = draft.enclose(
        place.statements[place.index : last + 1], lambda body: cst.Try(body, finalbody=final)
    )
    if inner:
        draft.change(statement.body, lambda node: node.with_changes(header=cst.TrailingWhitespace()))
        draft.change(statement, lambda node: node.with_changes(items=inner))
    else:
        draft.dissolve(statement)
        del draft.lines(draft.body(around.body)[0])[: len(remarks)]
    acquire = _acquiring(holding, item, keeps_with)
    draft.put_before(around, acquire)
    if outer:
        outer[-1] = outer[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        head = statement.with_changes(items=outer, leading_lines=())
        around = draft.enclose([acquire, around], lambda body: head.with_changes(body=body))
        draft.lines(around)[:0] = lines
    else:
        draft.lines(acquire)[:0] = lines


def _acquiring(holding: Holding, item: cst.WithItem, keeps_with: bool) -> cst.SimpleStatementLine:
    """`name = acquire`"""
    acquire = item.item
    if not keeps_with and isinstance(acquire, cst.Call):
        inner = next((a.value for a in acquire.args if holding.code.is_inside(holding.acquire, a)), None)
        if inner is None:
            raise Declined("the acquire is part of a larger expression")
        acquire = inner
    rows, span = holding.code.rows, holding.code.span(acquire)
    begun = rows[span.start.row - 1]
    further = len(begun) - len(begun.lstrip()) - len(holding.code.indent_of(holding.code.place(acquire).statement))
    value = acquire.visit(_Nearer(further))
    assert isinstance(value, cst.BaseExpression)
    return cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(cst.Name(holding.name))], value)])


class _Nearer(cst.CSTTransformer):
    """Moves the later rows of an expression to the left, which began further to the right than its new statement."""

    def __init__(self, further: int) -> None:
        super().__init__()
        self.further = further

    def leave_ParenthesizedWhitespace(
        self, original_node: cst.ParenthesizedWhitespace, updated_node: cst.ParenthesizedWhitespace
    ) -> cst.ParenthesizedWhitespace:
        last = updated_node.last_line
        return updated_node.with_changes(last_line=last.with_changes(value=last.value[self.further :]))
