"""The page of `putback verify --html` is clear to somebody who was not there; the tests of `--tests` run anywhere."""

from __future__ import annotations

import datetime
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from cli_project import SOURCES, Project, new_project
from strict import check_html

SHOP = Path(__file__).parents[2] / "fixtures" / "projects" / "shop"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """A copy of the shop as the working directory."""
    shutil.copytree(SHOP, tmp_path / "shop")
    return new_project(tmp_path / "shop", monkeypatch, capsys)


def page(project: Project, *paths: str) -> str:
    """The page, checked."""
    project.putback("verify", *paths, "--quiet", "--html", "page.html")
    text = Path("page.html").read_text(encoding="utf-8")
    check_html(text)
    return text


def git(*arguments: str) -> str:
    """Run git in the working directory."""
    name = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    return subprocess.run(["git", *name, *arguments], capture_output=True, text=True, check=True).stdout


def test_steps_have_their_rows_and_source(project: Project) -> None:
    text = page(project, "shop/orders.py")
    told = re.findall(r'<li>([^<]*)<br/><span class="soft">line (\d+): <code>([^<]*)</code>', text)
    rows = (project.root / "shop" / "orders.py").read_text(encoding="utf-8").splitlines()
    assert len(told) >= 8
    assert all(rows[int(row) - 1].strip() == unescape(source) for _, row, source in told)
    assert ("a connection is taken: c1 = get_connection_pool().getconn()", "15", "conn = get_db_connection()") in told


def test_what_fixes_change_is_not_folded_away(project: Project) -> None:
    outside = re.sub(r"<details>.*?</details>", "", page(project, "shop/orders.py"), flags=re.DOTALL)
    assert outside.count("<h3>what the fix changes</h3><pre>") == 2
    assert '<span class="added">+    finally:</span>' in outside


def test_its_words_are_explained(project: Project) -> None:
    text = page(project, "shop/orders.py")
    assert "<dt>schedule</dt><dd>one run of the function" in text and "10 schedules are ten such runs" in text
    assert "<dt>fault of level 1</dt><dd>an operation that raises: what commonly fails" in text


def test_project_commit_and_day(project: Project) -> None:
    today = datetime.date.today().isoformat()
    assert f'<p class="soft">shop · {today}</p>' in page(project, "shop/orders.py")
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "x")
    commit = git("rev-parse", "--short=12", "HEAD").strip()
    assert f"shop · commit {commit} · {today}" in page(project, "shop/orders.py")
    project.write("shop/orders.py", (project.root / "shop" / "orders.py").read_text(encoding="utf-8") + "\n")
    assert f"commit {commit} with changes · " in page(project, "shop/orders.py")


@pytest.mark.slow
def test_written_tests_run_from_every_directory(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, path in (
        ("shop", "stock.py"),
        ("..", "shop/shop/stock.py"),
        ("/", str(project.root / "shop/stock.py")),
    ):
        monkeypatch.chdir(project.root / folder)
        shutil.rmtree(tmp_path / "leaks", ignore_errors=True)
        project.putback("verify", path, "--quiet", "--tests", str(tmp_path / "leaks"))
        [test, *_] = sorted((tmp_path / "leaks").glob("test_*.py"))
        for place in (tmp_path, project.root, Path("/")):
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
            done = subprocess.run(
                command, cwd=place, env={"PYTHONPATH": SOURCES, "PATH": ""}, capture_output=True, text=True, check=False
            )
            assert done.returncode == 1 and "FileNotFound" not in done.stdout, done.stdout
