"""The `with` that releases, in place of one that does not. Rule PB109."""

from __future__ import annotations

from dataclasses import replace

import libcst as cst

from putback.fixes import region
from putback.fixes.code import Code, Place
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft
from putback.fixes.holding import ANONYMOUS, Holding
from putback.fixes.imports import Needed, add_import
from putback.fixes.wrap import give_back
from putback.model.fix import Applicability, Fix
from putback.model.span import Span

_CLOSING = Needed("closing", "contextlib")


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
    plain = holding.release.statement == f"{named.name}.close()" and ends_transaction and not _is_closing(item)
    if plain and not _used_behind(named, place):
        return _with_closing(named, item)
    return _with_finally(named, place, item, ends_transaction and not _is_closing(item))


def _item(code: Code, statement: cst.With, acquire: cst.CSTNode) -> cst.WithItem:
    return next(i for i in statement.items if code.is_inside(acquire, i))


def _named(holding: Holding, name: str) -> Holding:
    """The same with the name that the `with` gives."""
    release = replace(holding.release, statement=holding.release.statement.replace(ANONYMOUS, name))
    return replace(holding, name=name, release=release)


def _is_closing(item: cst.WithItem) -> bool:
    """Whether the item is `closing(acquire)`."""
    return isinstance(item.item, cst.Call) and bool(item.item.args) and isinstance(item.item.args[0].value, cst.Call)


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
    closing = _spelled(code)
    draft.replace(span, f"{closing}({code.text(item.item)}) as {holding.name}, {holding.name}")
    if closing == _CLOSING.name:
        add_import(draft, code.rows, _CLOSING)
    return Fix(Applicability.SAFE, f"close it behind the `with`: {closing}()", draft.edits())


def _spelled(code: Code) -> str:
    """How this file calls `contextlib.closing`."""
    return "contextlib.closing" if any(r.strip() == "import contextlib" for r in code.rows) else "closing"


def _with_finally(holding: Holding, place: Place, item: cst.WithItem, keeps_with: bool) -> Fix:
    """Acquire first, then a `try` with the release, around the `with` that ends the transaction."""
    code, statement = holding.code, place.statement
    assert isinstance(statement, cst.With)
    if len(statement.items) > 1:
        raise Declined("the `with` has several managers")
    if not isinstance(statement.body, cst.IndentedBlock):
        raise Declined("the `with` is written on one line")
    if not holding.release.statement:
        raise Declined(holding.release.reason or "how it is given back is not known")
    draft = code.draft()
    last = max(region.last_use(holding, place.statements[place.index :]), 0) + place.index
    _write(holding, draft, place, place.statements[last], item, keeps_with)
    for needed in holding.release.needs:
        add_import(draft, code.rows, needed)
    return Fix(Applicability.SAFE, f"release it in a `finally`: {holding.release.statement}", draft.edits())


def _write(
    holding: Holding,
    draft: Draft,
    place: Place,
    last: cst.CSTNode,
    item: cst.WithItem,
    keeps_with: bool,
) -> None:
    code, statement = holding.code, place.statement
    indent, unit = code.indent_of(statement), code.unit()
    header, bottom = code.first_row(statement), code.last_row(last)
    acquire = item.item.args[0].value if _is_closing(item) else item.item  # type: ignore[attr-defined]
    draft.delete(header, code.span(item).end.row)
    if keeps_with:
        draft.insert(header, [f"{indent}with {holding.name}:"])
        draft.indent(header, bottom, unit)
    elif last is not statement:
        draft.indent(code.last_row(statement) + 1, bottom, unit)
    draft.insert(header, [f"{indent}{holding.name} = {code.text(acquire)}", f"{indent}try:"], ahead=True)
    draft.insert(bottom + 1, [f"{indent}finally:", f"{indent}{unit}{holding.release.statement}"], ahead=True)
