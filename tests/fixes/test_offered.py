"""Every fix that is offered for a code shape of the specifications holds: it is applied, and nothing is taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from specification import Case, cases

from putback.model.config import Config
from putback.model.finding import Finding
from putback.pipeline.fix import fix, written
from putback.source import settings

pytestmark = pytest.mark.slow

FIXTURES = Path(__file__).parents[2] / "fixtures" / "rules"
CASES = [case for document in sorted(FIXTURES.glob("*.md")) for case in cases(document) if case.found]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_offered_holds(case: Case, tmp_path: Path) -> None:
    for name, text in case.files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    config = Config(root=str(tmp_path))
    if case.config:
        (tmp_path / "putback.toml").write_text(case.config, encoding="utf-8")
        config = settings.from_file(str(tmp_path / "putback.toml"))
    config = replace(config, unsafe_fixes=True)
    run = written(fix([str(tmp_path)], config))
    declined = [(each.finding.code, each.reason) for each in run.declined]
    assert declined == []
    assert [f.code for f in run.findings if f.fix is not None] == []
    again = fix([str(tmp_path)], config)
    assert again.changes == ()
    assert _shown(again.findings) == _shown(run.findings)


def _shown(findings: Iterable[Finding]) -> list[tuple[str, int, str]]:
    return sorted((f.path, f.span.start.row, f.code) for f in findings)
