"""`putback verify` and `putback fix --verify` as users type them: what is run, printed and written, and exit codes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from cli_project import SOURCES, Project, new_project

pytestmark = pytest.mark.slow

SHOP = Path(__file__).parents[2] / "fixtures" / "projects" / "shop" / "shop"
HEAD = """from psycopg2.pool import SimpleConnectionPool

pool = SimpleConnectionPool(1, 5)
"""
LEAK = """

def rename(number, name):
    conn = pool.getconn()
    conn.cursor().execute("UPDATE users SET name = %s WHERE id = %s", (name, number))
    conn.commit()
    pool.putconn(conn)
"""
UNFIXABLE = """

def look(numbers):
    for number in numbers:
        conn = pool.getconn()
        conn.cursor().execute("SELECT 1")
    pool.putconn(conn)
"""
AT_THE_TOP = """
conn = pool.getconn()
conn.cursor().execute("SELECT 1")
pool.putconn(conn)
"""
LENT = """from sqlalchemy import text
from sqlalchemy.orm import Session


def store(db: Session, name):
    try:
        db.execute(text("INSERT INTO users VALUES (:n)"), {"n": name})
    except Exception:
        print("known already")
    db.execute(text("INSERT INTO log VALUES (:n)"), {"n": name})
    db.commit()
