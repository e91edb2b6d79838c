"""The configuration from the command line's side: `config`, `init`, `clean`, the schema, wrappers, the environment."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # two calls need no stubs
import pytest
from cli_project import Project, new_project

from putback.cli import schema
from putback.source.settings import KEYS

WRAPPED = """\
from acme import db
from corp.pool import give, take


def one():
    conn = db.get()
    conn.execute("x")


def two():
    conn = take()
    conn.execute("x")
    give(conn)


def three():
    conn = take()
    try:
        conn.execute("x")
    finally:
        give(conn)


def four():
    conn = db.get_name()
    conn.execute("x")
"""
LEAK = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def cancel():
    conn = pool.getconn()
    conn.cursor().execute("UPDATE orders SET open = false")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """An empty directory."""
    return new_project(tmp_path, monkeypatch, capsys)


def test_every_setting_is_explained() -> None:
    assert schema.MEANINGS.keys() == KEYS.keys()
    assert schema.SHAPES.keys() <= KEYS.keys()


def test_the_schema_is_shipped_as_it_is_printed(project: Project) -> None:
    assert project.putback("config", "--schema") == 0
    assert project.out == schema.SHIPPED.read_text(encoding="utf-8")  # python -m putback.cli.schema
    found = json.loads(project.out)
    jsonschema.Draft7Validator.check_schema(found)
    assert found["$id"]


@pytest.mark.parametrize("name", list(KEYS))
def test_the_schema_and_the_program_agree(name: str) -> None:
    allowed = jsonschema.Draft7Validator(schema.schema())
    for value in (
        "x",
        [],
        ["PB1"],
        True,
        3,
        -1,
        "high",
        "warning",
        "with",
        {},
        {"a": ["b"]},
        {"acquire": ["a.b"]},
        1.5,
    ):
        if name in ("severity", "drivers", "per-file-ignores") and value == {"acquire": ["a.b"]}:
            continue
        assert allowed.is_valid({name: value}) == (KEYS[name].read(value) is not None), value
    assert not allowed.is_valid({"typo": 1})


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_variable_is_named_for_what_one_can_say(project: Project, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    assert project.putback("config", key) == 0
    variable = f"PUTBACK_{key.upper().replace('-', '_')}"
    is_table = "a table" in project.out
    assert (variable in project.out) != is_table
    if is_table:
        monkeypatch.setenv(variable, "PB101")
        assert project.putback("check", ".") == 2


def test_one_setting_is_explained(project: Project) -> None:
    project.write("putback.toml", 'fail-on = "error"\n')
    assert project.putback("config", "fail-on") == 0
    assert 'default:     "warning"' in project.out
    assert 'here:        "error"' in project.out
    assert "PUTBACK_FAIL_ON" in project.out
    assert project.putback("config", "fail-no") == 2
    assert "did you mean fail-on?" in project.err
    assert project.putback("config") == 0
    assert all(key in project.out for key in KEYS)


def test_wrappers_take_and_give_back(project: Project) -> None:
    project.write(
        "putback.toml", '[wrappers]\nacquire = ["acme.db.get", "corp.pool.take"]\nrelease = ["corp.pool.give"]\n'
    )
    project.write("app.py", WRAPPED)
    assert project.putback("check", "--output-format", "json", ".") == 1
    assert [(each["code"], each["location"]["row"]) for each in json.loads(project.out)] == [
        ("PB101", 6),
        ("PB102", 11),
    ]
    assert project.putback("check", "--isolated", ".") == 0


def test_wrappers_of_the_project_itself(project: Project) -> None:
    project.write("putback.toml", '[wrappers]\nacquire = ["acme.db.get"]\nrelease = ["acme.db.put"]\n')
    project.write("acme/__init__.py", "")
    project.write("acme/db.py", "import _native\n\n\ndef get():\n    return _native.get()\n")
    project.write("app.py", "from acme import db\n\n\ndef one():\n    conn = db.get()\n    conn.execute('x')\n")
    assert project.found(".") == [("PB101", "app.py")]


@pytest.mark.parametrize("value", ['acquire = ["get"]', 'acquire = ["a b.c"]', 'take = ["a.b"]', "acquire = 1"])
def test_wrappers_that_make_no_sense(project: Project, value: str) -> None:
    project.write("putback.toml", f"[wrappers]\n{value}\n")
    assert project.putback("check", ".") == 2
    assert "wrappers" in project.err


def test_the_environment_sets_what_the_command_line_does_not(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("shop.py", LEAK)
    project.write("putback.toml", 'fail-on = "warning"\n')
    monkeypatch.setenv("PUTBACK_IGNORE", "PB101, PB102")
    assert project.putback("check", ".") == 0
    monkeypatch.setenv("PUTBACK_IGNORE", "")
    monkeypatch.setenv("PUTBACK_SEVERITY", "info")
    assert project.putback("check", ".") == 2
    monkeypatch.delenv("PUTBACK_SEVERITY")
    monkeypatch.setenv("PUTBACK_FORCE_EXCLUDE", "maybe")
    assert project.putback("check", ".") == 2
    assert "PUTBACK_FORCE_EXCLUDE must be true or false" in project.err
    monkeypatch.setenv("PUTBACK_FORCE_EXCLUDE", "1")
    monkeypatch.setenv("PUTBACK_SELECT", "missing-rollback")
    assert project.putback("check", ".") == 0
    assert project.putback("check", ".", "--select", "PB1") == 1


def test_an_empty_selection_runs_nothing_and_says_so(project: Project) -> None:
    project.write("shop.py", LEAK)
    project.write("putback.toml", "select = []\n")
    assert project.putback("check", "shop.py") == 0
    assert "`select` is empty, so no rule runs" in project.err
    assert project.putback("check", "shop.py", "--extend-select", "PB1") == 1
    assert project.err == ""


def test_init_shows_what_it_writes(project: Project) -> None:
    project.write("pyproject.toml", '[project]\nname = "shop"')
    (project.root / ".git").mkdir()
    assert project.putback("init", "--yes") == 0
    assert "[tool.putback]" in project.out and "id: putback" in project.out
    assert tomllib.loads((project.root / "pyproject.toml").read_text())["tool"]["putback"]["fail-on"] == "warning"
    assert (project.root / ".pre-commit-config.yaml").read_text().startswith("repos:\n  - repo: local\n")
    before = {path: path.read_bytes() for path in project.root.iterdir() if path.is_file()}
    assert project.putback("init", "--yes") == 0
    assert "nothing to do" in project.out
    assert before == {path: path.read_bytes() for path in project.root.iterdir() if path.is_file()}


def test_init_adds_to_the_hooks_only_where_that_is_plain(project: Project) -> None:
    plain = "repos:\n  - repo: https://example.org/x\n    rev: v1\n    hooks:\n      - id: x"
    project.write(".pre-commit-config.yaml", plain)
    assert project.putback("init", "--yes") == 0
    assert (project.root / ".pre-commit-config.yaml").read_text().startswith(plain + "\n  - repo: local\n")
    project.write(".pre-commit-config.yaml", "repos:\n- repo: https://example.org/x\n  hooks: []\nci: {}\n")
    assert project.putback("init", "--yes") == 0
    assert "to be put into its list `repos`" in project.out
    assert "local" not in (project.root / ".pre-commit-config.yaml").read_text()


def test_init_asks(project: Project) -> None:
    assert project.putback("init") == 2
    assert list(project.root.iterdir()) == []


def test_clean_removes_the_cache_and_nothing_else(project: Project) -> None:
    from putback.source import cache

    project.write("putback.toml", "")
    assert cache.write(str(project.root / ".putback_cache"), "run-1", b"x")
    assert project.putback("clean") == 0
    assert project.out == "Removed .putback_cache.\n"
    assert project.putback("clean") == 0
    assert project.out == "There is no cache.\n"
    project.write(".putback_cache/mine.txt", "dear diary\n")
    assert project.putback("clean") == 0
    assert (project.root / ".putback_cache/mine.txt").exists()


def test_the_cache_is_where_the_environment_says(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUTBACK_CACHE_DIR", str(project.root / "elsewhere"))
    project.write("putback.toml", "")
    project.write("shop/app.py", "import psycopg2\n\nconn = psycopg2.connect('')\n")
    project.putback("check", ".")
    assert len(list((project.root / "elsewhere").iterdir())) == 1
    assert not (project.root / ".putback_cache").exists()
    assert project.putback("clean") == 0
    assert list((project.root / "elsewhere").iterdir()) == [], "that of other projects would still be there"


LEAK = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 2)


def f():
    conn = pool.getconn()
"""


