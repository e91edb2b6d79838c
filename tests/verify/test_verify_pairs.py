"""From source files to verdicts: the analysis gives the roles, the verifier runs both versions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from putback.model.config import Config
from putback.ownership.facts.facts import FunctionFacts
from putback.pipeline.cases import case_of, version_of
from putback.pipeline.check import scanned
from putback.source.discover import shown
from putback.verify import verify_here
from putback.verify.roles import Bounds, Case
from putback.verify.verdict import Verdict

_FIXTURES = Path(__file__).parents[2] / "fixtures" / "verify"
_SECTION = re.compile(
    r"## (?P<function>[\w.]+): .+?\n\n"
    r"```python before\n(?P<before>.+?)```\n\n"
    r"```python after\n(?P<after>.+?)```",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A section of the fixture."""

    function: str
    before: str
    after: str


PAIRS = [Pair(*m.group("function", "before", "after")) for m in _SECTION.finditer((_FIXTURES / "pairs.md").read_text())]


def facts_of(path: Path, text: str, function: str) -> FunctionFacts:
    """The analysed function of a file."""
    path.write_text(text)
    project = scanned([str(path)], Config(root=str(path.parent)))
    analyzer, tasks = project.analysis.analyzer, project.tasks()
    keys = [key for task in tasks for key in analyzer.nested(task.path, task.key)]
    unit = analyzer.unit(str(path), next(k for k in keys if k == function))
    assert unit is not None
    return FunctionFacts(analyzer, unit, shown)


def case(pair: Pair, folder: Path) -> Case:
    """The case of a pair, its roles from the analysis."""
    before = facts_of(folder / "before.py", pair.before, pair.function)
    after = facts_of(folder / "after.py", pair.after, pair.function)
    made = case_of(before, before.sites[0].site, version_of(after.analyzer, after.unit))
    assert made is not None
    return made


def test_the_fixture_has_sections() -> None:
    assert len(PAIRS) == 8


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.function)
def test_a_right_fix_is_proved(pair: Pair, tmp_path: Path) -> None:
    found = verify_here(case(pair, tmp_path), Bounds(seconds=60.0), lambda: 0.0)
    assert found.verdict is Verdict.PROVED, found.reason
    assert found.leaked_before > 0 == found.leaked_after


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.function)
def test_the_leak_is_shown(pair: Pair, tmp_path: Path) -> None:
    version = case(pair, tmp_path).before
    found = verify_here(Case(version), Bounds(seconds=60.0), lambda: 0.0)
    assert found.verdict is Verdict.LEAKS
    assert found.leak is not None and found.leak.story


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.function)
def test_what_is_right_does_not_leak(pair: Pair, tmp_path: Path) -> None:
    facts = facts_of(tmp_path / "after.py", pair.after, pair.function)
    version = version_of(facts.analyzer, facts.unit)
    assert version is not None
    found = verify_here(Case(version), Bounds(seconds=60.0), lambda: 0.0)
    assert found.verdict is Verdict.CLEAN
