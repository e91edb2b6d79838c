"""The adversarial campaign: every wrong fix written by hand is refused, and what is as good as the right one is not."""

from __future__ import annotations

from collections import defaultdict

import pytest
from wrong_fixes import GOOD, cases, sections

from putback.verify import verify_here
from putback.verify.roles import Bounds, Case
from putback.verify.verdict import Verdict

pytestmark = pytest.mark.slow

_LEAST = 500
_BOUNDS = Bounds(seconds=60.0)
_NAMES = [section.name for section in sections()]

Every = dict[str, list[tuple[str, str, Case]]]


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Every:
    """The cases of each section: kind, change and case."""
    found: Every = defaultdict(list)
    for section, kind, change, case in cases(tmp_path_factory.mktemp("wrong")):
        found[section.name].append((kind, change, case))
    return found


def test_there_are_enough() -> None:
    wrong = [change for section in sections() for kind, change in section.changes if kind != GOOD]
    assert len(wrong) >= _LEAST


@pytest.mark.parametrize("name", _NAMES)
def test_no_wrong_fix_is_accepted(name: str, every: Every) -> None:
    found = {change: verify_here(case, _BOUNDS, lambda: 0.0) for kind, change, case in every[name] if kind != GOOD}
    assert {change: proof.reason for change, proof in found.items() if proof.verdict.is_accepted} == {}


@pytest.mark.parametrize("name", _NAMES)
def test_what_is_as_good_is_proved(name: str, every: Every) -> None:
    found = {change: verify_here(case, _BOUNDS, lambda: 0.0) for kind, change, case in every[name] if kind == GOOD}
    assert {change: proof.reason for change, proof in found.items() if proof.verdict is not Verdict.PROVED} == {}
