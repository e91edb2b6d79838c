"""The cheap front end: `ast` expressions to symbolic ones."""

from __future__ import annotations

import ast
from itertools import islice

from putback.flow.names import (
    DEEPEST,
    UNKNOWN,
    Awaited,
    Choice,
    Element,
    Expr,
    Group,
    Invoke,
    Literal,
    Member,
    Name,
    Record,
    Unknown,
    opening,
    shortcut,
)
from putback.ownership.index.module import MAKING

_LONGEST_GROUP = 8


def to_expr(node: ast.expr | None, depth: int = 0) -> Expr:
    """The symbolic value of an `ast` expression; `Unknown` for what carries no name or call, and below `DEEPEST`."""
    if depth > DEEPEST:
        return UNKNOWN
    inside = depth + 1
    match node:
        case ast.Name():
            return Name(node.id)
        case ast.Attribute():
            return Member(to_expr(node.value, inside), node.attr)
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=[_, *_]):
            return _record(node, inside)
        case ast.Call():
            args = tuple(to_expr(a, inside) for a in node.args if not isinstance(a, ast.Starred))
            keywords = tuple(pair for k in node.keywords for pair in _keyword(k, inside))
            return Invoke(to_expr(node.func, inside), args, keywords)
        case ast.Await():
            return Awaited(to_expr(node.value, inside))
        case ast.Constant():
            return _literal(node)
        case ast.JoinedStr(values=[ast.Constant() as first, *_]):
            return _beginning_like(_literal(first))
        case ast.BinOp(op=ast.Add() | ast.Mod(), left=left):
            return _beginning_like(to_expr(left, inside))
        case ast.Subscript():
            literal = _literal(node.slice) if isinstance(node.slice, ast.Constant) else UNKNOWN
            index = literal.value if isinstance(literal, Literal) else None
            return Element(to_expr(node.value, inside), index if isinstance(index, (int, str)) else None)
        case ast.Tuple() | ast.List() if len(node.elts) <= _LONGEST_GROUP:
            return Group(tuple(to_expr(e, inside) for e in node.elts))
        case ast.Dict():
            return _record(node, inside)
        case ast.BoolOp():
            return Choice(tuple(to_expr(v, inside) for v in node.values))
        case ast.IfExp():
            return Choice((to_expr(node.body, inside), to_expr(node.orelse, inside)))
        case ast.NamedExpr():
            return to_expr(node.value, inside)
        case ast.Lambda():
            return shortcut(to_expr(node.body, inside), _parameters(node.args))
        case _:
            return UNKNOWN


def _record(node: ast.Dict | ast.Call, depth: int) -> Expr:
    """What a dictionary has in it that is no constant, if that is not much, and what is True in it."""
    every = _pairs(node)
    pairs = [(key, value) for key, value in every if type(value) is not ast.Constant]
    if len(pairs) > _LONGEST_GROUP:
        return UNKNOWN
    true = (key for key, value in every if type(value) is ast.Constant and value.value is True and _is_text(key))
    on = tuple(islice(true, _LONGEST_GROUP))
    named = [(key, to_expr(value, depth)) for key, value in pairs]
    known = tuple((key, value) for key, value in named if _is_text(key) and not isinstance(value, (Literal, Unknown)))
    return Record(known, on) if known else Unknown(on=on) if on else UNKNOWN


def _pairs(node: ast.expr) -> list[tuple[str, ast.expr]]:
    """The items of a dictionary that is written out, by keys that are constants ("" for others); empty for the rest."""
    match node:
        case ast.Dict(keys=keys, values=values):
            named = (str(key.value) if isinstance(key, ast.Constant) else "" for key in keys)
            return list(zip(named, values, strict=True))
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            return [(each.arg or "", each.value) for each in keywords]
        case _:
            return []


def _parameters(args: ast.arguments) -> set[str]:
    every = (*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg)
    return {each.arg for each in every if each is not None}


def _keyword(node: ast.keyword, depth: int) -> list[tuple[str, Expr]]:
    """What a keyword argument passes, by name: also those of a dictionary that is written out, `**{"store": store}`."""
    if node.arg is None and (pairs := _pairs(node.value)):
        return [(key, to_expr(value, depth)) for key, value in pairs]
    return [(node.arg or "", to_expr(node.value, depth))]


def default_value(node: ast.expr | None) -> Expr:
    """The value of a default, in which an item asked for by a name is a call: `Provide[Container.pool]`."""
    match node:
        case ast.Subscript(slice=ast.Name() | ast.Attribute() | ast.Subscript() as key):
            return Invoke(Member(to_expr(node.value), "__class_getitem__"), (default_value(key),))
        case _:
            return to_expr(node)


def _literal(node: ast.Constant) -> Expr:
    value = node.value
    if value is None or isinstance(value, (bool, float)):
        return Literal(value)
    if isinstance(value, int):
        return Literal(value) if value.bit_length() < 64 else UNKNOWN
    if not isinstance(value, str) or not _is_text(value):
        return UNKNOWN
    return Literal(value) if len(value) < 200 else _beginning_like(Literal(value))


def _beginning_like(first: Expr) -> Expr:
    """What is known of a text of which this is the first part."""
    return first if isinstance(first, Unknown) else Unknown(opening(first))


def _is_text(value: str) -> bool:
    """Whether a string is free of lone surrogates, so that it can be stored."""
    return value.isascii() or not any("\ud800" <= each <= "\udfff" for each in value)


def own_name(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The name by which a method knows its object or class: its first parameter; "" for a static one."""
    first = next(iter((*function.args.posonlyargs, *function.args.args)), None)
    return first.arg if first is not None and not _is_decorated(function, "staticmethod") else ""


def is_of_class(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether what a method knows by its first parameter is the class."""
    return function.name in MAKING or _is_decorated(function, "classmethod")


def _is_decorated(function: ast.FunctionDef | ast.AsyncFunctionDef, decorator: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == decorator for each in function.decorator_list)
