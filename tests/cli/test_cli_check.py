"""`putback check` as users type it: what is printed where, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_project import Project, new_project, stdin

LEAK = """\
import psycopg2.pool

pool = psycopg2.pool.ThreadedConnectionPool(1, 10, "")


def rename(name):
    conn = pool.getconn()
    conn.cursor().execute("UPDATE users SET name = %s", (name,))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """An empty project as the working directory."""
    return new_project(tmp_path, monkeypatch, capsys)


def test_clean(project: Project) -> None:
    project.write("app.py")
    assert project.putback("check") == 0
    assert (project.out, project.err) == ("No connection leaks found in 1 file.\n", "")
    assert project.putback("check", "-q") == 0
    assert project.out == ""


def test_a_leak(project: Project) -> None:
    project.write("app.py", LEAK)
    assert project.putback("check") == 1
    assert "app.py:7:12: PB101 connection-never-released" in project.out
    assert "conn = pool.getconn()\n" in project.out
    assert "1 problem" in project.out
    assert project.err == ""


def test_exit_zero(project: Project) -> None:
    project.write("app.py", LEAK)
    assert project.putback("check", "--exit-zero") == 0
    assert "PB101" in project.out


def test_hints_are_counted_and_shown_on_request(project: Project) -> None:
    project.write("tests/test_app.py", LEAK)
    assert project.putback("check") == 0
    assert project.out == "No connection leaks found in 1 file.\n1 hint not shown: --show-info.\n"
    assert project.putback("check", "--output-format", "github") == 0
    assert project.out == ""
    assert project.putback("check", "--output-format", "json") == 0
    assert [item["severity"] for item in json.loads(project.out)] == ["info"]
    for asked in (["--show-info"], ["--min-severity", "info"], ["--config", "show-info=true"]):
        assert project.putback("check", *asked) == 0
        assert "PB101" in project.out
    assert project.putback("fix", "--diff") == 0
    assert project.putback("fix", "--diff", "--show-info") == 1


@pytest.mark.parametrize(
    ("worst", "fail_on", "code"),
    [("error", "error", 1), ("warning", "error", 0), ("warning", "warning", 1), ("info", "info", 1)],
)
def test_fail_on(project: Project, worst: str, fail_on: str, code: int) -> None:
    project.write("app.py", LEAK)
    project.write("putback.toml", f'severity = {{ PB1 = "{worst}" }}\n')
    assert project.putback("check", "--fail-on", fail_on) == code
    assert "PB101" in project.out
    project.write("putback.toml", f'severity = {{ PB1 = "{worst}" }}\nfail-on = "{fail_on}"\n')
    assert project.putback("check") == code
    assert project.putback("fix", "--fixable", "PB2") == code


def test_the_report_begins_with_what_matters_most(project: Project) -> None:
    for number in range(6):
        project.write(f"a/tests/test_{number:02}.py", LEAK * 10)
    for name in ("services/a.py", "services/b.py", "services/c.py"):
        project.write(name, LEAK)
    project.write("bin/clean.py", LEAK)
    project.putback("check", "--output-format", "concise", "--show-info")
    paths = [line.partition(":")[0] for line in project.out.splitlines()]
    assert paths[:5] == ["services/a.py", "services/b.py", "services/c.py", "bin/clean.py", "a/tests/test_00.py"]
    assert sum(path.endswith(".py") for path in paths) == 64
    project.putback("check", "--output-format", "concise", "--show-info", "--config", 'severity={PB1="error"}')
    assert [line.partition(":")[0] for line in project.out.splitlines()][:5] == paths[:5]
    project.putback("check", "--output-format", "concise")
    assert "Found 4 problems (3 errors, 1 warning) in 4 of 10 files." in project.out
    assert "60 hints not shown: --show-info." in project.out


