"""The first screen: what matters most first, the next commands below; and what a fix says it did."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_project import BROKEN, HEAD, Project, new_project

POOL = 'from psycopg2.pool import ThreadedConnectionPool\n\npool = ThreadedConnectionPool(1, 10, "dbname=shop")\n'
LEAK = "\n\ndef f{0}():\n    conn = pool.getconn()\n    conn.cursor().execute('x')\n"
MANY = POOL + "".join(map(LEAK.format, range(12)))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    return new_project(tmp_path, monkeypatch, capsys)


def test_what_there_is_is_counted_once_below(project: Project) -> None:
    project.write("shop.py", MANY)
    assert project.putback("check", ".") == 1
    assert project.out.startswith("shop.py:"), "the first line is that of what matters most"
    assert project.out.count("12 problems (12 errors) in 1 file") == 1


def next_commands(project: Project) -> list[str]:
    """The commands that are named below."""
    return [line.partition("#")[0].strip() for line in project.out.splitlines() if line.startswith("  putback ")]


def test_the_next_commands_for_few_findings(project: Project) -> None:
    project.write("shop.py", POOL + LEAK.format(1))
    assert project.putback("check", ".") == 1
    assert next_commands(project) == ["putback fix --diff", "putback rule PB101", "putback verify"]


def test_the_next_commands_for_many_findings(project: Project) -> None:
    project.write("shop.py", MANY)
    assert project.putback("check", ".") == 1
    assert next_commands(project) == ["putback fix --diff", "putback rule PB101", "putback baseline"]
    for command in next_commands(project):
        assert project.putback(*command.split()[1:]) in (0, 1)


@pytest.mark.parametrize(
    "arguments", [["check", ".", "-q"], ["check", ".", "--fix"], ["check", ".", "--output-format", "concise"]]
)
def test_no_commands_where_nobody_asks_for_them(project: Project, arguments: list[str]) -> None:
    project.write("shop.py", MANY)
    project.putback(*arguments)
    assert next_commands(project) == []


def test_services_come_before_scripts_and_tests(project: Project) -> None:
    project.write("a_script.py", POOL + LEAK.format(1) + "\n\nif __name__ == '__main__':\n    f1()\n")
    project.write("tests/test_shop.py", POOL + LEAK.format(1))
    project.write("shop.py", "import flask\n\n" + POOL + LEAK.format(1))
    assert project.putback("check", ".", "--output-format", "concise", "--show-info") == 1
    assert project.out.splitlines()[0].startswith("shop.py:")
    assert project.out.splitlines()[2].startswith("tests/")


def test_a_fix_says_which_problem_it_fixed(project: Project) -> None:
    project.write("shop.py", HEAD + BROKEN.format(1))
    assert project.putback("fix", "--force-exclude", "shop.py") == 0
    assert project.out.startswith("Fixed shop.py:")
    assert "PB110" in project.out
    assert project.out.splitlines()[-1] == "Fixed 1 problem in 1 file."


def test_exit_non_zero_on_fix(project: Project) -> None:
    project.write("shop.py", HEAD + BROKEN.format(1))
    assert project.putback("fix", "--exit-non-zero-on-fix", "shop.py") == 1
    assert project.putback("fix", "--exit-non-zero-on-fix", "shop.py") == 0


def test_rule_without_a_name_lists_the_rules(project: Project) -> None:
    assert project.putback("rule") == 0
    assert project.out.splitlines()[0].startswith("PB001  syntax-error ")
    assert "putback rule PB101 explains one" in project.out
    assert project.putback("rule", "--all", "PB101") == 2
