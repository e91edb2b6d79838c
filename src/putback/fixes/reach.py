"""Whether the release can be written where the fix puts it: what else it reads has to be there, and to be the same."""

from __future__ import annotations

import ast

import libcst as cst

from putback.fixes import region
from putback.fixes.code import Code, all_below, dotted, mentions
from putback.fixes.declined import Declined
from putback.fixes.holding import Holding

_SCOPES = (cst.FunctionDef, cst.Lambda, cst.CompFor, cst.ClassDef)


def ensure_readable(holding: Holding, release: str) -> None:
    """Decline when a name of `release` may be unbound where the connection is held, or mean something else by then."""
    code = holding.code
    tree = ast.parse(release.removeprefix("await "))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id != holding.name and not _is_global(code, node.id):
            _ensure_bound(holding, node.id)
        elif isinstance(node, ast.Attribute):
            _ensure_kept(holding, ast.unparse(node))


def _is_global(code: Code, name: str) -> bool:
    declared = (n for n in all_below(code.function) if isinstance(n, (cst.Global, cst.Nonlocal)))
    return any(item.name.value == name for n in declared for item in n.names)


def _ensure_bound(holding: Holding, name: str) -> None:
    code = holding.code
    bound = [n for n in region.bindings(code, name) if _is_own(code, n)]
    if any(not _is_before(holding, n) for n in bound) or _is_defined_late(holding, name):
        raise Declined(f"`{name}`, which its release needs, is bound behind the acquire")
    is_there = region.is_parameter(code, name) or mentions(holding.acquire, frozenset({name}))
    if bound and not is_there and not any(_is_certain(holding, n) for n in bound):
        raise Declined(f"`{name}`, which its release needs, may not be bound")


def _is_defined_late(holding: Holding, name: str) -> bool:
    """Whether a function of this name is defined behind the acquire, and something before it can raise."""
    code = holding.code
    defined = [
        n
        for n in all_below(code.function)
        if isinstance(n, cst.FunctionDef) and n is not code.function and n.name.value == name and _is_own(code, n)
    ]
    acquire = code.place(holding.acquire)
    for each in defined:
        place = code.place(each)
        between = place.statements[acquire.index + 1 : place.index] if place.block is acquire.block else []
        is_near = place.block is acquire.block and all(region.keeps_safe(holding, s) for s in between)
        if not is_near and not code.span(each).start < code.span(holding.acquire).start:
            return True
    return False


def _ensure_kept(holding: Holding, attribute: str) -> None:
    targets = (n.target for n in all_below(holding.code.function) if isinstance(n, (cst.AssignTarget, cst.AnnAssign)))
    if any(dotted(t) == attribute and not _is_before(holding, t) for t in targets):
        raise Declined(f"`{attribute}`, which its release needs, is bound behind the acquire")


def _is_own(code: Code, node: cst.CSTNode) -> bool:
    """Whether a binding is one of the function itself, and not of one nested in it."""
    scope = next((a for a in code.ancestors(node) if isinstance(a, _SCOPES)), code.function)
    return scope is code.function


def _is_before(holding: Holding, node: cst.CSTNode) -> bool:
    code = holding.code
    return isinstance(code.parent(node), cst.Param) or code.span(node).start < code.span(holding.acquire).start


def _is_certain(holding: Holding, node: cst.CSTNode) -> bool:
    """Whether a binding has happened on every way to the acquire."""
    code = holding.code
    place = code.place(node)
    outer = code.owner(place.block)
    inside = place.statement if isinstance(place.statement, (cst.With, cst.For)) else outer
    return outer is None or inside is None or code.is_inside(holding.acquire, inside)
