"""Wrong fixes are rejected and good ones accepted: a part of the mutation run in tests/bench."""

from __future__ import annotations

import pytest
from fixes import Leaky, before, good, leaky_functions, wrong
from roles_by_hand import proof

_PART = list(leaky_functions())[::8]


@pytest.mark.parametrize("leaky", _PART, ids=lambda found: found.name)
def test_wrong_fixes_are_rejected(leaky: Leaky) -> None:
    original = before(leaky)
    found = {name: proof(original, after) for name, after in wrong(leaky)}
    assert {name: f.title for name, f in found.items() if f.verdict.value != "rejected"} == {}
    assert all(f.counterexample is not None and f.counterexample.story for f in found.values())


@pytest.mark.parametrize("leaky", _PART, ids=lambda found: found.name)
def test_good_fixes_are_accepted(leaky: Leaky) -> None:
    original = before(leaky)
    found = {name: proof(original, after) for name, after in good(leaky)}
    assert {name: f.reason for name, f in found.items() if not f.verdict.is_accepted} == {}
