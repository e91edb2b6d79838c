"""What stands in the other branch of an `if`: whoever writes both has decided when which of them is right."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.unit import Unit
from putback.ownership.makers.often import frequency_of
from putback.ownership.makers.parts import Part


def is_alternative(analyzer: Analyzer, unit: Unit, at: int, others: Iterable[int]) -> bool:
    """Whether the call of operation `at` stands in one branch of an `if`, and one of the `others` in its other one."""
    part = frequency_of(analyzer).parts.part(unit.path, unit.key)
    if part is None:
        return False
    here = _branches(part, part.call_at(unit.span(at)))
    there = [_branches(part, part.call_at(unit.span(other))) for other in others]
    return any(fork in each and each[fork] != side for each in there for fork, side in here.items())


def _branches(part: Part, call: ast.Call | None) -> dict[ast.If, bool]:
    """Each `if` around a call, and whether the call stands in its body, and not behind its `else`."""
    return dict(_around(part, call)) if call is not None else {}


def _around(part: Part, call: ast.Call) -> Iterator[tuple[ast.If, bool]]:
    below: ast.AST = call
    for above in part.above(call):
        if isinstance(above, ast.If) and below is not above.test:
            yield above, below in above.body
        below = above
