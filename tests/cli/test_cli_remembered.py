"""A second run over what has not changed prints what the first one did, and looks at what has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_project import SOURCES, Project, new_project

from putback.cli.remembered import same_again
from putback.source import snapshot

POOL = "import psycopg2.pool\n\npool = psycopg2.pool.ThreadedConnectionPool(1, 9)\n\n\ndef take():\n    return {}\n"
LEAKING, HARMLESS = POOL.format("pool.getconn()"), POOL.format("object()")
VIEWS = "from shop.db import take\n\n\ndef view():\n    conn = take()\n    conn.cursor().execute('x')\n"
COMMAND = ["check", ".", "--output-format", "concise"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """A small project that was checked once, with a leak through a wrapper of another file."""
    monkeypatch.setattr(snapshot, "SETTLED", 0)
    (tmp_path / "work").mkdir()
    found = new_project(tmp_path / "work", monkeypatch, capsys)
    for name, text in {
        "pyproject.toml": "[project]\nname = 'shop'\n",
        "shop/__init__.py": "",
        "shop/db.py": LEAKING,
        "shop/views.py": VIEWS,
    }.items():
        found.write(name, text)
    assert found.putback(*COMMAND) == 1
    assert "shop/views.py:5:12: PB101" in found.out
    return found


def replaced(project: Project, name: str, content: str) -> None:
    """Write a file anew, at the same size and time where the content has it."""
    path = project.root / name
    before = path.stat()
    path.write_text(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_the_same_again(project: Project) -> None:
    assert same_again(COMMAND) == (project.out, 1)


def test_a_warning_is_said_again(project: Project) -> None:
    project.write("pyproject.toml", "[tool.putback]\nselect = []\n")
    for _ in range(2):
        assert same_again(COMMAND) is None
        assert project.putback(*COMMAND) == 0
        assert "no rule runs" in project.err


def test_loads_next_to_nothing(project: Project) -> None:
    environment = {**os.environ, "PYTHONPATH": SOURCES, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-X", "importtime", "-m", "putback", *COMMAND]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, project.out)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert loaded.isdisjoint({"click", "rich", "libcst", "msgspec", "re", "tomllib", "putback.pipeline.check"})


def test_a_changed_wrapper_changes_what_is_found_in_another_file(project: Project) -> None:
    replaced(project, "shop/db.py", HARMLESS)
    assert same_again(COMMAND) is None
    assert project.putback(*COMMAND) == 0
    replaced(project, "shop/db.py", LEAKING)
    assert same_again(COMMAND) is None
    assert project.putback(*COMMAND) == 1


def test_a_change_that_keeps_size_and_time_is_seen(project: Project) -> None:
    replaced(project, "shop/db.py", LEAKING.replace("getconn", "getcann"))
    assert same_again(COMMAND) is None


def appear(name: str, text: str = "x = 1\n") -> Callable[[Path], None]:
    """Create a file, and its folder."""

    def change(root: Path) -> None:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)

    return change


@pytest.mark.parametrize(
    "change",
    [
        appear("shop/more.py"),
        appear("other/more.pyi"),
        appear("putback.toml", "ignore = ['PB101']\n"),
        appear("shop/putback.toml", ""),
        appear("pyproject.toml", "[tool.putback]\nignore = ['PB101']\n"),
        appear(".gitignore", "shop\n"),
        appear("shop/.gitignore", "views.py\n"),
        appear("uv.lock", "version = 1\n"),
        appear("shop/requirements-web.txt", "fastapi==0.115.0\n"),
        appear("../putback.toml", "ignore = ['PB101']\n"),
        lambda root: (root / "shop/__init__.py").unlink(),
        lambda root: (root / "shop/views.py").rename(root / "shop/sights.py"),
        lambda root: (root / "shop").rename(root / "store"),
    ],
)
def test_what_comes_goes_or_is_set_otherwise_is_seen(project: Project, change: Callable[[Path], None]) -> None:
    change(project.root)
    assert same_again(COMMAND) is None


def test_new_times_alone_change_nothing(project: Project) -> None:
    for path in project.root.rglob("*"):
        os.utime(path)
    (project.root / "notes.txt").write_text("buy milk\n")
    (project.root / "shop/__pycache__").mkdir()
    assert same_again(COMMAND) == (project.out, 1)
    (entry,) = (project.root / ".putback_cache").glob("files-*")
    now = snapshot.state_of(os.fsencode(project.root / "shop/db.py"))
    assert now in entry.read_bytes()


def test_what_was_just_written_is_not_trusted(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "SETTLED", 10**15)
    project.write("shop/db.py", f"{LEAKING}\n")
    assert project.putback("check", ".") == 1
    assert same_again(["check", "."]) is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "."],
        ["check", ".", "--output-format", "concise", "--no-cache"],
        ["check", "shop", "--output-format", "concise"],
        ["fix", ".", "--output-format", "concise"],
    ],
)
def test_other_questions_have_other_answers(project: Project, arguments: list[str]) -> None:
    assert same_again(arguments) is None


@pytest.mark.parametrize("name", ["NO_COLOR", "FORCE_COLOR", "COLUMNS", "PUTBACK_JOBS"])
def test_the_environment_counts(project: Project, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    assert same_again(COMMAND) is None


def test_the_working_directory_counts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root / "shop")
    assert same_again(COMMAND) is None


@pytest.mark.parametrize("kind", ["files", "run"])
@pytest.mark.parametrize("spoil", [lambda data: b"", lambda data: data[:-9], lambda data: data[:70] + b"x" + data[71:]])
def test_a_spoilt_entry_means_nothing(project: Project, kind: str, spoil: Callable[[bytes], bytes]) -> None:
    (entry,) = (project.root / ".putback_cache").glob(f"{kind}-*")
    entry.write_bytes(spoil(entry.read_bytes()))
    assert same_again(COMMAND) is None
    assert project.putback(*COMMAND) == 1
    assert same_again(COMMAND) == (project.out, 1)


def test_a_copied_project_is_another(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = project.root.parent / "copy"
    subprocess.run(["cp", "-a", str(project.root), str(copy)], check=True)
    monkeypatch.chdir(copy)
    assert same_again(COMMAND) is None


@pytest.mark.parametrize("option", ["--show-files", "--show-settings", "--fix-only", "--diff"])
def test_what_does_more_than_print_findings_is_not_kept(project: Project, option: str) -> None:
    project.putback("check", ".", option)
    assert same_again(["check", ".", option]) is None


def test_a_written_report_is_written_again(project: Project) -> None:
    assert project.putback(*COMMAND, "-o", "report.txt") == 1
    assert same_again([*COMMAND, "-o", "report.txt"]) is None


def test_the_cache_may_lie_elsewhere(project: Project, tmp_path: Path) -> None:
    elsewhere = str(tmp_path / "elsewhere")
    environment = {**os.environ, "PYTHONPATH": SOURCES}
    shutil.rmtree(project.root / ".putback_cache")
    command = [sys.executable, "-m", "putback", "check", ".", "--cache-dir", elsewhere]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    assert not (project.root / ".putback_cache").exists()
    assert same_again(["check", "."]) is None


@pytest.mark.slow
def test_many_at_once(project: Project) -> None:
    environment = {**os.environ, "PYTHONPATH": SOURCES}
    command = [sys.executable, "-m", "putback", "check", "shop"]
    every = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(4)]
    said = {(each.communicate()[0], each.returncode) for each in every}
    assert len(said) == 1
    assert not [each for each in os.listdir(".putback_cache") if each.startswith(".") and each != ".gitignore"]


@pytest.mark.parametrize("format_", ["full", "json", "sarif", "html"])
def test_another_format_is_of_the_same_findings(project: Project, format_: str) -> None:
    environment = {**os.environ, "PYTHONPATH": SOURCES, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-X", "importtime", "-m", "putback", "check", ".", "--output-format", format_]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert loaded.isdisjoint({"libcst", "putback.pipeline.analyse"})
    assert project.putback(*command[5:], "--no-cache") == done.returncode == 1
    assert project.out == done.stdout


def test_another_format_of_changed_files_is_of_other_findings(project: Project) -> None:
    replaced(project, "shop/db.py", HARMLESS)
    assert project.putback("check", ".", "--output-format", "json") == 0
    assert "PB101" not in project.out


def test_other_rules_have_other_findings(project: Project) -> None:
    assert project.putback("check", ".", "--ignore", "PB101", "--output-format", "grouped") == 0
    assert project.putback("check", ".", "--fail-on", "error", "--output-format", "grouped") == 1
    assert "PB101" in project.out
