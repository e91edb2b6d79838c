"""Whether a function runs once: only what is started by hand, or what happens at a start, leads to it."""

from __future__ import annotations

import ast

from putback.flow.ir import MODULE
from putback.frameworks.schema import Role
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.index.module import FunctionInfo
from putback.ownership.index.places import is_for_ever, reruns
from putback.ownership.makers.often import frequency_of
from putback.ownership.makers.users import Use
from putback.ownership.resolve.types import ClassRef, FunctionRef

_DEEPEST = 4
_MOST = 8
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_CALLED = (Role.ROUTE, Role.DEPENDENCY, Role.JOB, Role.THREAD, Role.TEARDOWN)


def is_started_by_hand(analyzer: Analyzer, ref: FunctionRef) -> bool:
    """Whether all that is seen to call a function does so once: a command, the top level of a file, what these call.

    Of methods, whose callers are not all seen, only those are told whose object is made for one call,
    `Setup().run()`; nothing is said of what may loop without end.
    """
    return _is_by_hand(analyzer, ref, _DEEPEST)


def is_command(analyzer: Analyzer, ref: FunctionRef) -> bool:
    """Whether a function is a command, or all that is seen to call it does so once for one."""
    return _is_one(analyzer, ref) or is_started_by_hand(analyzer, ref)


def _is_one(analyzer: Analyzer, ref: FunctionRef) -> bool:
    info = analyzer.info(ref)
    return info is not None and Role.SCRIPT in analyzer.context.roles(ref.path, info)


def is_out_of_use(analyzer: Analyzer, ref: FunctionRef) -> bool:
    """Whether a function is named nowhere but at its definition, though others use its file; tests do not count."""
    info = analyzer.info(ref)
    if info is None or info.owner or info.outer or info.decorators or analyzer.is_alone(ref.path):
        return False
    is_given = bool(analyzer.context.roles(ref.path, info))
    return not is_given and not frequency_of(analyzer).users.are_named(ref)


def _is_by_hand(analyzer: Analyzer, ref: FunctionRef, left: int) -> bool:
    info = analyzer.info(ref)
    if info is None or left <= 0 or _serves(analyzer, ref, info):
        return False
    wanted = ClassRef(ref.path, info.owner) if info.owner else ref
    uses = [use for use in frequency_of(analyzer).users.of(wanted) if use.part.ref_of(use.node) != ref]
    if info.owner and not all(map(_is_for_one_call, uses)):
        return False
    return 0 < len(uses) <= _MOST and all(_is_once(analyzer, use, left) for use in uses)


def _is_for_one_call(use: Use) -> bool:
    """Whether an object is made for one call of a method, so that nobody has it afterwards."""
    around = use.part.parents.get(use.call) if use.call is not None else None
    return isinstance(around, ast.Attribute) and isinstance(use.part.parents.get(around), ast.Call)


def _is_once(analyzer: Analyzer, use: Use, left: int) -> bool:
    """Whether a use is a call that happens once, or gives it to who calls it once."""
    if use.call is None:
        return frequency_of(analyzer).given_role(use) is Role.SCRIPT
    if any(isinstance(each, _LOOPS) for each in use.part.above(use.node)):
        return False
    user = use.part.ref_of(use.node)
    module = analyzer.project.module(user.path)
    if module is not None and reruns(module):
        return False
    return user.key == MODULE or _is_one(analyzer, user) or _is_by_hand(analyzer, user, left - 1)


def _serves(analyzer: Analyzer, ref: FunctionRef, info: FunctionInfo) -> bool:
    """Whether a framework calls a function, or it may go on for ever."""
    part = frequency_of(analyzer).parts.part(ref.path, ref.key)
    is_called = not analyzer.context.roles(ref.path, info).isdisjoint(_CALLED)
    return is_called or part is None or any(map(is_for_ever, ast.walk(part.tree)))
