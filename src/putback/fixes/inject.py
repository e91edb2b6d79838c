"""Have a route's session injected: a parameter instead of the creation and the close. Rule PB302.

The fix is unsafe: the signature changes for whoever calls the route by hand, the session is closed when the response
has been made and not before, and what the dependency does besides (a commit, a rollback) happens to this route, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import libcst as cst

from putback.fixes import protect, region
from putback.fixes.closers import Closer, Form, closers_of, forgets
from putback.fixes.code import Code, all_below, mentions
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft
from putback.fixes.holding import Holding
from putback.fixes.imports import Needed, add_import
from putback.fixes.unwrap import drop, unwrap_with
from putback.model.fix import Applicability, Fix
from putback.model.span import Position, Span


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter in the project's style: its annotation and default ("" for none), and the imports that they need."""

    annotation: str
    default: str
    needs: tuple[Needed, ...] = ()

    def text(self, name: str) -> str:
        """As it is written in a signature."""
        if not self.annotation:
            return f"{name}={self.default}"
        return f"{name}: {self.annotation}{f' = {self.default}' if self.default else ''}"


def inject(holding: Holding, parameter: Parameter) -> Fix:
    """The fix that turns the session of a route into `parameter`. Raises Declined."""
    code = holding.code
    if not holding.name:
        raise Declined("the session has no name")
    _ensure_stays_in_route(holding)
    holding = replace(holding, closers=tuple(c for c in holding.closers if c is not holding.acquire))
    closers = closers_of(holding)
    draft = code.draft()
    entered = _entering(holding)
    if entered is not None:
        _ensure_closed_last(holding, [*closers, Closer(holding.acquire, entered, Form.PLAIN, False)])
        region.ensure_single_binding(holding, entered, closers)
        drop(code, draft, closers)
        unwrap_with(code, draft, entered)
    else:
        statement = protect.acquiring(holding).statement
        _ensure_closed_last(holding, closers)
        region.ensure_single_binding(holding, statement, closers)
        drop(code, draft, closers, [statement, *_forgetting(holding, closers)])
    _add_parameter(code, draft, parameter.text(holding.name), bool(parameter.default))
    _add_imports(code, draft, parameter.needs)
    return Fix(Applicability.UNSAFE, f"have it injected: {parameter.text(holding.name)}", draft.edits())


def _ensure_stays_in_route(holding: Holding) -> None:
    code, own = holding.code, holding.related | {holding.name}
    if not isinstance(code.function, cst.FunctionDef):
        raise Declined("the route is no function")
    if holding.lent or any(n not in holding.closers for n in holding.handed_on):
        raise Declined(f"`{holding.name}` is handed on")
    if any(isinstance(a, (cst.For, cst.While, cst.CompFor)) for a in code.ancestors(holding.acquire)):
        raise Declined("it is made in a loop")
    for node in all_below(code.function.body):
        if isinstance(node, (cst.FunctionDef, cst.Lambda)) and mentions(node.body, own):
            raise Declined(f"`{holding.name}` is used in a nested function")


def _entering(holding: Holding) -> cst.With | None:
    """The `with` that makes the session in its header. Declines when it enters something else as well."""
    statement = holding.code.place(holding.acquire).statement
    if not isinstance(statement, cst.With):
        return None
    only = statement.items[0] if len(statement.items) == 1 else None
    if only is None or only.item is not holding.acquire or only.asname is None:
        raise Declined("its `with` does more than to enter the session")
    if not isinstance(statement.body, cst.IndentedBlock):
        raise Declined("the body of its `with` shares the line of the header")
    return statement


def _ensure_closed_last(holding: Holding, closers: list[Closer]) -> None:
    """Decline when work is done behind the close: an injected session would stay open meanwhile."""
    if any(region.runs_longer(holding, c, None) for c in closers):
        raise Declined("the route goes on working after it has closed the session")


def _forgetting(holding: Holding, closers: list[Closer]) -> list[cst.BaseStatement]:
    """The statements that bind the name to None, apart from those that go with a close."""
    gone = {id(s) for closer in closers for s in closer.removed}
    found = (n for n in all_below(holding.code.function) if isinstance(n, cst.SimpleStatementLine))
    return [s for s in found if forgets(s, holding.name) and id(s) not in gone]


# -- the signature


def _add_parameter(code: Code, draft: Draft, text: str, has_default: bool) -> None:
    """Write a parameter behind the others, or in front of those with defaults when it has none itself."""
    assert isinstance(code.function, cst.FunctionDef)
    params = code.function.params
    plain = params.params
    first = next((p for p in plain if p.default is not None), None)
    if first is not None and not has_default:
        _put_before(code, draft, first, text)
    elif plain:
        _put_behind(code, draft, plain[-1], text)
    elif not (params.posonly_params or params.kwonly_params or params.star_kwarg or _is_star(params.star_arg)):
        end = code.span(code.function.name).end
        if code.rows[end.row - 1][end.column - 1 : end.column] != "(":
            raise Declined("its parameters leave no place for one more")
        inside = Position(end.row, end.column + 1)
        draft.replace(Span(inside, inside), text)
    else:
        raise Declined("its parameters leave no place for one more")


def _is_star(star: object) -> bool:
    return isinstance(star, (cst.Param, cst.ParamStar))


def _put_before(code: Code, draft: Draft, param: cst.Param, text: str) -> None:
    start = code.span(param).start
    if _is_first_on_row(code, start):
        draft.insert(start.row, [f"{code.rows[start.row - 1][: start.column - 1]}{text},"])
    else:
        draft.replace(Span(start, start), f"{text}, ")


def _put_behind(code: Code, draft: Draft, param: cst.Param, text: str) -> None:
    start, end = code.span(param).start, _end(code, param)
    tail = code.rows[end.row - 1][end.column - 1 :].strip()
    if _is_first_on_row(code, start) and (tail in ("", ",") or tail.lstrip(", ").startswith("#")):
        if not tail.startswith(","):
            draft.replace(Span(end, end), ",")
        draft.insert(end.row + 1, [f"{code.rows[start.row - 1][: start.column - 1]}{text},"])
    else:
        draft.replace(Span(end, end), f", {text}")


def _is_first_on_row(code: Code, start: Position) -> bool:
    return not code.rows[start.row - 1][: start.column - 1].strip()


def _end(code: Code, param: cst.Param) -> Position:
    """Where a parameter ends, with its annotation and default; a position of libcst covers only the name."""
    last: cst.BaseExpression = param.name
    if param.annotation is not None:
        last = param.annotation.annotation
    if param.default is not None:
        last = param.default
    return code.span(last.rpar[-1] if last.rpar else last).end


def _add_imports(code: Code, draft: Draft, needs: tuple[Needed, ...]) -> None:
    places = [n.module or n.beside for n in needs]
    if len(set(places)) < len(places):
        raise Declined("it needs several names of one module")
    for needed in needs:
        add_import(draft, code.rows, needed)