@pytest.fixture
def monorepo(project: Project) -> Project:
    """Two parts with settings of their own below those of the whole."""
    project.write("pyproject.toml", "[tool.putback]\n")
    project.write("orders/putback.toml", 'ignore = ["PB1"]\n')
    project.write("orders/views.py", LEAK)
    project.write("billing/pyproject.toml", '[project]\nname = "billing"\ndependencies = ["putback"]\n')
    project.write("billing/views.py", LEAK)
    return project


def test_settings_nearer_to_a_finding_than_those_of_the_run_are_named(monorepo: Project) -> None:
    said = "putback: warning: orders/putback.toml is not read, a run has the settings of one file: "
    for _ in range(2):  # also where nothing has changed since
        assert monorepo.putback("check", ".") == 1
        assert monorepo.err == f"{said}putback check orders reads it\n"
    assert monorepo.putback("check", "orders") == 0
    assert monorepo.err == ""
    assert monorepo.putback("check", "billing") == 1
    assert monorepo.err == "", "it has no settings of its own, and those of the whole are read"


def test_settings_that_nobody_wants_or_nothing_is_found_below_are_not_named(monorepo: Project) -> None:
    for arguments in (["--isolated"], ["--config", "fail-on = 'error'"], ["--quiet"], ["--exclude", "orders"]):
        assert monorepo.putback("check", ".", *arguments) == 1
        assert monorepo.err == "", arguments
