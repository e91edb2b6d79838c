"""What annotations and type aliases name, as a type checker reads them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from putback.flow.names import UNKNOWN, Annotation, Choice, Expr, Invoke, Literal, Record, TypeForm
from putback.frameworks.idioms import idioms
from putback.ownership.index.astnames import to_expr

Names = Mapping[str, Expr]
"""What stands for something else in annotations: type parameters for their bounds, `Self` for the class around it."""


def annotation(node: ast.expr | None, names: Names) -> Expr:
    """A value of the type that an annotation names: of a class, for `type[A]`.

    Quotes and unions are looked through, so is what says how a value is used, and generators' first argument.
    """
    if isinstance(node, ast.Subscript) and _head(node) in idioms().annotations.classes:
        return _type(node.slice, names) or UNKNOWN
    found = _type(node, names)
    return UNKNOWN if found is None else Annotation(found)


def alias(node: ast.expr | None, names: Names, is_said: bool = False) -> Expr | None:
    """The type that an assignment gives a name to; None for other values. `is_said`: it is announced as a type."""
    if not (is_said or _is_type(node)):
        return None
    found = _type(node, names)
    return found if found is None or isinstance(found, TypeForm) else TypeForm(found)


def unquoted(value: Expr) -> Expr:
    """A type, where it may be written in quotes: `TypeVar("T", bound="Session")`."""
    if not isinstance(value, Literal) or not isinstance(value.value, str):
        return value
    return _type(ast.Constant(value.value), {}) or UNKNOWN


def type_parameters(node: ast.stmt, names: Names) -> Iterator[tuple[str, Expr]]:
    """The type parameters of a definition that have a bound, with that: `def f[T: Session](session: T)`."""
    for each in getattr(node, "type_params", ()):
        bound = _type(getattr(each, "bound", None), names)
        if bound is not None:
            yield each.name, bound


def _is_type(node: ast.expr | None) -> bool:
    """Whether an expression can only mean a type, wherever it stands."""
    match node:
        case ast.Subscript():
            return _head(node) in idioms().annotations.telling
        case ast.BinOp(op=ast.BitOr()):
            return any(_is_none(each) for each in _options(node))
        case _:
            return False


def _type(node: ast.expr | None, names: Names) -> Expr | None:
    match node:
        case ast.Constant(value=str() as text):
            try:
                return _type(ast.parse(text, mode="eval").body, names)
            except (SyntaxError, ValueError):
                return None
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.Name() | ast.Attribute():
            return to_expr(node)
        case ast.BinOp(op=ast.BitOr()):
            return _one_of(_options(node), names)
        case ast.Tuple():
            return _one_of(node.elts, names)
        case ast.Subscript():
            return _subscripted(node, names)
        case _:
            return None


def _subscripted(node: ast.Subscript, names: Names) -> Expr | None:
    head, words = _head(node), idioms().annotations
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if head in words.annotated:
        found = _type(inner[0], names) if inner else None
        metadata = tuple(m for each in inner[1:] if isinstance(m := to_expr(each), Invoke))
        return TypeForm(found, metadata) if found is not None and metadata else found
    if head in words.choices:
        return _one_of(inner, names)
    if head in words.looked_through:
        return next((found for each in inner if (found := _type(each, names)) is not None), None)
    item = _type(inner[-1], names) if head in words.containers and inner else None
    return Record((("", Annotation(item)),)) if item is not None else to_expr(node.value)


def _one_of(nodes: Sequence[ast.expr], names: Names) -> Expr | None:
    found = dict.fromkeys(t for each in nodes if not _is_none(each) and (t := _type(each, names)) is not None)
    return Choice(tuple(found)) if len(found) > 1 else next(iter(found), None)


def _options(node: ast.expr) -> list[ast.expr]:
    """What stands between the bars of a union, from left to right."""
    found: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        found.insert(0, node.right)
        node = node.left
    return [node, *found]


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _head(node: ast.Subscript) -> str:
    return node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "")
