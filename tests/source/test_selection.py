"""Selectors: what `select`, `ignore` and their kin switch on and off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from putback.model.config import Config, FixStyle
from putback.model.errors import ConfigError
from putback.model.finding import Confidence, Finding, Severity
from putback.model.fix import Applicability, Edit, Fix
from putback.model.span import Position, Span
from putback.source.selection import enabled, ignored_in_file, severity_of, with_configured_fix


@dataclass(frozen=True)
class Known:
    """A rule as far as selection looks at it."""

    code: str
    name: str
    opt_in: bool = False
    style: FixStyle | None = None


RULES = (
    Known("PB001", "syntax-error"),
    Known("PB004", "suppression-without-reason", opt_in=True),
    Known("PB101", "connection-never-released"),
    Known("PB102", "connection-leaked-on-exception"),
    Known("PB112", "cursor-not-closed", opt_in=True, style=FixStyle.EXPLICIT),
    Known("PB201", "missing-rollback"),
)


@pytest.mark.parametrize(
    ("config", "codes"),
    [
        (Config(), "PB001 PB101 PB102 PB201"),
        (Config(select=("PB1",)), "PB001 PB101 PB102 PB112"),
        (Config(select=("missing-rollback",)), "PB001 PB201"),
        (Config(select=("ALL",)), "PB001 PB004 PB101 PB102 PB112 PB201"),
        (Config(extend_select=("pb112",)), "PB001 PB101 PB102 PB112 PB201"),
        (Config(fix_style=FixStyle.EXPLICIT), "PB001 PB101 PB102 PB112 PB201"),
        (Config(fix_style=FixStyle.EXPLICIT, ignore=("PB112",)), "PB001 PB101 PB102 PB201"),
        (Config(fix_style=FixStyle.EXPLICIT, select=("PB2",)), "PB001 PB201"),
        (Config(fix_style=FixStyle.WITH), "PB001 PB101 PB102 PB201"),
        (Config(ignore=("PB1",)), "PB001 PB201"),
        (Config(ignore=("PB1",), extend_select=("PB101",)), "PB001 PB101 PB201"),
        (Config(select=("PB1",), ignore=("PB101",)), "PB001 PB102 PB112"),
        (Config(select=("PB101",), ignore=("PB101",)), "PB001"),
        (Config(ignore=("PB001",)), "PB101 PB102 PB201"),
        (Config(ignore=("ALL",)), ""),
    ],
)
def test_enabled(config: Config, codes: str) -> None:
    assert sorted(enabled(RULES, config)) == codes.split()


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (Config(select=("PB1O1",)), '`select` names no rule: "PB1O1"; did you mean PB101'),
        (Config(ignore=("PB9",)), '`ignore` names no rule: "PB9"'),
        (Config(extend_select=("mising-rollback",)), "did you mean missing-rollback?"),
        (Config(severity={"PB8": Severity.INFO}), '`severity` names no rule: "PB8"'),
        (Config(per_file_ignores={"tests/": ("E501",)}), '`per-file-ignores."tests/"` names no rule: "E501"'),
    ],
)
def test_unknown_selectors(config: Config, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        enabled(RULES, config)
    assert says in str(caught.value)


def test_per_file_ignores_are_gitignore_patterns(tmp_path: Path) -> None:
    table = {"tests/": ("PB1",), "*_script.py": ("ALL",), "/conftest.py": ("missing-rollback",)}
    ignored = ignored_in_file(RULES, Config(root=str(tmp_path), per_file_ignores=table))
    assert ignored(str(tmp_path / "app.py")) == frozenset()
    assert ignored(str(tmp_path / "shop/tests/test_app.py")) == {"PB101", "PB102", "PB112"}
    assert ignored(str(tmp_path / "shop/one_script.py")) == {rule.code for rule in RULES}
    assert ignored(str(tmp_path / "conftest.py")) == {"PB201"}
    assert ignored(str(tmp_path / "shop/conftest.py")) == frozenset()


def test_the_most_exact_severity_counts() -> None:
    config = Config(severity={"PB101": Severity.INFO, "PB1": Severity.WARNING})
    assert [severity_of(rule, Severity.ERROR, config) for rule in RULES[2:4]] == [Severity.INFO, Severity.WARNING]
    assert severity_of(RULES[5], Severity.ERROR, config) is Severity.ERROR


PLACE = Span(Position(1, 1), Position(1, 1))
FIXABLE = Finding(
    *("PB102", "connection-leaked-on-exception", "", Severity.ERROR, Confidence.HIGH, "a.py", "/a.py", PLACE),
    fix=Fix(Applicability.SAFE, "Mend it", (Edit(PLACE, "x"),)),
)


@pytest.mark.parametrize(
    ("config", "offered"),
    [
        (Config(), "safe"),
        (Config(fixable=()), ""),
        (Config(fixable=("PB2",)), ""),
        (Config(fixable=("PB1",)), "safe"),
        (Config(unfixable=("PB1",)), ""),
        (Config(unfixable=("ALL",)), ""),
        (Config(unfixable=("PB1",), fixable=("connection-leaked-on-exception",)), "safe"),
        (Config(extend_unsafe_fixes=("PB1",)), "unsafe"),
        (Config(extend_unsafe_fixes=("PB1",), extend_safe_fixes=("PB102",)), "safe"),
        (Config(extend_unsafe_fixes=("PB102",), extend_safe_fixes=("PB102",)), "unsafe"),
        (Config(extend_safe_fixes=("PB2",)), "safe"),
    ],
)
def test_which_fixes_are_offered(config: Config, offered: str) -> None:
    finding = with_configured_fix(FIXABLE, config)
    assert (finding.fix.applicability.value if finding.fix else "") == offered
    assert bool(finding.no_fix_reason) == (not offered)


def test_selectors_of_fixes_are_checked() -> None:
    for name in ("fixable", "unfixable", "extend_safe_fixes", "extend_unsafe_fixes"):
        with pytest.raises(ConfigError, match=name.replace("_", "-")):
            enabled(RULES, Config(**{name: ("PB9x",)}))  # type: ignore[arg-type]
