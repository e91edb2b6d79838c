"""The `with` that releases, in place of one that does not. Rule PB109."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from putback.fixes import region
from putback.fixes.code import Code, Place
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft
from putback.fixes.holding import ANONYMOUS, Holding
from putback.fixes.imports import CLOSING, add_import, spelled_from
from putback.fixes.leaving import ensure_stays_inside
from putback.fixes.removal import comments
from putback.fixes.wrap import give_back
from putback.model.fix import Applicability, Fix
from putback.model.span import Span


def release_around(holding: Holding, enters_itself: bool, ends_transaction: bool) -> Fix:
    """The fix for a connection that is acquired in the header of a `with`, or before it. Raises Declined.

    `enters_itself`: the awaited acquire is an `async with` manager of its own. `ends_transaction`: leaving the `with`
    commits or rolls back, which has to stay.
    """
    code = holding.code
    place = code.place(holding.acquire)
    if not isinstance(place.statement, cst.With):
        return give_back(holding)
    item = _item(code, place.statement, holding.acquire)
    if enters_itself and isinstance(item.item, cst.Await):
        return _without_await(code, item.item)
    if item.asname is None or not isinstance(item.asname.name, cst.Name):
        raise Declined("the `with` gives the connection no name")
    named = _named(holding, item.asname.name.value)
    if named.handed_on:
        raise Declined("on some path it is handed on to another owner")
    ensure_stays_inside(named)
    closing = _is_closing(item, holding.acquire)
    plain = named.release.statement == f"{named.name}.close()" and ends_transaction and not closing
    if plain and not _used_behind(named, place):
        return _with_closing(named, item)
    return _with_finally(named, place, item, ends_transaction and not closing)


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
    draft = code.draft()
    draft.replace(Span(code.span(node).start, code.span(node.expression).start), "")
    return Fix(Applicability.SAFE, "let `async with` acquire and release it", draft.edits())


def _used_behind(holding: Holding, place: Place) -> bool:
    return region.last_use(holding, place.statements[place.index + 1 :]) >= 0


def _with_closing(holding: Holding, item: cst.WithItem) -> Fix:
    """`with closing(acquire) as conn, conn:`: closed at last, the transaction ended before."""
    code = holding.code
    if code.is_async and isinstance(item.item, cst.Await):
        raise Declined("the connection is made by a coroutine")
    draft = code.draft()
    span = code.span(item)
    closing = spelled_from(code.rows, CLOSING)
    draft.replace(span, f"{closing}({code.text(item.item)}) as {holding.name}, {holding.name}")
    add_import(draft, code.rows, CLOSING)
    return Fix(Applicability.SAFE, f"close it behind the `with`: {closing}()", draft.edits())


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
    if any(code.is_inside(n, s) for n in holding.foreign for s in place.statements[place.index : last + 1]):
        raise Declined(f"`{holding.name}` is bound more than once")
    draft = code.draft()
    _write(holding, draft, place, place.statements[last], item, keeps_with)
    for needed in holding.release.needs:
        add_import(draft, code.rows, needed)
    return Fix(Applicability.SAFE, f"release it in a `finally`: {holding.release.statement}", draft.edits())


def _is_on_one_row(code: Code, statement: cst.With) -> bool:
    return code.first_row(statement) == code.span(statement.items[-1]).end.row and not isinstance(
        statement.lpar, cst.LeftParen
    )


def _write(
    holding: Holding, draft: Draft, place: Place, last: cst.CSTNode, item: cst.WithItem, keeps_with: bool
) -> None:
    """The rows: the managers before it stay around, those behind it stay inside."""
    code, statement = holding.code, place.statement
    assert isinstance(statement, cst.With)
    indent, unit = code.indent_of(statement), code.unit()
    header, bottom = code.first_row(statement), code.last_row(last)
    body = code.header_end(statement) + 1
    code.ensure_complete(header, bottom)
    at = next(i for i, each in enumerate(statement.items) if each is item)
    outer = _managers(code, statement.items[:at])
    inner = [*([holding.name] if keeps_with else []), *_managers(code, statement.items[at + 1 :])]
    deeper = indent + unit if outer else indent
    if outer:
        draft.indent(body, bottom, unit)
    if inner:
        draft.indent(body, bottom, unit)
    elif last is not statement:
        draft.indent(code.last_row(statement) + 1, bottom, unit)
    rows = [f"{indent}{remark}" for remark in comments(code, header, body - 1)]
    rows += [f"{indent}{_word(statement)} {', '.join(outer)}:"] if outer else []
    rows += [*_acquiring(holding, item, deeper, keeps_with), f"{deeper}try:"]
    rows += [f"{deeper}{unit}{_word(statement)} {', '.join(inner)}:"] if inner else []
    draft.delete(header, body - 1)
    draft.insert(header, rows, ahead=True)
    draft.insert(bottom + 1, [f"{deeper}finally:", f"{deeper}{unit}{holding.release.statement}"], ahead=True)


def _word(statement: cst.With) -> str:
    return "async with" if statement.asynchronous is not None else "with"


def _managers(code: Code, items: Sequence[cst.WithItem]) -> list[str]:
    return [code.text(item).rstrip(", ") for item in items]


def _acquiring(holding: Holding, item: cst.WithItem, indent: str, keeps_with: bool) -> list[str]:
    """The rows of `name = acquire`."""
    acquire = item.item
    if not keeps_with and isinstance(acquire, cst.Call):
        acquire = next(a.value for a in acquire.args if holding.code.is_inside(holding.acquire, a))
    first, *rest = holding.code.rows_of(acquire, indent)
    return [f"{indent}{holding.name} = {first}", *rest]
