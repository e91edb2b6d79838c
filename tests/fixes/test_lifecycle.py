"""What the rules about frameworks and sessions mend, as their specifications show it; nothing of it is a safe fix."""

from __future__ import annotations

from pathlib import Path

import pytest
from pairs import Pair, Project, ensure_mended, pairs

from putback.model.fix import Applicability
from putback.rules import ALL

UNSAFE = ("PB203", "PB303", "PB310")
SHOWN = [(rule.code, pair) for rule in ALL if rule.code in UNSAFE for pair in pairs(rule.name)]


@pytest.mark.parametrize(("code", "pair"), SHOWN, ids=lambda each: each.name if isinstance(each, Pair) else each)
def test_the_fix_makes_what_is_shown(code: str, pair: Pair, tmp_path: Path) -> None:
    fixes = [f.fix for f in Project(tmp_path / "before", pair.before, code).findings() if f.code == code]
    assert {fix.applicability for fix in fixes if fix is not None} == {Applicability.UNSAFE}
    ensure_mended(pair, code, tmp_path / "mended")


def test_each_rule_shows_what_it_mends() -> None:
    assert {code for code, _ in SHOWN} == set(UNSAFE)
