"""Have a route's session injected: a parameter instead of the creation and the close. Rule PB302.

The fix is unsafe: the signature changes for whoever calls the route by hand, the session is closed when the response
has been made and not before, and what the dependency does besides (a commit, a rollback) happens to this route, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import libcst as cst

from putback.fixes import protect, region
from putback.fixes.closers import Closer, Form, closers_of, forgets
from putback.fixes.code import Code, all_below, mentions
from putback.fixes.declined import Declined
from putback.fixes.draft import Draft
from putback.fixes.holding import Holding
from putback.fixes.imports import Needed, add_import
from putback.fixes.removal import take_out
from putback.model.fix import Applicability, Fix


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
    draft = Draft(code)
    entered = _entering(holding)
    if entered is not None:
        _ensure_closed_last(holding, [*closers, Closer(holding.acquire, entered, Form.PLAIN, False)])
        region.ensure_single_binding(holding, entered, closers)
        take_out(draft, [s for c in closers for s in c.removed])
        draft.dissolve(entered)
    else:
        statement = protect.acquiring(holding).statement
        _ensure_closed_last(holding, closers)
        region.ensure_single_binding(holding, statement, closers)
        others = [statement, *_forgetting(holding, closers)]
        take_out(draft, [*others, *(s for c in closers for s in c.removed)])
    _add_parameter(draft, parameter.text(holding.name), bool(parameter.default))
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


def _add_parameter(draft: Draft, text: str, has_default: bool) -> None:
    """Write a parameter behind the others, or in front of those with defaults when it has none itself."""
    code = draft.code
    assert isinstance(code.function, cst.FunctionDef)
    new = _parsed(text)
    all_params = code.function.params
    plain = list(all_params.params)
    first = next((i for i, p in enumerate(plain) if p.default is not None), None)
    if first is not None and not has_default:
        between = _before(code.function, plain, first) if _is_first_on_row(code, plain[first]) else _SPACE
        plain.insert(first, new.with_changes(comma=cst.Comma(whitespace_after=between)))
    elif plain:
        own_row = _is_first_on_row(code, plain[-1]) and isinstance(_behind(plain[-1]), cst.ParenthesizedWhitespace)
        between = _before(code.function, plain, len(plain) - 1) if own_row else _SPACE
        plain[-1:] = _one_more(plain[-1], new, between)
    elif not (all_params.posonly_params or all_params.kwonly_params or all_params.star_kwarg or _is_star(all_params)):
        plain = [new]
    else:
        raise Declined("its parameters leave no place for one more")
    draft.change(all_params, lambda node: node.with_changes(params=plain))


_SPACE = cst.SimpleWhitespace(" ")


def _parsed(text: str) -> cst.Param:
    function = cst.parse_statement(f"def _({text}): ...")
    assert isinstance(function, cst.FunctionDef)
    return function.params.params[0]


def _is_star(params: cst.Parameters) -> bool:
    return isinstance(params.star_arg, (cst.Param, cst.ParamStar))


def _is_first_on_row(code: Code, param: cst.Param) -> bool:
    start = code.span(param).start
    return not code.rows[start.row - 1][: start.column - 1].strip()


def _before(function: cst.FunctionDef, params: Sequence[cst.Param], at: int) -> cst.BaseParenthesizableWhitespace:
    """What stands between a parameter and the one before it, or the bracket, without the comment there."""
    return _without_comment(_behind(params[at - 1]) if at else function.whitespace_before_params)


def _behind(param: cst.Param) -> cst.BaseParenthesizableWhitespace:
    comma = param.comma
    return comma.whitespace_after if isinstance(comma, cst.Comma) else param.whitespace_after_param


def _without_comment(space: cst.BaseParenthesizableWhitespace) -> cst.BaseParenthesizableWhitespace:
    if not isinstance(space, cst.ParenthesizedWhitespace):
        return space
    return space.with_changes(first_line=cst.TrailingWhitespace(), empty_lines=())


def _one_more(
    last: cst.Param, new: cst.Param, between: cst.BaseParenthesizableWhitespace
) -> tuple[cst.Param, cst.Param]:
    """The last parameter, and one behind it that ends as that did; a comment stays where it is."""
    behind = _behind(last)
    has_comma = isinstance(last.comma, cst.Comma) or isinstance(between, cst.ParenthesizedWhitespace)
    if isinstance(behind, cst.ParenthesizedWhitespace) and isinstance(between, cst.ParenthesizedWhitespace):
        between = between.with_changes(first_line=behind.first_line, empty_lines=behind.empty_lines)
        behind = _without_comment(behind)
    ended = last.with_changes(
        comma=cst.Comma(whitespace_after=between), whitespace_after_param=cst.SimpleWhitespace("")
    )
    if has_comma:
        return ended, new.with_changes(comma=cst.Comma(whitespace_after=behind))
    return ended, new.with_changes(whitespace_after_param=behind)


def _add_imports(code: Code, draft: Draft, needs: tuple[Needed, ...]) -> None:
    places = [n.module or n.beside for n in needs]
    if len(set(places)) < len(places):
        raise Declined("it needs several names of one module")
    for needed in needs:
        add_import(draft, code.rows, needed)
