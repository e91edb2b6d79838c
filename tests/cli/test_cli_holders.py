"""`putback check --holders`: what a running program lost, beside what is found in its code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_project import Project, new_project

LEAKS = """\
import psycopg2.pool

pool = psycopg2.pool.ThreadedConnectionPool(1, 10, "")
kept = []

def rename(name):
    conn = pool.getconn()
    conn.cursor().execute("UPDATE users SET name = %s", (name,))


def remove(name):
    conn = pool.getconn()
    conn.cursor().execute("DELETE FROM users WHERE name = %s", (name,))


def hidden(name):
    kept.append(pool.getconn())
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """A project with two leaks, and a place about which nothing is found."""
    made = new_project(tmp_path, monkeypatch, capsys)
    made.write("shop/app.py", LEAKS)
    return made


def dump(project: Project, *places: tuple[str, int, str, int]) -> None:
    holders = [{"file": file, "line": line, "function": function, "times": n} for file, line, function, n in places]
    project.write("seen.json", json.dumps({"pool": "shop", "holders": holders}))


def found(project: Project) -> list[tuple[int, str]]:
    assert project.putback("check", "--holders", "seen.json", "--output-format", "concise") == 1
    lines = [line.split(":", 2) for line in project.out.splitlines() if line.startswith("shop/")]
    return [(int(line[1]), line[2].partition("(")[2].partition(")")[0]) for line in lines]


def test_what_was_seen_comes_first_and_says_so(project: Project) -> None:
    dump(project, ("/srv/app/shop/app.py", 12, "remove", 38))
    assert [row for row, _ in found(project)] == [12, 7]
    assert found(project)[0][1] == "seen at run time, 38 times"
    assert project.err == ""


def test_the_most_often_seen_comes_first(project: Project) -> None:
    dump(project, ("/srv/shop/app.py", 7, "rename", 1), ("/srv/shop/app.py", 12, "remove", 2))
    assert [row for row, _ in found(project)] == [12, 7]
    assert found(project)[1][1] == "seen at run time, once"


def test_places_without_a_finding_are_named(project: Project) -> None:
    dump(project, ("/srv/shop/app.py", 17, "hidden", 3), ("/srv/other/app.py", 7, "rename", 1))
    assert [row for row, _ in found(project)] == [7, 12]
    assert "seen at run time, but nothing is found there: /srv/shop/app.py:17 in hidden (3 times)" in project.err
    assert "/srv/other/app.py:7 in rename (once)" in project.err, "another file of the same name"


HINT = """\
import psycopg2.pool

pool = psycopg2.pool.ThreadedConnectionPool(1, 10, "")
kept = []


def test_rename():
    conn = pool.getconn()
    conn.cursor().execute("UPDATE users SET name = 'a'")


def test_remove():
    conn = pool.getconn()
    conn.cursor().execute("DELETE FROM users")
"""


def test_what_was_seen_leaking_is_no_hint(project: Project) -> None:
    project.write("shop/app.py", "")
    project.write("tests/test_app.py", HINT)
    dump(project, ("/srv/app/tests/test_app.py", 8, "test_rename", 2))
    assert project.putback("check", "--output-format", "concise") == 0
    assert project.putback("check", "--output-format", "concise", "--holders", "seen.json") == 1
    assert "tests/test_app.py:8:" in project.out and "(seen at run time, 2 times)" in project.out
    assert "tests/test_app.py:13:" not in project.out


def test_json_is_as_it_was_but_for_the_words(project: Project) -> None:
    dump(project, ("/srv/shop/app.py", 12, "remove", 38))
    project.putback("check", "--output-format", "json", "--holders", "seen.json")
    items: list[dict[str, Any]] = json.loads(project.out)
    assert [item["location"]["row"] for item in items] == [12, 7]
    assert items[0]["message"].startswith("(seen at run time, 38 times) ")


@pytest.mark.parametrize("text", ["", "[]", '{"holders": [{"file": "a.py"}]}', "no json"])
def test_a_file_that_is_no_dump(project: Project, text: str) -> None:
    project.write("seen.json", text)
    assert project.putback("check", "--holders", "seen.json") == 2
    assert "seen.json is no dump of putback.pool.watch" in project.err


def test_a_file_that_is_not_there(project: Project) -> None:
    assert project.putback("check", "--holders", "nothing.json") == 2
    assert "nothing.json cannot be read: No such file or directory" in project.err
