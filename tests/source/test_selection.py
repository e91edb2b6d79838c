"""Selectors: what `select`, `ignore` and their kin switch on and off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from putback.model.config import Config
from putback.model.errors import ConfigError
from putback.model.finding import Severity
from putback.source.selection import enabled, ignored_in_file, severity_of


@dataclass(frozen=True)
class Known:
    """A rule as far as selection looks at it."""

    code: str
    name: str
    opt_in: bool = False


RULES = (
    Known("PB001", "syntax-error"),
    Known("PB004", "suppression-without-reason", opt_in=True),
    Known("PB101", "connection-never-released"),
    Known("PB102", "connection-leaked-on-exception"),
    Known("PB112", "cursor-not-closed", opt_in=True),
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
