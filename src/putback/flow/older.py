"""Syntax that is newer than the running Python, taken out of a module so that it can be indexed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

import libcst as cst

from putback.flow.lower import parse
from putback.model.errors import SourceError

_MOST_DIGITS = 4_000
_LARGEST = 1_000_000
_LONGEST_ROW = 2_000
_DEEPEST = 200
"""Of characters in a file and in a row of it, and of open brackets. For a text with an error in it, libcst takes a time
that grows with the square of an expression and more, and brackets that are open by the thousand end the process."""
_PROSE = re.compile(
    r"\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''|\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+'|#[^\n]*", re.DOTALL
)
_WORD = re.compile(r"\w+")
_BRACKET = re.compile(r"[\[\](){}]")
UNWRITABLE = (cst.CSTLogicError, cst.CSTValidationError)
"""What libcst raises for a tree that it has read, or that was changed, and cannot write."""


def parse_newer(text: str) -> cst.Module:
    """The tree of a module that the running Python has refused. Raises SourceError, also without having tried where
    the answer would take long: nobody can stop that parser."""
    if len(text) > _LARGEST or _is_hard(_WORD.sub("x", _PROSE.sub("", text))):
        raise SourceError("too long or too deep to look for newer syntax in it")
    return parse(text)


def _is_hard(code: str) -> bool:
    if max(map(len, code.split("\n"))) > _LONGEST_ROW:
        return True
    depth = 0
    for bracket in _BRACKET.findall(code):
        depth = depth + 1 if bracket in "[({" else max(depth - 1, 0)
        if depth > _DEEPEST:
            return True
    return False


def without_newer(tree: cst.Module) -> str:
    """The text of a module without type parameters, `type` statements, templates and what strings are made of, and with
    brackets around the classes of an `except` clause.

    Rows stay as they are.
    """
    return tree.visit(_Older(tree)).code


class _Older(cst.CSTTransformer):
    def __init__(self, tree: cst.Module) -> None:
        super().__init__()
        self._tree = tree

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        return _with_bounds(updated_node, updated_node.type_parameters).with_changes(type_parameters=None)

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        return _with_bounds(updated_node, updated_node.type_parameters).with_changes(type_parameters=None)

    def leave_TypeAlias(self, original_node: cst.TypeAlias, updated_node: cst.TypeAlias) -> cst.BaseSmallStatement:
        announced = cst.Annotation(cst.Name("TypeAlias"))
        return cst.AnnAssign(updated_node.name, announced, updated_node.value)

    def leave_ExceptHandler(
        self, original_node: cst.ExceptHandler, updated_node: cst.ExceptHandler
    ) -> cst.ExceptHandler:
        return updated_node.with_changes(type=_in_brackets(updated_node.type))

    def leave_ExceptStarHandler(
        self, original_node: cst.ExceptStarHandler, updated_node: cst.ExceptStarHandler
    ) -> cst.ExceptStarHandler:
        return updated_node.with_changes(type=_in_brackets(updated_node.type))

    def leave_FormattedString(
        self, original_node: cst.FormattedString, updated_node: cst.FormattedString
    ) -> cst.BaseExpression:
        return self._empty(original_node)

    def leave_TemplatedString(
        self, original_node: cst.TemplatedString, updated_node: cst.TemplatedString
    ) -> cst.BaseExpression:
        return self._empty(original_node)

    def leave_Integer(self, original_node: cst.Integer, updated_node: cst.Integer) -> cst.BaseExpression:
        return cst.Integer("0") if len(original_node.value) > _MOST_DIGITS else updated_node

    def _empty(self, node: cst.CSTNode) -> cst.SimpleString:
        """A string of as many rows."""
        rows = self._tree.code_for_node(node).count("\n")
        return cst.SimpleString('"""' + "\n" * rows + '"""' if rows else '""')


_Definition = TypeVar("_Definition", cst.FunctionDef, cst.ClassDef)


def _with_bounds(node: _Definition, parameters: cst.TypeParameters | None) -> _Definition:
    """A definition in whose annotations the bounds of its type parameters stand in their place."""
    found = [each.param for each in parameters.params] if parameters is not None else []
    bounds = {p.name.value: p.bound for p in found if isinstance(p, cst.TypeVar) and p.bound is not None}
    changed = node.visit(_Bounds(bounds)) if bounds else node
    assert isinstance(changed, type(node))
    return changed


class _Bounds(cst.CSTTransformer):
    """Puts the bounds of type parameters in their place, in annotations."""

    def __init__(self, bounds: Mapping[str, cst.BaseExpression]) -> None:
        super().__init__()
        self._bounds = bounds
        self._annotations = 0

    def visit_Annotation(self, node: cst.Annotation) -> None:
        self._annotations += 1

    def leave_Annotation(self, original_node: cst.Annotation, updated_node: cst.Annotation) -> cst.Annotation:
        self._annotations -= 1
        return updated_node

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return self._bounds.get(original_node.value, updated_node) if self._annotations else updated_node


def _in_brackets(classes: cst.BaseExpression | None) -> cst.BaseExpression | None:
    """`except A, B:` as it had to be written before."""
    if isinstance(classes, cst.Tuple) and not classes.lpar:
        return classes.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return classes