def test_no_python_files(project: Project) -> None:
    assert project.putback("check") == 0
    assert "no Python files found" in project.err
    assert project.putback("check", "--output-format", "json") == 0
    assert json.loads(project.out) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "gone.py"], "no such file or directory: gone.py"),
        (["check", "--selct", "PB1"], "--select"),
        (["check", "--select", "PB1O1"], "did you mean PB101?"),
        (["check", "--output-format", "xml"], "is not one of"),
        (["check", "--min-confidence", "sure"], "is not one of"),
        (["check", "--config", "gone.toml"], "no such configuration file"),
        (["check", "--config", "jobs=many"], '"jobs" must be a number'),
        (["check", "-", "app.py"], "standard input (-) cannot be checked together with files"),
        (["check", "--output-file", "no/such/dir/report"], "cannot write no/such/dir/report"),
        (["chekc"], "did you mean check?"),
        (["app.py"], "did you mean putback check app.py?"),
        (["rule", "PB1O1"], "no such rule: PB1O1; did you mean PB101?"),
        (["rule", "--all", "PB101"], "name a rule"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_one_clear_message(project: Project, arguments: list[str], says: str) -> None:
    project.write("app.py")
    assert project.putback(*arguments) == 2
    assert says in project.err
    assert project.out == ""


def test_a_broken_configuration(project: Project) -> None:
    project.write("app.py", LEAK)
    project.write("pyproject.toml", "[tool.putback]\nselect = [\n")
    assert project.putback("check") == 2
    assert "pyproject.toml" in project.err and "is not valid TOML" in project.err
    assert project.putback("check", "--isolated") == 1


def test_options_win_over_the_file(project: Project) -> None:
    project.write("app.py", LEAK)
    project.write("putback.toml", 'ignore = ["PB101"]\n')
    assert project.found() == []
    assert project.found("--isolated") == [("PB101", "app.py")]
    assert project.found("--select", "PB2,PB101") == [("PB101", "app.py")]
    assert project.found("--extend-select", "connection-never-released") == [("PB101", "app.py")]
    assert project.found("--select", "PB2") == []
    assert project.found("--select", "PB1", "--ignore", "PB101,PB112") == []
    assert project.found("--isolated", "--ignore", "PB1") == []
    assert project.putback("check", "--extend-ignore", "PB1") == 2  # --ignore adds to what the file ignores already


def test_excludes(project: Project) -> None:
    project.write("app.py", LEAK)
    project.write("gen/a.py", LEAK)
    project.write("build/b.py", LEAK)
    assert [path for _, path in project.found("--extend-exclude", "gen")] == ["app.py"]
    assert [path for _, path in project.found("--exclude", "gen")] == ["app.py", "build/b.py"]
    assert [path for _, path in project.found("build/b.py")] == ["build/b.py"]
    assert project.found("build/b.py", "--force-exclude") == []


def test_exclude_patterns_typed_below_the_configuration(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("putback.toml", "")
    project.write("shop/gen/a.py", LEAK)
    project.write("shop/sub/gen/b.py", LEAK)
    monkeypatch.chdir(project.root / "shop")
    assert [path for _, path in project.found("--exclude", "/gen")] == ["shop/sub/gen/b.py"]


def test_per_file_ignores_and_severity(project: Project) -> None:
    project.write("app.py", LEAK)
    project.write("tests/test_app.py", LEAK)
    project.write("putback.toml", 'per-file-ignores = { "tests/" = ["PB1"] }\nseverity = { PB1 = "info" }\n')
    assert [path for _, path in project.found()] == ["app.py"]
    assert project.found("--min-severity", "warning") == []


def test_suppression_comments(project: Project) -> None:
    project.write("app.py", LEAK.replace("getconn()", "getconn()  # putback: ignore[PB101] for ever"))
    assert project.found() == []


def test_standard_input(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("shop/__init__.py")
    stdin(monkeypatch, LEAK)
    assert project.found("-", "--stdin-filename", "shop/new.py") == [("PB101", "shop/new.py")]
    stdin(monkeypatch, LEAK)
    assert project.putback("check", "-") == 1
    assert "conn = pool.getconn()" in project.out


def test_the_name_of_standard_input_counts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("shop/putback.toml", 'ignore = ["PB101"]\nextend-exclude = ["gen"]\n')
    stdin(monkeypatch, LEAK)
    assert project.found("-", "--stdin-filename", "shop/new.py") == []
    stdin(monkeypatch, LEAK)
    arguments = ("-", "--stdin-filename", "shop/gen/new.py", "--select", "ALL", "--force-exclude")
    assert project.found(*arguments) == []


@pytest.mark.parametrize("form", ["full", "concise", "json", "github", "sarif"])
def test_a_report_in_a_file(project: Project, form: str) -> None:
    project.write("app.py", LEAK)
    assert project.putback("check", "--output-format", form) == 1
    printed = project.out
    assert project.putback("check", "--output-format", form, "--output-file", "report", "--color", "always") == 1
    assert project.out == ""
    assert (project.root / "report").read_text() == printed


def test_statistics(project: Project) -> None:
    project.write("app.py", LEAK)
    assert project.putback("check", "--statistics") == 1
    assert project.out.startswith("1  PB101  connection-never-released\n")


def test_colour(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("app.py", LEAK)

    def coloured(*arguments: str) -> bool:
        project.putback("check", *arguments)
        return "\x1b[" in project.out

    assert not coloured()
    assert coloured("--color", "always")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert coloured()
    assert not coloured("--color", "never")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured()
    assert coloured("--color", "always")


def test_show_files_and_settings(project: Project) -> None:
    project.write("app.py", LEAK)
    project.write("build/b.py")
    project.write("putback.toml", 'min-confidence = "low"\nper-file-ignores = { "a" = ["PB1"] }\n')
    assert project.putback("check", "--show-files") == 0
    assert project.out == "app.py\n"
    assert project.putback("check", "--show-settings", "--select", "PB1") == 0
    shown = project.out
    assert str(project.root / "putback.toml") in shown
    (project.root / "again.toml").write_text(shown)
    assert project.putback("check", "--show-settings", "--config", "again.toml") == 0
    assert project.out.splitlines()[1:] == shown.splitlines()[1:]


def test_bad_files_are_reported_and_the_others_checked(project: Project) -> None:
    project.write("app.py", LEAK)
    bad = {
        "latin.py": b"import psycopg2\nx = '\xe9'  # connect(\n",
        "nul.py": b"import psycopg2\nconnect()\0\n",
        "old.py": b"import psycopg2\nprint 'x'; psycopg2.connect('')\n",
        "cookie.py": b"# coding: klingon\nimport psycopg2\npsycopg2.connect('')\n",
        "wide.py": "import psycopg2\npsycopg2.connect('')\n".encode("utf-16"),
    }
    good = {
        "bom.py": b"\xef\xbb\xbf" + LEAK.encode(),
        "cookie_ok.py": b"# coding: latin-1\n# \xe9\n" + LEAK.encode(),
        "crlf.py": LEAK.replace("\n", "\r\n").encode(),
        "cr.py": LEAK.replace("\n", "\r").encode(),
    }
    for name, content in {**bad, **good}.items():
        project.write(name, content)
    assert project.putback("check", ".", *bad, *good, "--output-format", "json") == 1
    places = {(item["path"], item["code"]): item["location"] for item in json.loads(project.out)}
    assert set(places) == {(name, "PB001") for name in bad} | {(name, "PB101") for name in ("app.py", *good)}
    assert (
        places["cr.py", "PB101"] == places["crlf.py", "PB101"] == places["bom.py", "PB101"] == {"row": 7, "column": 12}
    )
    assert places["cookie_ok.py", "PB101"] == {"row": 9, "column": 12}
    assert places["latin.py", "PB001"] == {"row": 2, "column": 6}


@pytest.mark.parametrize(
    "deep",
    [
        "(" * 1000 + "take()" + ")" * 1000,
        "[" * 1000 + "]" * 1000,
        "not " * 1500 + "x",
        "-" * 1500 + "1",
        "a" + ".b" * 1500,
    ],
)
def test_deep_nesting_does_not_keep_the_other_files_from_being_checked(project: Project, deep: str) -> None:
    project.write("app.py", LEAK)
    project.write("deep.py", f"{LEAK}\n\ndef f():\n    return {deep}\n")
    assert project.putback("check", ".", "deep.py", "--output-format", "json") == 1
    assert "app.py" in {item["path"] for item in json.loads(project.out)}


def test_deep_blocks(project: Project) -> None:
    project.write("app.py", LEAK)
    blocks = "".join(" " * depth + "if x:\n" for depth in range(1, 95))
    project.write("deep.py", f"import psycopg2\ndef f(x):\n{blocks}{' ' * 96}psycopg2.connect('')\n")
    assert ("PB101", "app.py") in project.found()


def test_a_file_that_cannot_be_read(project: Project) -> None:
    project.write("app.py", LEAK)
    (project.root / "link.py").symlink_to("link.py")
    assert project.found() == [("PB101", "app.py")]
    assert project.putback("check", "link.py") == 2


def test_debug(project: Project) -> None:
    project.write("app.py", LEAK)
    assert project.putback("check", "--debug") == 0
    assert "getconn" in project.out


def test_rule_pages(project: Project) -> None:
    assert project.putback("rule", "PB102") == 0
    by_code = project.out
    assert by_code.startswith("# connection-leaked-on-exception (PB102)\n")
    assert project.putback("rule", "connection-leaked-on-exception") == 0
    assert project.out == by_code
    assert project.putback("rule", "--all") == 0
    assert by_code.strip() in project.out
    assert project.putback("rule", "--all", "--output-format", "json") == 0
    rules = {item["code"]: item for item in json.loads(project.out)}
    assert rules["PB102"]["name"] == "connection-leaked-on-exception"
    assert rules["PB102"]["severity"] == "error"
    assert rules["PB102"]["explanation"] in by_code


def test_version_and_help(project: Project) -> None:
    assert project.putback("version") == 0
    version = project.out
    assert version.startswith("putback ")
    assert project.putback("--version") == 0
    assert project.out == version
    for arguments in (["--help"], ["check", "-h"], ["rule", "--help"]):
        assert project.putback(*arguments) == 0, project.err
        assert "Usage: putback" in project.out
