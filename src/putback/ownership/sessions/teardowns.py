"""Whether a teardown removes a session on every path: what stands before the removal, or in its place."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from enum import Enum

from msgspec import Struct

from putback.frameworks.idioms import idioms

_HARMLESS = frozenset({"print", "str", "len", "isinstance", "getattr", "hasattr", "repr", "type"})


class Gap(Enum):
    """How a removal is missed: another branch is taken, something raises before it, or a handler or `return` is."""

    BRANCH = "branch"
    RAISES = "raises"
    LEAVES = "leaves"


class Missed(Struct, frozen=True):
    """The row on which a path turns away from the removal."""

    gap: Gap
    row: int


class Teardown:
    """One teardown; `removals` are the rows that remove the session, `params` what the framework tells it."""

    def __init__(self, removals: Collection[int], params: Collection[str], offset: int) -> None:
        self.removals = frozenset(row - offset for row in removals)
        self.params = frozenset(params)
        self.offset = offset

    def missed(self, statements: Sequence[ast.stmt]) -> Missed | None:
        """The first way past the removal; None when there is none, or when it is left out on purpose."""
        found = self._follow(statements)
        return Missed(found.gap, found.row + self.offset) if isinstance(found, Missed) else None

    def _follow(self, statements: Sequence[ast.stmt]) -> Missed | bool:
        """True: the session is removed whatever happens; False: it is not removed here, and nothing raises."""
        for number, statement in enumerate(statements):
            found = self._one(statement)
            is_made_up_for = (
                isinstance(found, Missed) and found.gap is Gap.BRANCH and self._follow(statements[number + 1 :])
            )
            if found is not False and is_made_up_for is not True:
                return found
        return False

    def _one(self, statement: ast.stmt) -> Missed | bool:
        match statement:
            case ast.Expr() if self._removes(statement):
                return True
            case ast.Try():
                return self._attempt(statement)
            case ast.If():
                return self._branch(statement)
            case ast.With() | ast.AsyncWith() if self._removes(statement):
                return self._follow(statement.body) or True
            case ast.For() | ast.AsyncFor() | ast.While() | ast.FunctionDef() if self._removes(statement):
                return True
            case ast.Return() | ast.Raise():
                return Missed(Gap.LEAVES, statement.lineno)
        return Missed(Gap.RAISES, statement.lineno) if _can_raise(statement) else False

    def _removes(self, node: ast.AST) -> bool:
        """Whether the removal stands in a node."""
        return any(isinstance(n, ast.Attribute) and n.lineno in self.removals for n in ast.walk(node))

    def _attempt(self, attempt: ast.Try) -> Missed | bool:
        if self._follow(attempt.finalbody) is True:
            return True
        inside = self._follow([*attempt.body, *attempt.orelse])
        if inside is True or not isinstance(inside, Missed):
            return inside
        if self._removes(attempt) or inside.gap is Gap.LEAVES or not _catches_all(attempt):
            return inside
        return next((m for h in attempt.handlers if isinstance(m := self._follow(h.body), Missed)), False)

    def _branch(self, branch: ast.If) -> Missed | bool:
        if not self._removes(branch):
            return Missed(Gap.RAISES, branch.lineno) if _can_raise(branch) else False
        body, orelse = self._follow(branch.body), self._follow(branch.orelse)
        if body is True and orelse is True:
            return True
        for found in (body, orelse):
            if isinstance(found, Missed) and self._removes_both(branch):
                return found
        told = {n.id for n in ast.walk(branch.test) if isinstance(n, ast.Name)}
        return Missed(Gap.BRANCH, branch.lineno) if told & self.params else True

    def _removes_both(self, branch: ast.If) -> bool:
        return all(any(self._removes(s) for s in block) for block in (branch.body, branch.orelse))


def _can_raise(statement: ast.stmt) -> bool:
    return any(_may_raise(node) for node in ast.walk(statement))


def _may_raise(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name not in _HARMLESS
        case ast.Call(func=ast.Attribute(attr=name)):
            return name not in idioms().logging.methods
        case ast.Call() | ast.Await() | ast.Raise() | ast.Assert():
            return True
    return False


def _catches_all(attempt: ast.Try) -> bool:
    return any(
        h.type is None or (isinstance(h.type, ast.Name) and h.type.id in ("Exception", "BaseException"))
        for h in attempt.handlers
    )
