"""Wrong fixes in values, in what is read when and in what is released when: what is accepted of them, and why."""

from __future__ import annotations

from wrong_fixes import GOOD, sections

_FILE = "values.md"
_LEAST_WRONG = 400
_LEAST_KINDS = 35
_LEAST_GOOD = 90


def test_there_are_enough() -> None:
    kinds = [(section.name, kind) for section in sections(_FILE) for kind, _ in section.changes]
    wrong = [kind for kind in kinds if kind[1] != GOOD]
    assert len(wrong) >= _LEAST_WRONG
    assert len(set(wrong)) >= _LEAST_KINDS
    assert len(kinds) - len(wrong) >= _LEAST_GOOD


def test_each_change_can_be_made() -> None:
    for section in sections(_FILE):
        for _, change, text in section.fixes():
            compile(text, change, "exec", dont_inherit=True)
