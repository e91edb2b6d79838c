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
_ACCEPTED = {
    "narrow": ("if error.args:", "an error of the model always says something"),
    "hold": ("except Exception:⏎»pool.putconn(conn)⏎»raise", "an interrupt between two statements is no fault"),
}
"""A part of the only wrong fix of a section that is accepted, and why it is."""

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
    wrong = [(change, proof) for kind, change, proof in every[name] if kind != GOOD]
    accepted = [change for change, proof in wrong if proof.verdict.is_accepted]
    known, _ = _ACCEPTED.get(name, ("", ""))
    assert len(accepted) == (name in _ACCEPTED)
    assert all(known in change for change in accepted)


@pytest.mark.parametrize("name", _NAMES)
def test_what_is_right_is_accepted(name: str, every: Every) -> None:
    found = {change: p.reason for kind, change, p in every[name] if kind == GOOD and not p.verdict.is_accepted}
    assert found == {}