"""
"""Has a fix, but what the caller has written would be given up with it."""
KEYS = [
    *("path", "function", "code", "verdict", "reason", "schedules", "exhaustive", "coverage"),
    *("leaked_before", "leaked_after", "counterexample", "seconds", "given"),
]
VERDICTS = {
    "get_customer": "proved",
    "rename_customer": "proved",
    "get_order": "proved",
    "cancel_order": "proved",
    "get_audited_db": "proved",
    "book_payment": "proved",
    "top_articles": "proved",
    "in_stock": "proved",
    "restock": "leaks",  # known gap of the fixes: it is acquired in a loop and used outside of it
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """An empty project."""
    return new_project(tmp_path, monkeypatch, capsys)


@pytest.fixture
def shop(project: Project) -> Project:
    """A copy of the bundled example."""
    shutil.copytree(SHOP, project.root / "shop")
    project.write("pyproject.toml", "")
    return project


def contents(project: Project) -> dict[Path, bytes]:
    """Every file of the project."""
    return {p: p.read_bytes() for p in project.root.rglob("*.py")}


def test_every_fix_of_the_example_is_proved(shop: Project) -> None:
    before = contents(shop)
    assert shop.putback("verify", "--output-format", "json", "--budget", "60") == 1
    report = json.loads(shop.out)
    assert {entry["function"]: entry["verdict"] for entry in report["functions"]} == VERDICTS
    assert contents(shop) == before


def test_the_shape_of_the_json(shop: Project) -> None:
    shop.putback("verify", "--output-format", "json", "shop/orders.py")
    report = json.loads(shop.out)
    assert list(report) == ["functions", "bounds"]
    entry = report["functions"][0]
    assert list(entry) == KEYS
    assert (entry["path"], entry["function"], entry["code"]) == ("shop/orders.py", "get_order", "PB102")
    assert entry["leaked_before"] > 0 == entry["leaked_after"]
    assert entry["exhaustive"] and entry["coverage"] == 1.0
    assert entry["counterexample"]["schedule"] == ["fault c1.cursor()#1 = OperationalError"]
    assert report["bounds"]["faults"] == 1


def test_findings_about_one_connection_have_an_entry_each(shop: Project) -> None:
    shop.putback("verify", "--output-format", "json", "shop/reports.py")
    found = [(e["function"], e["code"], e["verdict"]) for e in json.loads(shop.out)["functions"]]
    assert found == [("top_articles", "PB102", "proved"), ("top_articles", "PB302", "proved")]


def test_what_is_printed(shop: Project) -> None:
    assert shop.putback("verify", "shop/orders.py", "--budget", "60") == 0
    assert "shop/orders.py:14 get_order (PB102)\n  proved: " in shop.out
    assert "    2. c1.cursor() raises OperationalError\n" in shop.out
    assert "c1 is not given back: leak" in shop.out
    assert "exhausted after request 17, 33 requests refused" in shop.out
    assert "after  ▁▁▁" in shop.out and "stays free" in shop.out
    assert "2 functions: proved 2 (" in shop.out
    assert "Bounds: one fault of level 1, two rounds of a loop" in shop.out


def test_it_says_what_it_executes(shop: Project) -> None:
    shop.putback("verify", "shop/orders.py")
    assert shop.err.startswith("putback: executing 2 functions of 1 file on stand-ins (named by --list); ")
    shop.putback("verify", "shop/orders.py", "-q")
    assert shop.err == ""


def test_a_list_executes_nothing(shop: Project) -> None:
    assert shop.putback("verify", "shop/orders.py", "--list") == 0
    assert shop.out == "shop/orders.py:14 get_order\nshop/orders.py:25 cancel_order\n"
    assert shop.err == ""


def test_the_table_alone(shop: Project) -> None:
    shop.putback("verify", "shop/orders.py", "--output-format", "table")
    assert "shop/orders.py:25 cancel_order" in shop.out
    assert "1. a connection is taken" not in shop.out


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 1\n", 0),
        (HEAD + LEAK, 0),
        (HEAD + LEAK + UNFIXABLE, 1),
        (HEAD + AT_THE_TOP, 0),
        (LENT, 1),
        ("from psycopg2.pool import SimpleConnectionPool\npool.getconn(\n", 1),
    ],
    ids=["nothing", "proved", "leak without a fix", "a script", "unknown", "does not parse"],
)
def test_exit_codes(project: Project, code: str, expected: int) -> None:
    project.write("app.py", code)
    assert project.putback("verify", "--budget", "60") == expected, project.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("gone.py",),
        ("-",),
        ("--choice", "fault x = Error"),
        ("--level", "4"),
        ("app.py", "--replay", "gone"),
        ("app.py", "--replay", "rename", "--choice", "nonsense"),
        ("app.py", "--html", "gone/page.html"),
        ("--config", "nonsense = 1"),
    ],
    ids=lambda a: " ".join(a),
)
def test_what_cannot_be_done_exits_with_two(project: Project, arguments: tuple[str, ...]) -> None:
    project.write("app.py", HEAD + LEAK)
    assert project.putback("verify", *arguments) == 2
    assert "Traceback" not in project.err


def test_rules_can_be_selected(project: Project) -> None:
    project.write("app.py", HEAD + LEAK + UNFIXABLE)
    assert project.putback("verify", "--select", "PB102", "--list") == 0
    assert project.out == "app.py:6 rename\n"


def test_the_report_can_go_to_a_file(project: Project) -> None:
    project.write("app.py", HEAD + LEAK)
    assert project.putback("verify", "-o", "report.txt", "--budget", "60") == 0
    assert project.out == ""
    assert "rename (PB102)" in (project.root / "report.txt").read_text(encoding="utf-8")


class Page(HTMLParser):
    """Notes the elements of a page and whether each is closed, and what they load."""

    EMPTY = frozenset(("meta", "rect", "line", "path"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.seen.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


def test_the_page(shop: Project) -> None:
    assert shop.putback("verify", "--html", "page.html") == 1
    text = (shop.root / "page.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.seen.count("article") == len(VERDICTS)
    assert page.seen.count("svg") == 6
    assert not {"script", "link", "img", "iframe"} & set(page.seen)
    assert all(target.startswith("#") for target in page.loads)
    assert "url(" not in text and "@import" not in text
    assert "prefers-color-scheme: dark" in text
    assert "38 requests refused" in text


def test_the_page_shows_code_as_text(project: Project) -> None:
    project.write("app.py", HEAD + LEAK.replace("SET name", "SET <script>alert(1)</script> name"))
    project.putback("verify", "--html", "page.html")
    assert "<script" not in (project.root / "page.html").read_text(encoding="utf-8")


def test_a_leak_can_be_replayed_until_it_is_mended(project: Project) -> None:
    project.write("app.py", HEAD + LEAK)
    again = ("verify", "app.py", "--replay", "rename", "--choice", "fault c1.commit()#1 = OperationalError")
    assert project.putback(*again) == 1
    assert "c1.commit() raises OperationalError" in project.out
    assert project.out.endswith("violated: leak: c1\n")
    assert project.putback("fix") == 0
    assert project.putback(*again) == 0
    assert project.out.endswith("every connection is given back\n")


def test_the_command_that_is_printed_replays_the_leak(project: Project) -> None:
    import shlex

    project.write("app.py", HEAD + LEAK)
    project.putback("verify")
    (line,) = (line for line in project.out.splitlines() if "again: putback" in line)
    assert project.putback(*shlex.split(line.partition("putback ")[2])) == 1


def test_a_script_is_run_as_one(project: Project) -> None:
    rows = "".join(f"    {row}\n" for row in AT_THE_TOP.strip().split("\n"))
    project.write("app.py", f"from __future__ import annotations\n{HEAD}\nif __name__ == '__main__':\n{rows}")
    assert project.putback("verify", "app.py") == 0
    assert "app.py:1 __main__ (PB102)\n  proved" in project.out
    assert project.putback("verify", "app.py", "--replay", "__main__") == 0


def test_what_another_method_of_an_object_loses_gets_no_verdict(project: Project) -> None:
    exit_ = "def __exit__(self, *error):\n        self.conn.commit()\n        pool.putconn(self.conn)\n"
    taken = "class Unit:\n    def __enter__(self):\n        self.conn = pool.getconn()\n\n    "
    project.write("app.py", f"{HEAD}\n\n{taken}{exit_}")
    project.putback("verify", "app.py")
    assert "Unit.__enter__ (PB102)\n  unknown: an object keeps it, and it is lost in `__exit__`" in project.out


def test_leaks_become_tests_that_pass_once_they_are_mended(project: Project) -> None:
    project.write("app.py", HEAD + LEAK)
    project.putback("verify", "--tests", "leaks")
    (test,) = (project.root / "leaks").iterdir()
    assert test.name == "test_app_rename.py"

    def passes() -> bool:
        code = f"import runpy; runpy.run_path({str(test)!r})['test_rename_gives_every_connection_back']()"
        done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": SOURCES}, capture_output=True)
        return done.returncode == 0

    assert not passes()
    project.putback("fix", "app.py")
    assert passes()


def test_nothing_of_the_module_is_executed(project: Project) -> None:
    trap = "open('trap', 'w').close()\n"
    project.write("app.py", HEAD + trap + LEAK.replace("conn.commit()", f"conn.commit()\n    {trap.strip()}"))
    project.putback("verify")
    assert not (project.root / "trap").exists()


def test_only_proved_fixes_are_written(project: Project) -> None:
    project.write("app.py", HEAD + LEAK)
    project.write("lent.py", LENT)
    assert project.putback("fix", "--verify", "--unsafe-fixes", "--show-fixes") == 1
    assert "finally:" in (project.root / "app.py").read_text()
    assert (project.root / "lent.py").read_text() == LENT
    assert "Fixed 1 problem in 1 file.\n1 fix was tried and taken back.\n" in project.out
    assert "its verification says rejected: " in project.out
    assert "before: what the caller wrote before" in project.out


def test_a_diff_of_proved_fixes_only(project: Project) -> None:
    project.write("app.py", HEAD + LEAK)
    project.write("lent.py", LENT)
    assert project.putback("fix", "--verify", "--unsafe-fixes", "--diff") == 1
    assert "+++ app.py" in project.out and "lent.py" not in project.out
    assert "Would fix 1 problem.\nNot fixed lent.py:8:12: PB201 in store: its verification says re" in project.err


def test_functions_without_a_proof_are_named_below_the_counts(project: Project) -> None:
    project.write("app.py", HEAD + LEAK + UNFIXABLE)
    assert project.putback("verify", "--output-format", "table") == 1
    counts, behind, bounds = project.out.splitlines()[-3:]
    assert counts.startswith("2 functions: proved 1, leaks 1 (") and bounds.startswith("Bounds: ")
    assert behind == "  leaks: app.py:13 look"


def test_asking_and_proving_do_not_go_together(project: Project) -> None:
    assert project.putback("fix", "--verify", "--interactive") == 2
