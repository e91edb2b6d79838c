"""Where the configuration is found, and what is said about a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from putback.model.config import Config, FixStyle
from putback.model.defaults import DEFAULT_EXCLUDE
from putback.model.errors import ConfigError, UsageError
from putback.model.finding import Confidence, Severity
from putback.source.settings import load, suits


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config_error(text: str, name: str = "putback.toml") -> str:
    """The message for a configuration file with this content."""
    Path(name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(["."])
    return str(caught.value)


def test_without_a_file_the_defaults_hold(project: Path) -> None:
    assert load(["."]) == Config(root=str(project))


def test_every_key(project: Path) -> None:
    Path("putback.toml").write_text(
        """
        select = ["PB1"]
        extend-select = ["missing-rollback"]
        ignore = ["PB101"]
        extend-ignore = ["PB102"]
        exclude = ["vendor"]
        extend-exclude = ["gen/*.py"]
        min-confidence = "low"
        min-severity = "warning"
        fail-on = "error"
        show-info = true
        respect-gitignore = false
        force-exclude = true
        fixable = ["PB1"]
        unfixable = ["PB103"]
        extend-safe-fixes = ["PB301"]
        extend-unsafe-fixes = ["PB104"]
        unsafe-fixes = true
        fix-style = "with"
        jobs = 3
        per-file-ignores = { "tests/" = ["PB201"] }
        severity = { PB101 = "info" }
        [drivers.our_pool]
        imports = ["our_pool"]
        """
    )
    assert load(["."]) == Config(
        root=str(project),
        file=str(project / "putback.toml"),
        select=("PB1",),
        extend_select=("missing-rollback",),
        ignore=("PB101", "PB102"),
        exclude=("vendor", "gen/*.py"),
        per_file_ignores={"tests/": ("PB201",)},
        severity={"PB101": Severity.INFO},
        min_confidence=Confidence.LOW,
        min_severity=Severity.WARNING,
        fail_on=Severity.ERROR,
        show_info=True,
        respect_gitignore=False,
        force_exclude=True,
        drivers={"our_pool": {"imports": ["our_pool"]}},
        fixable=("PB1",),
        unfixable=("PB103",),
        extend_safe_fixes=("PB301",),
        extend_unsafe_fixes=("PB104",),
        unsafe_fixes=True,
        fix_style=FixStyle.WITH,
        jobs=3,
    )


def test_extend_exclude_keeps_the_defaults() -> None:
    Path("putback.toml").write_text('extend-exclude = ["vendor"]')
    assert load(["."]).exclude == (*DEFAULT_EXCLUDE, "vendor")


def test_the_nearest_directory_wins_and_a_foreign_pyproject_is_passed_over(project: Path) -> None:
    inner = project / "services/api"
    inner.mkdir(parents=True)
    (project / "pyproject.toml").write_text("[tool.putback]\njobs = 1\n")
    (project / "services/pyproject.toml").write_text('[project]\nname = "putback-user"\n')
    assert (load(["services/api"]).jobs, load(["services/api"]).root) == (1, str(project))
    (inner / ".putback.toml").write_text("jobs = 2\n")
    assert (load(["services/api"]).jobs, load(["services/api"]).root) == (2, str(inner))
    (inner / "putback.toml").write_text("jobs = 3\n")
    assert load(["services/api"]).jobs == 3
    assert load(["services/api/x.py", "services/worker.py"]).jobs == 1


def test_a_broken_file_of_others_is_not_our_business() -> None:
    Path("pyproject.toml").write_text("[project\n")
    assert load(["."]).file == ""


def test_isolated_reads_nothing() -> None:
    Path("putback.toml").write_text("jobs = 2\n")
    assert load(["."], isolated=True).jobs == 0
    assert load(["."], ["jobs=5"], isolated=True).jobs == 5


def test_a_file_given_by_name_replaces_the_search(project: Path) -> None:
    Path("putback.toml").write_text("jobs = 2\n")
    Path("ci").mkdir()
    Path("ci/strict.toml").write_text('min-confidence = "low"\n')
    config = load(["."], ["ci/strict.toml"])
    assert (config.jobs, config.min_confidence, config.root) == (0, Confidence.LOW, str(project / "ci"))


@pytest.mark.parametrize("given", ["min-confidence=low", 'min-confidence = "low"', "min-confidence='low'"])
def test_one_setting_given_as_key_and_value(given: str) -> None:
    Path("putback.toml").write_text("jobs = 2\n")
    config = load(["."], [given, "select=['PB1']"])
    assert (config.jobs, config.min_confidence, config.select) == (2, Confidence.LOW, ("PB1",))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("jobs = 2\nselct = []\n", 'putback.toml (line 2): unknown key "selct"; did you mean select'),
        ('min-confidence = "hihg"\n', '(line 1): "min-confidence" must be "high" or "medium" or "low", not \'hihg\''),
        ("select = 'PB1'\n", '"select" must be a list of strings'),
        ("jobs = -1\n", '"jobs" must be a number'),
        ("jobs = true\n", '"jobs" must be a number'),
        ("force-exclude = 1\n", '"force-exclude" must be true or false'),
        ('[severity]\nPB101 = "fatal"\n', '"severity" must be a table of "error" or "warning" or "info"'),
        ("[per-file-ignores]\n'a' = 'PB1'\n", '"per-file-ignores" must be a table of lists of strings'),
        ("drivers = ['x']\n", '"drivers" must be a table of tables'),
        ("jobs = 1\nselect = [\n", "putback.toml: is not valid TOML"),
        ("jobs = = 1\n", "putback.toml:1: is not valid TOML"),
    ],
)
def test_a_wrong_file_is_named_with_the_remedy(text: str, says: str) -> None:
    assert says in config_error(text)


def test_a_wrong_table_in_a_pyproject() -> None:
    text = '[project]\nname = "shop"\n\n[tool.putback]\nselect = ["PB1"]\nignor = []\n'
    says = 'pyproject.toml: [tool.putback] (line 6): unknown key "ignor"; did you mean ignore'
    assert says in config_error(text, "pyproject.toml")
    assert "is not valid TOML" in config_error("[tool.putback]\njobs =\n", "pyproject.toml")
    assert "must be a table" in config_error("[tool]\nputback = 3\n", "pyproject.toml")


@pytest.mark.parametrize(
    ("given", "isolated", "says"),
    [
        (["gone.toml"], False, "no such configuration file"),
        (["a.toml", "b.toml"], False, "only one configuration file"),
        (["a.toml"], True, "--isolated"),
    ],
)
def test_wrong_use_of_config(given: list[str], isolated: bool, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        load(["."], given, isolated)


@pytest.mark.parametrize("given", ["jbos=1", "=1", "min-confidence=hihg"])
def test_a_wrong_setting_on_the_command_line(given: str) -> None:
    with pytest.raises(ConfigError, match="--config"):
        load(["."], [given])


def test_a_named_pyproject_must_have_our_table() -> None:
    Path("pyproject.toml").write_text("[project]\n")
    with pytest.raises(ConfigError, match=r"has no table \[tool.putback\]"):
        load(["."], ["pyproject.toml"])


def test_a_file_extends_another() -> None:
    Path("base").mkdir()
    Path("base/common.toml").write_text('ignore = ["PB201"]\nextend-select = ["PB004"]\nfail-on = "error"\njobs = 3\n')
    Path("putback.toml").write_text('extend = "base/common.toml"\nextend-ignore = ["PB302"]\njobs = 1\n')
    found = load(["."])
    assert (found.ignore, found.extend_select) == (("PB201", "PB302"), ("PB004",))
    assert (found.fail_on, found.jobs) == (Severity.ERROR, 1)
    assert (found.root, found.file) == (str(Path.cwd()), str(Path.cwd() / "putback.toml"))
    assert found.extended == (str(Path.cwd() / "base/common.toml"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('extend = "gone.toml"', "`extend` names a file that is not there"),
        ('extend = "putback.toml"', "`extend` leads in a circle"),
        ('extend = "pyproject.toml"', "without a table [tool.putback]"),
        ("extend = 1", '"extend" must be the path of a file'),
        ('required-version = ">=99"', "needs putback >=99, and this is "),
        ('required-version = "new"', '"required-version" must be like'),
    ],
)
def test_what_cannot_be_extended_or_is_for_another_version(text: str, message: str) -> None:
    Path("pyproject.toml").write_text("[project]\n")
    assert message in config_error(text)


@pytest.mark.parametrize(
    ("wanted", "own", "expected"),
    [
        (">=0.1,<1", "0.1.0", True),
        (">=0.1, <1", "1.0.0", False),
        ("==0.1", "0.1.0", True),
        ("0.1.0", "0.1.1", False),
        ("~=0.1", "0.9.3", True),
        ("~=0.1.2", "0.2.0", False),
        ("!=0.1.0", "0.1.0", False),
        (">0.1", "0.1.0.dev3", False),
        ("<=0.2", "0.10", False),
    ],
)
def test_required_versions(wanted: str, own: str, expected: bool) -> None:
    assert suits(wanted, own) is expected
