"""Every rule does what its specification in `fixtures/rules/` says, and what its page promises."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from specification import Case, Expected, Section, cases, sections

from putback.model.config import Config
from putback.pipeline.check import check
from putback.rules import ALL
from putback.rules.rule import Rule
from putback.source import settings

FIXTURES = Path(__file__).parents[2] / "fixtures" / "rules"
CASES = [case for document in sorted(FIXTURES.glob("*.md")) for case in cases(document)]
ABOUT_CODE = [rule for rule in ALL if not rule.code.startswith("PB0")]
ABOUT_SETTINGS = ("PB403", "PB407")
"""Rules that speak of how nearly every example sets up its engine: only where a configuration asks for them."""
DEPLOYMENT = "[deployment]\nworkers = 8\nmax-connections = 100\n"
PARTS = ("What it finds", "Why it is bad", "Example", "Use instead", "Fix", "Stays silent")


def found_in(files: dict[str, str], config: str, root: Path) -> frozenset[Expected]:
    """The findings in `files`, written below `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return findings(root, settings_of(config, root))


def findings(root: Path, config: Config) -> frozenset[Expected]:
    """The findings below `root`."""
    result = check([str(root)], config)
    return frozenset(
        Expected(Path(f.filename).relative_to(root).as_posix(), f.span.start.row, f.code, f.severity.value)
        for f in result.findings
    )


def settings_of(config: str, root: Path) -> Config:
    """The settings in the text of a configuration file, which is written below `root`."""
    if not config:
        return Config(root=str(root), ignore=ABOUT_SETTINGS)
    path = root / "putback.toml"
    path.write_text(config, encoding="utf-8")
    return settings.from_file(str(path))


def _shown(case: Case, found: frozenset[Expected]) -> list[str]:
    """The findings as lines, with the severity only where the case states one."""
    exact = {(e.file, e.row, e.code) for e in case.found if e.severity}
    return sorted(
        f"{f.file}:{f.row} {f.code} {f.severity if (f.file, f.row, f.code) in exact else ''}".rstrip() for f in found
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_finds_what_the_specification_says(case: Case, tmp_path: Path) -> None:
    found = found_in(case.files, case.config, tmp_path)
    assert _shown(case, found) == _shown(case, case.found)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_gates_hide_no_finding(case: Case, tmp_path: Path) -> None:
    found = found_in(case.files, case.config, tmp_path)
    assert found == findings(tmp_path, replace(settings_of(case.config, tmp_path), gates=False))


@pytest.mark.parametrize("case", [case for case in CASES if case.gaps], ids=lambda case: case.name)
def test_a_known_gap_is_still_a_gap(case: Case, tmp_path: Path) -> None:
    found = {(f.file, f.row, f.code) for f in found_in(case.files, case.config, tmp_path)}
    closed = [f"{g.file}:{g.row} {g.code}" for g in sorted(case.gaps) if (g.file, g.row, g.code) in found]
    assert closed == [], "found by now: write `# error:` instead of `# FN:`"


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.name)
def test_every_rule_has_a_specification(rule: Rule) -> None:
    assert (FIXTURES / f"{rule.name}.md").read_text(encoding="utf-8").startswith(f"# {rule.name} ({rule.code})\n")


def page(rule: Rule) -> dict[str, Section]:
    """The sections of a rule's page by their titles."""
    return {section.title: section for section in sections(rule.page)}


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.name)
def test_every_page_has_its_parts(rule: Rule) -> None:
    wanted = PARTS if rule in ABOUT_CODE else PARTS[:1]
    assert [title for title in page(rule) if title in PARTS] == list(wanted)


@pytest.mark.parametrize("rule", ABOUT_CODE, ids=lambda rule: rule.name)
def test_the_example_of_a_page_is_found(rule: Rule, tmp_path: Path) -> None:
    blocks = page(rule)["Example"].blocks
    assert blocks
    for number, block in enumerate(blocks):
        found = found_in({"example.py": block.text}, _asking_for(rule), _directory(tmp_path, number))
        assert rule.code in {f.code for f in found}


@pytest.mark.parametrize("rule", ABOUT_CODE, ids=lambda rule: rule.name)
def test_what_a_page_recommends_is_clean(rule: Rule, tmp_path: Path) -> None:
    blocks = page(rule)["Use instead"].blocks
    assert blocks
    for number, block in enumerate(blocks):
        assert found_in({"example.py": block.text}, _asking_for(rule), _directory(tmp_path, number)) == frozenset()


def _asking_for(rule: Rule) -> str:
    """The configuration that a rule needs to speak here."""
    asking = f'extend-select = ["{rule.code}"]\n' if rule.opt_in or rule.code in ABOUT_SETTINGS else ""
    return asking + (DEPLOYMENT if rule.code == "PB406" else "")


def _directory(root: Path, number: int) -> Path:
    path = root / str(number)
    path.mkdir()
    return path
