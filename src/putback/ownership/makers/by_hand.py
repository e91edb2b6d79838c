"""Whether a function runs once: only what is started by hand, or what happens at a start, leads to it."""

from __future__ import annotations

import ast

from putback.flow.ir import MODULE
from putback.frameworks.schema import Role
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.index.module import FunctionInfo
from putback.ownership.index.places import is_for_ever
from putback.ownership.makers.often import frequency_of
from putback.ownership.makers.users import Use
from putback.ownership.resolve.types import FunctionRef

_DEEPEST = 4
_MOST = 8
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_CALLED = (Role.ROUTE, Role.DEPENDENCY, Role.JOB, Role.THREAD, Role.TEARDOWN)


def is_started_by_hand(analyzer: Analyzer, ref: FunctionRef) -> bool:
    """Whether all that is seen to call a function does so once: a command, the top level of a file, what these call.

    Nothing is said of methods, whose callers are not all seen, and of what may loop without end.
    """
    return _is_by_hand(analyzer, ref, _DEEPEST)


def _is_by_hand(analyzer: Analyzer, ref: FunctionRef, left: int) -> bool:
    info = analyzer.info(ref)
    if info is None or info.owner or left <= 0 or _serves(analyzer, ref, info):
        return False
    uses = [use for use in frequency_of(analyzer).users.of(ref) if use.part.ref_of(use.node) != ref]
    return 0 < len(uses) <= _MOST and all(_is_once(analyzer, use, left) for use in uses)


def _is_once(analyzer: Analyzer, use: Use, left: int) -> bool:
    """Whether a use is a call that happens once, or gives it to who calls it once."""
    if use.call is None:
        return frequency_of(analyzer).given_role(use) is Role.SCRIPT
    if any(isinstance(each, _LOOPS) for each in use.part.above(use.node)):
        return False
    user = use.part.ref_of(use.node)
    info = analyzer.info(user)
    is_command = info is not None and Role.SCRIPT in analyzer.context.roles(user.path, info)
    return user.key == MODULE or is_command or _is_by_hand(analyzer, user, left - 1)


def _serves(analyzer: Analyzer, ref: FunctionRef, info: FunctionInfo) -> bool:
    """Whether a framework calls a function, or it may go on for ever."""
    part = frequency_of(analyzer).parts.part(ref.path, ref.key)
    is_called = not analyzer.context.roles(ref.path, info).isdisjoint(_CALLED)
    return is_called or part is None or any(map(is_for_ever, ast.walk(part.tree)))
