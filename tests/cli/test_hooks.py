"""The hooks, run by pre-commit itself: from a local repository made of this checkout, in a project with wrappers.

pre-commit installs putback and what it depends on with pip, so an index must be in reach.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLED = ("pyproject.toml", "docs/pypi.md", "LICENSE", ".pre-commit-hooks.yaml", "src")
POOL = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 10, "dbname=shop")


def take():
    return pool.getconn()


def give(conn):
    pool.putconn(conn)
"""
LEAK = """\
from shop.db import give, take


def rename(name):
    conn = take()
    conn.cursor().execute("UPDATE users SET name = %s", (name,))
    give(conn)
"""
CLEAN = """\
from shop.db import give, take


def rename(name):
    conn = take()
    try:
        conn.cursor().execute("UPDATE users SET name = %s", (name,))
    finally:
        give(conn)
"""
UNAWAITED = """\
import asyncpg


async def rename(pool: asyncpg.Pool, name):
    conn = await pool.acquire()
    try:
        await conn.execute("UPDATE users SET name = $1", name)
    finally:
        pool.release(conn)
"""
CONFIG = """\
repos:
  - repo: {hooks}
    rev: {revision}
    hooks:
      - id: putback
      - id: putback-full
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("pre_commit") is None, reason="pre-commit is not installed"),
]

Run = Callable[..., subprocess.CompletedProcess[str]]


def environment(home: Path) -> dict[str, str]:
    """No configuration of the user's, no variables of a git hook that runs this test, a cache that is thrown away."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PUTBACK_", "PRE_COMMIT"))
    }
    kept.pop("PYTHONPATH", None)
    git = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    names = {f"GIT_{who}_{what}": "a@b.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {**kept, **git, **names, "PRE_COMMIT_HOME": str(home)}


def runner(folder: Path, variables: dict[str, str]) -> Run:
    """A function that runs a command in `folder`."""

    def run(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done

    return run


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of all commands here."""
    return environment(tmp_path_factory.mktemp("pre-commit"))


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory, variables: dict[str, str]) -> Path:
    """A repository with what is needed to install putback from."""
    folder = tmp_path_factory.mktemp("putback")
    for name in INSTALLED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(source, folder / name)
    git = runner(folder, variables)
    git("git", "init", "-q")
    git("git", "add", "-A")
    git("git", "commit", "-q", "-m", "putback")
    return folder


@pytest.fixture(scope="module")
def installed(hooks: Path, variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with its environment built by pre-commit; skips where pip reaches no index."""
    project = tmp_path_factory.mktemp("warm")
    run = runner(project, variables)
    prepare(project, hooks, run)
    done = run(sys.executable, "-m", "pre_commit", "install-hooks", check=False)
    if done.returncode:
        pip = run(
            sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(project / "x"), "click", check=False
        )
        if pip.returncode:
            pytest.skip("pip cannot reach a package index to install the hook's dependencies from")
        pytest.fail(done.stdout + done.stderr)
    return hooks


def prepare(project: Path, hooks: Path, run: Run) -> None:
    """A committed project with a wrapper and the hooks configured."""
    revision = runner(hooks, environment(project))("git", "rev-parse", "HEAD").stdout.strip()
    (project / "shop").mkdir()
    (project / "shop" / "__init__.py").write_text("")
    (project / "shop" / "db.py").write_text(POOL)
    (project / ".pre-commit-config.yaml").write_text(CONFIG.format(hooks=hooks, revision=revision))
    run("git", "init", "-q")
    run("git", "add", "-A")
    run("git", "commit", "-q", "-m", "shop", "--no-verify")


@pytest.fixture
def project(installed: Path, tmp_path: Path, variables: dict[str, str]) -> Path:
    """A project whose commits run the hooks."""
    run = runner(tmp_path, variables)
    prepare(tmp_path, installed, run)
    run(sys.executable, "-m", "pre_commit", "install")
    return tmp_path


def commit(project: Path, variables: dict[str, str], text: str) -> subprocess.CompletedProcess[str]:
    """Write `shop/users.py`, stage it alone and commit."""
    run = runner(project, variables)
    (project / "shop" / "users.py").write_text(text)
    run("git", "add", "shop/users.py")
    return run("git", "commit", "-m", "users", check=False)


def test_a_commit_with_a_leak_through_a_wrapper_is_blocked(project: Path, variables: dict[str, str]) -> None:
    done = commit(project, variables, LEAK)
    assert done.returncode == 1
    assert "shop/users.py:5:12: PB102" in done.stdout + done.stderr
    assert "shop/db.py:6" in done.stdout + done.stderr


def test_a_clean_commit_passes(project: Path, variables: dict[str, str]) -> None:
    done = commit(project, variables, CLEAN)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_leak_that_is_not_staged_does_not_block(project: Path, variables: dict[str, str]) -> None:
    (project / "shop" / "other.py").write_text(LEAK)
    assert commit(project, variables, CLEAN).returncode == 0


def test_an_excluded_file_is_left_alone(project: Path, variables: dict[str, str]) -> None:
    (project / "putback.toml").write_text('extend-exclude = ["shop/users.py"]\n')
    assert commit(project, variables, LEAK).returncode == 0


def test_the_full_hook_looks_at_the_whole_project(project: Path, variables: dict[str, str]) -> None:
    run = runner(project, variables)
    (project / "shop" / "users.py").write_text(LEAK)
    run("git", "add", "-A")
    command = (sys.executable, "-m", "pre_commit", "run", "putback-full", "--hook-stage", "manual", "--all-files")
    done = run(*command, check=False)
    assert done.returncode == 1
    assert "shop/users.py:5:12: PB102" in done.stdout


def test_try_repo(installed: Path, project: Path, variables: dict[str, str]) -> None:
    run = runner(project, variables)
    (project / "shop" / "users.py").write_text(LEAK)
    run("git", "add", "-A")
    command = (sys.executable, "-m", "pre_commit", "try-repo", str(installed), "putback", "--files", "shop/users.py")
    done = run(*command, check=False)
    assert done.returncode == 1
    assert "PB102" in done.stdout


def test_the_fix_hook_mends_the_files_it_is_given(installed: Path, project: Path, variables: dict[str, str]) -> None:
    run = runner(project, variables)
    users, other = project / "shop" / "users.py", project / "shop" / "other.py"
    users.write_text(UNAWAITED)
    other.write_text(UNAWAITED)
    run("git", "add", "-A")
    command = (sys.executable, "-m", "pre_commit", "try-repo", str(installed), "putback-fix")
    done = run(*command, "--files", "shop/users.py", check=False)
    assert done.returncode == 1
    assert "files were modified by this hook" in done.stdout
    assert users.read_text() == UNAWAITED.replace("  pool.release", "  await pool.release")
    assert other.read_text() == UNAWAITED
    run("git", "add", "-A")
    assert run(*command, "--files", "shop/users.py", check=False).returncode == 0
