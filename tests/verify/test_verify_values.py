"""Wrong fixes in values, in what is read when and in what is released when: what is accepted of them, and why."""

from __future__ import annotations

from collections import defaultdict

import pytest
from wrong_fixes import GOOD, cases, sections

from putback.verify import verify_here
from putback.verify.roles import Bounds
from putback.verify.verdict import Proof

_FILE = "values.md"
_LEAST_WRONG = 400
_LEAST_KINDS = 35
_LEAST_GOOD = 90
_BOUNDS = Bounds(seconds=60.0)
_NAMES = [section.name for section in sections(_FILE)]
_NOT_YET = {
    "lists": {"duplicates", "order", "slice"},
    "copies": {"copy of a value", "copy of what is changed later", "identity"},
    "reads": {"read moved behind a call", "read moved before a call", "branch on what was read elsewhere"},
    "narrow": {"narrow handler"},
    "hold": {"released narrowly"},
    "cancelled": {"released on some errors", "awaited otherwise"},
    "numbers": {"clock", "sum"},
}  # fmt: skip
"""The kinds of which some are accepted."""
_REFUSED = {"hold": "def lent():", "cancelled": "async def lent():"}
"""A part of what is refused although it is right."""

Every = dict[str, list[tuple[str, str, Proof]]]


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Every:
    """The proofs of each section: kind, change and proof."""
    found: Every = defaultdict(list)
    for section, kind, change, case in cases(tmp_path_factory.mktemp("values"), _FILE):
        found[section.name].append((kind, change, verify_here(case, _BOUNDS, lambda: 0.0)))
    return found


def test_there_are_enough() -> None:
    kinds = [(section.name, kind) for section in sections(_FILE) for kind, _ in section.changes]
    wrong = [kind for kind in kinds if kind[1] != GOOD]
    assert len(wrong) >= _LEAST_WRONG
    assert len(set(wrong)) >= _LEAST_KINDS
    assert len(kinds) - len(wrong) >= _LEAST_GOOD


@pytest.mark.parametrize("name", _NAMES)
def test_no_wrong_fix_is_accepted(name: str, every: Every) -> None:
    open_ = {GOOD, *_NOT_YET.get(name, ())}
    found = {change: p.reason for kind, change, p in every[name] if kind not in open_ and p.verdict.is_accepted}
    assert found == {}


@pytest.mark.parametrize("name", _NAMES)
def test_what_is_right_is_accepted(name: str, every: Every) -> None:
    found = {change: p.reason for kind, change, p in every[name] if kind == GOOD and not p.verdict.is_accepted}
    assert {c: reason for c, reason in found.items() if name not in _REFUSED or _REFUSED[name] not in c} == {}
